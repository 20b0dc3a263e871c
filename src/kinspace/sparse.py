"""Vectors of mostly zeros: checking them, and the arithmetic that `metric` needs of them.

They are ``scipy.sparse.csr_array`` of float32 throughout, and are never filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import DimensionMismatch, InvalidVectors

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def is_sparse(vectors: Any) -> bool:
    """Whether these are sparse vectors of any of scipy's forms; imports nothing."""
    return hasattr(vectors, "tocsr")


def as_sparse(vectors: Any, dim: int) -> csr_array:
    """Return ``vectors`` as a finite csr_array of float32 whose rows are ``dim`` long.

    Parameters
    ----------
    vectors : sparse array, or array_like
        Of shape (n, dim); taken over without a copy where it is a csr_array of float32 already.
    dim : int

    Raises
    ------
    InvalidVectors
        If it holds NaN or infinity, has not two axes, or its positions are damaged.
    DimensionMismatch
        If the rows are not ``dim`` long.
    """
    from scipy.sparse import csr_array

    try:
        with np.errstate(over="ignore"):
            rows = csr_array(vectors if is_sparse(vectors) else np.atleast_2d(vectors))
            if rows.dtype.kind == "c":
                raise TypeError("they are complex")
            rows = rows.astype(np.float32, copy=False)
        rows.check_format(full_check=True)
        rows.sum_duplicates()
    except (TypeError, ValueError, IndexError) as error:
        raise InvalidVectors(
            f"These are not sparse vectors of numbers: {error}.", "Give a csr_array of numbers."
        ) from error
    if rows.ndim != 2:
        raise InvalidVectors(
            f"Vectors have {rows.ndim} axes; two are needed.", "Give an array of shape (n, dim)."
        )
    if rows.shape[1] != dim:
        raise DimensionMismatch(
            f"Vectors have {rows.shape[1]} dimensions; {dim} are needed here.",
            "Encode them with the model that this space belongs to.",
        )
    finite = np.isfinite(rows.data)
    if not finite.all():
        place = int(np.argmin(finite))
        row = int(np.searchsorted(rows.indptr, place, side="right")) - 1
        raise InvalidVectors(
            f"Vector {row} has {rows.data[place]} at position {rows.indices[place]}.",
            "Remove or replace vectors with NaN or infinity.",
        )
    return rows


def nbytes(rows: csr_array) -> int:
    """Bytes of the numbers and their positions."""
    return int(rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes)


def joined(parts: Sequence[csr_array], dim: int) -> csr_array:
    """The rows of several, one after the other; there may be none."""
    from scipy.sparse import csr_array, vstack

    if not parts:
        return csr_array((0, dim), dtype=np.float32)
    return csr_array(vstack(parts, format="csr"))


def lengths(rows: csr_array) -> NDArray[np.float64]:
    """Euclidean lengths of the rows, shape (n,)."""
    return np.sqrt(_sums(rows, rows.data.astype(np.float64) ** 2))


def unit(rows: csr_array) -> csr_array:
    """Rows of length 1; a row of zeros stays as it is."""
    size = lengths(rows)
    size[size == 0] = 1
    return _with_data(rows, (rows.data / np.repeat(size, np.diff(rows.indptr))).astype(np.float32))


def products(a: csr_array, b: csr_array) -> NDArray[Any]:
    """Dot products of every row of ``a`` with every row of ``b``, shape (n, m)."""
    found: NDArray[Any] = (b @ a.T).toarray().T  # `b` is the longer one, and is not transposed
    return found


def manhattan(a: csr_array, b: csr_array) -> NDArray[np.float32]:
    """Sums of absolute differences between every row of ``a`` and every row of ``b``."""
    return _by_difference(a, b, lambda x, y: np.abs(x - y))


def hamming(a: csr_array, b: csr_array) -> NDArray[np.float32]:
    """How many positions differ between every row of ``a`` and every row of ``b``."""
    return _by_difference(a, b, lambda x, y: (x != y).astype(np.float64))


def _by_difference(
    a: csr_array, b: csr_array, differ: Callable[[Any, Any], NDArray[np.float64]]
) -> NDArray[np.float32]:
    # Where b is 0 the sum over a's row is known beforehand: only b's own entries are visited.
    found = np.empty((a.shape[0], b.shape[0]), np.float32)
    values = b.data.astype(np.float64)
    for row in range(a.shape[0]):
        dense = a[[row]].toarray()[0].astype(np.float64)
        from_zero = differ(dense, np.zeros_like(dense))
        change = differ(values, dense[b.indices]) - from_zero[b.indices]
        found[row] = from_zero.sum() + _sums(b, change)
    return found


def _sums(rows: csr_array, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over each row of one value for each of its entries."""
    owners = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    return np.bincount(owners, values, rows.shape[0]).astype(np.float64)


def _with_data(rows: csr_array, data: NDArray[np.float32]) -> csr_array:
    return type(rows)((data, rows.indices, rows.indptr), shape=rows.shape)
