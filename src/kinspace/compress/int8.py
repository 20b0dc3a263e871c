"""One byte a number: in steps of each dimension, calibrated, or of each row."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.bytewise import scored
from kinspace.compress.quantizer import Quantizer, sample
from kinspace.compress.rounding import quantise_rows
from kinspace.engines.codes import affine_sums
from kinspace.errors import InvalidParameter
from kinspace.metric import Metric

__all__ = ["Int8", "RowInt8", "quantise_rows"]


class RowInt8(Quantizer):
    """A byte a number, and a scale for each row; nothing is learned.

    What collections keep as ``int8``: no later vector can lie beyond a range that was learned.
    Int8 is a little nearer, for four bytes less.

    Examples
    --------
    >>> rows = np.array([[0.5, -1.0], [100, 3]], np.float32)
    >>> small = RowInt8().fit(rows)
    >>> small.bytes_per_vector, bool(abs(small.decode(small.encode(rows)) - rows).max() < 0.4)
    (6, True)
    """

    name: ClassVar[str] = "row-int8"

    def _learn(self, rows: NDArray[np.float32]) -> None:
        """There is nothing to learn."""

    @property
    def width(self) -> int:
        """How many bytes a code has: those of the numbers, and four of the scale."""
        return self.dim_ + 4

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type they are."""
        return np.dtype(np.int8)

    def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.int8]:
        rounded, scales = quantise_rows(rows)
        return np.concatenate([rounded, scales[:, None].view(np.int8)], axis=1)

    def _decode(self, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        return np.asarray(codes[:, : self.dim_] * self._scales(codes), np.float32)

    def _scales(self, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        return np.ascontiguousarray(codes[:, self.dim_ :]).view(np.float32)

    def _few_scores(
        self, queries: NDArray[np.float32], codes: NDArray[np.int8], metric: Metric
    ) -> NDArray[np.float32] | None:
        if metric not in ("cosine", "dot", "euclidean"):
            return None
        found = np.empty((len(queries), len(codes)), np.float32)
        scales, numbers = self._scales(codes)[:, 0], codes[:, : self.dim_]
        one, none = np.ones(self.dim_, np.float32), np.zeros(self.dim_, np.float32)
        for row, query in enumerate(queries):
            dots, squares = affine_sums(numbers, query, one, none)
            found[row] = scored(query, dots * scales, squares * scales * scales, metric)
        return found


class Int8(Quantizer):
    """A quarter of float32: 256 even steps between what each dimension holds.

    The range of each dimension is learned from vectors; numbers beyond it are brought to its end.

    Parameters
    ----------
    quantile : float
        The share of a dimension's numbers that its range holds. By default nearly all: a few
        far-off ones cost less at the end of the range than all others would, were it wider.

    Attributes
    ----------
    middles_, steps_ : ndarray of float32, shape (dim,)
        A code ``c`` from -128 to 127 stands for ``middles_ + steps_ * c``.

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((1000, 32)).astype(np.float32)
    >>> small = Int8().fit(rows)
    >>> codes = small.encode(rows)
    >>> codes.nbytes, bool(abs(small.decode(codes) - rows).mean() < 0.01)
    (32000, True)
    """

    name: ClassVar[str] = "int8"

    def __init__(self, quantile: float = 0.9998) -> None:
        self.quantile = quantile

    def _learn(self, rows: NDArray[np.float32]) -> None:
        if not 0.5 <= self.quantile <= 1:
            raise InvalidParameter(f"quantile is {self.quantile}.", "Give 0.5 to 1.")
        outside = (1 - self.quantile) / 2
        low, high = np.quantile(sample(rows), [outside, 1 - outside], axis=0)
        self.steps_ = np.asarray((high - low) / 255, np.float32)
        self.middles_ = np.asarray(low + 128 * (high - low) / 255, np.float32)

    @property
    def width(self) -> int:
        """How many numbers a code has."""
        return self.dim_

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type they are."""
        return np.dtype(np.int8)

    def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.int8]:
        steps = np.where(self.steps_ > 0, self.steps_, 1)
        places = np.rint((rows - self.middles_) / steps)
        return np.clip(places, -128, 127).astype(np.int8)

    def _decode(self, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        rows = codes.astype(np.float32)
        rows *= self.steps_
        rows += self.middles_
        return rows

    def _few_scores(
        self, queries: NDArray[np.float32], codes: NDArray[np.int8], metric: Metric
    ) -> NDArray[np.float32] | None:
        if metric not in ("cosine", "dot", "euclidean"):
            return None
        rows = [
            scored(query, *affine_sums(codes, query, self.steps_, self.middles_), metric)
            for query in queries
        ]
        return np.stack(rows) if rows else np.empty((0, len(codes)), np.float32)
