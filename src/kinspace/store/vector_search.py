"""Searching by vector in one set: its table, the index over it, and the tail in memory."""

from __future__ import annotations

import logging
import sys
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import normalise, scores
from kinspace.search.fusion import EMPTY, Ranking
from kinspace.store.derived import Damaged
from kinspace.store.neighbours import NeighbourIndex
from kinspace.store.packing import Rows, joined
from kinspace.store.vector_rows import VectorRows
from kinspace.store.vectors import VectorTable

_ROWS: Final = 4096
_RECENT: Final = 256
"""Queries that are kept, by which the index is held to its promise."""
_COMPARED_ONCE: Final = 1 << 26
"""Numbers of a table that are compared in a tenth of a second, sooner than numba is imported."""
_MASKS: Final = 4
"""Masks that are kept, for filters that are used again."""

log = logging.getLogger("kinspace")


class VectorSearch:
    """The vectors of one set as they are searched.

    Parameters
    ----------
    rows : VectorRows
        The set.
    root : Path
        The folder of derived parts.

    Attributes
    ----------
    table : VectorTable
    neighbours : NeighbourIndex
    recent : deque
        The last queries.
    """

    def __init__(self, rows: VectorRows, root: Path) -> None:
        self.rows = rows
        self.space = rows.space
        self.table = VectorTable(root, rows)
        self.neighbours = NeighbourIndex(root, self.table)
        self.recent: deque[Rows] = deque(maxlen=_RECENT)
        self._masks: deque[tuple[Any, ...]] = deque(maxlen=_MASKS)
        self._tail_start = 0
        self._tail_seqs = np.empty(0, np.int64)
        self._tail = joined([], self.space)

    def refresh_tail(self, gone: NDArray[np.int64]) -> None:
        """Hold in memory what the table lacks; ``gone`` are row numbers buried since."""
        start = self.table.manifest.last_seq
        keep = (self._tail_seqs > start) & ~np.isin(self._tail_seqs, gone)
        keep &= start >= self._tail_start  # a table that was abandoned knows less than before
        self._tail_start = start
        seqs, parts = [self._tail_seqs[keep]], [self._tail[np.flatnonzero(keep)]]
        seen = int(seqs[0][-1]) if len(seqs[0]) else start
        while True:
            found, rows = self.rows.rows_after(seen, _ROWS)
            if not len(found):
                break
            if self.space.form == "dense":
                rows = rows.astype(np.float32)
            parts.append(normalise(rows) if self.space.metric == "cosine" else rows)
            seqs.append(found)
            seen = int(found[-1])
        self._tail_seqs, self._tail = np.concatenate(seqs), joined(parts, self.space)

    def nearest(
        self,
        query: Rows,
        depth: int,
        allowed: NDArray[np.int64] | None,
        dead: NDArray[np.int64],
    ) -> Ranking:
        """The ``depth`` nearest to one query, among the allowed row numbers, without the dead."""
        self.recent.append(query)
        usable = self._usable(allowed, dead)
        covered = self.neighbours.covered if self._index_pays() else 0
        parts = []
        if covered:
            near = self._approximate(query, depth, usable)
            if near is None:
                covered = 0
            else:
                parts.append(near)
        parts.append(self._exact(query, depth, usable, covered))
        if len(self._tail_seqs):
            kept = np.flatnonzero(alive(self._tail_seqs, allowed, dead))
            values = scores(query, self._tail[kept], self.table.metric)[0]
            parts.append(Ranking(self._tail_seqs[kept], values))
        every = Ranking.sorted(
            np.concatenate([p.ids for p in parts]), np.concatenate([p.scores for p in parts])
        )
        return Ranking(every.ids[:depth], every.scores[:depth])

    def _index_pays(self) -> bool:
        """Whether to ask the index: for a process's only query, to load it takes longer."""
        numbers = len(self.table.seqs) * self.space.dim
        first = len(self.recent) == 1 and "numba" not in sys.modules
        return not (first and self.space.form == "dense" and numbers <= _COMPARED_ONCE)

    def _usable(
        self, allowed: NDArray[np.int64] | None, dead: NDArray[np.int64]
    ) -> NDArray[np.bool_] | None:
        """Which rows of the table may be found, shape (n,); None where all may."""
        table, said = self.table, dead if allowed is None else allowed
        for seqs, known, mask in self._masks:
            if seqs is table.seqs and known is said:
                return mask  # type: ignore[no-any-return]
        mask = np.full(len(table.seqs), allowed is None, np.bool_)
        mask[table.positions(said)] = allowed is not None
        usable = None if mask.all() else mask
        self._masks.append((table.seqs, said, usable))
        return usable

    def _approximate(
        self, query: Rows, depth: int, usable: NDArray[np.bool_] | None
    ) -> Ranking | None:
        """The nearest by the neighbour index; None if it cannot be read."""
        try:
            places, values = self.neighbours.search(query, depth, usable)
        except Damaged as error:
            log.warning("%s: exact search instead", error)
            return None
        return Ranking(self.table.seqs[places], values)

    def _exact(
        self, query: Rows, depth: int, usable: NDArray[np.bool_] | None, start: int
    ) -> Ranking:
        """Exact search over the table's rows from ``start`` on."""
        if start >= len(self.table.seqs):
            return EMPTY
        places = None if usable is None else start + np.flatnonzero(usable[start:])
        return Ranking(*self.table.nearest(query, depth, places, start=start))

    def scores(self, query: Rows, seqs: NDArray[np.int64]) -> Ranking:
        """The exact scores of given row numbers, in order of score."""
        ordered = np.sort(seqs)
        places = self.table.positions(ordered)
        late = np.flatnonzero(among(self._tail_seqs, ordered))
        ids = np.concatenate([self.table.seqs[places], self._tail_seqs[late]])
        values = [self.table.scores(query, places)]
        values.append(scores(query, self._tail[late], self.table.metric)[0])
        return Ranking.sorted(ids, np.concatenate(values))

    def discard(self) -> None:
        """Delete what is derived from the set."""
        for part in (self.table, self.neighbours):
            part.discard()


def alive(
    seqs: NDArray[np.int64], allowed: NDArray[np.int64] | None, dead: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which row numbers are allowed, or where all are, not dead."""
    return among(seqs, allowed) if allowed is not None else ~among(seqs, dead)


def among(values: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values are in a sorted array."""
    if not len(others):
        return np.zeros(len(values), np.bool_)
    places = np.searchsorted(others, values)
    places[places == len(others)] = 0
    return np.asarray(others[places] == values)
