"""The embedded default store: a folder with records, vectors and two indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidInput, InvalidParameter, ReadOnlyStore
from kinspace.store.base import Checked, Record, check, names_of
from kinspace.store.care import Compaction, folder_bytes
from kinspace.store.database import Database
from kinspace.store.filters import Filter, to_sql
from kinspace.store.lock import WriterLock
from kinspace.store.opened import Opened
from kinspace.store.view import LONGEST_TAIL
from kinspace.store.writer import Writer

BATCH: Final = 4096
"""Records that are committed together."""

_FLUSH: Final = 4 * BATCH
"""Records of one call after which they are taken into the derived parts in between."""


class Collection(Opened):
    """Records with their vectors, searched by words and by meaning.

    One process writes at a time, many read. A record is committed or it is not: when a call
    that writes returns, its records are on the disk and found by every process. Killing a
    process at any instant loses nothing committed.

    Open one with :meth:`open`.

    Examples
    --------
    >>> import tempfile, kinspace as ks
    >>> folder = tempfile.mkdtemp() + "/notes.kin"
    >>> with ks.Collection.open(folder) as notes:
    ...     _ = notes.upsert([{"id": "1", "text": "A cat sleeps.", "year": 2021},
    ...                       {"id": "2", "text": "Stocks fell.", "year": 2019}])
    ...     [hit.id for hit in notes.search("kitten", k=1, where={"year": {"$gte": 2020}})]
    ['1']
    """

    def __init__(
        self,
        path: Path,
        database: Database,
        lock: WriterLock,
        encoder: Encoder[Any] | None,
    ) -> None:
        super().__init__(path, database, lock, encoder)
        self._writer = Writer(database, self.space, self.dtype, lambda: self.encoder)

    def _start_writing(self) -> None:
        self._check_open()
        if self._database.read_only:
            raise ReadOnlyStore(
                f"{self.path} was opened for reading.", "Open it without read_only."
            )
        if not self._lock.held:
            self._lock.acquire()
            self._view.refresh(force=True)

    # -- writing -------------------------------------------------------------------------------

    def add(self, records: Iterable[Record], *, progress: Progress | None = None) -> int:
        """Add records whose ids are not in use yet.

        Parameters
        ----------
        records : iterable of dict
            ``id``, ``text``, optionally ``vector``; every other key is a field. A ``title``
            is encoded and searched together with the text.
        progress : callable, optional
            Called with (done, total) after each batch; total is 0 while it is not known.

        Returns
        -------
        int
            How many were added. They are committed in batches of 4,096; an error leaves the
            batches before it.

        Raises
        ------
        DuplicateId, InvalidInput, InvalidVectors, DimensionMismatch, StoreLocked, StoreFull
        """
        return self._take(records, replace=False, progress=progress)

    def upsert(self, records: Iterable[Record], *, progress: Progress | None = None) -> int:
        """Add records, in the place of those that have the same id.

        A text that is unchanged is not encoded again; of one id given twice, the last counts.

        Returns
        -------
        int
            How many were new or changed.

        Raises
        ------
        InvalidInput, InvalidVectors, DimensionMismatch, StoreLocked, StoreFull
        """
        return self._take(records, replace=True, progress=progress)

    def _take(self, records: Iterable[Record], *, replace: bool, progress: Progress | None) -> int:
        if isinstance(records, dict | str | bytes):
            raise InvalidInput(
                f"Records are a list of dicts; this is one {type(records).__name__}.",
                "Put it into a list.",
            )
        if not isinstance(records, Iterable):
            raise InvalidInput(f"{records!r:.80} holds no records.", "Give a list of dicts.")
        changed = done = waiting = 0
        total = len(records) if isinstance(records, Sequence) else 0
        stream = iter(records)
        with self._guard:
            self._start_writing()
            while True:
                batch = [
                    check(record, self.space.dim, done + place)
                    for place, record in enumerate(islice(stream, BATCH))
                ]
                if not batch:
                    break
                changed += self.write(batch, replace=replace)
                done += len(batch)
                waiting += len(batch)
                if waiting >= _FLUSH:
                    self._view.flush(neighbours=False)
                    waiting = 0
                if progress is not None:
                    progress(done, total)
            self.settle()
        return changed

    def write(
        self,
        batch: Sequence[Checked],
        *,
        replace: bool = True,
        also: Callable[[Database], None] | None = None,
        without: Sequence[str] = (),
    ) -> int:
        """Commit one batch of checked records; what :meth:`add` and :meth:`upsert` are made of.

        Parameters
        ----------
        batch : sequence of Checked
        replace : bool
            Whether records with the same id are replaced, or are an error.
        also : callable, optional
            Called with the database inside the same transaction.
        without : sequence of str
            Ids to delete inside the same transaction.

        Returns
        -------
        int
            How many were new or changed.
        """
        with self._guard:
            self._start_writing()
            self._view.expect_changes()
            return self._writer.write(batch, replace=replace, also=also, without=without)

    def delete(self, ids: Iterable[str] | None = None, *, where: Filter | str | None = None) -> int:
        """Delete records by their ids, or those that satisfy a filter.

        Returns
        -------
        int
            How many there were; ids that do not exist are left alone.

        Raises
        ------
        InvalidParameter
            If neither ids nor a filter, or both, are given.
        InvalidFilter, StoreLocked, StoreFull
        """
        if (ids is None) == (where is None):
            raise InvalidParameter("delete needs ids or a filter.", "Give one of them.")
        with self._guard:
            self._start_writing()
            if where is not None:
                seqs = self._database.seqs_where(*to_sql(where)).tolist()
            else:
                seqs = list(self._database.seqs_of(names_of(ids)).values())
            self._view.expect_changes()
            with self._database.transaction():
                self._database.bury(seqs)
            self.settle()
        return len(seqs)

    def settle(self, *, neighbours: bool = True) -> None:
        """After writing: a few records wait in the tail, many are taken into the indexes now.

        Parameters
        ----------
        neighbours : bool
            Whether the neighbour index may be made anew too, which takes seconds.
        """
        with self._guard:
            self._start_writing()
            if self._view.waiting() >= LONGEST_TAIL:
                self._view.flush(neighbours=neighbours)
            else:
                self._view.refresh(force=True)

    def flush(self) -> None:
        """Take everything committed into the indexes now; closing does it too."""
        with self._guard:
            self._start_writing()
            self._view.flush()

    def compact(self) -> Compaction:
        """Give back the space of what was deleted, and make the indexes anew without it.

        Needs about the collection's size in free space while it runs; killing it loses nothing.

        Raises
        ------
        StoreLocked, StoreFull
        """
        with self._guard:
            self._start_writing()
            before = folder_bytes(self.path)
            buried = self._view.rebuild()
            with self._database.transaction():
                self._database.forget_tombstones(buried)
            self._database.vacuum()
            return Compaction(before, folder_bytes(self.path))
