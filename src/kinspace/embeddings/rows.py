"""The rows of a table: checked once, measured once, and scored against what is asked.

They are vectors, dense or sparse, or items of several vectors each: only this file knows which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kinspace import multi, sparse
from kinspace.errors import InvalidInput
from kinspace.metric import Metric, as_matrix, normalise, scores
from kinspace.space import Space

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK = 1 << 24
"""Numbers held at once where rows cannot be scored in place (64 MiB)."""

_SHORTEST, _LONGEST = 1e-12, 1e12
"""Between these a product of two vectors neither overflows nor loses digits in float32."""


class Rows:
    """The vectors of a table, in the form of its space, as its verbs need them.

    Parameters
    ----------
    vectors : ndarray, csr_array or MultiVectors of float32, shape (n, dim)
    is_checked : bool
        Whether they are known to be finite; if not, each use checks what it looks at.
    """

    __slots__ = ("_lengths", "_matrix", "is_checked")

    def __init__(self, vectors: NDArray[np.float32] | csr_array, *, is_checked: bool) -> None:
        self._matrix = vectors
        self.is_checked = is_checked
        self._lengths: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, vectors: Any, space: Space) -> Rows:
        """Vectors that somebody gives, checked, in the form of their space.

        Raises
        ------
        InvalidVectors, DimensionMismatch
        InvalidInput
            If sparse vectors are given for a space that is not.
        """
        if space.form == "sparse":
            return cls(sparse.as_sparse(vectors, space.dim), is_checked=True)
        if space.form == "multi":
            return cls(multi.as_multi(vectors, space.dim), is_checked=True)
        if sparse.is_sparse(vectors):
            raise InvalidInput(
                f"These vectors are sparse, and {space} is not.", 'Give a Space(form="sparse").'
            )
        return cls(as_matrix(vectors, space.dim), is_checked=True)

    def __len__(self) -> int:
        return int(self._matrix.shape[0])

    @property
    def is_sparse(self) -> bool:
        """Whether they are a csr_array."""
        return sparse.is_sparse(self._matrix)

    @property
    def is_multi(self) -> bool:
        """Whether they are items of several vectors each."""
        return multi.is_multi(self._matrix)

    @property
    def matrix(self) -> NDArray[np.float32] | csr_array:
        """All vectors, checked."""
        if not self.is_checked:
            self._matrix = _checked(self._matrix)
            self.is_checked = True
        return self._matrix

    def one(self, row: int) -> NDArray[np.float32] | csr_array:
        """One vector, shape (1, dim), checked, and nothing else looked at."""
        found = self._matrix[row : row + 1]
        return found if self.is_checked else _checked(found)

    def item(self, row: int) -> NDArray[np.float32] | csr_array:
        """What a reader calls one row: (dim,), a csr_array (1, dim), or (k, dim) of several."""
        found = self.one(row)
        return found if self.is_sparse else found[0]

    def array(self, dtype: DTypeLike | None, copy: bool | None) -> NDArray[Any]:
        """All vectors as numpy's array, with their zeros."""
        vectors: Any = self.matrix
        if self.is_sparse:
            if copy is False:
                raise ValueError("sparse vectors become an array only by a copy")
            vectors = vectors.toarray()
        return np.array(vectors, dtype=dtype, copy=copy)

    def first(self, dim: int, metric: Metric) -> Any:
        """The first dimensions of all vectors, brought back to length 1 for cosine."""
        vectors: Any = self.matrix
        if self.is_multi:
            kept = vectors.each(lambda values: values[:, :dim])
        else:
            kept = vectors[:, :dim]
            kept = kept if self.is_sparse else np.ascontiguousarray(kept)
        return normalise(kept) if metric == "cosine" else kept

    def some(self, places: slice | NDArray[np.int64]) -> Rows:
        """Some rows, by positions."""
        return Rows(self._matrix[places], is_checked=self.is_checked)

    def scores(
        self, targets: NDArray[np.float32] | csr_array, metric: Metric
    ) -> NDArray[np.float32]:
        """Score targets, shape (q, dim), against every row: float32, shape (q, n)."""
        if metric == "cosine" and not self.is_multi:
            return self._cosines(targets)
        if metric == "dot" or self.is_sparse or self.is_multi:
            return scores(targets, self.matrix, metric)
        return self._in_blocks(targets, metric)

    def _cosines(self, targets: NDArray[np.float32] | csr_array) -> NDArray[np.float32]:
        # Lengths are kept and not unit rows: a query reads the table once, and memory stays.
        own, theirs = self.lengths(), _lengths(targets)
        if not (_is_moderate(own) and _is_moderate(theirs)):
            return self._in_blocks(targets, "cosine")
        found = scores(targets, self.matrix, "dot")
        found /= np.where(own == 0, np.float32(1), own)
        found /= np.where(theirs == 0, np.float32(1), theirs)[:, None]
        return found

    def lengths(self) -> NDArray[np.float32]:
        """Euclidean lengths, shape (n,); measured once, after which dense rows are read-only."""
        if self._lengths is not None:
            return self._lengths
        found = _lengths(self._matrix)
        if not np.isfinite(found).all():
            self.matrix  # noqa: B018 - raises where that comes of NaN and not of size
        if not self.is_sparse:
            self.is_checked = True
            self._lengths = found
            self._matrix = self._matrix.view()
            self._matrix.flags.writeable = False
        return found

    def _in_blocks(self, targets: NDArray[np.float32], metric: Metric) -> NDArray[np.float32]:
        matrix = self.matrix
        step = max(1, _BLOCK // matrix.shape[1])
        parts = [
            scores(targets, matrix[start : start + step], metric)
            for start in range(0, len(self), step)
        ]
        return np.concatenate(parts, axis=1) if parts else np.empty((len(targets), 0), np.float32)


def _checked(matrix: Any) -> Any:
    if multi.is_multi(matrix):
        return multi.as_multi(matrix, matrix.shape[1])
    if sparse.is_sparse(matrix):
        return sparse.as_sparse(matrix, matrix.shape[1])
    return as_matrix(matrix, matrix.shape[1])


def signed_mean(vectors: list[Any], signs: list[int]) -> Any:
    """The mean of vectors, each of them added or, where its sign is -1, taken away."""
    _require_one_each(vectors[0])
    turned = [
        vector * np.float32(sign / len(signs)) for vector, sign in zip(vectors, signs, strict=True)
    ]
    return sum(turned[1:], start=turned[0])


def stacked(rows: list[Any]) -> Any:
    """Rows of shape (1, dim) as one matrix, of one vector each."""
    _require_one_each(rows[0])
    return together(rows)


def together(rows: list[Any]) -> Any:
    """Rows of shape (1, dim), in whatever form, as one table."""
    if multi.is_multi(rows[0]):
        return multi.joined(rows, rows[0].shape[1])
    if sparse.is_sparse(rows[0]):
        return sparse.joined(rows, rows[0].shape[1])
    return np.concatenate(rows)


def _require_one_each(row: Any) -> None:
    if multi.is_multi(row):
        raise InvalidInput(
            "Items of several vectors each have no sum, no difference and no odd one.",
            "Ask nearest() or similarity(), or use a model that gives one vector a text.",
        )


def _lengths(matrix: NDArray[np.float32] | csr_array) -> NDArray[np.float32]:
    if sparse.is_sparse(matrix):
        return sparse.lengths(matrix).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.vecdot(matrix, matrix)
        found: NDArray[np.float32] = np.sqrt(squares)
        # Squares can leave the range of float32; what did is measured again in float64.
        odd = np.flatnonzero(~((squares >= _SHORTEST**2) & (squares <= _LONGEST**2)))
        wide = matrix[odd].astype(np.float64)
        found[odd] = np.sqrt(np.vecdot(wide, wide))
    return found


def _is_moderate(lengths: NDArray[np.float32]) -> bool:
    """Whether products with vectors of these lengths are safe in float32; zeros are."""
    return bool(((lengths == 0) | ((lengths >= _SHORTEST) & (lengths <= _LONGEST))).all())
