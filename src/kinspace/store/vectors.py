"""The vector table: all vectors in one memory-mapped file, ready to be compared."""

from __future__ import annotations

import os
import zlib
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import normalise
from kinspace.space import Space
from kinspace.store.database import Database
from kinspace.store.derived import Damaged
from kinspace.store.parts import Part

_ROWS = 8192
"""Rows that are read and written together (6 MiB of float16 at 384 dimensions)."""


_WIDENED = 32_768
"""Rows up to which a float32 copy is kept (48 MiB at 384 dimensions)."""


class _Output:
    """A file that is written on from where its manifest says that it ends."""

    def __init__(self, path: Path, size: int, crc: int) -> None:
        self.path = path
        self.crc = crc
        self._file = path.open("r+b")
        self._file.truncate(size)  # what a killed process wrote beyond its last manifest
        self._file.seek(size)

    def write(self, block: bytes) -> None:
        self._file.write(block)
        self.crc = zlib.crc32(block, self.crc)

    def close(self) -> None:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()


class VectorTable(Part):
    """Row numbers and vectors of all records up to ``last_seq``, in that order.

    For cosine the vectors have length 1. Rows of deleted records stay until the table is made
    anew; whoever reads it leaves them out.

    Attributes
    ----------
    seqs : ndarray of int64, shape (n,), ascending
    rows : ndarray of float16 or float32, shape (n, dim), memory-mapped
    """

    name = "vectors"

    def __init__(self, root: Path, space: Space, dtype: str) -> None:
        super().__init__(root, {"space": space.to_dict(), "dtype": dtype})
        self.space = space
        self.dtype = np.dtype(dtype)
        self.seqs: NDArray[np.int64]
        self.rows: NDArray[Any]
        self._wide: NDArray[np.float32] | None
        self._forget()

    def _files(self) -> tuple[Path, Path]:
        stem = f"{self.name}-{self.generation}"
        return self.root / f"{stem}.seqs", self.root / f"{stem}.rows"

    def _create(self) -> None:
        for path in self._files():
            path.write_bytes(b"")
            self.manifest.note(self.root, path.name, crc=0)

    def _append(self, database: Database) -> None:
        # On Windows a file that is mapped cannot be truncated.
        self._forget()
        with ExitStack() as stack:
            outputs = [
                stack.enter_context(closing(_Output(path, size, crc)))
                for path in self._files()
                for size, _, crc in [self.manifest.files[path.name]]
            ]
            while True:
                seqs, rows = database.vectors_after(
                    self.manifest.last_seq, _ROWS, self.dtype, self.space.dim
                )
                if not len(seqs):
                    break
                if self.space.metric == "cosine":
                    rows = normalise(rows.astype(np.float32)).astype(self.dtype)
                outputs[0].write(seqs.tobytes())
                outputs[1].write(rows.tobytes())
                self.manifest.last_seq = int(seqs[-1])
        for output in outputs:
            self.manifest.note(self.root, output.path.name, output.crc)

    def _open(self) -> None:
        seqs_path, rows_path = self._files()
        count = self.manifest.files[seqs_path.name][0] // 8
        width = self.space.dim * self.dtype.itemsize
        if count * width != self.manifest.files[rows_path.name][0]:
            raise Damaged(f"{self.name} has a different number of vectors and of row numbers")
        self._forget()
        if not count:
            return
        try:
            self.seqs = np.fromfile(seqs_path, np.int64, count)
            self.rows = np.memmap(rows_path, self.dtype, "r", shape=(count, self.space.dim))
        except (OSError, ValueError) as error:
            raise Damaged(f"{self.name} cannot be mapped ({error})") from error

    def quick_rows(self) -> NDArray[Any]:
        """The rows for exact search: as float32 in memory where they are few, else as they lie.

        Widening float16 takes longer than comparing, so a process does it once.
        """
        if self.dtype != np.float32 and len(self.rows) <= _WIDENED and self._wide is None:
            self._wide = np.asarray(self.rows, np.float32)
        return self.rows if self._wide is None else self._wide

    def _forget(self) -> None:
        self._wide = None
        self.seqs = np.empty(0, np.int64)
        self.rows = np.empty((0, self.space.dim), self.dtype)

    def positions(self, seqs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions in the table of those row numbers that it holds; ``seqs`` ascending."""
        places = np.searchsorted(self.seqs, seqs)
        places = places[places < len(self.seqs)]
        found: NDArray[np.int64] = places[self.seqs[places] == seqs[: len(places)]]
        return found
