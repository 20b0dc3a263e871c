"""The embedded default store: a folder with records, vectors and two indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidInput, InvalidParameter, ReadOnlyStore
from kinspace.store.base import Checked, Record, check, names_of
from kinspace.store.care import Compaction, folder_bytes
from kinspace.store.database import Database
from kinspace.store.filters import Filter, to_sql
from kinspace.store.migration import Migration, migrating, other_set, sweep
from kinspace.store.opened import Opened
from kinspace.store.packing import check_dtype
from kinspace.store.remaking import Remaking
from kinspace.store.vector_rows import VectorSet
from kinspace.store.view import LONGEST_TAIL
from kinspace.store.writer import Writer

if TYPE_CHECKING:
    from kinspace.store.beside import Beside

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

    _left: Encoder[Any] | None = None
    """The model that was changed from, for going back."""

    def _look_at(self, which: VectorSet) -> None:
        super()._look_at(which)
        self._writer = Writer(self._rows, lambda: self.encoder)

    def _require_writable(self) -> None:
        self._check_open()
        if self._database.read_only:
            raise ReadOnlyStore(
                f"{self.path} was opened for reading.", "Open it without read_only."
            )

    def _start_writing(self) -> None:
        self._require_writable()
        if not self._lock.held:
            self._lock.acquire()
            self._follow()
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
        with self._writing:
            with self._guard:
                self._start_writing()
            while True:
                batch = [
                    check(record, self.space, done + place)
                    for place, record in enumerate(islice(stream, BATCH))
                ]
                if not batch:
                    break
                changed += self.write(batch, replace=replace)
                done += len(batch)
                waiting += len(batch)
                if waiting >= _FLUSH:
                    with self._guard:
                        self._view.flush(neighbours=False)
                    waiting = 0
                if progress is not None:
                    progress(done, total)
            self.settle(neighbours=False)
        self._make_neighbours()
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
        with self._writing, self._guard:
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
        with self._writing, self._guard:
            self._start_writing()
            if where is not None:
                seqs = self._database.seqs_where(*to_sql(where)).tolist()
            else:
                seqs = list(self._database.seqs_of(names_of(ids)).values())
            self._view.expect_changes()
            with self._database.transaction():
                self._database.bury(seqs)
            self.settle(neighbours=False)
        self._make_neighbours()
        return len(seqs)

    def settle(self, *, neighbours: bool = True) -> None:
        """After writing: a few records wait in the tail, many are taken into the indexes now.

        Parameters
        ----------
        neighbours : bool
            Whether the neighbour index may be made anew too, which takes seconds.
        """
        with self._writing, self._guard:
            self._start_writing()
            if self._view.waiting() >= LONGEST_TAIL:
                self._view.flush(neighbours=False)
            else:
                self._view.refresh(force=True)
        if neighbours:
            self._make_neighbours()

    def flush(self) -> None:
        """Take everything committed into the indexes now; closing does it too."""
        with self._writing, self._guard:
            self._start_writing()
            self._view.flush(neighbours=False)
        self._make_neighbours()

    def _make_neighbours(self) -> None:
        """Bring the neighbour index up where it is due, unless somebody is at it already."""
        if self._making.acquire(blocking=False):
            try:
                Remaking(self._view, self._guard).neighbours()
            finally:
                self._making.release()

    def compact(self) -> Compaction:
        """Give back the space of what was deleted, and make the indexes anew without it.

        Other threads search and write meanwhile, and other processes search. It needs about the
        collection's size in free space while it runs; killing it loses nothing.

        Raises
        ------
        StoreLocked, StoreFull
        """
        with self._making:
            with self._writing, self._guard:
                self._start_writing()
                before = folder_bytes(self.path)
            buried = Remaking(self._view, self._guard).everything()
            with self._writing:
                with self._guard:
                    with self._database.transaction():
                        self._database.forget_tombstones(buried)
                    self._view.refresh(force=True)
                    self._sweep()
                with closing(Database(self.path)) as beside:  # searches go on meanwhile
                    beside.vacuum()
            return Compaction(before, folder_bytes(self.path))

    # -- changing the model --------------------------------------------------------------------

    def migrate(
        self,
        encoder: Encoder[Any] | str | Path | None = None,
        *,
        dtype: str | None = None,
        switch: bool = True,
        progress: Progress | None = None,
    ) -> int:
        """Encode all records with another model, beside the vectors there are, and change over.

        The collection can be read and written all the while, here and by other processes. What is
        done stays when this is interrupted or killed; the same call goes on from there.

        Parameters
        ----------
        encoder : Encoder, str or Path, optional
            The other model, or what :func:`kinspace.load` loads it by; by default the one that an
            earlier call began with.
        dtype : {"float16", "float32"}, optional
            How its vectors are kept; by default as those of the old model.
        switch : bool
            Whether to change over when all are encoded; if not, :meth:`beside` shows what the
            other model finds, and :meth:`switch` changes over.
        progress : callable, optional
            Called with (done, total) after each batch.

        Returns
        -------
        int
            How many records were encoded by this call.

        Raises
        ------
        InvalidParameter
            If the collection holds vectors of that model, or beside its own those of a third.
        InvalidInput
            If a record was given a vector and no text.
        ModelNotFound, StoreLocked, StoreFull, ReadOnlyStore
        """
        self._require_writable()
        if dtype is not None:
            check_dtype(dtype)
        with self._migrating() as migration:
            migration.begin(encoder, dtype)
            done = migration.fill(progress)
            if switch:
                done += self._change_over(migration)
        return done

    def switch(self, *, progress: Progress | None = None) -> int:
        """Change over to the other model whose vectors are there: to the new one, or back.

        What was written since is encoded first. Readers find by the one model or by the other,
        never by a mixture; the model that was left stays beside.

        Returns
        -------
        int
            How many records had to be encoded.

        Raises
        ------
        NotFound
            If there are vectors of one model only.
        ModelNotFound, StoreLocked, StoreFull, ReadOnlyStore
        """
        self._require_writable()
        with self._migrating() as migration:
            done = migration.fill(progress)
            return done + self._change_over(migration)

    def drop_other(self) -> None:
        """Let go of the other model: give up changing to it, or going back to it.

        :meth:`compact` gives the space back.

        Raises
        ------
        NotFound, StoreLocked, ReadOnlyStore
        """
        self._require_writable()
        with self._migrating() as migration:
            migration.drop()

    def beside(self) -> Beside:
        """The same records as the other model finds them, opened for reading; close it.

        Raises
        ------
        NotFound
        """
        from kinspace.store.beside import Beside

        with self._guard:
            self._check_open()
            return Beside.of(self.path)

    def _migrating(self) -> AbstractContextManager[Migration]:
        timeout = self._lock.timeout
        return migrating(self.path, self._database, self._guard, timeout, self._left)

    def _change_over(self, migration: Migration) -> int:
        migration.bring_up()
        with self._making, self._writing, self._guard:
            self._start_writing()  # nobody else writes from here on
            done = migration.fill()
            self._view.flush()
            migration.bring_up()
            which = migration.switch()
            self._left, self._encoder = self._encoder, migration.made
            self._expects = which.space if self._expects is not None else None
            self._view.close()
            self._look_at(which)
            self._view.open()
        return done

    def _sweep(self) -> None:
        other = other_set(self._database)
        sweep(self._view.root, {self._rows.which.number, other.number if other else 0})
