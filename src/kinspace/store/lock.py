"""One writer at a time: a lock that names who holds it and dies with its process."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from kinspace.errors import ReadOnlyStore, StoreLocked

FILE = "writer.lock"
MIGRATION = "migration.lock"
"""What the one process holds that encodes for another model; it writes no records."""
_GRACE = 0.05
"""Seconds that everybody waits, since asking who writes takes the lock for a moment."""


class WriterLock:
    """The right to write to a collection.

    The operating system holds it and lets it go when the process ends, however it ends; the
    file's content only tells people who has it.

    Parameters
    ----------
    folder : Path
        The collection's folder.
    timeout : float
        Seconds that :meth:`acquire` waits for another writer to finish.
    name : str
        The file that is locked.
    """

    def __init__(self, folder: Path, timeout: float = 0.0, name: str = FILE) -> None:
        self.path = folder / name
        self.timeout = timeout
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        StoreLocked
            If another process (or another opening in this one) holds it.
        ReadOnlyStore
            If the folder cannot be written.
        """
        if self._file is not None:
            return
        until = time.monotonic() + max(self.timeout, _GRACE)
        while not self._try():
            if time.monotonic() >= until:
                doing = "written" if self.path.name == FILE else "migrated"
                raise StoreLocked(
                    f"{self.path.parent} is being {doing} by {self.holder()}.",
                    "Wait until it has finished, or open the collection for reading.",
                )
            time.sleep(min(0.05, max(0.0, until - time.monotonic())))

    def try_acquire(self) -> bool:
        """Take the lock if it is free and the folder can be written."""
        try:
            return self._file is not None or self._try()
        except ReadOnlyStore:
            return False

    def is_taken(self) -> bool:
        """Whether somebody writes now, this object or another; nothing is written to find out."""
        if self._file is not None:
            return True
        try:
            file = open(self.path, encoding="utf-8")  # noqa: SIM115 - the lock goes with it
        except OSError:
            return False  # nobody has ever written
        with file:
            return not _lock(file, shared=True)

    def _try(self) -> bool:
        try:
            file = open(self.path, "a+", encoding="utf-8")  # noqa: SIM115 - held until release
        except OSError as error:
            raise ReadOnlyStore(
                f"{self.path.parent} cannot be written: {error.strerror}.",
                "Check the permissions of the folder.",
            ) from error
        if not _lock(file):
            file.close()
            return False
        file.seek(0)
        file.truncate()
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": " ".join(Path(a).name if i == 0 else a for i, a in enumerate(sys.argv))[
                :120
            ],
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            file.write(json.dumps(holder))
            file.flush()
        except OSError:
            pass  # a full disk: the lock holds without its note
        self._file = file
        return True

    def release(self) -> None:
        """Let the lock go; nothing happens if it is not held."""
        if self._file is not None:
            try:
                self._file.truncate(0)
            finally:
                self._file.close()
                self._file = None

    def holder(self) -> str:
        """Who holds the lock, in words."""
        try:
            note = json.loads(self.path.read_text(encoding="utf-8"))
            return (
                f"process {note['pid']} on {note['host']} ({note['command']}), "
                f"since {note['since']}"
            )
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"


def _lock(file: IO[str], *, shared: bool = False) -> bool:
    """Lock an open file without waiting; whether that went well."""
    if sys.platform == "win32":
        import msvcrt

        try:
            # One byte far behind the note, so that others can still read who holds the lock.
            file.seek(1 << 20)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
