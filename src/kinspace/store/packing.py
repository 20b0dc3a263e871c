"""How vectors lie in bytes: the same in the database and in the table that is searched.

A dense vector is its numbers. An item of several vectors is one after the other. A sparse vector
is its entries, each a place (int32) and a value. So whatever the form, a record's vector is a whole
number of *units*, and many records lie together without padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace import multi, sparse
from kinspace.compress.rounding import quantise_rows
from kinspace.errors import InvalidInput, InvalidParameter, InvalidVectors
from kinspace.metric import as_matrix
from kinspace.multi import MultiVectors
from kinspace.space import Space

DTYPES: Final = ("float16", "float32", "int8")

Rows = Any
"""Vectors of a form: ndarray (n, dim), csr_array (n, dim) or MultiVectors of n items."""


def check_form(space: Space) -> None:
    """Raise :class:`InvalidInput` unless vectors of a space can be kept."""
    if space.form == "binary":
        raise InvalidInput(
            f"A collection keeps numbers, and the vectors of {space} are bits.",
            "Keep the vectors that the bits were made from.",
        )


def check_dtype(dtype: str) -> None:
    """Raise :class:`InvalidParameter` unless numbers can be kept so."""
    if dtype not in DTYPES:
        raise InvalidParameter(f"dtype is {dtype!r}.", f"Choose one of: {', '.join(DTYPES)}.")


class Packing:
    """Vectors of one space to bytes and back.

    Parameters
    ----------
    space : Space
    dtype : {"float16", "float32", "int8"}
        How a number is kept. Rows of int8 have a scale each, and are dense.
    """

    def __init__(self, space: Space, dtype: str) -> None:
        self.space = space
        self.dtype = np.dtype(dtype)
        if dtype == "int8":
            if space.form != "dense":
                raise InvalidParameter(
                    f"Vectors of {space} cannot be kept as int8.", "Keep them as float16."
                )
            self.unit = np.dtype([("scale", "<f4"), ("numbers", np.int8, (space.dim,))])
        elif space.form == "sparse":
            self.unit = np.dtype([("place", "<i4"), ("value", self.dtype)])
        else:
            self.unit = np.dtype((self.dtype, (space.dim,)))

    @property
    def is_even(self) -> bool:
        """Whether every record has one unit."""
        return self.space.form == "dense"

    @property
    def searched(self) -> Packing:
        """How they lie in the table that is searched, which an index may refer to.

        Numbers need no scale there, and those of sparse vectors lie where a processor reads them.
        """
        if self.space.form == "sparse":
            return Packing(self.space, "float32")
        if self.dtype != np.int8:
            return self
        return Packing(self.space, "float16" if self.space.metric == "cosine" else "float32")

    def pack(self, rows: Rows, name: str) -> list[bytes]:
        """The bytes of each row.

        Raises
        ------
        InvalidVectors
            If a value is too large for the type of number; ``name`` says of what.
        """
        if self.dtype == np.int8:
            return self._rounded(np.asarray(rows, np.float32))
        with np.errstate(over="ignore"):
            packed = _numbers(rows).astype(self.dtype)
        if not np.isfinite(packed).all():
            raise InvalidVectors(
                f"The vector of {name!r} has values too large for {self.dtype}.",
                'Open a new collection with dtype="float32".',
            )
        if self.space.form == "dense":
            return [row.tobytes() for row in packed]
        if self.space.form == "multi":
            starts = rows.starts
        else:
            entries = np.empty(len(packed), self.unit)
            entries["place"], entries["value"] = rows.indices, packed
            packed, starts = entries, rows.indptr
        return [packed[a:b].tobytes() for a, b in pairwise(starts)]

    def _rounded(self, rows: NDArray[np.float32]) -> list[bytes]:
        units = np.empty(len(rows), self.unit)
        units["numbers"], units["scale"] = quantise_rows(rows)
        return [unit.tobytes() for unit in units]

    def counts(self, blobs: Sequence[bytes]) -> NDArray[np.int64]:
        """How many units each record has, shape (n,); ValueError if one is of another length."""
        sizes = np.fromiter(map(len, blobs), np.int64, len(blobs))
        counts, rest = np.divmod(sizes, self.unit.itemsize)
        least = 0 if self.space.form == "sparse" else 1
        if rest.any() or (counts < least).any() or (self.is_even and (counts > 1).any()):
            raise ValueError(f"it holds vectors of another length than {self.space.dim}")
        return np.asarray(counts)

    def is_whole(self, blob: Any) -> bool:
        """Whether something is one vector as it was packed, every number finite."""
        try:
            rows = self.unpack([blob])
        except (TypeError, ValueError, InvalidVectors):
            return False
        return bool(np.isfinite(_numbers(rows)).all())

    def unpack(self, blobs: Sequence[bytes]) -> Rows:
        """Rows from bytes, float32 unless dense; ValueError if one is not what was packed."""
        counts = self.counts(blobs)
        return self.read(np.frombuffer(b"".join(blobs), self.unit), counts)

    def read(self, units: NDArray[Any], counts: NDArray[np.int64]) -> Rows:
        """Rows from units that lie one after the other; dense ones in the type they are kept in."""
        if self.dtype == np.int8:
            return np.asarray(units["numbers"] * units["scale"][:, None], np.float32)
        if self.space.form == "dense":
            return units
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
        if self.space.form == "multi":
            return MultiVectors(np.asarray(units, np.float32), starts)
        from scipy.sparse import csr_array

        entries = (units["value"].astype(np.float32), units["place"].astype(np.int32), starts)
        rows = csr_array(entries, shape=(len(counts), self.space.dim))
        try:
            rows.check_format(full_check=True)
        except ValueError as error:
            raise ValueError(f"it holds places beyond {self.space.dim} ({error})") from error
        return rows


def checked(vectors: Any, space: Space) -> Rows:
    """Vectors that somebody gives, in the form of a space.

    Raises
    ------
    InvalidVectors, DimensionMismatch
    """
    if space.form == "sparse":
        return sparse.as_sparse(vectors, space.dim)
    if space.form == "multi":
        return multi.as_multi(vectors, space.dim)
    if sparse.is_sparse(vectors) or multi.is_multi(vectors):
        raise InvalidVectors(
            f"These vectors are not dense, and {space} is.", "Give one array of numbers a record."
        )
    return as_matrix(vectors, space.dim)


def joined(parts: Sequence[Rows], space: Space) -> Rows:
    """The rows of several, one after the other; there may be none."""
    if space.form == "multi":
        return multi.joined(parts, space.dim)
    if space.form == "sparse":
        return sparse.joined(parts, space.dim)
    return np.concatenate(parts) if parts else np.empty((0, space.dim), np.float32)


def content(rows: Rows) -> bytes:
    """What tells one vector from another: its numbers, and where they are."""
    if sparse.is_sparse(rows):
        return bytes(rows.indices.astype(np.int32).tobytes() + rows.data.tobytes())
    return _numbers(rows).tobytes()


def _numbers(rows: Rows) -> NDArray[Any]:
    """The numbers of all rows, without where they are."""
    if sparse.is_sparse(rows):
        return np.asarray(rows.data)
    return np.asarray(rows.values if multi.is_multi(rows) else rows)


def unlike(a: Rows, b: Rows, step: float) -> int:
    """How many rows of two differ by more than a rounding ``step``."""
    if not a.shape[0]:
        return 0
    if sparse.is_sparse(a):
        apart = abs(a - b)
        return int((apart.max(axis=1).toarray().ravel() > step * (1 + abs(b).max())).sum())
    if multi.is_multi(a):
        return sum(
            x.shape != y.shape or not np.allclose(x, y, rtol=step, atol=step)
            for x, y in zip(a, b, strict=True)
        )
    like = np.asarray(np.isclose(a, b, rtol=step, atol=step))
    return int(np.count_nonzero(~like.all(axis=1)))
