"""The verbs of every index, over whatever structure finds its candidates.

An implementer writes what makes one index another (:mod:`kinspace.index.structure`). Ids, removal,
filters, exact scores, files, threads and compaction are here, once, for vectors of any form
(:mod:`kinspace.index.held`).
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.errors import InvalidParameter
from kinspace.index.base import Found, IndexStats, check_k, merged
from kinspace.index.compared import compared
from kinspace.index.files import read_arrays, write_arrays
from kinspace.index.held import TableHeld
from kinspace.index.ids import Ids, check_one_each
from kinspace.index.locks import ReadWriteLock
from kinspace.index.ranges import limit, range_by_growing
from kinspace.index.rescored import best_candidates
from kinspace.index.structure import Structure
from kinspace.index.tuning.choice import Choice
from kinspace.metric import Metric
from kinspace.results import BatchNeighbours, RangeNeighbours

_SETTLED: Final = 50_000
"""Learned from so many, it stays as it is until ``compact``: learning again takes seconds."""


class VectorIndex(Structure):
    """What all indexes share.

    Attributes
    ----------
    tuned : dict of int to dict
        For some ``k``, the values of the options in ``SEARCH`` that reach the recall which was
        asked for (:func:`kinspace.index.tune.build_index` fills it). A search for another ``k``
        takes those of the next larger one that is there.
    threads : int, optional
        How many a batch of queries is shared among; by default one for each processor.
    choice : Choice, optional
        Why it is this index with these options, if :func:`~kinspace.index.tune.build_index` or
        :func:`~kinspace.index.tune.retune` said so.
    """

    def __init__(
        self, dim: int, metric: Metric, *, dtype: str = "float32", exact_below: int = 1000
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        self.tuned: dict[int, dict[str, Any]] = {}
        self.choice: Choice | None = None
        self._ids = Ids()
        self._learned_from = 0
        self._gate = ReadWriteLock()
        self._writer = threading.RLock()

    # -- the verbs -------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._ids) - self._ids.removed

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return self.stats().nbytes

    def add(self, vectors: Any, ids: ArrayLike | None = None) -> None:
        """Add vectors under ids that are not in use yet; searches go on meanwhile.

        Parameters
        ----------
        vectors : array_like, shape (n, dim)
        ids : array_like of int, shape (n,), optional
            By default one more than the largest so far, and so on.

        Raises
        ------
        InvalidVectors, DimensionMismatch, InvalidInput, DuplicateId
            Nothing is added then.
        """
        rows = self._held.prepared(vectors)
        with self._writer:
            with self._gate.writing():
                self._ids.extend(_count(rows), ids)
                self._held.append(rows)
            self._absorb()
            self._outgrow()

    def refer(self, table: Any, ids: ArrayLike | None = None) -> None:
        """Take in a table that stays where it is, on disk too: no copy is made.

        Parameters
        ----------
        table : ndarray of the index's ``dtype``, shape (n, dim)
            It must not change, and for cosine its rows must have length 1. Its first rows are those
            that the index holds already, if there are any. Of other forms, ``SparseRows`` or
            ``MultiRows``.
        ids : array_like of int, optional
            Those of the rows that the index does not hold yet.

        Raises
        ------
        InvalidParameter
            If the index holds more rows than the table, or such as lie in none.
        DimensionMismatch, InvalidInput, DuplicateId
        """
        held = self._held
        if not isinstance(held, TableHeld) or len(table) < len(held):
            raise InvalidParameter("An index of whole vectors, and no more, can refer to a table.")
        with self._writer:
            with self._gate.writing():
                held.check(table)
                self._ids.extend(len(table) - len(held), ids)
                held.refer(table)
            self._absorb()

    def _absorb(self) -> None:
        """Put rows that are held into the structure, piece by piece; the writer has its turn."""
        total = len(self._held)
        if not self._covered:
            if total <= self.exact_below or not total:
                return
            held = self._held
            self._learn(held.table if isinstance(held, TableHeld) else held.take(slice(0, total)))
            self._learned_from = total
            for first in range(0, total, self.BLOCK):  # until all are in, searches do not ask it
                self._extend(self._held.take(slice(first, min(first + self.BLOCK, total))), first)
            with self._gate.writing():
                self._settle()
                self._covered = total
        while self._covered < total:
            last = min(self._covered + self.BLOCK, total)
            rows = self._held.take(slice(self._covered, last))
            with self._gate.writing():
                self._extend(rows, self._covered)
                self._covered = last

    def _outgrow(self) -> None:
        """Learn the structure again if there is much more than it was learned from."""
        learned = self._learned_from
        if self.GROWTH and 0 < learned < _SETTLED and len(self._held) > self.GROWTH * learned:
            self.compact()

    def remove(self, ids: ArrayLike) -> int:
        """Take vectors out; returns how many there were. Unknown ids are left alone."""
        with self._writer, self._gate.writing():
            rows = self._ids.positions(ids)
            self._bury(rows)
        return len(rows)

    def _bury(self, rows: NDArray[np.int64]) -> None:
        self._ids.forget(rows)
        if len(rows):
            self._forget(rows)

    def update(self, vectors: Any, ids: ArrayLike) -> None:
        """Give ids that are there other vectors; a search sees the old ones or the new.

        Raises
        ------
        IdNotFound
            If one of the ids is unknown; nothing is changed then.
        InvalidVectors, DimensionMismatch, InvalidInput, DuplicateId
        """
        rows = self._held.prepared(vectors)
        with self._writer:
            with self._gate.writing():
                names = check_one_each(ids, _count(rows))
                self._bury(self._ids.places(names))
                self._ids.extend(len(names), names)
                self._held.append(rows)
            self._absorb()
            self._outgrow()

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
        allowed: ArrayLike | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> BatchNeighbours:
        """The ``k`` nearest of each query, best first.

        Parameters
        ----------
        queries : array_like, shape (n, dim) or (dim,)
        k : int
        allowed : array_like of int or bool, optional
            Find only these: ids, or a mask by id (``allowed[id]``).
        options : mapping, optional
            Other values of options in ``SEARCH`` for this search, such as ``{"nprobe": 64}``.

        Raises
        ------
        InvalidVectors, DimensionMismatch, InvalidParameter, InvalidInput
        """
        check_k(k)
        if unknown := set(options or ()) - set(self.SEARCH):
            raise InvalidParameter(
                f"{type(self).__name__} has no option {min(unknown)} of a search.",
                f"It has: {', '.join(self.SEARCH) or 'none'}.",
            )
        asked = self._held.prepared(queries)
        with self._gate.reading():
            usable = self._ids.usable(allowed)
            rows, values = self._nearest(asked, k, usable, options)
            ids = self._ids.named(rows)
        return BatchNeighbours(ids, values, self._metric_of_scores())

    def range_search(
        self,
        queries: Any,
        *,
        score: float | None = None,
        distance: float | None = None,
        allowed: ArrayLike | None = None,
    ) -> RangeNeighbours:
        """All that are as near as a limit, best first: as many as there are, for each query.

        Parameters
        ----------
        queries : array_like, shape (n, dim) or (dim,)
        score, distance : float
            The lowest score, or the largest distance; one of the two.
        allowed : array_like of int or bool, optional

        Raises
        ------
        InvalidVectors, DimensionMismatch, InvalidParameter
        """
        least = limit(score, distance, self._metric_of_scores())
        asked = self._held.prepared(queries)
        with self._gate.reading():
            usable = self._ids.usable(allowed)
            total = len(self) if usable is None else int(usable.sum())
            rows, values, starts = range_by_growing(
                lambda some, k: self._nearest(asked[some], k, usable), _count(asked), total, least
            )
            ids = self._ids.rows[rows]
        return RangeNeighbours(ids, values, starts, self._metric_of_scores())

    def calibrate(self, queries: Any) -> None:
        """Suit what was set by the vectors to queries of another kind; most indexes need it not.

        Parameters
        ----------
        queries : array_like, shape (n, dim)
            Some such as will be asked; sixty will do.
        """
        asked = self._held.prepared(queries)
        with self._writer:
            if self._covered and _count(asked):
                self._calibrate(asked)

    def compact(self) -> None:
        """Build the index again from what is left in it; searches go on meanwhile."""
        with self._writer:
            alive = np.flatnonzero(self._ids.alive)
            fresh = type(self)(**self._options())
            fresh.threads = self.threads
            for start in range(0, len(alive), self.BLOCK):
                fresh._held.append(self._held.take(alive[start : start + self.BLOCK]))
            fresh._ids = self._ids.compacted()
            fresh._absorb()
            kept = {"_gate", "_writer", "tuned", "threads", "choice"}
            with self._gate.writing():
                vars(self).update({k: v for k, v in vars(fresh).items() if k not in kept})

    def stats(self) -> IndexStats:
        """What it is, how much it holds, and how many bytes each part takes."""
        parts: dict[str, int] = {}
        with self._gate.reading():
            if len(self._held):
                parts = {"vectors": self._held.nbytes, "ids": self._ids.nbytes} | self._sizes()
        return IndexStats(
            kind=type(self).__name__,
            count=len(self),
            removed=self._ids.removed,
            dim=self.dim,
            metric=self.metric,
            parts=parts,
            options=self._options(),
            tuned={k: dict(options) for k, options in self.tuned.items()},
        )

    def save(self, path: str | Path, *, vectors: bool = True) -> None:
        """Write one file, complete or not at all, everything in it under checksums.

        Parameters
        ----------
        path : str or Path
        vectors : bool
            False leaves out a table that the index refers to, for whoever keeps it elsewhere.

        Raises
        ------
        PathNotFound
            If the folder does not exist.
        """
        with self._writer:
            arrays = {f"structure.{k}": v for k, v in self._structure().items()}
            if vectors:
                arrays |= {f"held.{k}": v for k, v in self._held.arrays().items()}
            arrays |= {"ids": self._ids.rows, "alive": self._ids.alive}
            options = {"options": self._options(), "tuned": self.tuned, "covered": self._covered}
            options["learned_from"] = self._learned_from
            options["choice"] = None if self.choice is None else self.choice.to_dict()
            write_arrays(path, type(self).__name__, arrays, options)

    @classmethod
    def load(cls, path: str | Path, table: Any = None) -> Self:
        """Open what :meth:`save` wrote: vectors stay on disk, mapped into memory.

        Parameters
        ----------
        path : str or Path
        table : ndarray, SparseRows or MultiRows, shape (n or more, dim), optional
            The vectors, where they were left out of the file.

        Raises
        ------
        PathNotFound, ReadError
        """
        with read_arrays(path, cls.__name__) as (arrays, values):
            made = cls(**values["options"])
            made.tuned = {int(k): options for k, options in values["tuned"].items()}
            if values.get("choice") is not None:
                made.choice = Choice.from_dict(values["choice"])
            made._ids = Ids.of(arrays["ids"], arrays["alive"])
            if table is None:
                made._held.restore(_under("held.", arrays))
            elif isinstance(made._held, TableHeld):
                made._held.refer(table[: len(made._ids)])
            if len(made._ids) != len(made._held):
                raise ValueError("it has not one id a vector")
            structure = _under("structure.", arrays)
            if structure:
                made._restore(structure)
                made._covered = int(values["covered"])
                made._learned_from = int(values["learned_from"])
        return made

    # -- how a search goes -----------------------------------------------------------------------

    def _nearest(
        self,
        asked: Any,
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any] | None = None,
    ) -> Found:
        """Rows and scores of the nearest, shape (n, k), best first, padded with -1."""
        total = len(self._held)
        count = total if usable is None else int(np.count_nonzero(usable))
        if not self._covered or count <= k or self._exact_pays(count):
            return self._compared(asked, k, usable, 0, total)
        inside = None if usable is None else usable[: self._covered]
        rows = self._candidates(asked, k, inside, self._search_options(k) | dict(options or {}))
        found = best_candidates(self._held, asked, rows, k)
        if self._covered < total:
            found = merged(found, self._compared(asked, k, usable, self._covered, total), k)
        if found[0][:, k - 1].min(initial=0) < 0:  # there are more than k to be found
            missed = np.flatnonzero(found[0][:, k - 1] < 0)
            found[0][missed], found[1][missed] = self._compared(asked[missed], k, usable, 0, total)
        return found

    def _search_options(self, k: int) -> dict[str, Any]:
        """The values of the options in ``SEARCH`` for so many neighbours."""
        known = [each for each in self.tuned if each >= k] or list(self.tuned)
        options = {name: getattr(self, name) for name in self.SEARCH}
        return options | (self.tuned[min(known, key=lambda each: abs(each - k))] if known else {})

    def _compared(
        self, asked: Any, k: int, usable: NDArray[np.bool_] | None, first: int, last: int
    ) -> Found:
        """The nearest among the rows from ``first`` to ``last``, one and all."""
        return compared(self._held, asked, k, usable, (first, last), self.threads)

    def _options(self) -> dict[str, Any]:
        """What the constructor takes, as it is now."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}


def _count(rows: Any) -> int:
    return int(rows.shape[0]) if hasattr(rows, "shape") else len(rows)


def _under(start: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
