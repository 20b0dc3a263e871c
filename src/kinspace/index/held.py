"""The vectors that an index holds, to compare queries with them exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.errors import DimensionMismatch, InvalidParameter, InvalidVectors
from kinspace.metric import Metric, as_matrix, normalise, scores

DTYPES: Final = ("float32", "float16")
_FIRST_ROOM: Final = 64


class Held(Protocol):
    """What :class:`~kinspace.index.vector_index.VectorIndex` asks of the vectors, of any form."""

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        ...

    def prepared(self, vectors: Any) -> Any:
        """Vectors, checked and ready to be compared or added; of length 1 for cosine."""
        ...

    def append(self, rows: Any) -> None:
        """Add rows that were prepared; what is read of earlier ones stays as it was."""
        ...

    def take(self, places: NDArray[np.int64] | slice) -> Any:
        """Some rows, as prepared ones are."""
        ...

    def scores(self, queries: Any, places: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Scores of prepared queries with some rows, shape (queries, places)."""
        ...

    def emptied(self) -> Held:
        """Another of the same kind, without rows."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is needed to make it again."""
        ...

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Hold what :meth:`arrays` gave, without a copy."""
        ...


@runtime_checkable
class TableHeld(Held, Protocol):
    """Vectors that lie in a table, which may be somebody else's: an index can refer to it."""

    @property
    def table(self) -> Any:
        """All rows as they are kept, without a copy."""
        ...

    def check(self, table: Any) -> None:
        """Raise ``DimensionMismatch`` or ``InvalidParameter`` unless a table has this form."""
        ...

    def refer(self, table: Any) -> None:
        """Hold a whole table without a copy; it must not change, and rows be as prepared."""
        ...


class DenseHeld:
    """Dense vectors, in one table; a table that was given may stay where it is, on disk too.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    dtype : {"float32", "float16"}
        How they are kept. Scores are float32, and exact for what is kept.
    """

    def __init__(self, dim: int, metric: Metric, dtype: str = "float32") -> None:
        if dtype not in DTYPES:
            raise InvalidParameter(
                f"Vectors cannot be kept as {dtype}.", f"Choose one of: {', '.join(DTYPES)}."
            )
        self.dim = dim
        self.metric: Metric = metric
        self.dtype = dtype
        self._table: NDArray[Any] = np.empty((0, dim), dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.table.nbytes

    @property
    def table(self) -> NDArray[Any]:
        """All rows, shape (n, dim), as they are kept."""
        return self._table[: self._count]

    def prepared(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Vectors, checked, float32; of length 1 for cosine."""
        matrix = np.ascontiguousarray(as_matrix(vectors, self.dim))
        if self.metric == "cosine":
            return normalise(matrix)
        if self.dtype == "float16":
            if np.abs(matrix).max(initial=0) > np.finfo(np.float16).max:
                raise InvalidVectors(
                    "A number is too large for float16.", "Keep the vectors as float32."
                )
            if self.metric == "hamming":  # equal numbers must be equal when they are kept, too
                return matrix.astype(np.float16).astype(np.float32)
        return matrix

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add rows that were prepared."""
        needed = self._count + len(rows)
        if needed > len(self._table):
            room = np.empty((max(needed, _grown(self._count)), self.dim), self.dtype)
            room[: self._count] = self.table
            self._table = room
        self._table[self._count : needed] = rows
        self._count = needed

    def check(self, table: NDArray[Any]) -> None:
        """Raise ``DimensionMismatch`` or ``InvalidParameter`` unless a table has this form."""
        if table.ndim != 2 or table.shape[1] != self.dim:
            raise DimensionMismatch(
                f"A table of shape {table.shape} for vectors of {self.dim}.",
                f"Give one of shape (n, {self.dim}).",
            )
        if table.dtype != self.dtype:
            raise InvalidParameter(
                f"A table of {table.dtype} for an index of {self.dtype}.",
                f"Make the index with dtype={str(table.dtype)!r}.",
            )

    def refer(self, table: NDArray[Any]) -> None:
        """Hold a whole table without a copy; it must not change, and rows be as prepared."""
        self.check(table)
        self._table, self._count = table, len(table)

    def take(self, places: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Some rows, float32."""
        return np.asarray(self.table[places], np.float32)

    def scores(
        self, queries: NDArray[np.float32], places: NDArray[np.int64] | slice
    ) -> NDArray[np.float32]:
        """Scores of prepared queries with some rows, shape (queries, places)."""
        return scores(queries, self.take(places), compared_by(self.metric))

    def emptied(self) -> DenseHeld:
        """Another of the same kind, without rows."""
        return DenseHeld(self.dim, self.metric, self.dtype)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The table, by its name."""
        return {"vectors": self.table}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Hold the table that :meth:`arrays` gave."""
        self.refer(arrays["vectors"])


def compared_by(metric: Metric) -> Metric:
    """How rows are compared that, for cosine, have length 1 already."""
    return "dot" if metric == "cosine" else metric


def _grown(count: int) -> int:
    """Room for half as many again: a vector is copied some three times in all."""
    return max(_FIRST_ROOM, count + count // 2)
