"""The embedded default store: a folder with records, vectors and two indexes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self, overload

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Progress
from kinspace.errors import (
    CollectionNotFound,
    DuplicateId,
    IdNotFound,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    ReadOnlyStore,
    StoreClosed,
)
from kinspace.results import Hit
from kinspace.space import Space
from kinspace.store import database as db
from kinspace.store.base import Checked, Mode, Record, check
from kinspace.store.care import Compaction, Info, folder_bytes
from kinspace.store.filters import Filter, to_sql
from kinspace.store.lock import WriterLock
from kinspace.store.search import Searcher
from kinspace.store.view import LONGEST_TAIL, View

BATCH: Final = 4096
"""Records that are committed together."""
_FLUSH: Final = 4 * BATCH
"""Records of one call after which they are taken into the derived parts in between."""

DTYPES: Final = ("float16", "float32")


@dataclass(frozen=True, slots=True)
class _Old:
    seq: int
    hash: bytes
    fields: str
    source: str | None


class Collection:
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
        database: db.Database,
        lock: WriterLock,
        encoder: Encoder[Any] | None,
        lock_timeout: float,
    ) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self._encoder = encoder
        self._lock_timeout = lock_timeout
        self._guard = threading.RLock()
        self._closed = False
        self.space = Space.from_dict(database.meta("space"))
        self.dtype: str = database.meta("dtype")
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
        is_new = not (path / db.FILE).exists()
        if is_new:
            _check_new(path, create=create and not read_only, dtype=dtype)
            path.mkdir(parents=True, exist_ok=True)
        database = db.Database(path, read_only=read_only)
        try:
            lock = WriterLock(path)
            if database.meta("space") is None:
                if encoder is None and space is None:
                    from kinspace.pretrained import load

                    encoder = load()
                _found(database, encoder, space, dtype)
            wanted = encoder.space if encoder is not None else space
            opened = cls(path, database, lock, encoder, lock_timeout)
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
        return bool(self._database.seqs_of([name]))

    @property
    def encoder(self) -> Encoder[Any]:
        """The model that encodes texts and queries, loaded when it is first needed.

        Raises
        ------
        ModelNotFound, SpaceMismatch
        """
        if self._encoder is None:
            from kinspace.pretrained import load

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

    def _start_writing(self) -> None:
        self._check_open()
        if self._database.read_only:
            raise ReadOnlyStore(
                f"{self.path} was opened for reading.", "Open it without read_only."
            )
        if not self._lock.held:
            self._lock.acquire(self._lock_timeout)
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

    def _take(
        self, records: Iterable[Record], *, replace: bool, progress: Progress | None
    ) -> int:
        if isinstance(records, dict | str | bytes):
            raise InvalidInput(
                f"Records are a list of dicts; this is one {type(records).__name__}.",
                "Put it into a list.",
            )
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
            self._settle()
        return changed

    def write(
        self,
        batch: Sequence[Checked],
        *,
        replace: bool = True,
        also: Callable[[db.Database], None] | None = None,
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
            if not replace:
                self._check_new_ids(batch)
            latest = {one.id: one for one in batch}
            old = {
                name: _Old(*values)
                for name, values in self._database.hashes_of(list(latest)).items()
            }
            hashes = {name: _content_hash(one) for name, one in latest.items()}
            changed = [
                one for name, one in latest.items()
                if name not in old
                or (old[name].hash, old[name].fields, old[name].source)
                != (hashes[name], one.json, one.source)
            ]  # fmt: skip
            vectors = self._vectors_for(changed, hashes)
            rows = [
                db.NewRow(o.id, o.text, o.json, hashes[o.id], o.source, vectors[hashes[o.id]])
                for o in changed
            ]
            gone = [old[one.id].seq for one in changed if one.id in old]
            with self._database.transaction():
                gone += self._database.seqs_of([n for n in without if n not in latest]).values()
                self._database.bury(gone)
                self._database.insert(rows)
                if also is not None:
                    also(self._database)
            return len(rows)

    def _check_new_ids(self, batch: Sequence[Checked]) -> None:
        names = [one.id for one in batch]
        seen = set(self._database.seqs_of(names))
        for name in names:
            if name in seen:
                raise DuplicateId(
                    f"The id {name!r} is in use already.", "Use upsert to replace records."
                )
            seen.add(name)

    def _vectors_for(
        self, records: Sequence[Checked], hashes: dict[str, bytes]
    ) -> dict[bytes, bytes]:
        """Vectors by content hash: given, known from an equal text, or encoded now."""
        vectors: dict[bytes, bytes] = {}
        texts: dict[bytes, str] = {}
        for one in records:
            if one.vector is not None:
                vectors[hashes[one.id]] = self._pack(one.vector[None], one.id)[0]
            else:
                texts[hashes[one.id]] = one.encoded_text
        vectors |= self._database.vectors_by_hash(list(texts))
        missing = [digest for digest in texts if digest not in vectors]
        if missing:
            found = self.encoder.encode([texts[digest] for digest in missing])
            self.space.require(found.space, f"kept together in {self.path}")
            vectors |= dict(zip(missing, self._pack(found.vectors, "a text"), strict=True))
        return vectors

    def _pack(self, rows: NDArray[np.float32], name: str) -> list[bytes]:
        with np.errstate(over="ignore"):
            packed = rows.astype(self.dtype)
        if not np.isfinite(packed).all():
            raise InvalidVectors(
                f"The vector of {name!r} has values too large for {self.dtype}.",
                'Open a new collection with dtype="float32".',
            )
        return [row.tobytes() for row in packed]

    def delete(
        self, ids: Iterable[str] | None = None, *, where: Filter | str | None = None
    ) -> int:
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
                names = [ids] if isinstance(ids, str) else list(ids or ())
                seqs = list(self._database.seqs_of(names).values())
            with self._database.transaction():
                self._database.bury(seqs)
            self._settle()
        return len(seqs)

    def _settle(self) -> None:
        """After a write: small things wait in the tail, many are taken in now."""
        if self._view.waiting() >= LONGEST_TAIL:
            self._view.flush()
        else:
            self._view.refresh(force=True)

    def flush(self) -> None:
        """Take everything committed into the indexes now; closing does it too."""
        with self._guard:
            self._start_writing()
            self._view.flush()

    # -- reading -------------------------------------------------------------------------------

    @overload
    def get(self, ids: str) -> dict[str, Any] | None: ...
    @overload
    def get(self, ids: Sequence[str]) -> list[dict[str, Any] | None]: ...
    def get(self, ids: str | Sequence[str]) -> Any:
        """Records by id, None where there is none; one id gives one record."""
        with self._guard:
            self._check_open()
            names = [ids] if isinstance(ids, str) else list(ids)
            places = self._database.seqs_of(names)
            rows = self._database.rows(list(places.values()))
            found = [_as_record(rows.get(places.get(name, 0))) for name in names]
        return found[0] if isinstance(ids, str) else found

    def records(self, where: Filter | str | None = None) -> Iterator[dict[str, Any]]:
        """All records, or those that satisfy a filter, in the order in which they were written."""
        with self._guard:
            self._check_open()
            seqs = self._database.seqs_where(*(("1", []) if where is None else to_sql(where)))
        for start in range(0, len(seqs), BATCH):
            part = seqs[start : start + BATCH].tolist()
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
            places = self._database.seqs_of(list(ids))
            for name in ids:
                if name not in places:
                    raise IdNotFound(f"There is no record {name!r} in {self.path}.", "Check the id.")
            raw = self._database.vectors(list(places.values()))
        joined = b"".join(raw[places[name]] for name in ids)
        rows = np.frombuffer(joined, self.dtype).reshape(len(ids), self.space.dim)
        return Embeddings(rows.astype(np.float32), self.space, list(ids))

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

    def near(self, name: str, k: int = 10, where: Filter | str | None = None) -> list[Hit]:
        """The ``k`` records nearest in meaning to one record, without itself.

        Raises
        ------
        IdNotFound
        """
        vector = self.vectors([name]).vectors[0]
        found = self.search(vector, k + 1, where, "dense")
        return [hit for hit in found if hit.id != name][:k]

    # -- care ----------------------------------------------------------------------------------

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

    def info(self) -> Info:
        """What the collection holds and how large its parts are."""
        with self._guard:
            self._check_open()
            self._view.refresh()
            return Info.of(self.path, self._database, self._view, self._lock)

    def check(self) -> list[str]:
        """Look at every byte; returns what is wrong, nothing if all is well."""
        from kinspace.store.care import problems

        with self._guard:
            self._check_open()
            return problems(self._database, self._view)

    @property
    def database(self) -> db.Database:
        """The truth itself, for the rooms that keep more in it (sources of files)."""
        self._check_open()
        return self._database


def _check_new(path: Path, *, create: bool, dtype: str) -> None:
    if not create:
        raise CollectionNotFound(
            f"There is no collection in {path}.", f"Make one with: kinspace index FILES -c {path}"
        )
    if path.is_file():
        raise InvalidParameter(f"{path} is a file.", "A collection is a folder: name another.")
    if path.is_dir() and any(p.name not in ("writer.lock",) for p in path.iterdir()):
        raise InvalidParameter(
            f"{path} holds other files and no collection.", "Name an empty or a new folder."
        )
    if dtype not in DTYPES:
        raise InvalidParameter(f"dtype is {dtype!r}.", f"Choose one of: {', '.join(DTYPES)}.")


def _found(
    database: db.Database,
    encoder: Encoder[Any] | None,
    space: Space | None,
    dtype: str,
) -> None:
    """Write down what a new collection is; two processes may do so at the same moment."""
    made = encoder.space if encoder is not None else space
    assert made is not None
    with database.transaction():
        if database.meta("space") is None:
            database.set_meta("space", made.to_dict())
            database.set_meta("dtype", dtype)
            database.set_meta("encoder", made.model if encoder is not None else None)


def _content_hash(record: Checked) -> bytes:
    """What decides whether a record's vector is still right."""
    digest = hashlib.blake2b(digest_size=16)
    if record.vector is not None:
        digest.update(b"vector")
        digest.update(record.vector.tobytes())
    else:
        digest.update(b"text")
    digest.update(record.encoded_text.encode())
    return digest.digest()


def _as_record(row: db.Row | None) -> dict[str, Any] | None:
    return None if row is None else {"id": row.id, "text": row.text, **row.fields}

