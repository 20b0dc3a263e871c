"""The one contract of all indexes: vectors in, neighbours out."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.errors import DuplicateId, InvalidInput, InvalidParameter
from kinspace.metric import Metric
from kinspace.results import BatchNeighbours


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
        """Bytes of what it searches in: vectors, codes, centroids."""
        ...

    def add(self, vectors: ArrayLike, ids: ArrayLike | None = None) -> None:
        """Add vectors, shape (n, dim), under ids, shape (n,), that are not in use yet."""
        ...

    def remove(self, ids: ArrayLike) -> int:
        """Take vectors out; returns how many there were. Unknown ids are left alone."""
        ...

    def search(
        self, queries: ArrayLike, k: int = 10, *, allowed: ArrayLike | None = None
    ) -> BatchNeighbours:
        """The ``k`` nearest of each query, best first, among ``allowed`` ids if given."""
        ...


def check_k(k: int) -> int:
    """Return ``k`` if it is positive; raise :class:`InvalidParameter` otherwise."""
    if k < 1:
        raise InvalidParameter(f"k is {k}; at least one result is needed.", "Give k ≥ 1.")
    return k


def padded(
    ids: NDArray[np.int64], scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids and scores, shape (n, m), in ``k`` columns: of what is missing -1 and minus infinity."""
    missing = ((0, 0), (0, k - scores.shape[1]))
    return (
        np.pad(ids, missing, constant_values=-1),
        np.pad(scores, missing, constant_values=-np.inf),
    )


class Ids:
    """The ids of an index, in the order of its rows: unique, int64, with rows looked up by id."""

    def __init__(self) -> None:
        self.rows: NDArray[np.int64] = np.empty(0, np.int64)
        self._place: dict[int, int] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self.rows)

    def extend(self, count: int, ids: ArrayLike | None) -> NDArray[np.int64]:
        """Append ids for ``count`` new rows and return them; all or none.

        Raises
        ------
        InvalidInput, DuplicateId
        """
        if ids is None:
            new = np.arange(self._next, self._next + count, dtype=np.int64)
        else:
            given = np.asarray(ids)
            if given.shape != (count,) or (count and given.dtype.kind not in "iu"):
                raise InvalidInput(
                    f"Ids of shape {given.shape} and type {given.dtype} for {count} vectors.",
                    "Give one whole number a vector.",
                )
            new = given.astype(np.int64)
            if (new < 0).any():
                raise InvalidInput(
                    f"The id {new.min()} is negative; -1 says that there is no neighbour.",
                    "Give ids from 0 to 2⁶³ - 1.",
                )
        listed = new.tolist()
        if len(set(listed)) != count or any(i in self._place for i in listed):
            seen: set[int] = set(self._place)
            twice = next(i for i in listed if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            raise DuplicateId(f"The id {twice} is in use already.", "Remove it first.")
        self._place.update(zip(listed, range(len(self.rows), len(self.rows) + count), strict=True))
        self.rows = np.concatenate([self.rows, new])
        if count:
            self._next = max(self._next, int(new.max()) + 1)
        return new

    def positions(self, ids: ArrayLike) -> NDArray[np.int64]:
        """Row positions of those ids that are known, ascending."""
        found = {self._place[i] for i in np.asarray(ids).ravel().tolist() if i in self._place}
        return np.array(sorted(found), np.int64)

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Leave only the rows of a mask."""
        self.rows = self.rows[rows]
        self._place = {int(name): row for row, name in enumerate(self.rows)}

    def forget(self, rows: NDArray[np.int64]) -> None:
        """Let the ids of some rows be used again; the rows keep their places."""
        for name in self.rows[rows].tolist():
            self._place.pop(name, None)

    @classmethod
    def of(cls, ids: NDArray[np.int64]) -> Self:
        """Ids that were saved."""
        made = cls()
        made.extend(len(ids), ids)
        return made
