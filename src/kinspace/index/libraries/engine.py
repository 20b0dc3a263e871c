"""What is the same for all indexes over engines of others.

An engine is told positions, never ids, so that its own limits on ids do not matter. It gives
candidates, which are scored by the vectors that the index holds. What it writes of itself is kept
inside the index's own file, so that it never reads a byte whose checksum was not compared.
"""

from __future__ import annotations

import math
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import Metric

_FILE: Final = "engine"
_LEAST: Final = 256
_SHARE: Final = 8
"""Rows of which an engine is made again: so many, or this part of those that it has."""


class EngineIndex(VectorIndex):
    """An index over an engine that cannot filter: it is asked for more, and some are left out."""

    @abstractmethod
    def _ask(
        self, queries: NDArray[np.float32], k: int, options: Mapping[str, Any]
    ) -> NDArray[np.int64]:
        """Positions of the ``k`` nearest that the engine knows of, shape (n, any), -1 for none."""

    def _candidates(
        self,
        queries: NDArray[np.float32],
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:
        for name, value in options.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidParameter(f"{name} is {value!r:.80}.", "Give a whole number ≥ 1.")
        if not len(queries):
            return np.empty((0, k), np.int64)
        asked = np.ascontiguousarray(queries)
        if usable is None:
            return self._ask(asked, k, options)
        share = np.count_nonzero(usable) / len(usable)
        wider = {name: math.ceil(value / share) for name, value in options.items()}
        # So many that, of usable rows spread evenly, k are among them but once in a thousand times.
        enough = math.ceil((k + 3 * math.sqrt(k)) / share)
        there = np.count_nonzero(self._ids.alive[: len(usable)])
        rows = self._ask(asked, min(enough, int(there)), wider)
        return np.where((rows >= 0) & usable[rows], rows, -1)

    def _threads(self, count: int) -> int:
        """For the engines that want a number: -1 or 0 is theirs for all processors."""
        return 1 if count == 1 else self.threads or 0

    @property
    def _is_by_distance(self) -> bool:
        return self.metric == "euclidean"


class RebuiltIndex(EngineIndex):
    """An index over an engine that takes all its rows at once.

    Rows that come later are compared one and all, until there are so many that the engine is made
    again with them. Removed rows stay in it until then, and are left out of what is found.
    """

    def __init__(self, dim: int, metric: Metric, *, dtype: str, exact_below: int) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        self._engine: Any = None
        self._built = 0

    @abstractmethod
    def _build(self, rows: NDArray[np.float32]) -> None:
        """Make the engine of all rows."""

    def _learn(self, rows: NDArray[np.float32]) -> None:
        self._build(np.asarray(rows, np.float32))
        self._built = len(rows)

    def _extend(self, rows: NDArray[np.float32], first: int) -> None:
        total = first + len(rows)
        if total - self._built > max(_LEAST, self._built // _SHARE):
            self._learn(self._held.take(slice(0, total)))

    def _candidates(
        self,
        queries: NDArray[np.float32],
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:
        inside = None if usable is None else usable[: self._built]
        if inside is not None and not inside.any():
            found = np.empty((len(queries), 0), np.int64)
        else:
            found = super()._candidates(queries, k, inside, options)
        if self._built == self._covered:
            return found
        return np.hstack([found, self._compared(queries, k, usable, self._built, self._covered)[0]])


def file_of(save: Callable[[str], Any]) -> NDArray[np.uint8]:
    """The bytes that an engine writes to a file."""
    with tempfile.TemporaryDirectory(prefix="kinspace-") as folder:
        path = Path(folder, _FILE)
        save(str(path))
        return np.fromfile(path, np.uint8)


def from_file(content: NDArray[np.uint8], load: Callable[[str], Any]) -> None:
    """Have an engine read a file of these bytes, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kinspace-") as folder:
        path = Path(folder, _FILE)
        content.tofile(path)
        load(str(path))
