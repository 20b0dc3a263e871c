"""The truth of a collection: records and vectors in one SQLite file.

A record's row number, ``seq``, only ever grows and is never used again: changing a record
gives it a new one. So whatever is derived from the truth only has to append what lies beyond
the last ``seq`` it knows, and to leave out the few numbers that have been buried since.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import CorruptStore, NewerFormat
from kinspace.store.sqlite_errors import damaged, typed_errors

FORMAT: Final = 2
"""The latest format that is read; what needs no more is written as 1 (:meth:`need_format`)."""
APPLICATION_ID: Final = 0x4B494E53  # "KINS": how `file` and a hex editor know it
FILE: Final = "collection.sqlite"
DERIVED: Final = "derived"
"""The folder of what is made from the truth."""
VECTORS: Final = "vectors"
"""The table of the vectors that a collection was made with."""

SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    fields TEXT NOT NULL,
    hash BLOB NOT NULL,
    source TEXT
);
CREATE INDEX records_hash ON records (hash);
CREATE INDEX records_source ON records (source) WHERE source IS NOT NULL;
CREATE TABLE vectors (seq INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE tombstones (number INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL);
CREATE TABLE sources (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    hash BLOB NOT NULL, options TEXT NOT NULL
) WITHOUT ROWID;
"""

_CHUNK = 500
"""Values in one ``IN (…)``; SQLite allows 32,766, and shorter statements are cached."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it lies in the database."""

    seq: int
    id: str
    text: str
    fields: dict[str, Any]
    source: str | None


@dataclass(frozen=True, slots=True)
class NewRow:
    """One record on its way in."""

    id: str
    text: str
    fields: str
    hash: bytes
    source: str | None
    vector: bytes


