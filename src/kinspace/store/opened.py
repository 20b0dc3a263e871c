"""Opening a collection, and everything that only reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self, overload

import numpy as np

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder
from kinspace.errors import IdNotFound, StoreClosed
from kinspace.results import Hit, Neighbours
from kinspace.space import Space
from kinspace.store.base import Mode, names_of
from kinspace.store.care import Info, problems
from kinspace.store.database import FILE, Database, Row
from kinspace.store.filters import Filter, to_sql
from kinspace.store.lock import WriterLock
from kinspace.store.opening import check_new, found, made_of, make_folder
from kinspace.store.search import Searcher
from kinspace.store.sqlite_errors import damaged
from kinspace.store.view import View

_ROWS: Final = 4096


class Opened:
    """An open collection, as its readers know it; :class:`Collection` adds writing."""

    def __init__(
        self,
        path: Path,
        database: Database,
        lock: WriterLock,
        encoder: Encoder[Any] | None,
    ) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self._encoder = encoder
        self._guard = threading.RLock()
        self._closed = False
        self.space, self.dtype = made_of(database)
        self._view = View(path, database, lock, self.space, self.dtype)

    @classmethod
    def open(
        cls,
        path: str | Path,
        encoder: Encoder[Any] | None = None,
        *,
        space: Space | None = None,
        dtype: str = "float16",
        create: bool = True,
        read_only: bool = False,
        lock_timeout: float = 0.0,
    ) -> Self:
        """Open a collection, making a new one where there is none.

        Parameters
        ----------
        path : str or Path
            The collection's folder.
        encoder : Encoder, optional
            What encodes texts and queries; by default the model that the collection was made
            with, and for a new one the model shipped with Kinspace.
        space : Space, optional
            For a new collection whose records all bring their own vectors, instead of an encoder.
        dtype : {"float16", "float32"}
            How a new collection keeps vectors.
        create : bool
            Whether to make a new one.
        read_only : bool
            Never write, not even repairs.
        lock_timeout : float
            Seconds that the first write waits for another writer.

        Raises
        ------
        CollectionNotFound
            If there is none and none is to be made.
        SpaceMismatch
            If the collection holds vectors of another model.
        CorruptStore, NewerFormat
            If it cannot be read.
        """
        path = Path(path)
        is_new = not (path / FILE).exists()
        if is_new:
            given = encoder.space if encoder is not None else space
            check_new(path, given, create=create and not read_only, dtype=dtype)
            make_folder(path)
        database = Database(path, read_only=read_only)
        try:
            lock = WriterLock(path, lock_timeout)
            if database.meta("space") is None:
                encoder = found(database, encoder, space, dtype)
            wanted = encoder.space if encoder is not None else space
            opened = cls(path, database, lock, encoder)
            if wanted is not None:
                opened.space.require(wanted, f"kept together in {path}")
            opened._view.open()
        except BaseException:
            database.close()
            raise
        return opened

    # -- life ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish: what was written is taken into the indexes, and the lock is let go."""
        with self._guard:
            if self._closed:
                return
            try:
                if self._lock.held and self._view.is_behind():
                    self._view.flush()
            finally:
                self._closed = True
                self._view.close()
                self._lock.release()
                self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self)} records, {self.space}"
        return f"Collection({str(self.path)!r}: {state})"

    def __len__(self) -> int:
        return self.count()

    def __contains__(self, name: str) -> bool:
        self._check_open()
        return bool(self._database.seqs_of(names_of(name)))

    @property
    def encoder(self) -> Encoder[Any]:
        """The model that encodes texts and queries, loaded when it is first needed.

        Raises
        ------
        ModelNotFound, SpaceMismatch
        """
        if self._encoder is None:
            from kinspace.loading import load

            encoder = load(self._database.meta("encoder") or self.space.model)
            self.space.require(encoder.space, f"kept together in {self.path}")
            self._encoder = encoder
        return self._encoder

    @property
    def repairs(self) -> list[str]:
        """What opening found missing, stale or damaged and made anew."""
        return list(self._view.repairs)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed(f"{self.path} is closed.", "Open it again.")

    # -- reading -------------------------------------------------------------------------------

    @overload
    def get(self, ids: str) -> dict[str, Any] | None: ...
    @overload
    def get(self, ids: list[str] | tuple[str, ...]) -> list[dict[str, Any] | None]: ...
    def get(self, ids: str | Sequence[str]) -> Any:
        """Records by id, None where there is none; one id gives one record."""
        with self._guard:
            self._check_open()
            names = names_of(ids)
            places = self._database.seqs_of(names)
            rows = self._database.rows(list(places.values()))
            found = [_as_record(rows.get(places.get(name, 0))) for name in names]
        return found[0] if isinstance(ids, str) else found

    def records(self, where: Filter | str | None = None) -> Iterator[dict[str, Any]]:
        """All records, or those that satisfy a filter, in the order in which they were written."""
        with self._guard:
            self._check_open()
            seqs = self._database.seqs_where(*(("1", []) if where is None else to_sql(where)))
        for start in range(0, len(seqs), _ROWS):
            part = seqs[start : start + _ROWS].tolist()
            with self._guard:
                self._check_open()
                rows = self._database.rows(part)
            yield from (record for s in part if (record := _as_record(rows.get(s))) is not None)

    def vectors(self, ids: Sequence[str]) -> Embeddings:
        """The vectors of records, as they were given or encoded, with the ids.

        Raises
        ------
        IdNotFound
        """
        with self._guard:
            self._check_open()
            names = names_of(ids)
            places = self._database.seqs_of(names)
            for name in names:
                if name not in places:
                    raise IdNotFound(
                        f"There is no record {name!r} in {self.path}.", "Check the id."
                    )
            raw = self._database.vectors(list(places.values()))
        joined = b"".join(raw.get(places[name], b"") for name in names)
        if len(joined) != len(names) * self.space.dim * np.dtype(self.dtype).itemsize:
            raise damaged(self._database.path, "a vector is missing or of another length")
        rows = np.frombuffer(joined, self.dtype).reshape(len(names), self.space.dim)
        return Embeddings(rows.astype(np.float32), self.space, names)

    def count(self, where: Filter | str | None = None) -> int:
        """How many records there are, or how many satisfy a filter."""
        with self._guard:
            self._check_open()
            return self._database.count(*(("1", []) if where is None else to_sql(where)))

    def search(
        self,
        query: Any,
        k: int = 10,
        where: Filter | str | None = None,
        mode: Mode = "hybrid",
        *,
        explain: bool = False,
        unique: str | None = None,
        offset: int = 0,
    ) -> list[Hit]:
        """The ``k`` best records that satisfy the filter, best first.

        Parameters
        ----------
        query : str, or a vector of shape (dim,)
            In a text, ``"a phrase"`` holds words together, ``title:word`` looks in one field,
            ``+word`` must be there and ``-word`` must not. A vector is searched by meaning only.
        k : int
            More than there are gives all.
        where : dict or str, optional
            A filter over the fields (see :mod:`kinspace.store.filters`); it is applied before
            the ``k`` best are taken.
        mode : {"hybrid", "dense", "keyword"}
        explain : bool
            Also say which way of searching found a hit, at which rank, by which words.
        unique : str, optional
            The path of a field of which each value may come once, such as ``"path"`` for one
            hit a document.
        offset : int
            How many of the best to leave out, for pages.

        Raises
        ------
        EmptyInput, InvalidParameter, InvalidFilter, InvalidVectors, DimensionMismatch,
        SpaceMismatch
        """
        with self._guard:
            self._check_open()
            searcher = Searcher(self._view, lambda: self.encoder)
            return searcher.search(
                query, k, where, mode, explain=explain, unique=unique, offset=offset
            )

    def find(
        self, query: Any, k: int = 10, where: Filter | str | None = None, mode: Mode = "hybrid"
    ) -> Neighbours[str]:
        """The same as :meth:`search`, ids and scores only: for long lists, as when one is judged.

        Raises
        ------
        EmptyInput, InvalidParameter, InvalidFilter, InvalidVectors, DimensionMismatch,
        SpaceMismatch
        """
        with self._guard:
            self._check_open()
            return Searcher(self._view, lambda: self.encoder).find(query, k, where, mode)

    def near(self, name: str, k: int = 10, where: Filter | str | None = None) -> list[Hit]:
        """The ``k`` records nearest in meaning to one record, without itself.

        Raises
        ------
        IdNotFound
        """
        vector = self.vectors([name]).vectors[0]
        found = self.search(vector, k + 1, where, "dense")
        return [hit for hit in found if hit.id != str(name)][:k]

    # -- care ----------------------------------------------------------------------------------

    def info(self) -> Info:
        """What the collection holds and how large its parts are."""
        with self._guard:
            self._check_open()
            self._view.refresh()
            return Info.of(self.path, self._database, self._view, self._lock)

    def check(self) -> list[str]:
        """Look at every byte; returns what is wrong, nothing if all is well."""
        with self._guard:
            self._check_open()
            return problems(self._database, self._view)

    @property
    def database(self) -> Database:
        """The truth itself, for the rooms that keep more in it (sources of files)."""
        self._check_open()
        return self._database


def _as_record(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else {"id": row.id, "text": row.text, **row.fields}
