"""What a collection looks like now: the truth, what is derived from it, and the tail between.

The tail is what has been committed but not yet taken into the derived parts. It is searched
from memory, so that a record can be found as soon as it is committed, by every process.
"""

from __future__ import annotations

import errno
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import StoreFull
from kinspace.index.exact import nearest_rows, row_scores
from kinspace.metric import normalise
from kinspace.search.fusion import EMPTY, Ranking
from kinspace.search.keyword import Clause, Tail
from kinspace.space import Space
from kinspace.store.database import DERIVED, Database
from kinspace.store.derived import Damaged
from kinspace.store.keywords import FEW, KeywordIndex, texts_of
from kinspace.store.lock import WriterLock
from kinspace.store.neighbours import NeighbourIndex
from kinspace.store.parts import Part
from kinspace.store.vectors import VectorTable

LONGEST_TAIL: Final = 512
"""Records in the tail at which a writer takes them into the derived parts."""

_ROWS: Final = 4096
_SELECTIVE: Final = 0.2
"""Share of records under which a filtered search looks at exactly those."""

log = logging.getLogger("kinspace")


class View:
    """The searchable state of one collection in one process.

    Parameters
    ----------
    folder : Path
    database : Database
    lock : WriterLock
    space : Space
    dtype : str
        ``"float16"`` or ``"float32"``.

    Attributes
    ----------
    repairs : list of str
        What was found missing, stale or damaged and made anew.
    """

    def __init__(
        self, folder: Path, database: Database, lock: WriterLock, space: Space, dtype: str
    ) -> None:
        self.database = database
        self.lock = lock
        self.space = space
        self.dtype = np.dtype(dtype)
        self.repairs: list[str] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._make_parts(folder / DERIVED)
        self._seen: int | None = None
        self._buried = 0
        self._dead = np.empty(0, np.int64)
        self._tail = Tail()
        self._tail_starts = 0, 0
        self._tail_seqs = np.empty(0, np.int64)
        self._tail_rows = np.empty((0, space.dim), np.float32)

    def _make_parts(self, root: Path) -> None:
        self.root = root
        self.vectors = VectorTable(root, self.space, self.dtype.name)
        self.keywords = KeywordIndex(root)
        self.neighbours = NeighbourIndex(root, self.vectors)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The derived parts, each after those it is made from."""
        return (self.vectors, self.keywords, self.neighbours)

    # -- keeping up ----------------------------------------------------------------------------

    def open(self) -> None:
        """Load all parts; make anew what is missing, stale or damaged, if nobody else writes."""
        problems = {}
        for part in self.parts:
            try:
                part.load(self.database)
            except Damaged as error:
                problems[part.name] = str(error)
        if not self.neighbours.path.exists() and not self.neighbours.is_due():
            del problems["neighbours"]  # too few vectors to need one
        waiting = self.database.count_after(self.keywords.manifest.last_seq)
        if waiting >= LONGEST_TAIL or (problems and self.root.exists()):
            self._repair(problems)
        self.refresh(force=True)

    def _repair(self, problems: dict[str, str]) -> None:
        """Bring the derived parts up to the truth, beside a writer at work not at all."""
        had = self.lock.held
        if self.database.read_only:
            if not problems or self.lock.is_taken():
                return
            self._move_aside()
        elif not self.lock.try_acquire():
            return  # the tail stands in until the writer has done it
        try:
            self._say(problems)
            self.flush()
        finally:
            if not had:
                self.lock.release()

    def _say(self, problems: dict[str, str]) -> None:
        for reason in problems.values():
            message = f"{reason}: made anew from the records"
            self.repairs.append(message)
            log.warning("%s: %s", self.root.parent, message)

    def _move_aside(self) -> None:
        """Where nothing may be written, keep derived parts in a temporary folder."""
        self._temporary = tempfile.TemporaryDirectory(prefix="kinspace-")
        self._make_parts(Path(self._temporary.name))

    def close(self) -> None:
        """Let go of files."""
        for part in self.parts:
            part.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def flush(self, *, neighbours: bool = True) -> None:
        """Take the tail into the derived parts; for the process that holds the lock.

        Parameters
        ----------
        neighbours : bool
            Also make the neighbour index anew where it is due.

        Raises
        ------
        StoreFull
            If there is no space for them; the records themselves are committed.
        """
        with self._space_needed():
            self.root.mkdir(exist_ok=True)
            last = self.database.last_seq()
            buried, _ = self.database.tombstones(self.keywords.manifest.buried)
            for part in (self.vectors, self.keywords):
                behind = part.manifest.last_seq < last or not part.generation
                if behind or (part is self.keywords and buried > part.manifest.buried):
                    part.update(self.database)
            if neighbours and self.neighbours.is_due():
                self.neighbours.rebuild(self.database)
        self.refresh(force=True)

    def rebuild(self) -> int:
        """Make all parts anew without what was deleted; returns the last burial they know."""
        with self._space_needed():
            self.root.mkdir(exist_ok=True)
            _, buried = self.database.ever()
            self.vectors.rebuild(self.database)
            self.keywords.rebuild(self.database)
            if self.neighbours.is_due():
                self.neighbours.rebuild(self.database)
            elif not self.neighbours.is_needed():
                self.neighbours.discard()
        self.refresh(force=True)
        return buried

    @contextmanager
    def _space_needed(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            # tantivy and FAISS report a full disk in the text of a general error.
            if getattr(error, "errno", None) != errno.ENOSPC and "No space left" not in str(error):
                raise
            for part in self.parts:
                part.abandon()
            raise StoreFull(
                f"No space for the search parts in {self.root}: {error}. "
                "The records are committed; the parts will be made anew.",
                "Free some space and open the collection again.",
            ) from error

    def expect_changes(self) -> None:
        """Look again at the next search, since this process has committed something."""
        self._seen = None

    def refresh(self, *, force: bool = False) -> None:
        """See what has been committed since, here or elsewhere."""
        for part in self.parts:
            if self._temporary is None and part.changed():
                self._reload(part)
                force = True
        version = self.database.version()
        if version == self._seen and not force:
            return
        self._seen = version
        buried, gone = self.database.tombstones(self._buried)
        self._buried = buried
        self._dead = np.union1d(self._dead, gone)
        self._refresh_tail(gone)

    def _reload(self, part: Part) -> None:
        for _ in range(3):  # a writer may be replacing it at this moment
            try:
                part.load(self.database)
                return
            except Damaged as error:
                problem = error
        log.debug("%s cannot be used: %s", part.name, problem)

    def _refresh_tail(self, gone: NDArray[np.int64]) -> None:
        start = self.keywords.manifest.last_seq
        # A part that was abandoned knows less than before: then the tail starts anew.
        anew = start < self._tail_starts[0]
        self._tail.forget([seq for seq in list(self._tail) if anew or seq <= start])
        self._tail.forget(gone.tolist())
        seen = max([start, *self._tail])
        while rows := self.database.rows_after(seen, _ROWS):
            for row in rows:
                self._tail.add(row.seq, texts_of(row))
            seen = rows[-1].seq
        first, start = start, self.vectors.manifest.last_seq
        keep = (self._tail_seqs > start) & ~np.isin(self._tail_seqs, gone)
        keep &= start >= self._tail_starts[1]
        self._tail_starts = first, start
        self._tail_seqs, self._tail_rows = self._tail_seqs[keep], self._tail_rows[keep]
        seen = int(self._tail_seqs[-1]) if len(self._tail_seqs) else start
        while True:
            seqs, raw = self.database.vectors_after(seen, _ROWS, self.dtype, self.space.dim)
            if not len(seqs):
                break
            rows_ = raw.astype(np.float32)
            rows_ = normalise(rows_) if self.space.metric == "cosine" else rows_
            self._tail_seqs = np.concatenate([self._tail_seqs, seqs])
            self._tail_rows = np.concatenate([self._tail_rows, rows_])
            seen = int(seqs[-1])

    def waiting(self) -> int:
        """How many committed records and deletions the keyword index has not taken in yet."""
        late = self.database.count_after(self.keywords.manifest.last_seq)
        return late + self.database.tombstones(self.keywords.manifest.buried)[1].size

    def is_behind(self) -> bool:
        """Whether a flush would do anything."""
        last = self.database.last_seq()
        return bool(self.waiting()) or self.vectors.manifest.last_seq < last

    # -- candidates ----------------------------------------------------------------------------

    def keyword(
        self, clauses: Sequence[Clause], depth: int, allowed: NDArray[np.int64] | None
    ) -> Ranking:
        """The ``depth`` best by BM25 among the allowed row numbers (ascending)."""
        few = allowed if allowed is not None and len(allowed) <= FEW else None
        limit = depth
        while True:
            seqs, scores, complete = self.keywords.search(clauses, limit, few)
            kept = self._alive(seqs, allowed) & (seqs <= self.keywords.manifest.last_seq)
            if complete or kept.sum() >= depth:
                break
            limit *= 4
        found = Ranking(seqs[kept], scores[kept])
        if len(self._tail):
            weights = self.keywords.weights(clauses, self._tail)
            late = self._tail.search(clauses, weights, self.keywords.mean_length(self._tail))
            ids = np.fromiter(late, np.int64, len(late))
            values = np.array([sum(by.values()) for by in late.values()], np.float32)
            ok = self._alive(ids, allowed)
            found = Ranking(
                np.concatenate([found.ids, ids[ok]]), np.concatenate([found.scores, values[ok]])
            )
        ordered = Ranking.sorted(found.ids, found.scores)
        return Ranking(ordered.ids[:depth], ordered.scores[:depth])

    def holding(self, clause: Clause) -> NDArray[np.int64]:
        """All row numbers that satisfy a clause, ascending."""
        every = self.keyword([replace(clause, need="must")], self.database.count(), None)
        return np.sort(every.ids)

    def dense(
        self, query: NDArray[np.float32], depth: int, allowed: NDArray[np.int64] | None
    ) -> Ranking:
        """The ``depth`` nearest to a query, shape (1, dim), among the allowed row numbers."""
        table = self.vectors
        covered = self.neighbours.covered
        few = allowed is not None and len(allowed) < _SELECTIVE * max(1, len(table.seqs))
        parts = []
        if covered and not few:
            near = self._approximate(query, depth, allowed)
            if near is None:
                covered = 0
            else:
                parts.append(near)
        else:
            covered = 0
        parts.append(self._exact(query, depth, allowed, covered))
        if len(self._tail_seqs):
            kept = self._alive(self._tail_seqs, allowed)
            values = row_scores(query, self._tail_rows[kept], self.space.metric)[0]
            parts.append(Ranking(self._tail_seqs[kept], values))
        joined = Ranking.sorted(
            np.concatenate([p.ids for p in parts]), np.concatenate([p.scores for p in parts])
        )
        return Ranking(joined.ids[:depth], joined.scores[:depth])

    def _approximate(
        self, query: NDArray[np.float32], depth: int, allowed: NDArray[np.int64] | None
    ) -> Ranking | None:
        """Candidates of the neighbour index, scored again exactly; None if too few survive."""
        table, covered = self.vectors, self.neighbours.covered
        wanted = min(covered, 2 * depth)
        if allowed is not None:
            wanted = min(covered, int(wanted * len(table.seqs) / max(1, len(allowed))) + depth)
        try:
            places = self.neighbours.candidates(query, wanted)
        except Damaged as error:
            log.warning("%s: exact search instead", error)
            return None
        seqs = table.seqs[places]
        kept = self._alive(seqs, allowed)
        if kept.sum() < min(depth, covered):
            return None
        places = np.sort(places[kept])  # in the order of the file
        scores = row_scores(query, table.rows[places], self.space.metric)[0]
        return Ranking(table.seqs[places], scores)

    def _exact(
        self,
        query: NDArray[np.float32],
        depth: int,
        allowed: NDArray[np.int64] | None,
        start: int,
    ) -> Ranking:
        """Exact search over the table's rows from ``start`` on."""
        table = self.vectors
        if start >= len(table.seqs):
            return EMPTY
        if allowed is not None:
            rows = table.positions(allowed[~np.isin(allowed, self._dead)])
            rows = rows[rows >= start]
        else:
            rows = start + np.flatnonzero(self._alive(table.seqs[start:], None))
        everything = not start and len(rows) == len(table.seqs)
        found = nearest_rows(
            query, table.quick_rows(), table.seqs, depth, self.space.metric,
            rows=None if everything else rows,
        )[0]  # fmt: skip
        return Ranking(np.array(found.ids, np.int64), found.scores)

    def _alive(
        self, seqs: NDArray[np.int64], allowed: NDArray[np.int64] | None
    ) -> NDArray[np.bool_]:
        if allowed is not None:
            return _among(seqs, allowed)
        return ~_among(seqs, self._dead)

    def dense_scores(self, query: NDArray[np.float32], seqs: NDArray[np.int64]) -> Ranking:
        """The exact scores of given row numbers, in order of score."""
        ordered = np.sort(seqs)
        places = self.vectors.positions(ordered)
        late = np.flatnonzero(_among(self._tail_seqs, ordered))
        ids = np.concatenate([self.vectors.seqs[places], self._tail_seqs[late]])
        rows = np.concatenate(
            [np.asarray(self.vectors.rows[places], np.float32), self._tail_rows[late]]
        )
        return Ranking.sorted(ids, row_scores(query, rows, self.space.metric)[0])

    def explain(self, clauses: Sequence[Clause], seq: int) -> dict[Clause, float]:
        """What each clause gives to the keyword score of one record."""
        late = self._tail.search(
            clauses,
            self.keywords.weights(clauses, self._tail),
            self.keywords.mean_length(self._tail),
        )
        return late[seq] if seq in late else self.keywords.explain(clauses, seq)


def _among(values: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values are in a sorted array."""
    if not len(among):
        return np.zeros(len(values), np.bool_)
    places = np.searchsorted(among, values)
    places[places == len(among)] = 0
    return np.asarray(among[places] == values)