class Database:
    """The SQLite file of one collection, for one process.

    Parameters
    ----------
    folder : Path
        The collection's folder, which exists.
    read_only : bool
        Never write; a folder on a read-only disk can be read too.

    Raises
    ------
    CorruptStore, NewerFormat, StoreError
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE
        self.read_only = read_only
        self.is_new = not self.path.exists()
        with typed_errors(self.path):
            self._connection = self._connect()
            if self.is_new:
                self._create()
            else:
                self._check_format()

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self.path.resolve().as_uri()}?mode={'ro' if self.read_only else 'rwc'}"
        try:
            connection = self._prepare(uri)
        except sqlite3.OperationalError:
            if not self.read_only:
                raise
            # Without write permission WAL cannot make its index: read the file as it stands.
            connection = self._prepare(uri + "&immutable=1")
        return connection

    def _prepare(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=30,
            cached_statements=256,
        )
        if self.is_new:
            connection.execute("PRAGMA page_size = 8192")
        if not self.read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection

    def _create(self) -> None:
        with self.transaction():
            for statement in SCHEMA.split(";"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute("PRAGMA user_version = 1")

    def _check_format(self) -> None:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            # Killed between making the file and its first commit; or all of it was lost since.
            blank = application == 0 and version == 0 and self._is_blank()
            if blank and not self.read_only and not (self.path.parent / DERIVED).exists():
                self._create()
                self.is_new = True
                return
            raise CorruptStore(
                f"{self.path} is not a collection of Kinspace.", "Check that the path is right."
            )
        if version > FORMAT:
            raise NewerFormat(
                f"{self.path} has format {version}; this Kinspace reads up to {FORMAT}.",
                "Install a newer one: pip install -U kinspace",
            )

    def need_format(self, version: int) -> None:
        """Let only those open it that read a format; inside a transaction."""
        if self.format() < version:
            self.fetch(f"PRAGMA user_version = {version}")

    def format(self) -> int:
        """The format that it is written in."""
        return int(self.fetch_one("PRAGMA user_version"))

    def _is_blank(self) -> bool:
        return int(self.fetch_one("SELECT count(*) FROM sqlite_master")) == 0

    def close(self) -> None:
        """Close the connection; committed work is safe without it."""
        self._connection.close()

    # -- transactions --------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: commit at the end, roll back on any error."""
        with typed_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def version(self) -> int:
        """A number that changes whenever another connection has committed."""
        return int(self.fetch_one("PRAGMA data_version"))

    def fetch(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows that a statement gives."""
        with typed_errors(self.path):
            return self._connection.execute(statement, values).fetchall()

    def fetch_one(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """The first value that a statement gives, None if there is none."""
        rows = self.fetch(statement, values)
        return rows[0][0] if rows else None

    # -- meta ----------------------------------------------------------------------------------

    def meta(self, key: str) -> Any:
        """A value of the collection itself, None if it is not set."""
        value = self.fetch_one("SELECT value FROM meta WHERE key = ?", (key,))
        try:
            return None if value is None else json.loads(value)
        except (TypeError, ValueError) as error:
            raise damaged(self.path, f"its {key} cannot be read") from error

    def set_meta(self, key: str, value: Any) -> None:
        """Set a value; inside a transaction."""
        self.fetch("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    # -- records -------------------------------------------------------------------------------

    def insert(self, rows: Sequence[NewRow], table: str = VECTORS) -> None:
        """Append rows in order; inside a transaction, old rows of the same ids gone before.

        Their vectors go into ``table``.
        """
        with typed_errors(self.path):
            first = (
                int(self.fetch_one("SELECT seq FROM sqlite_sequence WHERE name = 'records'") or 0)
                + 1
            )
            self._connection.executemany(
                "INSERT INTO records (seq, id, text, fields, hash, source) VALUES (?,?,?,?,?,?)",
                ((first + i, r.id, r.text, r.fields, r.hash, r.source) for i, r in enumerate(rows)),
            )
            self._connection.executemany(
                f"INSERT INTO {table} (seq, vector) VALUES (?, ?)",
                ((first + i, r.vector) for i, r in enumerate(rows)),
            )

    def bury(self, seqs: Sequence[int]) -> None:
        """Delete rows and note their numbers for what is derived; inside a transaction."""
        one = [(seq,) for seq in seqs]
        with typed_errors(self.path):
            for statement in (
                "DELETE FROM records WHERE seq = ?",
                *(f"DELETE FROM {table} WHERE seq = ?" for table in self.vector_tables()),
                "INSERT INTO tombstones (seq) VALUES (?)",
            ):
                self._connection.executemany(statement, one)

    def vector_tables(self) -> list[str]:
        """The tables of vectors: one, and one more while two models are kept side by side."""
        return [
            row[0]
            for row in self.fetch(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'vectors*'"
            )
        ]

    def seqs_of(self, ids: Sequence[str]) -> dict[str, int]:
        """The row numbers of those ids that exist."""
        return dict(self.fetch_in("SELECT id, seq FROM records WHERE id IN ({})", ids))

    def hashes_of(self, ids: Sequence[str]) -> dict[str, tuple[int, bytes, str, str | None]]:
        """Row number, content hash, fields and source of those ids that exist."""
        rows = self.fetch_in(
            "SELECT id, seq, hash, fields, source FROM records WHERE id IN ({})", ids
        )
        return {row[0]: row[1:] for row in rows}

    def rows(self, seqs: Sequence[int]) -> dict[int, Row]:
        """Records by row number; numbers that are gone are left out."""
        found = self.fetch_in(
            "SELECT seq, id, text, fields, source FROM records WHERE seq IN ({})", seqs
        )
        return {row[0]: self._row(row) for row in found}

    def names_of(self, seqs: Sequence[int]) -> dict[int, str]:
        """Ids by row number; numbers that are gone are left out."""
        return dict(self.fetch_in("SELECT seq, id FROM records WHERE seq IN ({})", seqs))

    def rows_after(self, seq: int, limit: int) -> list[Row]:
        """Up to ``limit`` records beyond a row number, in order."""
        found = self.fetch(
            "SELECT seq, id, text, fields, source FROM records WHERE seq > ? ORDER BY seq LIMIT ?",
            (seq, limit),
        )
        return [self._row(row) for row in found]

    def _row(self, found: tuple[Any, ...]) -> Row:
        seq, name, text, fields, source = found
        try:
            values = json.loads(fields)
        except (TypeError, ValueError) as error:
            raise damaged(self.path, f"the fields of record {name!r:.80} are no JSON") from error
        if not (isinstance(name, str) and isinstance(text, str) and isinstance(values, dict)):
            raise damaged(self.path, f"record {name!r:.80} is not what was written")
        return Row(seq, name, text, values, source)

    def hashed_after(self, seq: int, limit: int) -> list[tuple[Row, bytes]]:
        """Records beyond a row number with the content hash that was noted for them."""
        found = self.fetch(
            "SELECT seq, id, text, fields, source, hash FROM records WHERE seq > ? "
            "ORDER BY seq LIMIT ?",
            (seq, limit),
        )
        return [(self._row(row[:5]), bytes(row[5])) for row in found]

    def seqs_where(self, condition: str, values: Sequence[Any]) -> NDArray[np.int64]:
        """Row numbers that satisfy an SQL condition, ascending."""
        with typed_errors(self.path):
            cursor = self._connection.execute(
                f"SELECT seq FROM records WHERE {condition} ORDER BY seq", values
            )
            return np.fromiter((row[0] for row in cursor), np.int64)

    def ids_where(self, condition: str, values: Sequence[Any]) -> list[str]:
        """Ids that satisfy an SQL condition, in the order in which they were written."""
        found = self.fetch(f"SELECT id FROM records WHERE {condition} ORDER BY seq", values)
        return [row[0] for row in found]

    def count(self, condition: str = "1", values: Sequence[Any] = ()) -> int:
        """How many records satisfy an SQL condition."""
        return int(self.fetch_one(f"SELECT count(*) FROM records WHERE {condition}", values))

    def last_seq(self) -> int:
        """The highest row number that exists, 0 if there is none."""
        return int(self.fetch_one("SELECT max(seq) FROM records") or 0)

    def ever(self) -> tuple[int, int]:
        """The highest row number, and the number of the last burial, that there ever were."""
        found = dict(self.fetch("SELECT name, seq FROM sqlite_sequence"))
        return int(found.get("records", 0)), int(found.get("tombstones", 0))

    def count_after(self, seq: int) -> int:
        """How many records lie beyond a row number."""
        return int(self.fetch_one("SELECT count(*) FROM records WHERE seq > ?", (seq,)))

    # -- tombstones ----------------------------------------------------------------------------

    def tombstones(self, after: int = 0) -> tuple[int, NDArray[np.int64]]:
        """Row numbers buried since the ``after``-th burial, and the number of the last one."""
        found = self.fetch(
            "SELECT number, seq FROM tombstones WHERE number > ? ORDER BY number", (after,)
        )
        last = found[-1][0] if found else after
        return last, np.fromiter((row[1] for row in found), np.int64, len(found))

    def forget_tombstones(self, upto: int) -> None:
        """Drop burials up to a number; inside a transaction, when nothing derived needs them."""
        self.fetch("DELETE FROM tombstones WHERE number <= ?", (upto,))
        self.set_meta("forgotten", upto)

    def forgotten(self) -> int:
        """The last burial that was dropped: a part that does not know it is of an earlier state."""
        return int(self.meta("forgotten") or 0)

    # -- sources -------------------------------------------------------------------------------

    def sources(self) -> dict[str, tuple[int, int, bytes, str]]:
        """Files that were read: size, mtime in ns, content hash and reading options by path."""
        found = self.fetch("SELECT path, size, mtime_ns, hash, options FROM sources")
        return {row[0]: row[1:] for row in found}

    def set_source(self, path: str, size: int, mtime_ns: int, digest: bytes, options: str) -> None:
        """Note a file as read; inside a transaction."""
        self.fetch(
            "INSERT OR REPLACE INTO sources VALUES (?,?,?,?,?)",
            (path, size, mtime_ns, digest, options),
        )

    def drop_source(self, path: str) -> None:
        """Forget a file; inside a transaction."""
        self.fetch("DELETE FROM sources WHERE path = ?", (path,))

    # -- care ----------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What SQLite's own check finds wrong, empty if nothing."""
        try:
            found = self._connection.execute("PRAGMA integrity_check(20)").fetchall()
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [row[0] for row in found if row[0] != "ok"]

    def vacuum(self) -> None:
        """Give the space of deleted rows back to the disk."""
        self.fetch("VACUUM")
        self.fetch("PRAGMA wal_checkpoint(TRUNCATE)")

    def fetch_in(self, statement: str, values: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
        """The rows of a statement whose ``{}`` stands for many values, asked for in parts."""
        for start in range(0, len(values), _CHUNK):
            part = list(values[start : start + _CHUNK])
            # Padded to one length, so that SQLite compiles two statements and not hundreds.
            part += part[-1:] * ((_CHUNK if len(values) > 32 else 32) - len(part))
            yield from self.fetch(statement.format(",".join("?" * len(part))), part)
