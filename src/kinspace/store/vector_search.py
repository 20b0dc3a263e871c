"""Searching by vector in one set: its table, the index over it, and the tail in memory."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

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
_SELECTIVE: Final = 0.2
"""Share of records under which a filtered search looks at exactly those."""

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
    """

    def __init__(self, rows: VectorRows, root: Path) -> None:
        self.rows = rows
        self.space = rows.space
        self.table = VectorTable(root, rows)
        self.neighbours = NeighbourIndex(root, self.table)
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
        table = self.table
        covered = self.neighbours.covered
        few = allowed is not None and len(allowed) < _SELECTIVE * max(1, len(table.seqs))
        parts = []
        if covered and not few:
            near = self._approximate(query, depth, allowed, dead)
            if near is None:
                covered = 0
            else:
                parts.append(near)
        else:
            covered = 0
        parts.append(self._exact(query, depth, allowed, dead, covered))
        if len(self._tail_seqs):
            kept = np.flatnonzero(alive(self._tail_seqs, allowed, dead))
            values = scores(query, self._tail[kept], table.metric)[0]
            parts.append(Ranking(self._tail_seqs[kept], values))
        every = Ranking.sorted(
            np.concatenate([p.ids for p in parts]), np.concatenate([p.scores for p in parts])
        )
        return Ranking(every.ids[:depth], every.scores[:depth])

    def _approximate(
        self,
        query: Rows,
        depth: int,
        allowed: NDArray[np.int64] | None,
        dead: NDArray[np.int64],
    ) -> Ranking | None:
        """Candidates of the neighbour index, scored again exactly; None if too few survive."""
        table, covered = self.table, self.neighbours.covered
        wanted = min(covered, 2 * depth)
        if allowed is not None:
            wanted = min(covered, int(wanted * len(table.seqs) / max(1, len(allowed))) + depth)
        try:
            places = self.neighbours.candidates(query, wanted)
        except Damaged as error:
            log.warning("%s: exact search instead", error)
            return None
        kept = alive(table.seqs[places], allowed, dead)
        if kept.sum() < min(depth, covered):
            return None
        places = np.sort(places[kept])  # in the order of the file
        return Ranking(table.seqs[places], table.scores(query, places))

    def _exact(
        self,
        query: Rows,
        depth: int,
        allowed: NDArray[np.int64] | None,
        dead: NDArray[np.int64],
        start: int,
    ) -> Ranking:
        """Exact search over the table's rows from ``start`` on."""
        table = self.table
        if start >= len(table.seqs):
            return EMPTY
        if allowed is not None:
            rows = table.positions(allowed[~np.isin(allowed, dead)])
            rows = rows[rows >= start]
        else:
            rows = start + np.flatnonzero(alive(table.seqs[start:], None, dead))
        everything = not start and len(rows) == len(table.seqs)
        return Ranking(*table.nearest(query, depth, None if everything else rows))

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
