"""Vectors to bytes and back: a dense row, a sparse one, or the several of one item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.multi import MultiVectors
from kinspace.space import Space

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_FLOAT: Final = np.dtype("<f4")
_PLACE: Final = np.dtype("<i4")
_ONE_ROW: Final = ("dense", "binary")
"""Forms in which an item is one row of ``dim`` numbers."""


def to_bytes(vectors: Any, space: Space) -> list[bytes]:
    """Each item's vector as bytes.

    Parameters
    ----------
    vectors : ndarray of shape (n, dim), csr_array, or MultiVectors
        In the form of the space.
    space : Space
    """
    if space.form == "sparse":
        return [
            _bytes(vectors.indices[first:last], _PLACE) + _bytes(vectors.data[first:last], _FLOAT)
            for first, last in zip(vectors.indptr[:-1], vectors.indptr[1:], strict=True)
        ]
    return [_bytes(row, _FLOAT) for row in vectors]


def fits(value: bytes, space: Space) -> bool:
    """Whether bytes have a length that a vector of this space can have."""
    row = space.dim * _FLOAT.itemsize
    if space.form in _ONE_ROW:
        return len(value) == row
    if space.form == "sparse":
        return len(value) % (_FLOAT.itemsize + _PLACE.itemsize) == 0
    return len(value) % row == 0 and bool(value)


def from_bytes(values: Sequence[bytes], space: Space) -> Any:
    """Vectors of all items, from what :func:`to_bytes` gave for each."""
    if space.form == "sparse":
        return _sparse(values, space)
    table = np.frombuffer(b"".join(values), _FLOAT).astype(np.float32).reshape(-1, space.dim)
    if space.form in _ONE_ROW:
        return table
    lengths = [len(value) // (space.dim * _FLOAT.itemsize) for value in values]
    return MultiVectors(table, np.cumsum([0, *lengths], dtype=np.int64))


def _sparse(values: Sequence[bytes], space: Space) -> csr_array:
    from scipy.sparse import csr_array

    entry = _FLOAT.itemsize + _PLACE.itemsize
    lengths = np.array([len(value) // entry for value in values], np.int64)
    places = b"".join(v[: n * _PLACE.itemsize] for v, n in zip(values, lengths, strict=True))
    numbers = b"".join(v[n * _PLACE.itemsize :] for v, n in zip(values, lengths, strict=True))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    parts = (
        np.frombuffer(numbers, _FLOAT).astype(np.float32),
        np.frombuffer(places, _PLACE).astype(np.int64),
        starts,
    )
    return csr_array(parts, shape=(len(values), space.dim))


def _bytes(row: NDArray[Any], kind: np.dtype[Any]) -> bytes:
    return row.astype(kind, copy=False).tobytes()
