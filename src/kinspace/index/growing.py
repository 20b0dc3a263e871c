"""Structures that are learned again when they have outgrown what they were learned from."""

from __future__ import annotations

from abc import abstractmethod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.vector_index import VectorIndex

_GROWTH: Final = 4
"""Times the rows that it was learned from; so all rows are put in four thirds of a time."""
_SETTLED: Final = 50_000
"""Learned from so many, it stays as it is until ``compact``: learning would hold searches up."""
_PIECE: Final = 16_384


class Growing(VectorIndex):
    """An index whose structure suits a number of rows, or what the first of them were like."""

    _learned = 0

    @abstractmethod
    def _design(self, rows: NDArray[np.float32]) -> None:
        """Make an empty structure, from all rows that there are."""

    @abstractmethod
    def _put(self, rows: NDArray[np.float32]) -> None:
        """Put rows into the structure, after those that are in it."""

    def _learn(self, rows: NDArray[np.float32]) -> None:
        self._learned = len(rows)
        self._design(rows)

    def _extend(self, rows: NDArray[np.float32], first: int) -> None:
        last = first + len(rows)
        if last <= _GROWTH * self._learned or self._learned >= _SETTLED:
            self._put(rows)
            return
        everything = self._held.take(slice(0, last))
        self._learn(everything)
        for start in range(0, last, _PIECE):
            self._put(everything[start : start + _PIECE])
