"""An index in one file: its arrays and what it was made with, under checksums."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

from kinspace.errors import ReadError
from kinspace.sealed import Seal

SEAL: Final = Seal("kinspace-index-2", "an index", "Build it again.")

write_arrays = SEAL.write
"""Write an index: path, the name of its class, arrays, and plain values."""
read_arrays = SEAL.read
"""Give an index's arrays and plain values, inside a ``with``, after all checksums were compared."""
kind_of = SEAL.kind_of
"""The class of the index in a file, by its header alone."""

_ROOM: Final = "kinspace.index"


def load_index(path: str | Path) -> Any:
    """Open the index that a file holds, of whatever kind: vectors stay on disk, mapped into memory.

    Parameters
    ----------
    path : str or Path
        What the ``save`` of an index wrote.

    Returns
    -------
    Index

    Raises
    ------
    PathNotFound
        If there is no such file.
    ReadError
        If the file is damaged, or holds something else.
    MissingExtra
        If it belongs to an engine that is not installed.
    """
    kind = kind_of(path)
    known = getattr(importlib.import_module(_ROOM), kind, None) if kind.isidentifier() else None
    if not isinstance(known, type):
        raise ReadError(f"{path} holds a {kind:.80}, which is no index.", SEAL.remedy)
    return known.load(path)  # type: ignore[attr-defined]
