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
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import StoreFull
from kinspace.search.fusion import Ranking
from kinspace.search.keyword import Clause, Tail
from kinspace.store.database import DERIVED
from kinspace.store.derived import Damaged
from kinspace.store.filters import Filter, to_sql
from kinspace.store.keywords import FEW, KeywordIndex, texts_of
from kinspace.store.lock import WriterLock
from kinspace.store.packing import Rows
from kinspace.store.parts import Part
from kinspace.store.vector_rows import VectorRows
from kinspace.store.vector_search import VectorSearch, alive

LONGEST_TAIL: Final = 512
"""Records in the tail at which a writer takes them into the derived parts."""

_ROWS: Final = 4096

_FILTERS: Final = 8
"""Filters whose row numbers are kept until the records change."""

log = logging.getLogger("kinspace")


class View:
    """The searchable state of one collection in one process.

    Parameters
    ----------
    folder : Path
    rows : VectorRows
        The set of vectors that is searched.
    lock : WriterLock
        Whoever holds it may write the parts.
    is_beside : bool
        Whether this is the other set of a collection that changes its model: the keyword index
        is then only read.

    Attributes
    ----------
    repairs : list of str
        What was found missing, stale or damaged and made anew.
    """

    def __init__(
        self, folder: Path, rows: VectorRows, lock: WriterLock, *, is_beside: bool = False
    ) -> None:
        self.rows = rows
        self.database = rows.database
        self.lock = lock
        self.space = rows.space
        self.is_beside = is_beside
        self.repairs: list[str] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._make_parts(folder / DERIVED)
        self._seen: int | None = None
        self._buried = 0
        self._dead = np.empty(0, np.int64)
        self._tail = Tail()
        self._tail_start = 0
        self._filtered: dict[Any, NDArray[np.int64]] = {}

    def _make_parts(self, root: Path) -> None:
        self.root = root
        self.meaning = VectorSearch(self.rows, root)
        self.vectors, self.neighbours = self.meaning.table, self.meaning.neighbours
        self.keywords = KeywordIndex(root)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The derived parts, each after those it is made from."""
        return (self.vectors, self.keywords, self.neighbours)

    @property
    def written(self) -> tuple[Part, ...]:
        """The parts but the neighbour index that are brought up to the truth here."""
        return (self.vectors,) if self.is_beside else (self.vectors, self.keywords)

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
            problems.pop(self.neighbours.name, None)  # too few vectors to need one
        if self.is_beside:
            problems.pop(self.keywords.name, None)  # whoever writes the records sees to it
        waiting = self.database.count_after(self.written[-1].manifest.last_seq)
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
        for reason in () if self.is_beside else problems.values():
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
        with self.space_needed():
            self.root.mkdir(exist_ok=True)
            last = self.database.last_seq()
            buried, _ = self.database.tombstones(self.keywords.manifest.buried)
            for part in self.written:
                behind = part.manifest.last_seq < last or not part.generation
                if behind or (part is self.keywords and buried > part.manifest.buried):
                    part.update(self.database)
            if neighbours and self.neighbours.is_due():
                self.neighbours.asked(list(self.meaning.recent))
                self.neighbours.rebuild(self.database)
        self.refresh(force=True)

    @contextmanager
    def space_needed(self, *, beside: bool = False) -> Iterator[None]:
        """Tell a full disk as what it is.

        Parameters
        ----------
        beside : bool
            Whether it is filled by parts that nobody searches yet; if not, those that are searched
            may be half-written, and are made anew when there is space.

        Raises
        ------
        StoreFull
        """
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            # tantivy and FAISS report a full disk in the text of a general error.
            if getattr(error, "errno", None) != errno.ENOSPC and "No space left" not in str(error):
                raise
            for part in () if beside else self.parts:
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
        self._filtered = {}
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
        anew = start < self._tail_start
        self._tail.forget([seq for seq in list(self._tail) if anew or seq <= start])
        self._tail.forget(gone.tolist())
        seen = max([start, *self._tail])
        while rows := self.database.rows_after(seen, _ROWS):
            for row in rows:
                self._tail.add(row.seq, texts_of(row))
            seen = rows[-1].seq
        self._tail_start = start
        self.meaning.refresh_tail(gone)

    def waiting(self) -> int:
        """How many committed records and deletions the keyword index has not taken in yet."""
        late = self.database.count_after(self.keywords.manifest.last_seq)
        return late + self.database.tombstones(self.keywords.manifest.buried)[1].size

    def is_behind(self) -> bool:
        """Whether a flush would do anything."""
        last = self.database.last_seq()
        return bool(self.waiting()) or self.vectors.manifest.last_seq < last

    def filtered(self, where: Filter | str) -> NDArray[np.int64]:
        """Row numbers that satisfy a filter, ascending; the same array if it is asked again."""
        condition, values = to_sql(where)
        key = (condition, *((type(value), value) for value in values))
        if key not in self._filtered:
            if len(self._filtered) >= _FILTERS:
                del self._filtered[next(iter(self._filtered))]
            self._filtered[key] = self.database.seqs_where(condition, values)
        return self._filtered[key]

    # -- candidates ----------------------------------------------------------------------------

    def keyword(
        self, clauses: Sequence[Clause], depth: int, allowed: NDArray[np.int64] | None
    ) -> Ranking:
        """The ``depth`` best by BM25 among the allowed row numbers (ascending)."""
        few = allowed if allowed is not None and len(allowed) <= FEW else None
        limit = depth
        while True:
            seqs, scores, complete = self.keywords.search(clauses, limit, few)
            kept = alive(seqs, allowed, self._dead) & (seqs <= self.keywords.manifest.last_seq)
            if complete or kept.sum() >= depth:
                break
            limit *= 4
        found = Ranking(seqs[kept], scores[kept])
        if len(self._tail):
            weights = self.keywords.weights(clauses, self._tail)
            late = self._tail.search(clauses, weights, self.keywords.mean_length(self._tail))
            ids = np.fromiter(late, np.int64, len(late))
            values = np.array([sum(by.values()) for by in late.values()], np.float32)
            ok = alive(ids, allowed, self._dead)
            found = Ranking(
                np.concatenate([found.ids, ids[ok]]), np.concatenate([found.scores, values[ok]])
            )
        ordered = Ranking.sorted(found.ids, found.scores)
        return Ranking(ordered.ids[:depth], ordered.scores[:depth])

    def holding(self, clause: Clause) -> NDArray[np.int64]:
        """All row numbers that satisfy a clause, ascending."""
        every = self.keyword([replace(clause, need="must")], self.database.count(), None)
        return np.sort(every.ids)

    def dense(self, query: Rows, depth: int, allowed: NDArray[np.int64] | None) -> Ranking:
        """The ``depth`` nearest to one query among the allowed row numbers."""
        return self.meaning.nearest(query, depth, allowed, self._dead)

    def dense_scores(self, query: Rows, seqs: NDArray[np.int64]) -> Ranking:
        """The exact scores of given row numbers, in order of score."""
        return self.meaning.scores(query, seqs)

    def explain(self, clauses: Sequence[Clause], seq: int) -> dict[Clause, float]:
        """What each clause gives to the keyword score of one record."""
        late = self._tail.search(
            clauses,
            self.keywords.weights(clauses, self._tail),
            self.keywords.mean_length(self._tail),
        )
        return late[seq] if seq in late else self.keywords.explain(clauses, seq)
