"""The indexes that the tuner chooses from, and what it knows of each beforehand."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from kinspace.index.tuning.asked import Asked
from kinspace.index.tuning.settings import Ladders, ladder
from kinspace.metric import Metric

_MOST_CANDIDATES: Final = 32
"""Candidates that are scored exactly, for one neighbour, at the most."""


@dataclass(frozen=True)
class Family:
    """A kind of index, and how its times grow.

    Parameters
    ----------
    name : str
        Its class.
    home : str
        The module of the class.
    options : callable
        From the number of vectors and of dimensions: what the constructor is given.
    growth : float
        The time of a search grows as this power of the number of vectors.
    holds_out : bool
        Whether a vector of the index finds its neighbours more easily than another query does: by
        its own links in a graph, or where cells are small and it moved their centres.
    is_quick : bool
        Whether it is tried where the time of a query alone was asked for.
    most_directions : float
        Where vectors spread in more directions than this (:mod:`.intrinsic`), another family is
        always faster (bench/LOG.md), so that this one is not tried.
    is_small : bool
        Whether it is tried where memory is short.
    metrics : tuple of str
        By which it is tried.
    """

    name: str
    home: str
    options: Callable[[int, int], dict[str, Any]]
    growth: float
    holds_out: bool = False
    is_quick: bool = False
    most_directions: float = math.inf
    is_small: bool = False
    metrics: tuple[Metric, ...] = ("cosine", "dot", "euclidean")

    def make(self, dim: int, metric: Metric, count: int, dtype: str | None) -> Any:
        """An empty index for so many vectors."""
        kind = self.kind()
        kept = {} if dtype is None else {"dtype": dtype}
        return kind(dim, metric, **kept | self.options(count, dim))

    def suits(self, metric: Metric, directions: float, asked: Asked) -> bool:
        """Whether it can search by a metric, and may be the best for what is asked."""
        may_be_best = (
            directions <= self.most_directions
            or (self.is_small and asked.memory is not None)
            or (self.is_quick and asked.latency is not None)
        )
        return may_be_best and metric in self.metrics

    def kind(self) -> Any:
        """The class."""
        return getattr(importlib.import_module(self.home), self.name)


_PRODUCTS: Final[tuple[Metric, ...]] = ("cosine", "dot")


def _nothing(count: int, dim: int) -> dict[str, Any]:
    return {}


def _cells(count: int, dim: int) -> dict[str, Any]:
    return {"nlist": max(1, min(round(4 * math.sqrt(count)), count // 32))}


DENSE: Final = (
    Family("IvfScalar", "kinspace.index.ivf_scalar", _cells, 0.5),
    Family("Ivf", "kinspace.index.ivf", _cells, 0.5, most_directions=24),
    Family(
        "Hnsw",
        "kinspace.index.hnsw",
        _nothing,
        0.3,
        most_directions=0,
        holds_out=True,
        is_quick=True,
    ),
    Family(
        "IvfProduct", "kinspace.index.ivf_product", _cells, 0.5, most_directions=0, is_small=True
    ),
    Family("Product", "kinspace.index.product", _nothing, 1.0, most_directions=0, is_small=True),
    Family(
        "Forest", "kinspace.index.forest", _nothing, 0.5, metrics=("manhattan",), holds_out=True
    ),
    Family("Binary", "kinspace.index.binary", _nothing, 1.0, metrics=("hamming",)),
)
"""The first is the fastest for most data, and the only one that is tried where it always is."""
SPARSE: Final = (
    Family("SparseInverted", "kinspace.index.sparse_inverted", _nothing, 0.7, metrics=_PRODUCTS),
)
MULTI: Final = (
    Family(
        "MultiCentroids",
        "kinspace.index.multi_centroids",
        _nothing,
        0.5,
        metrics=_PRODUCTS,
        holds_out=True,
    ),
)
EXACT: Final = {
    "dense": Family("Exact", "kinspace.index.exact", _nothing, 1.0),
    "sparse": Family("SparseExact", "kinspace.index.sparse_exact", _nothing, 1.0),
    "multi": Family("MultiExact", "kinspace.index.multi_exact", _nothing, 1.0),
}
EXACT_SPARSE: Final = Family(
    "SparseInverted", "kinspace.index.sparse_inverted", lambda count, dim: {"alpha": 1.0}, 0.7
)
"""Comparing all, faster: it passes over what cannot be among the nearest."""
EXACT_INT8: Final = Family(
    "Exact", "kinspace.index.exact", lambda count, dim: {"dtype": "int8"}, 1.0
)
FAMILIES: Final = {"dense": DENSE, "sparse": SPARSE, "multi": MULTI}


def family_of(index: Any) -> Family:
    """The family of an index, which may be one that is not tried."""
    kind = type(index)
    known = (one for group in FAMILIES.values() for one in group)
    other = Family(kind.__name__, kind.__module__, _nothing, 1.0)
    return next((one for one in known if one.name == kind.__name__), other)


def highest(index: Any, k: int) -> dict[str, Any]:
    """The options of a search with which most is found."""
    return {name: values[-1] for name, values in ladders(index, k).items()}


def ladders(index: Any, k: int) -> Ladders:
    """The values that each option of a search may have, what is set most finely last.

    Options are known by their names: how many cells or places are looked at, how many candidates
    are kept. One that is not known is tried from an eighth of what it is to 64 times as much.

    Parameters
    ----------
    index : VectorIndex
    k : int
    """
    found = {name: _ladder(index, name, k) for name in index.SEARCH}
    outer = ["candidates"] if "candidates" in found and len(found) > 1 else []
    return {name: found[name] for name in (*outer, *(n for n in found if n not in outer))}


def _ladder(index: Any, name: str, k: int) -> list[float]:
    count = max(1, len(index))
    if name == "alpha":  # a share of each bound: with all of it, nothing is passed over
        return [0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0]
    if name == "candidates":
        first, last = k + k // 4 + 2, max(_MOST_CANDIDATES * k, 10 * k + 300)
        return ladder(min(first, count), min(last, count), 2 if len(index.SEARCH) > 1 else 1.3)
    if name == "nprobe":
        cells = getattr(index, "nlist", None) or round(4 * math.sqrt(count))
        return ladder(1, max(1, cells), 1.05)
    if name == "ef_search":
        return ladder(k, max(4096, 8 * k), 1.05)
    now = getattr(index, name)
    now = now if isinstance(now, int) and now > 0 else k
    return ladder(max(1, now // 8), 64 * now, 1.4)
