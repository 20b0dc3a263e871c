"""The sparse vectors that an index holds, in one table that grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, plain_will_do
from kinspace.engines.sparse_rows import multiply_rows, product, wipe_out, write_out
from kinspace.errors import DimensionMismatch, InvalidInput, InvalidParameter
from kinspace.metric import Metric, as_matrix, scores
from kinspace.sparse import as_sparse, is_sparse

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_FIRST_ROOM: Final = 1024


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Rows of mostly zeros, as a csr_array has them, with less ado about a single row.

    Attributes
    ----------
    data : ndarray of float32, shape (numbers,)
    indices : ndarray of int32, shape (numbers,)
        The dimension of each, ascending in each row.
    indptr : ndarray of int64, shape (n + 1,)
        Where each row begins.
    dim : int
    """

    data: NDArray[np.float32]
    indices: NDArray[np.int32]
    indptr: NDArray[np.int64]
    dim: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions."""
        return len(self), self.dim

    @property
    def nbytes(self) -> int:
        """Bytes of numbers and positions."""
        return self.data.nbytes + self.indices.nbytes + self.indptr.nbytes

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, places: slice | NDArray[np.int64]) -> SparseRows:
        """Some of the rows: without a copy where they lie side by side."""
        if isinstance(places, slice):
            first, last, _ = places.indices(len(self))
            starts = self.indptr[first : max(first, last) + 1]
            begin, end = int(starts[0]), int(starts[-1])
            return SparseRows(
                self.data[begin:end], self.indices[begin:end], starts - begin, self.dim
            )
        sizes = np.diff(self.indptr)[places]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        lie = np.repeat(self.indptr[:-1][places] - starts[:-1], sizes) + np.arange(starts[-1])
        return SparseRows(self.data[lie], self.indices[lie], starts, self.dim)

    def csr(self) -> csr_array:
        """The same for scipy, without a copy."""
        from scipy.sparse import csr_array

        starts = self.indptr if len(self.data) >= 2**31 else self.indptr.astype(np.int32)
        made = csr_array((self.data, self.indices, starts), shape=self.shape)
        made.has_canonical_format = True
        return made

    def unit(self) -> SparseRows:
        """Rows of length 1; a row of zeros stays as it is."""
        sizes = np.diff(self.indptr)
        owners = np.repeat(np.arange(len(self)), sizes)
        lengths = np.sqrt(np.bincount(owners, self.data.astype(np.float64) ** 2, len(self)))
        lengths[lengths == 0] = 1
        data = (self.data / np.repeat(lengths, sizes)).astype(np.float32)
        return SparseRows(data, self.indices, self.indptr, self.dim)


class SparseHeld:
    """Sparse vectors, one row after the other.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    """

    def __init__(self, dim: int, metric: Metric) -> None:
        if dim >= 2**31:
            raise InvalidParameter(f"dim is {dim:,}.", "Sparse vectors have less than 2³¹.")
        self.dim = dim
        self.metric: Metric = metric
        self._data = np.empty(0, np.float32)
        self._indices = np.empty(0, np.int32)
        self._indptr = np.zeros(1, np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of numbers and positions."""
        return self.rows.nbytes

    @property
    def table(self) -> SparseRows:
        """All rows, without a copy."""
        return self.rows

    @property
    def rows(self) -> SparseRows:
        """All rows; the arrays are no copies."""
        starts = self._indptr[: self._count + 1]
        end = int(starts[-1])
        return SparseRows(self._data[:end], self._indices[:end], starts, self.dim)

    def prepared(self, vectors: Any) -> SparseRows:
        """Vectors, sparse or not, checked; of length 1 for cosine."""
        given = vectors if isinstance(vectors, SparseRows) else self._checked(vectors)
        return given.unit() if self.metric == "cosine" else given

    def _checked(self, vectors: Any) -> SparseRows:
        given: Any = vectors if is_sparse(vectors) else as_matrix(vectors, self.dim)
        rows: Any = given if _is_one_good_row(given, self.dim) else as_sparse(given, self.dim)
        return SparseRows(
            rows.data,
            rows.indices.astype(np.int32, copy=False),
            rows.indptr.astype(np.int64, copy=False),
            self.dim,
        )

    def append(self, rows: SparseRows) -> None:
        """Add rows that were prepared."""
        begin = int(self._indptr[self._count])
        end, count = begin + len(rows.data), self._count + len(rows)
        self._data = with_room(self._data, begin, end)
        self._indices = with_room(self._indices, begin, end)
        self._indptr = with_room(self._indptr, self._count + 1, count + 1)
        self._data[begin:end] = rows.data
        self._indices[begin:end] = rows.indices
        self._indptr[self._count + 1 : count + 1] = rows.indptr[1:] + begin
        self._count = count

    def take(self, places: NDArray[np.int64] | slice) -> SparseRows:
        """Some rows, as prepared ones are."""
        return self.rows[places]

    def scores(self, queries: SparseRows, places: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Scores of prepared queries with some rows, shape (queries, places)."""
        held = self.rows
        count = len(range(*places.indices(len(held)))) if isinstance(places, slice) else len(places)
        steps = count * len(queries) * (1 + len(held.data) // max(1, len(held)))
        if self.metric not in ("cosine", "dot") or plain_will_do(steps):
            metric = "dot" if self.metric == "cosine" else self.metric
            return scores(queries.csr(), held[places].csr(), metric)
        rows = np.arange(len(held))[places] if isinstance(places, slice) else places
        found = np.empty((len(queries), count), np.float32)
        weights = np.zeros(self.dim, np.float32)
        multiply = compiled(multiply_rows, product, write_out, wipe_out)
        held_arrays, asked = csr_parts(held), csr_parts(queries)
        multiply(held_arrays, rows[None], asked, weights, found, 0, len(queries))
        return found

    def emptied(self) -> SparseHeld:
        """Another of the same kind, without rows."""
        return SparseHeld(self.dim, self.metric)

    def check(self, table: SparseRows) -> None:
        """Raise ``DimensionMismatch`` unless the rows of a table are as long as these."""
        if table.dim != self.dim:
            raise DimensionMismatch(
                f"A table of rows of {table.dim:,} for vectors of {self.dim:,}.",
                f"Give rows of {self.dim:,}.",
            )

    def refer(self, table: SparseRows) -> None:
        """Hold a whole table without a copy; it must not change, and rows be as prepared.

        Numbers and dimensions may lie beside each other, as in an array of records.
        """
        self.check(table)
        self.restore({"data": table.data, "indices": table.indices, "indptr": table.indptr})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of a csr_array, by their names there."""
        held = self.rows
        return {"data": held.data, "indices": held.indices, "indptr": held.indptr}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Hold what :meth:`arrays` gave, without a copy.

        Raises
        ------
        InvalidInput
            If the arrays do not fit each other.
        """
        data, indices, starts = (arrays[name] for name in ("data", "indices", "indptr"))
        if (
            [array.dtype.str for array in (data, indices, starts)] != ["<f4", "<i4", "<i8"]
            or (data.ndim, indices.ndim, starts.ndim) != (1, 1, 1)
            or len(data) != len(indices)
            or (starts[0], starts[-1]) != (0, len(data))
            or (np.diff(starts) < 0).any()
            or indices.min(initial=0) < 0
            or indices.max(initial=0) >= self.dim
        ):
            raise InvalidInput("The arrays of the vectors do not fit each other.")
        self._data, self._indices, self._indptr = data, indices, starts
        self._count = len(starts) - 1


def _is_one_good_row(vectors: Any, dim: int) -> bool:
    """Whether it is a single row as :func:`as_sparse` would give it, at a tenth of its time."""
    if getattr(vectors, "format", "") != "csr" or vectors.shape != (1, dim):
        return False
    data, indices, starts = vectors.data, vectors.indices, vectors.indptr
    if data.dtype != np.float32 or len(data) != len(indices) or starts.tolist() != [0, len(data)]:
        return False
    if not len(data):
        return True
    ascending = indices[0] >= 0 and indices[-1] < dim and bool((indices[1:] > indices[:-1]).all())
    return ascending and bool(np.isfinite(np.vdot(data, data)))


def csr_parts(rows: SparseRows) -> tuple[NDArray[Any], ...]:
    """Numbers, dimensions and starts, for compiled code."""
    return rows.data, rows.indices, rows.indptr


def with_room(array: NDArray[Any], count: int, needed: int) -> NDArray[Any]:
    """An array of at least ``needed`` places, whose first ``count`` are as they were."""
    if needed <= len(array):
        return array
    size = max(needed, count + count // 2, _FIRST_ROOM)
    room = np.empty((size, *array.shape[1:]), array.dtype)
    room[:count] = array[:count]
    return room
