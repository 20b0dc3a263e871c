"""A file of vectors, by digest: safe with several processes, checked on reading, bounded.

One SQLite database for each space, so that a model's vectors are thrown away by removing a file.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, TypeVar

from kinspace.errors import StoreError, StoreFull
from kinspace.space import Space, fingerprint_of

_VERSION: Final = 1
_ENDING: Final = ".vectors"
_WAIT: Final = 60.0
"""Seconds to wait for another process's commit."""
_ASKED: Final = 500
"""Digests of one question; SQLite takes at least 999."""
_KEPT: Final = 0.8
"""How much of the bound is left when the oldest are thrown away, so that it is done seldom."""
_DAY: Final = 86_400

T = TypeVar("T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS vectors (
    key BLOB NOT NULL UNIQUE, value BLOB NOT NULL, crc INTEGER NOT NULL, used INTEGER NOT NULL
)
"""


class VectorCache:
    """Bytes by digest, in one file for a space.

    Whatever is wrong with the file, its vectors can be made again: a damaged entry counts as
    missing, and a damaged file is put aside.

    Parameters
    ----------
    path : Path
        Of the file; it and its folder are made at the first writing.
    max_bytes : int, optional
        When the file grows beyond, the vectors that were not used for longest are thrown away.
    """

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        self.path = path
        self.max_bytes = max_bytes

    @classmethod
    def of(cls, folder: Path, space: Space, max_bytes: int | None = None) -> VectorCache:
        """The cache of a space: a file of its own, named after the model."""
        key = fingerprint_of(_VERSION, space.fingerprint, space.dim, space.form)
        name = "".join(c if c.isalnum() or c in "._" else "-" for c in space.model)[:60]
        return cls(folder / f"{name}-{key}{_ENDING}", max_bytes)

    @classmethod
    def every(cls, folder: Path) -> list[VectorCache]:
        """All caches in a folder, by name."""
        return [cls(path) for path in sorted(folder.glob(f"*{_ENDING}"))]

    @property
    def model(self) -> str:
        """About the name of the model: what is no letter or digit became a dash."""
        return self.path.name.removesuffix(_ENDING).rpartition("-")[0]

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is there, without entries that are damaged."""
        if not keys or not self.path.is_file():
            return {}
        return self._with(lambda database: _read(database, keys), {})

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep entries, all of them or, if the process dies, none.

        Raises
        ------
        StoreFull, StoreError
            If they cannot be written.
        """
        if not entries:
            return
        today = int(time.time()) // _DAY
        rows = [(key, value, zlib.crc32(value), today) for key, value in entries.items()]

        def write(database: sqlite3.Connection) -> bool:
            with database:
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)
            self._bound(database)
            return True

        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._with(write, False):
            self._with(write, False)  # the damaged file was put aside: into a new one

    def count(self) -> int:
        """How many vectors are kept."""
        if not self.path.is_file():
            return 0
        return self._with(
            lambda database: int(database.execute("SELECT count(*) FROM vectors").fetchone()[0]), 0
        )

    def nbytes(self) -> int:
        """Bytes on the disk."""
        files = [self.path.with_name(self.path.name + end) for end in ("", "-wal", "-shm")]
        return sum(file.stat().st_size for file in files if file.is_file())

    def clear(self) -> None:
        """Throw all of them away."""
        for end in ("-wal", "-shm", ""):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)

    def _with(self, work: Callable[[sqlite3.Connection], T], damaged: T) -> T:
        """Do a piece of work with a connection of its own, so that threads and forks share none.

        ``damaged`` is the answer if the file is; it is put aside then.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT)) as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")  # what was paid for survives
                database.execute(_SCHEMA)
                return work(database)
        except sqlite3.DatabaseError as error:
            code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
            if code == sqlite3.SQLITE_FULL or "disk I/O" in str(error):
                raise StoreFull(
                    f"{self.path} could not be written: {error}.", "Free some space."
                ) from error
            if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise StoreError(
                    f"The cache of vectors {self.path} cannot be used: {error}.",
                    "Check the permissions of the folder, or name another.",
                ) from error
            self._put_aside()
            return damaged

    def _put_aside(self) -> None:
        for end in ("-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # another process was faster
            self.path.replace(self.path.with_name(self.path.name + ".damaged"))

    def _bound(self, database: sqlite3.Connection) -> None:
        if self.max_bytes is None:
            return
        page = database.execute("PRAGMA page_size").fetchone()[0]
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        free = database.execute("PRAGMA freelist_count").fetchone()[0]
        over = (pages - free) * page - self.max_bytes
        if over <= 0:
            return
        count = database.execute("SELECT count(*) FROM vectors").fetchone()[0]
        share = 1 - _KEPT * self.max_bytes / (over + self.max_bytes)
        with database:
            database.execute(
                "DELETE FROM vectors WHERE rowid IN "
                "(SELECT rowid FROM vectors ORDER BY used, rowid LIMIT ?)",
                [max(1, round(count * share))],
            )


def _read(database: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    today = int(time.time()) // _DAY
    stale: list[tuple[int, bytes]] = []
    for start in range(0, len(keys), _ASKED):
        asked = keys[start : start + _ASKED]
        marks = ",".join("?" * len(asked))
        question = f"SELECT key, value, crc, used FROM vectors WHERE key IN ({marks})"
        for key, value, crc, used in database.execute(question, asked):
            if zlib.crc32(value) != crc:
                continue
            found[key] = value
            if used != today:
                stale.append((today, key))
    if stale:
        with suppress(sqlite3.OperationalError), database:  # a folder that may only be read
            database.executemany("UPDATE vectors SET used = ? WHERE key = ?", stale)
    return found
