"""Looking after a collection: what it holds, whether it is whole, and saving what is left."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from kinspace.errors import CorruptStore, InvalidParameter, PathNotFound, StoreError
from kinspace.metric import normalise
from kinspace.space import Space
from kinspace.store import database as db
from kinspace.store.base import with_title
from kinspace.store.derived import Damaged, Manifest
from kinspace.store.lock import WriterLock
from kinspace.store.migration import Other
from kinspace.store.packing import Packing, unlike
from kinspace.store.vector_rows import beside
from kinspace.store.view import View
from kinspace.store.writer import text_hash

_STEP: Final = 256
_ROWS: Final = 4096
_LOST: Final = b"lost"
"""The content hash of a record whose text or vector is not what it was."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """Bytes on disk before and after."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Info:
    """What a collection holds.

    Parameters
    ----------
    path : str
    records : int
    sources : int
        Files that its records were read from.
    space : dict
    dtype : str
    format : int
    bytes : dict
        Bytes on disk by part.
    waiting : int
        Records that the keyword index does not hold yet; they are found all the same.
    deleted : int
        Records deleted since the last compaction.
    search : str
        How vectors are searched.
    recall : float
        The share of the nearest vectors that it is to find.
    found : list of dict
        What it found when its index was made, for the 10 and for the 100 nearest; empty where
        search is exact.
    writer : str
        Who is writing now, empty if nobody is.
    other : dict, optional
        The model that it is changing to, or was changed from: its space, and how many records it
        lacks.
    repairs : list of str
    """

    path: str
    records: int
    sources: int
    space: dict[str, Any]
    dtype: str
    format: int
    bytes: dict[str, int]
    waiting: int
    deleted: int
    search: str
    recall: float
    found: list[dict[str, Any]]
    writer: str
    other: dict[str, Any] | None = None
    repairs: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path, view: View, lock: WriterLock, other: Other | None) -> Info:
        """Gather it from an open collection."""
        database = view.database
        sizes = {p.name.partition("_")[0]: p.bytes() for p in view.parts if p.bytes()}
        sizes["records"] = sum(p.stat().st_size for p in path.glob(f"{db.FILE}*"))
        sizes["total"] = folder_bytes(path)
        others = not lock.held and lock.is_taken()
        return cls(
            path=str(path),
            records=database.count(),
            sources=len(database.sources()),
            space=view.space.to_dict(),
            dtype=view.rows.which.dtype,
            format=database.format(),
            bytes=sizes,
            waiting=view.waiting(),
            deleted=len(database.tombstones()[1]),
            search=view.neighbours.description(),
            recall=view.neighbours.recall,
            found=[one.to_dict() for one in view.neighbours.kept()],
            writer=lock.holder() if others else "",
            other=None if other is None else other.to_dict(),
            repairs=list(view.repairs),
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def folder_bytes(path: Path) -> int:
    """Bytes of all files in a folder."""
    total = 0
    for file in path.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue  # another process has just replaced it
    return total


def problems(database: db.Database, view: View) -> list[str]:
    """Everything that is wrong with a collection, by looking at every byte.

    The truth is checked by SQLite, the derived parts by their checksums, and then whether all
    three hold the same records.
    """
    found = [f"{db.FILE}: {problem}" for problem in database.problems()]
    if found:
        return found
    for part in view.parts:
        try:
            if part.generation:
                part.manifest.verify(view.root, whole=True)
        except Damaged as error:
            found.append(str(error))
    records = database.seqs_where("1", [])
    _, buried = database.tombstones()
    held = records[records <= view.vectors.manifest.last_seq]
    missing = np.setdiff1d(held, view.vectors.seqs)
    if len(missing):
        found.append(f"vectors: {len(missing)} records have none")
    extra = np.setdiff1d(np.setdiff1d(view.vectors.seqs, held), buried)
    if len(extra):
        found.append(f"vectors: {len(extra)} belong to no record")
    return found + _altered(database, view) + view.keywords.disagreements(records, buried)


def _altered(database: db.Database, view: View) -> list[str]:
    """Texts and vectors that are not what was written: SQLite has no checksum of its own."""
    texts = vectors = seq = 0
    while rows := database.hashed_after(seq, _ROWS):
        seq = rows[-1][0].seq
        for row, digest in rows:
            wanted = text_hash(with_title(row.fields.get("title"), row.text))
            texts += digest[:16] not in (wanted, _LOST)
    seq, table = 0, view.vectors
    while True:
        seqs, mine = view.rows.rows_after(seq, _ROWS)
        if not len(seqs):
            break
        seq = int(seqs[-1])
        held = np.flatnonzero(np.isin(seqs, table.seqs))
        mine = mine[held]
        if view.space.form == "dense":
            mine = mine.astype(np.float32)
        mine = normalise(mine) if view.space.metric == "cosine" else mine
        step = 4 * float(np.finfo(table.packing.dtype).eps)  # rounding of a length may differ
        try:
            vectors += unlike(mine, table.take(table.positions(seqs[held])), step)
        except CorruptStore:
            vectors += len(held)
    found = [f"{db.FILE}: {texts} texts are not what was written"] if texts else []
    return found + ([f"vectors: {vectors} are not those of the records"] if vectors else [])


# -- salvage -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Salvaged:
    """How much was saved: records with their vectors, and records whose vector was lost."""

    records: int
    without_vector: int


def salvage(path: str | Path, target: str | Path) -> Salvaged:
    """Copy all that can still be read of a damaged collection into a new one.

    The damaged collection is not touched. Pages that cannot be read are stepped over; where
    the first page, which says what lies where, is gone, that of a new collection takes its
    place. Records whose vector is lost are encoded again by the next ``upsert``.

    Parameters
    ----------
    path : str or Path
        The damaged collection.
    target : str or Path
        The folder of the new one, which must not exist.

    Raises
    ------
    PathNotFound
        If there is no collection.
    CorruptStore
        If nothing can be read.
    """
    path, target = Path(path), Path(target)
    if not (path / db.FILE).exists():
        raise PathNotFound(f"There is no {db.FILE} in {path}.", "Check the path.")
    if target.exists():
        raise StoreError(f"{target} exists already.", "Name a new folder.")
    with tempfile.TemporaryDirectory(prefix="kinspace-") as folder:
        copy = Path(folder) / db.FILE
        for file in path.glob(f"{db.FILE}*"):
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, Path(folder) / file.name)
        connection = _open_damaged(copy)
        try:
            return _copy_records(connection, path, target)
        finally:
            connection.close()


