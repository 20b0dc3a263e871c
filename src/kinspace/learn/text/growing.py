"""An array that grows at its end, and goes to disk when it is long."""

from __future__ import annotations

import tempfile
from typing import IO, Any, Generic, TypeVar
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

HELD = 1 << 22
"""Bytes that are held in memory; what is longer is written to a file that nobody else sees."""


class Growing(Generic[T]):
    """An array of one axis that grows at its end.

    Parameters
    ----------
    dtype : type of numpy scalar
    held : int
        Bytes; from there on the values are in a temporary file (in ``$TMPDIR``).

    Examples
    --------
    >>> array = Growing(np.int64, held=8)
    >>> for start in (0, 3):
    ...     array.append(np.arange(start, start + 3))
    >>> array.whole(), len(array)
    (array([0, 1, 2, 3, 4, 5]), 6)
    """

    def __init__(self, dtype: type[T], held: int = HELD) -> None:
        self._dtype = np.dtype(dtype)
        self._held = held
        self._parts: list[NDArray[T]] = []
        self._waiting = 0
        self._file: IO[bytes] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, values: NDArray[Any]) -> None:
        """Put values at the end."""
        part = np.ascontiguousarray(values, self._dtype)
        self._parts.append(part)
        self._length += len(part)
        self._waiting += part.nbytes
        if self._waiting > self._held:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="kinspace-")  # noqa: SIM115
                finalize(self, self._file.close)
            for each in self._parts:
                self._file.write(each.data)
            self._parts, self._waiting = [], 0

    def whole(self) -> NDArray[T]:
        """All values: in memory, or mapped from the file, which goes when the array goes."""
        if self._file is None:
            return np.concatenate([np.empty(0, self._dtype), *self._parts])
        for each in self._parts:
            self._file.write(each.data)
        self._parts, self._waiting = [], 0
        self._file.flush()
        return mapped(self._file, self._dtype, self._length)


def mapped(file: IO[bytes], dtype: np.dtype[T], length: int) -> NDArray[T]:
    """A file as an array of one axis.

    It is mapped copy-on-write: nothing can change the file, yet compiled code takes the array for
    one like any other (one that cannot be written would be compiled for once more).
    """
    if length == 0:
        return np.empty(0, dtype)
    found: NDArray[T] = np.asarray(np.memmap(file, dtype, "c", shape=(length,)))
    return found
