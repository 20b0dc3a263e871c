"""The one contract of all indexes: vectors in, neighbours out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.errors import InvalidParameter
from kinspace.metric import Metric, top_k
from kinspace.results import BatchNeighbours, RangeNeighbours

Found = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Rows, shape (n, m), -1 where there is none, and their scores, best first."""


@runtime_checkable
class Index(Protocol):
    """Vectors → neighbours. An index knows ids and numbers, never words.

    Ids are whole numbers (int64) that the caller gives, or positions in the order of adding.
    """

    @property
    def dim(self) -> int:
        """The length of its vectors."""
        ...

    @property
    def metric(self) -> Metric:
        """How its vectors are compared."""
        ...

    def __len__(self) -> int:
        """How many vectors can be found."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of what it searches in: vectors, codes, centroids, ids."""
        ...

    def add(self, vectors: ArrayLike, ids: ArrayLike | None = None) -> None:
        """Add vectors, shape (n, dim), under ids, shape (n,), that are not in use yet."""
        ...

    def remove(self, ids: ArrayLike) -> int:
        """Take vectors out; returns how many there were. Unknown ids are left alone."""
        ...

    def update(self, vectors: ArrayLike, ids: ArrayLike) -> None:
        """Give ids that are there other vectors, shape (n, dim); all or none."""
        ...

    def search(
        self, queries: ArrayLike, k: int = 10, *, allowed: ArrayLike | None = None
    ) -> BatchNeighbours:
        """The ``k`` nearest of each query, best first, among ``allowed`` ids if given.

        ``allowed`` may be a mask by id as well: ``allowed[id]`` says whether it may be found.
        """
        ...

    def range_search(
        self,
        queries: ArrayLike,
        *,
        score: float | None = None,
        distance: float | None = None,
        allowed: ArrayLike | None = None,
    ) -> RangeNeighbours:
        """All that score at least ``score``, or lie within ``distance``, best first."""
        ...

    def compact(self) -> None:
        """Build it again from what is left in it: as small and as good as a new one."""
        ...

    def stats(self) -> IndexStats:
        """What it is, how much it holds, and how many bytes each part takes."""
        ...

    def save(self, path: str | Path) -> None:
        """Write one file, complete or not at all."""
        ...

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open what :meth:`save` wrote; ``ReadError`` if a checksum differs."""
        ...


@dataclass(frozen=True)
class IndexStats:
    """What an index is and holds.

    Parameters
    ----------
    kind : str
        The name of its class.
    count, removed : int
        Vectors that can be found, and places of those that cannot any more.
    dim : int
    metric : str
    parts : dict of str to int
        Bytes of each part.
    options : dict
        What its constructor was given.
    tuned : dict of int to dict
        Options of a search that were chosen for some ``k``.
    """

    kind: str
    count: int
    removed: int
    dim: int
    metric: Metric
    parts: dict[str, int]
    options: dict[str, Any]
    tuned: dict[int, dict[str, Any]]

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return sum(self.parts.values())

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self) | {"nbytes": self.nbytes}

    def __str__(self) -> str:
        per_vector = self.nbytes / max(1, self.count + self.removed)
        gone = f", {self.removed:,} removed" if self.removed else ""
        lines = [
            f"{self.kind}: {self.count:,} vectors of {self.dim}, by {self.metric}{gone}",
            f"  {self.nbytes:,} bytes, {per_vector:,.0f} a vector",
        ]
        lines += [f"  {name:<24}{size:>16,}" for name, size in self.parts.items()]
        for k, options in self.tuned.items():
            lines.append(f"  k = {k}: " + ", ".join(f"{n} {v}" for n, v in options.items()))
        return "\n".join(lines)


def check_k(k: int) -> int:
    """Return ``k`` if it is positive; raise :class:`InvalidParameter` otherwise."""
    if k < 1:
        raise InvalidParameter(f"k is {k}; at least one result is needed.", "Give k ≥ 1.")
    return k


def padded(
    ids: NDArray[np.int64], scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids and scores, shape (n, m), in ``k`` columns: of what is missing -1 and minus infinity."""
    if scores.shape[1] == k:
        return ids, scores
    missing = ((0, 0), (0, k - scores.shape[1]))
    return (
        np.pad(ids, missing, constant_values=-1),
        np.pad(scores, missing, constant_values=-np.inf),
    )


def merged(a: Found, b: Found, k: int) -> Found:
    """The best ``k`` of two lists of each query; on equal scores, those of ``a`` come first."""
    rows = np.concatenate([a[0], b[0]], axis=1)
    kept, values = top_k(np.concatenate([a[1], b[1]], axis=1), k)
    return np.take_along_axis(rows, kept, 1), values
