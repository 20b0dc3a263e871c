"""A table of vectors that stays on the disk also while it is searched.

What is read through a memory map counts as the memory of the process, and the system maps large
pieces at a time: a few hundred rows here and there are enough to have a whole table counted. Of
a table that is mapped so, single rows are read from the file instead.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

_SMALL: Final = 1 << 28
"""Bytes up to which a table is mapped and read as memory is, which is somewhat faster."""


def mapped(path: Path, unit: np.dtype[Any], size: int) -> NDArray[Any]:
    """The first ``size`` bytes of a file, as rows.

    Parameters
    ----------
    path : Path
    unit : dtype
        Of one row.
    size : int
        A multiple of the length of a row; not 0.

    Returns
    -------
    ndarray, shape (n,) and that of the unit
        An :class:`OnDisk` where it is large.
    """
    content = np.memmap(path, np.uint8, "r", shape=(size,))
    rows = np.frombuffer(content, unit)
    is_small = size <= _SMALL or rows.ndim != 2 or not hasattr(os, "pread")
    return rows if is_small else OnDisk.of(rows, path)


def let_go(rows: NDArray[Any]) -> None:
    """Count no longer as memory what a look at mapped rows has read; it is read again if needed."""
    base: Any = rows
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is not None and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


class OnDisk(np.ndarray[Any, Any]):
    """Memory-mapped rows of which those asked for by their places are read from the file.

    A slice is mapped, as ever, and what is computed from it is an array like any other.
    """

    _file: _File | None
    _first: int

    @classmethod
    def of(cls, rows: NDArray[Any], path: Path) -> Self:
        """Rows that lie at the beginning of a file."""
        made = rows.view(cls)
        made._file = _File(path)
        made._first = made.__array_interface__["data"][0]
        return made

    def __array_finalize__(self, other: Any) -> None:
        self._file = getattr(other, "_file", None)
        self._first = getattr(other, "_first", 0)

    def __getitem__(self, places: Any) -> Any:
        is_list = isinstance(places, np.ndarray) and places.dtype.kind == "i" and places.ndim == 1
        start = self.__array_interface__["data"][0] - self._first
        if not is_list or self._file is None or not self._is_rows_at(start):
            found = super().__getitem__(places)
            return found if isinstance(places, slice) else np.asarray(found)
        if len(places) and (places.min() < 0 or places.max() >= len(self)):
            raise IndexError(f"There are {len(self)} rows.")
        length = self.shape[1] * self.itemsize
        content = self._file.read((start + places * length).tolist(), length)
        return np.frombuffer(content, self.dtype).reshape(len(places), self.shape[1])

    def _is_rows_at(self, start: int) -> bool:
        """Whether these are whole rows of the file, and no result of a computation."""
        inside = self._file is not None and 0 <= start < self._file.size
        return inside and self.ndim == 2 and bool(self.flags.c_contiguous)


class _File:
    """An open file that goes with the last array that reads it."""

    def __init__(self, path: Path) -> None:
        self._number = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._number).st_size

    def read(self, places: list[int], length: int) -> bytes:
        number = self._number
        return b"".join([os.pread(number, length, place) for place in places])

    def __del__(self) -> None:
        os.close(self._number)