def _open_damaged(copy: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(copy)
    try:
        connection.execute("SELECT max(seq) FROM records").fetchone()
    except sqlite3.DatabaseError:
        connection.close()
        _replace_first_page(copy)
        connection = sqlite3.connect(copy)
    return connection


def _replace_first_page(copy: Path) -> None:
    """Put the first page of an empty collection in place: tables lie at the same pages in all."""
    for suffix in ("-wal", "-shm"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="kinspace-") as folder:
        fresh = db.Database(Path(folder))
        fresh.vacuum()
        fresh.close()
        content = (Path(folder) / db.FILE).read_bytes()
    size = struct.unpack(">H", content[16:18])[0]
    page = bytearray(content[:size])
    total = copy.stat().st_size // size
    page[28:32] = struct.pack(">I", total)  # pages in the file
    page[32:40] = bytes(8)  # no list of free pages
    with copy.open("r+b") as file:
        file.write(page)
        file.truncate(total * size)


def _rows(
    connection: sqlite3.Connection, statement: str, first: int, last: int
) -> Iterator[tuple[Any, ...]]:
    """Rows with ``first <= seq < last``, stepping over what cannot be read by halving."""
    try:
        yield from connection.execute(statement, (first, last)).fetchall()
    except sqlite3.DatabaseError:
        if last - first > 1:
            middle = (first + last) // 2
            yield from _rows(connection, statement, first, middle)
            yield from _rows(connection, statement, middle, last)


def _last_seq(connection: sqlite3.Connection, path: Path, table: str) -> int:
    """The highest row number, or the nearest guess that the ruins allow."""
    for statement in (
        "SELECT seq FROM sqlite_sequence WHERE name = 'records'",
        "SELECT max(seq) FROM records",
        f"SELECT max(seq) FROM {table}",
    ):
        with suppress(sqlite3.DatabaseError, TypeError, ValueError):
            row = connection.execute(statement).fetchone()
            if row and row[0]:
                return int(row[0])
    with suppress(Damaged):
        return Manifest.read(path / db.DERIVED / f"{table}.json").last_seq
    return (path / db.FILE).stat().st_size // 64  # no record takes less


def _meta(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    try:
        found = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    except sqlite3.DatabaseError:
        found = {}
    known = {}
    for key in ("space", "dtype", "encoder", "set", "recall"):
        with suppress(ValueError, TypeError, KeyError):
            known[key] = json.loads(found[key])
    if "space" not in known or "dtype" not in known:
        known |= _by_table(path / db.DERIVED)
    try:
        Packing(Space.from_dict(known["space"]), known["dtype"])
    except (KeyError, TypeError, InvalidParameter) as error:
        raise CorruptStore(
            f"{path} does not say any more which model its vectors are of.",
            "Index the files again; nothing of the collection can be used without it.",
        ) from error
    return known


def _by_table(root: Path) -> dict[str, Any]:
    """What the vector table says of its space; of two, the one that was brought up to date last."""
    known, latest = {}, -1
    for manifest in sorted(root.glob("vectors*.json")):
        with suppress(Damaged, KeyError, ValueError):
            found = Manifest.read(manifest)
            number = int(manifest.stem.partition("_")[2] or 1)
            if found.last_seq >= latest:
                known, latest = {**found.values["identity"], "set": number}, found.last_seq
    return known


def _copy_records(connection: sqlite3.Connection, path: Path, target: Path) -> Salvaged:
    meta = _meta(connection, path)
    packing = Packing(Space.from_dict(meta["space"]), meta["dtype"])
    table = beside(db.VECTORS, int(meta.pop("set", None) or 1))
    nothing = b"" if packing.space.form == "sparse" else bytes(packing.unit.itemsize)
    target.mkdir(parents=True)
    new = db.Database(target)
    kept = lost = 0
    seen: set[str] = set()
    with new.transaction():
        for key, value in meta.items():
            new.set_meta(key, value)
        if packing.space.form != "dense":
            new.need_format(2)
    last = _last_seq(connection, path, table) + 1
    for first in range(1, last, _STEP):
        bounds = (first, min(first + _STEP, last))
        vectors = dict(
            _rows(connection, f"SELECT seq, vector FROM {table} NOT INDEXED "
                  "WHERE seq >= ? AND seq < ?", *bounds)
        )  # fmt: skip
        rows = []
        for seq, name, text, fields, digest, source in _rows(
            connection, "SELECT seq, id, text, fields, hash, source FROM records NOT INDEXED "
            "WHERE seq >= ? AND seq < ?", *bounds
        ):  # fmt: skip
            if not _is_whole(name, text, fields) or name in seen:
                continue
            seen.add(name)
            vector = vectors.get(seq)
            if not packing.is_whole(vector):
                vector = None
            lost += vector is None
            kept += vector is not None
            # A record that is not as it was gets a hash that no text has: it is encoded anew.
            title = json.loads(fields).get("title")
            same = isinstance(digest, bytes) and digest[:16] == text_hash(with_title(title, text))
            known = digest if vector is not None and same else _LOST
            rows.append(db.NewRow(name, text, fields, known,
                                  source if isinstance(source, str) else None,
                                  nothing if vector is None else vector))  # fmt: skip
        with new.transaction():
            new.insert(rows)
    new.close()
    if not kept + lost and not _is_empty(connection):
        shutil.rmtree(target)
        raise CorruptStore(f"No record of {path} can be read any more.", "Index the files again.")
    return Salvaged(kept + lost, lost)


def _is_empty(connection: sqlite3.Connection) -> bool:
    try:
        return bool(connection.execute("SELECT count(*) = 0 FROM records").fetchone()[0])
    except sqlite3.DatabaseError:
        return False


def _is_whole(name: Any, text: Any, fields: Any) -> bool:
    if not (isinstance(name, str) and isinstance(text, str) and isinstance(fields, str)):
        return False
    try:
        return isinstance(json.loads(fields), dict)
    except ValueError:
        return False
