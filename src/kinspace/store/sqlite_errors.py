"""SQLite's errors as those of :mod:`kinspace.errors`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kinspace.errors import CorruptStore, ReadOnlyStore, StoreError, StoreFull, StoreLocked

_UNREADABLE: Final = ("malformed JSON", "Could not decode to UTF-8")
"""What SQLite says without a code of its own when bytes have changed."""


def damaged(path: Path, what: str) -> CorruptStore:
    """The error for a database that holds what cannot be."""
    return CorruptStore(
        f"{path} is damaged: {what}.",
        f"See what is left with: kinspace info {path.parent} --check; "
        f"save it with: kinspace info {path.parent} --salvage NEW.kin",
    )


@contextmanager
def typed_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into those of :mod:`kinspace.errors`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        primary = -1 if code is None else code & 0xFF
        if primary == sqlite3.SQLITE_FULL or "disk I/O" in str(error):
            raise StoreFull(
                f"{path} could not be written: {error}. The last commit is intact.",
                "Free some space and do it again.",
            ) from error
        unreadable = any(words in str(error) for words in _UNREADABLE)
        if unreadable or primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise damaged(path, str(error)) from error
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreLocked(
                f"{path} is being written by another process.", "Try again in a moment."
            ) from error
        if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
            raise ReadOnlyStore(
                f"{path} cannot be written: {error}.", "Check the permissions of the folder."
            ) from error
        if primary == sqlite3.SQLITE_CANTOPEN:
            raise StoreError(
                f"{path} cannot be opened: {error}.", "Check that it exists and may be read."
            ) from error
        raise StoreError(f"{path}: {error}.", "Look at the collection with: kinspace info") from (
            error
        )
