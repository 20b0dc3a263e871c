"""Exact search among items of several vectors each: every vector of every item is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.late_interaction import max_sums, max_sums_torch, on_device
from kinspace.engines.token_retrieval import imputed_sums
from kinspace.errors import InvalidParameter
from kinspace.index.base import Ids, check_k, padded
from kinspace.index.files import read_arrays, write_arrays
from kinspace.metric import Metric, check_metric, metric_of_scores, normalise, scores, top_k
from kinspace.multi import MultiVectors, as_multi, blocks, joined
from kinspace.results import BatchNeighbours

_HELD: Final = 1 << 17
"""Vectors that are looked at together, so that what is copied and scored stays small."""


class MultiExact:
    """Items of several vectors each, compared with a query by MaxSim, one and all.

    Parameters
    ----------
    dim : int
        The length of each vector.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
        Between single vectors. Scores are sums of it, so that those by cosine pass 1, and results
        call them ``"dot"``.
    retrieved : int, optional
        Score as XTR does (Lee et al., 2023): only items that have one of the ``retrieved``
        vectors nearest to a query's vector, and only by those. None compares all.
    device : str, optional
        Compute by torch on that device (``"cuda"``, ``"mps"``, ``"cpu"``), where the vectors are
        kept a second time; cosine and dot only, and not together with ``retrieved``. None computes
        on the processor without torch.

    Examples
    --------
    >>> index = MultiExact(dim=2)
    >>> index.add([[[1, 0], [0, 1]], [[0, 1]]], ids=[7, 8])
    >>> found = index.search([[[1, 0], [0, 1]]], k=2)[0]
    >>> found.ids, found.scores.tolist()
    ([7, 8], [2.0, 1.0])
    """

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        retrieved: int | None = None,
        device: str | None = None,
    ) -> None:
        if retrieved is not None and retrieved < 1:
            raise InvalidParameter(f"retrieved is {retrieved}.", "Give 1 or more, or None.")
        if device is not None and (retrieved is not None or metric not in ("cosine", "dot")):
            raise InvalidParameter(
                "MaxSim by torch takes cosine and dot products, and compares all.",
                "Leave device=None, or retrieved=None.",
            )
        self.dim = dim
        self.metric: Metric = check_metric(metric)
        self.retrieved = retrieved
        self.device = device
        self._on_device: Any = None  # the vectors once more, as a tensor
        self._parts: list[MultiVectors] = []  # of length 1 for cosine
        self._ids = Ids()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def nbytes(self) -> int:
        """Bytes of its vectors, and of where the items begin."""
        return sum(part.nbytes for part in self._parts if len(part))

    def add(self, vectors: Any, ids: Any = None) -> None:
        """Add items under ids that are not in use yet.

        Parameters
        ----------
        vectors : MultiVectors, or arrays of shape (k, dim)
        ids : array_like of int, shape (n,), optional

        Raises
        ------
        InvalidVectors, DimensionMismatch, DuplicateId
        """
        items = self._prepared(vectors)
        self._ids.extend(len(items), ids)
        copied = items.values.copy() if items is vectors else items.values
        self._parts.append(MultiVectors(copied, items.starts.copy()))
        self._on_device = None

    def remove(self, ids: Any) -> int:
        """Take items out; returns how many there were."""
        gone = self._ids.positions(ids)
        if len(gone):
            keep = np.ones(len(self._ids), np.bool_)
            keep[gone] = False
            self._parts = [self._whole()[keep]]
            self._ids.keep(keep)
            self._on_device = None
        return len(gone)

    def search(self, queries: Any, k: int = 10, *, allowed: Any = None) -> BatchNeighbours:
        """The ``k`` nearest of each query, best first, among ``allowed`` ids if given.

        Raises
        ------
        InvalidVectors, DimensionMismatch, InvalidParameter
        """
        check_k(k)
        asked = self._prepared(queries)
        rows = None if allowed is None else self._ids.positions(allowed)
        look = self._all if self.retrieved is None else self._retrieved
        places, best = look(asked, k, rows)
        known = np.concatenate([self._ids.rows, [-1]])  # place -1: none
        metric = metric_of_scores(self.metric, "multi")
        return BatchNeighbours(*padded(known[places], best, k), metric)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, complete or not at all.

        Raises
        ------
        PathNotFound
            If the folder does not exist.
        """
        whole = self._whole()
        arrays: dict[str, NDArray[Any]] = {
            "values": whole.values, "starts": whole.starts, "ids": self._ids.rows
        }  # fmt: skip
        names = ("dim", "metric", "retrieved", "device")
        options = {name: getattr(self, name) for name in names}
        write_arrays(path, type(self).__name__, arrays, options)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open what :meth:`save` wrote.

        Raises
        ------
        PathNotFound, ReadError
        """
        with read_arrays(path, cls.__name__) as (arrays, options):
            made = cls(**options)
            made._parts = [as_multi(MultiVectors(arrays["values"], arrays["starts"]), made.dim)]
            made._ids = Ids.of(arrays["ids"])
            if len(made._ids) != len(made._parts[0]):
                raise ValueError("it has not one id an item")
        return made

    def _prepared(self, vectors: Any) -> MultiVectors:
        items = as_multi(vectors, self.dim)
        return items.each(normalise) if self.metric == "cosine" else items

    def _whole(self) -> MultiVectors:
        if len(self._parts) != 1:
            self._parts = [joined(self._parts, self.dim)]
        return self._parts[0]

    def _score(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
        return scores(a, b, "dot" if self.metric == "cosine" else self.metric)

    def _held(
        self, rows: NDArray[np.int64] | None
    ) -> Iterator[tuple[NDArray[np.int64], MultiVectors]]:
        """Parts of what is searched, and the places of their items."""
        whole = self._whole()
        if rows is None:
            for first, last in blocks(whole, _HELD):
                yield np.arange(first, last), whole[first:last]
        else:
            ends = np.cumsum(whole.lengths[rows])
            cuts = np.flatnonzero(np.diff(ends // _HELD)) + 1
            for places in np.split(rows, cuts):
                yield places, whole[places]

    def _all(
        self, asked: MultiVectors, k: int, rows: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        best = np.empty((len(asked), 0), np.float32)
        places = np.empty((len(asked), 0), np.int64)
        for positions, part in self._held(rows):
            found, values = top_k(self._max_sums(asked, part, positions, rows is None), k)
            places, best = np.hstack([places, positions[found]]), np.hstack([best, values])
            kept, best = top_k(best, k)
            places = np.take_along_axis(places, kept, 1)
        return places, best

    def _max_sums(
        self, asked: MultiVectors, part: MultiVectors, positions: NDArray[np.int64], as_lies: bool
    ) -> NDArray[np.float32]:
        """MaxSim with a part of what is held, whose items lie one after the other or do not."""
        if self.device is None:
            return max_sums(asked, part, self._score)
        if self._on_device is None:
            self._on_device = on_device(self._whole().values, self.device)
        if as_lies:
            first = int(self._whole().starts[positions[0]])
            values = self._on_device[first : first + len(part.values)]
        else:
            values = on_device(part.values, self.device)
        found: NDArray[np.float32] = max_sums_torch(asked, part, values).cpu().numpy()
        return found

    def _retrieved(
        self, asked: MultiVectors, k: int, rows: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        best = np.full((len(asked), k), -np.inf, np.float32)
        places = np.full((len(asked), k), -1)
        found = imputed_sums(asked, lambda: self._held(rows), self._score, self.retrieved or 1)
        for row, (positions, values) in enumerate(found):
            kept, top = top_k(values[None], k)
            best[row, : kept.shape[1]], places[row, : kept.shape[1]] = top[0], positions[kept[0]]
        return places, best
