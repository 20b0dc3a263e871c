"""The vector table: all vectors in one memory-mapped file, ready to be compared.

Dense vectors lie in rows of one length. Where records have several vectors, or sparse ones, a third
file says where each one ends (in units of :mod:`kinspace.store.packing`).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.late_interaction import max_sums
from kinspace.errors import CorruptStore
from kinspace.index.exact_search import nearest_rows, row_scores
from kinspace.index.held_multi import MultiRows
from kinspace.index.held_sparse import SparseRows
from kinspace.index.on_disk import OnDisk, let_go, mapped
from kinspace.metric import Metric, normalise, scores, top_k
from kinspace.store.database import Database
from kinspace.store.derived import Damaged
from kinspace.store.packing import Rows
from kinspace.store.parts import Part
from kinspace.store.sqlite_errors import damaged
from kinspace.store.vector_rows import VectorRows, beside

_ROWS = 8192
"""Rows that are read and written together (6 MiB of float16 at 384 dimensions)."""

_NUMBERS = 1 << 23
"""Numbers of items of several vectors that are brought to float32 at once (32 MiB)."""


_KEPT = 1 << 25
"""Numbers up to which items of several vectors are kept as float32 (128 MiB)."""

_WIDENED = 32_768
"""Rows up to which a float32 copy is kept (48 MiB at 384 dimensions)."""


class _Output:
    """A file that is written on from where its manifest says that it ends."""

    def __init__(self, path: Path, size: int, crc: int) -> None:
        self.path = path
        self.crc = crc
        self._file = path.open("r+b")
        if path.stat().st_size > size:  # what a killed process wrote beyond its last manifest
            self._file.truncate(size)
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

    Parameters
    ----------
    root : Path
    rows : VectorRows
        What it is made from.

    Attributes
    ----------
    seqs : ndarray of int64, shape (n,), ascending
    """

    name = "vectors"

    def __init__(self, root: Path, rows: VectorRows) -> None:
        which = rows.which
        self.packing = rows.packing.searched
        identity = {"space": which.space.to_dict(), "dtype": which.dtype}
        if which.space.form == "sparse":
            identity["searched"] = str(self.packing.dtype)
        super().__init__(root, identity)
        self.name = beside("vectors", which.number)
        self.source = rows
        self.space = which.space
        self.seqs: NDArray[np.int64]
        self._units: NDArray[Any]
        self._ends: NDArray[np.int64]
        self._wide: Any
        self._forget()

    @property
    def rows(self) -> NDArray[Any] | SparseRows | MultiRows:
        """All vectors, as an index refers to them, memory-mapped."""
        if self.packing.is_even:
            return self._units
        starts = np.concatenate([np.zeros(1, np.int64), self._ends])
        if self.space.form == "multi":
            return MultiRows(self._units, starts)
        return SparseRows(self._units["value"], self._units["place"], starts, self.space.dim)

    @property
    def metric(self) -> Metric:
        """How rows are compared: those of length 1 need not be normalised again."""
        return "dot" if self.space.metric == "cosine" else self.space.metric

    def _files(self) -> list[Path]:
        stem = f"{self.name}-{self.generation}"
        kinds = ("seqs", "rows") if self.packing.is_even else ("seqs", "rows", "ends")
        return [self.root / f"{stem}.{kind}" for kind in kinds]

    def _create(self) -> None:
        for path in self._files():
            path.write_bytes(b"")
            self.manifest.note(self.root, path.name, crc=0)

    def _append(self, database: Database) -> None:
        # On Windows a file that is mapped cannot be truncated.
        self._forget()
        end = int(self.manifest.values.get("units", 0))
        with ExitStack() as stack:
            outputs = [
                stack.enter_context(closing(_Output(path, size, crc)))
                for path in self._files()
                for size, _, crc in [self.manifest.files[path.name]]
            ]
            while True:
                seqs, blobs = self.source.after(self.manifest.last_seq, _ROWS)
                if not len(seqs):
                    break
                try:
                    kept = self.source.packing
                    counts = kept.counts(blobs)
                    if self.space.metric == "cosine" or self.packing is not kept:
                        rows = kept.unpack(blobs)
                        rows = _unit(rows) if self.space.metric == "cosine" else rows
                        blobs = self.packing.pack(rows, "a record")
                except ValueError as error:
                    raise damaged(database.path, str(error)) from error
                outputs[0].write(seqs.tobytes())
                outputs[1].write(b"".join(blobs))
                if not self.packing.is_even:
                    ends = end + np.cumsum(counts, dtype=np.int64)
                    outputs[2].write(ends.tobytes())
                end += int(counts.sum())
                self.manifest.last_seq = int(seqs[-1])
        self.manifest.values["units"] = end
        for output in outputs:
            self.manifest.note(self.root, output.path.name, output.crc)

    def _open(self) -> None:
        paths = self._files()
        sizes = [self.manifest.files[path.name][0] for path in paths]
        count, units = sizes[0] // 8, sizes[1] // self.packing.unit.itemsize
        if count * 8 != (sizes[2] if len(sizes) > 2 else units * 8):
            raise Damaged(f"{self.name} has a different number of vectors and of row numbers")
        self._forget()
        if not count:
            return
        try:
            self.seqs = np.fromfile(paths[0], np.int64, count)
            if sizes[1]:  # an empty file cannot be mapped: sparse vectors may all be zeros
                self._units = mapped(paths[1], self.packing.unit, sizes[1])
            if len(paths) > 2:
                self._ends = np.fromfile(paths[2], np.int64, count)
                if self._ends[-1] != units:
                    raise Damaged(f"{self.name} ends elsewhere than it says")
        except (OSError, ValueError) as error:
            raise Damaged(f"{self.name} cannot be mapped ({error})") from error

    def quick_rows(self) -> NDArray[Any]:
        """The rows of a dense table for exact search: as float32 where they are few, else as is.

        Widening float16 takes longer than comparing, so a process does it once.
        """
        if self.packing.dtype == np.float32 or len(self.seqs) > _WIDENED:
            return self._units
        if self._wide is None:
            self._wide = np.asarray(self._units, np.float32)
        return np.asarray(self._wide)

    def let_go(self) -> None:
        """Count no longer as memory what a look at all rows has mapped."""
        if isinstance(self._units, OnDisk) or self.space.form == "sparse":
            let_go(self._units)

    def _forget(self) -> None:
        self._wide = None
        self.seqs = np.empty(0, np.int64)
        self._units = np.empty(0, self.packing.unit)
        self._ends = np.empty(0, np.int64)

    def positions(self, seqs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions in the table of those row numbers that it holds; ``seqs`` ascending."""
        places = np.searchsorted(self.seqs, seqs)
        places = places[places < len(self.seqs)]
        found: NDArray[np.int64] = places[self.seqs[places] == seqs[: len(places)]]
        return found

    # -- comparing -------------------------------------------------------------------------------

    def take(self, places: NDArray[np.int64]) -> Rows:
        """Some rows, float32, in the form of the space; ``places`` ascending."""
        if self.packing.is_even:
            return np.asarray(self._units[places], np.float32)
        together = len(places) > 0 and places[-1] - places[0] + 1 == len(places)
        if self.space.form == "multi" and self._units.size <= _KEPT:
            whole = self._read_once(0, lambda rows: rows)
            return whole[places[0] : places[-1] + 1] if together else whole[places]
        ends = self._ends[places]
        counts = ends - np.where(places > 0, self._ends[places - 1], 0)
        if together:
            units = self._units[ends[0] - counts[0] : ends[-1]]
        else:
            starts = np.cumsum(counts) - counts
            units = self._units[np.repeat(ends - counts - starts, counts) + np.arange(counts.sum())]
        return self._rows_of(units, counts)

    def _rows_of(self, units: NDArray[Any], counts: NDArray[np.int64]) -> Rows:
        """Rows of an uneven table."""
        try:
            return self.packing.read(units, counts)
        except ValueError as error:
            raise CorruptStore(
                f"{self.root / self.name} is damaged: {error}.",
                f"Make it anew from the records: kinspace compact {self.root.parent}",
            ) from error

    def _read_once(self, start: int, form: Callable[[Rows], Any]) -> Any:
        """Rows of an uneven table from ``start`` on, in memory; a process does it once."""
        if self._wide is None or self._wide[0] != start:
            first = int(self._ends[start - 1]) if start else 0
            counts = np.diff(self._ends[start:], prepend=first)
            self._wide = start, form(self._rows_of(self._units[first:], counts))
        return self._wide[1]

    def scores(self, query: Rows, places: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """The scores of one query with some rows (``places`` ascending), or with all of them."""
        if places is None:
            places = np.arange(len(self.seqs))
        if self.packing.is_even:
            return np.asarray(row_scores(query, self._units[places], self.space.metric)[0])
        parts = [np.empty(0, np.float32)]
        width = self.space.dim if self.space.form == "multi" else 1
        numbers = np.cumsum(np.diff(self._ends, prepend=0)[places]) * width
        first = 0
        while first < len(places):
            reach = (numbers[first - 1] if first else 0) + _NUMBERS
            last = max(first + 1, int(np.searchsorted(numbers, reach, side="right")))
            parts.append(self._compared(query, self.take(places[first:last])))
            first = last
        return np.concatenate(parts)

    def _compared(self, query: Rows, rows: Rows) -> NDArray[np.float32]:
        """Scores of one query with rows that, for cosine, have length 1 already."""
        if self.space.form == "multi":
            return np.asarray(max_sums(query, rows, lambda a, b: scores(a, b, self.metric))[0])
        return np.asarray(scores(query, rows, self.metric)[0])

    def nearest(
        self, query: Rows, k: int, places: NDArray[np.int64] | None = None, *, start: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Row numbers and scores of the ``k`` nearest, exactly.

        Among some rows (``places``, ascending), or among all from ``start`` on.
        """
        if self.packing.is_even:
            metric = self.space.metric
            if places is None:
                table, ids = self.quick_rows()[start:], self.seqs[start:]
                found = nearest_rows(query, table, ids, k, metric)[0]
            else:
                found = nearest_rows(query, self.quick_rows(), self.seqs, k, metric, rows=places)[0]
            self.let_go()
            return np.array(found.ids, np.int64), found.scores
        if self.space.form == "sparse" and self.metric == "dot":
            lists = self._read_once(start, lambda rows: rows.T.tocsr())  # one for each dimension
            values = (query @ lists).toarray()[0]
            places = np.arange(start, len(self.seqs)) if places is None else places
            values = values[places - start]
        else:
            if places is None and start:
                places = np.arange(start, len(self.seqs))
            values = self.scores(query, places)
        best, values = top_k(values[None], min(k, len(values)))
        rows = best[0] if places is None else places[best[0]]
        return self.seqs[rows], values[0]


def _unit(rows: Rows) -> Rows:
    """Rows of length 1, float32."""
    return normalise(rows.astype(np.float32) if isinstance(rows, np.ndarray) else rows)
