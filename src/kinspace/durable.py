"""Writing a file so that it is the old one or the new one, whenever the machine stops."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def replace_file(path: Path, *content: bytes | memoryview) -> None:
    """Write a file so that it is the old one or the new one, whenever the machine stops.

    Parameters
    ----------
    path : Path
    *content : bytes or memoryview
        Parts of what is written, one after the other.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        write_file(partial, content)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)  # on a full disk it would take the room of what comes next
        raise
    sync_folder(path.parent)


def write_file(path: Path, content: Iterable[bytes | memoryview]) -> None:
    """Write a file, and return when the disk has it."""
    with path.open("wb") as file:
        for part in content:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
