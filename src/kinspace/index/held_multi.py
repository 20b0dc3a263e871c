"""The items of several vectors each that an index holds, in one table that grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.late_interaction import max_sums, max_sums_torch, on_device
from kinspace.errors import DimensionMismatch, InvalidInput, InvalidParameter
from kinspace.index.held import DTYPES
from kinspace.index.held_sparse import with_room
from kinspace.metric import Metric, normalise, scores
from kinspace.multi import MultiVectors, as_multi

_TOGETHER: Final = 1 << 17
"""Vectors that are looked at together, so that what is copied and scored stays small."""


@dataclass(frozen=True, slots=True, eq=False)
class MultiRows:
    """Items of several vectors each as they are kept: float16 perhaps, and on disk.

    Attributes
    ----------
    values : ndarray of float32 or float16, shape (total, dim)
    starts : ndarray of int64, shape (n + 1,)
        Where each item begins, and where the last one ends.
    """

    values: NDArray[Any]
    starts: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Items and dimensions."""
        return len(self), self.values.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """How numbers are kept."""
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, places: slice) -> MultiRows:
        """Items that lie side by side, without a copy."""
        first, last, _ = places.indices(len(self))
        starts = self.starts[first : max(first, last) + 1]
        begin = int(starts[0])
        return MultiRows(self.values[begin : int(starts[-1])], starts - begin)


class MultiHeld:
    """Items of several vectors each, compared by MaxSim.

    Parameters
    ----------
    dim : int
        The length of each vector.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
        Between single vectors.
    dtype : {"float32", "float16"}
        How they are kept.
    device : str, optional
        Where torch computes, with a second copy of the vectors; cosine and dot only.
    """

    def __init__(
        self, dim: int, metric: Metric, dtype: str = "float32", device: str | None = None
    ) -> None:
        if dtype not in DTYPES:
            raise InvalidParameter(
                f"Vectors cannot be kept as {dtype}.", f"Choose one of: {', '.join(DTYPES)}."
            )
        self.dim = dim
        self.metric: Metric = metric
        self.dtype = dtype
        self.device = device
        self._values: NDArray[Any] = np.empty((0, dim), dtype)
        self._starts = np.zeros(1, np.int64)
        self._count = 0
        self._on_device: Any = None  # the vectors once more, as a tensor

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors, and of where the items begin."""
        return self.values.nbytes + self.starts.nbytes

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each item begins, and where the last one ends, shape (n + 1,)."""
        return self._starts[: self._count + 1]

    @property
    def values(self) -> NDArray[Any]:
        """The vectors of all items, shape (total, dim), as they are kept."""
        return self._values[: int(self.starts[-1])]

    @property
    def table(self) -> MultiRows:
        """All items as they are kept, without a copy."""
        return MultiRows(self.values, self.starts)

    def prepared(self, vectors: Any) -> MultiVectors:
        """Items, checked; of vectors of length 1 for cosine."""
        items = as_multi(vectors, self.dim)
        return items.each(normalise) if self.metric == "cosine" else items

    def append(self, rows: MultiVectors) -> None:
        """Add items that were prepared."""
        begin = int(self._starts[self._count])
        end, count = begin + len(rows.values), self._count + len(rows)
        self._values = with_room(self._values, begin, end)
        self._starts = with_room(self._starts, self._count + 1, count + 1)
        self._values[begin:end] = rows.values
        self._starts[self._count + 1 : count + 1] = rows.starts[1:] + begin
        self._count = count
        self._on_device = None

    def take(self, places: NDArray[np.int64] | slice) -> MultiVectors:
        """Some items, float32."""
        starts = self.starts
        if isinstance(places, slice):
            first, last, _ = places.indices(len(self))
            own = starts[first : max(first, last) + 1]
            values = self.values[own[0] : own[-1]]
            return MultiVectors(np.asarray(values, np.float32), own - own[0])
        sizes = np.diff(starts)[places]
        own = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        lie = np.repeat(starts[:-1][places] - own[:-1], sizes) + np.arange(own[-1])
        return MultiVectors(np.asarray(self.values[lie], np.float32), own)

    def pieces(self, places: NDArray[np.int64] | slice) -> Iterator[NDArray[np.int64] | slice]:
        """The places in runs of so few vectors that they can be copied."""
        starts = self.starts
        if isinstance(places, slice):
            first, last, _ = places.indices(len(self))
            while first < last:
                reach = starts[first] + _TOGETHER
                stop = int(np.searchsorted(starts[: last + 1], reach, side="right")) - 1
                stop = max(first + 1, stop)
                yield slice(first, stop)
                first = stop
        elif len(places):
            ends = np.cumsum(np.diff(starts)[places])
            yield from np.split(places, np.flatnonzero(np.diff(ends // _TOGETHER)) + 1)

    def scores(
        self, queries: MultiVectors, places: NDArray[np.int64] | slice
    ) -> NDArray[np.float32]:
        """MaxSim of prepared queries with some items, shape (queries, places)."""
        none = np.empty((len(queries), 0), np.float32)
        return np.hstack([none, *(self._max_sums(queries, some) for some in self.pieces(places))])

    def between(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of single vectors that were prepared, shape (a, b)."""
        return scores(a, b, "dot" if self.metric == "cosine" else self.metric)

    def _max_sums(
        self, queries: MultiVectors, places: NDArray[np.int64] | slice
    ) -> NDArray[np.float32]:
        items = self.take(places)
        if self.device is None:
            return max_sums(queries, items, self.between)
        held = self._on_device
        if held is None:
            whole = np.asarray(self.values, np.float32)
            self._on_device = held = on_device(whole, self.device)
        if isinstance(places, slice):
            first = int(self.starts[places.start])
            values = held[first : first + len(items.values)]
        else:
            values = on_device(items.values, self.device)
        found: NDArray[np.float32] = max_sums_torch(queries, items, values).cpu().numpy()
        return found

    def emptied(self) -> MultiHeld:
        """Another of the same kind, without items."""
        return MultiHeld(self.dim, self.metric, self.dtype, self.device)

    def check(self, table: MultiRows) -> None:
        """Raise ``DimensionMismatch`` or ``InvalidParameter`` unless a table has this form."""
        if table.shape[1] != self.dim:
            raise DimensionMismatch(
                f"A table of vectors of {table.shape[1]} for those of {self.dim}.",
                f"Give vectors of {self.dim}.",
            )
        if table.dtype != self.dtype:
            raise InvalidParameter(
                f"A table of {table.dtype} for an index of {self.dtype}.",
                f"Make the index with dtype={str(table.dtype)!r}.",
            )

    def refer(self, table: MultiRows) -> None:
        """Hold a whole table without a copy; it must not change, and items be as prepared."""
        self.check(table)
        self.restore({"values": table.values, "starts": table.starts})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The vectors, and where the items begin."""
        return {"values": self.values, "starts": self.starts}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Hold what :meth:`arrays` gave, without a copy.

        Raises
        ------
        InvalidInput
            If the arrays do not fit each other.
        """
        values, starts = arrays["values"], arrays["starts"]
        if (
            values.ndim != 2
            or values.shape[1] != self.dim
            or values.dtype != self.dtype
            or starts.ndim != 1
            or starts.dtype != np.int64
            or (starts[0], starts[-1]) != (0, len(values))
            or (np.diff(starts) < 1).any()
        ):
            raise InvalidInput("The arrays of the items do not fit each other.")
        self._values, self._starts, self._count = values, starts, len(starts) - 1
        self._on_device = None
