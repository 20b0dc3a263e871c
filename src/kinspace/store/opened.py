"""Opening a collection, and everything that only reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self, overload

import numpy as np

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder
from kinspace.errors import IdNotFound, InvalidParameter, SpaceMismatch, StoreClosed
from kinspace.results import Hit, Neighbours
from kinspace.search.rerank import DEPTH, Reranker
from kinspace.search.rerank import rerank as reranked
from kinspace.space import Space
from kinspace.store.base import Mode, names_of, with_title
from kinspace.store.care import Info, problems
from kinspace.store.database import FILE, Database, Row
from kinspace.store.filters import Filter, to_sql
from kinspace.store.lock import WriterLock
from kinspace.store.migration import Other, other_of
from kinspace.store.opening import check_new, found, make_folder, promise, require_model
from kinspace.store.promise import Kept
from kinspace.store.recipe import made_from
from kinspace.store.search import Searcher, check_page
from kinspace.store.vector_rows import VectorRows, VectorSet, active
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
        which: VectorSet | None = None,
    ) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self._encoder = encoder
        self._expects: Space | None = None
        self._guard = threading.RLock()  # held while the database and the view are used
        self._writing = threading.RLock()  # held, before the guard, by whoever writes records
        self._making = threading.Lock()  # held, before both, while parts are made beside
        self._closed = False
        self._look_at(which or active(database))

    def _look_at(self, which: VectorSet) -> None:
        """Read, and write, one set of vectors."""
        self._rows = VectorRows(self._database, which)
        self.space, self.dtype = which.space, which.dtype
        self._view = View(self.path, self._rows, self._lock)

    def _follow(self) -> None:
        """See whether another process has changed the collection over to another model."""
        if int(self._database.meta("set") or 1) == self._rows.which.number:
            return
        which = active(self._database)
        if self._expects is not None and not which.space.agrees(self._expects):
            raise SpaceMismatch(
                f"{self.path} was changed from {self._expects} to {which.space} meanwhile.",
                "Open it again, with that model.",
            )
        self._view.close()
        self._encoder = None
        self._look_at(which)
        self._view.open()

    @classmethod
    def open(
        cls,
        path: str | Path,
        encoder: Encoder[Any] | str | Path | None = None,
        *,
        space: Space | None = None,
        dtype: str = "float16",
        recall: float | None = None,
        create: bool = True,
        read_only: bool = False,
        lock_timeout: float = 0.0,
    ) -> Self:
        """Open a collection, making a new one where there is none.

        Parameters
        ----------
        path : str or Path
            The collection's folder.
        encoder : Encoder, str or Path, optional
            What encodes texts and queries, or what :func:`kinspace.load` loads it by. By default
            the model that the collection was made with, with the same options; for a new one the
            model shipped with Kinspace.
        space : Space, optional
            For a new collection whose records all bring their own vectors, instead of an encoder.
        dtype : {"float16", "float32"}
            How a new collection keeps vectors.
        recall : float, optional
            The share of the nearest vectors that a search finds where they are too many to compare
            all; by default what it was, 0.95 at first. The index follows at the next write.
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
        InvalidParameter, ModelNotFound
        CorruptStore, NewerFormat
            If it cannot be read.
        """
        path = Path(path)
        name = None
        if isinstance(encoder, str | Path):
            name, encoder = encoder, made_from({"name": encoder, "options": {}})
        is_new = not (path / FILE).exists()
        if is_new:
            given = encoder.space if encoder is not None else space
            create = create and not read_only
            check_new(path, given, create=create, dtype=dtype, recall=recall)
            make_folder(path)
        database = Database(path, read_only=read_only)
        try:
            lock = WriterLock(path, lock_timeout)
            if database.meta("space") is None:
                encoder = found(database, encoder, space, dtype, name)
            promise(database, recall)
            wanted = encoder.space if encoder is not None else space
            opened = cls(path, database, lock, encoder)
            if wanted is not None:
                require_model(path, opened._rows.which, wanted, other_of(database))
                opened._expects = wanted
            opened._view.open()
        except BaseException:
            database.close()
            raise
        return opened

    # -- life ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish: what was written is taken into the indexes, and the lock is let go."""
        with self._making, self._writing, self._guard:
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
            recipe = self._rows.which.encoder or {"name": self.space.model, "options": {}}
            encoder = made_from(recipe)
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
        self._follow()

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
            for name in set(names) - places.keys():
                raise IdNotFound(f"There is no record {name!r} in {self.path}.", "Check the id.")
            rows = self._rows.of([places[name] for name in names])
        rows = rows.astype(np.float32) if self.space.form == "dense" else rows
        return Embeddings(rows, self.space, names)

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
        rerank: Reranker | Encoder[Any] | None = None,
        depth: int | None = None,
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
        rerank : Reranker or Encoder, optional
            What reads the best ``depth`` again, with the query, and brings them into its order;
            their scores are its own.
        depth : int, optional
            How many it reads; 100 if not given.

        Raises
        ------
        EmptyInput, InvalidParameter, InvalidFilter, InvalidVectors, DimensionMismatch,
        SpaceMismatch
        """
        check_page(k, offset)
        if rerank is None:
            if depth is not None:
                raise InvalidParameter("depth says how many are reranked.", "Give rerank too.")
            return self._search(query, k, where, mode, explain, unique, offset)
        depth = max(DEPTH if depth is None else depth, k + offset)
        found = self._search(query, depth, where, mode, explain, unique, 0)
        texts = [with_title(hit.fields.get("title"), hit.text) for hit in found]
        return reranked(query, found, rerank, k + offset, texts=texts, explain=explain)[offset:]

    def _search(self, *asked: Any) -> list[Hit]:
        with self._guard:
            self._check_open()
            return Searcher(self._view, lambda: self.encoder).search(*asked)

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
        found = self.search(self.vectors([name]), k + 1, where, "dense")
        return [hit for hit in found if hit.id != str(name)][:k]

    def near_ids(self, name: str, k: int = 10) -> Neighbours[str]:
        """The same as :meth:`near`, ids and scores only."""
        found = self.find(self.vectors([name]), k + 1, None, "dense")
        kept = [place for place, one in enumerate(found.ids) if one != str(name)][:k]
        return Neighbours([found.ids[p] for p in kept], found.scores[kept], found.metric)

    # -- care ----------------------------------------------------------------------------------

    def info(self) -> Info:
        """What the collection holds and how large its parts are."""
        with self._guard:
            self._check_open()
            self._view.refresh()
            return Info.of(self.path, self._view, self._lock, other_of(self._database))

    def check(self) -> list[str]:
        """Look at every byte; returns what is wrong, nothing if all is well."""
        with self._guard:
            self._check_open()
            return problems(self._database, self._view)

    def measure_recall(self) -> list[Kept]:
        """What share of the 10 and of the 100 nearest vectors is found, against exact search now.

        By 200 points between its vectors and the queries asked since it was opened; empty where
        all vectors are compared anyway.
        """
        with self._guard:
            self._check_open()
            self._view.refresh()
            return self._view.neighbours.measured(list(self._view.meaning.recent))

    @property
    def other(self) -> Other | None:
        """The model that the collection is changing to or was changed from, if there is one."""
        with self._guard:
            self._check_open()
            return other_of(self._database)

    @property
    def vector_rows(self) -> VectorRows:
        """Its vectors as they lie in the database."""
        self._check_open()
        return self._rows

    @property
    def database(self) -> Database:
        """The truth itself, for the rooms that keep more in it (sources of files)."""
        self._check_open()
        return self._database


def _as_record(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else {"id": row.id, "text": row.text, **row.fields}
