"""Codes of which each byte stands for a few numbers, and how queries are compared with them.

A query's product with every value of every byte is worked out once; after that a vector's score is
a sum of as many table entries as it has bytes (asymmetric distance computation: Jégou, Douze and
Schmid 2011, "Product quantization for nearest neighbor search").
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.quantizer import Quantizer
from kinspace.engines.codes import brought_back, sums
from kinspace.metric import Metric


class Bytewise(Quantizer):
    """What ``Int4``, ``Binary`` and ``ProductQuantizer`` share.

    An implementer learns, encodes, and says by :meth:`_values` what each byte stands for. If it
    turns vectors first, it keeps ``rotation_``, shape (dim, dim): rows are turned by
    ``rows @ rotation_``.
    """

    rotation_: NDArray[np.float32] | None = None

    @abstractmethod
    def _values(self) -> NDArray[np.float32]:
        """What each byte stands for, shape (width, 256, numbers); beyond ``dim``, zeros."""

    def _decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = brought_back(codes, self._values())[:, : self.dim_]
        return rows if self.rotation_ is None else rows @ self.rotation_.T

    def _turned(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return rows if self.rotation_ is None else rows @ self.rotation_

    def _few_scores(
        self, queries: NDArray[np.float32], codes: NDArray[np.uint8], metric: Metric
    ) -> NDArray[np.float32] | None:
        if metric not in ("cosine", "dot", "euclidean"):
            return None
        values = self._values()
        missing = values.shape[0] * values.shape[2] - self.dim_
        turned = np.pad(self._turned(queries), ((0, 0), (0, missing)))
        squares = np.einsum("bvn,bvn->bv", values, values)
        found = np.empty((len(queries), len(codes)), np.float32)
        for row, query in enumerate(turned):
            tables = np.matmul(values, query.reshape(values.shape[0], -1, 1))[:, :, 0]
            found[row] = scored(query, *sums(codes, tables, squares), metric)
        return found


def scored(
    query: NDArray[np.float32],
    dots: NDArray[np.float32],
    squares: NDArray[np.float32],
    metric: Metric,
) -> NDArray[np.float32]:
    """Scores of one query, from its dot products with vectors and their squared lengths."""
    if metric == "dot":
        return dots
    if metric == "euclidean":
        apart = np.maximum(np.float32(query @ query) - 2 * dots + squares, 0)
        return np.asarray(-np.sqrt(apart), np.float32)
    lengths = np.sqrt(np.maximum(squares, 0)) * np.float32(np.linalg.norm(query))
    return np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)


def packed_nibbles(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Numbers from 0 to 15, shape (n, dim), two in a byte, the first in its lower half."""
    if codes.shape[1] % 2:
        codes = np.pad(codes, ((0, 0), (0, 1)))
    return codes[:, ::2] | (codes[:, 1::2] << np.uint8(4))


def by_byte(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a byte stands for in which several numbers lie, the first in its lowest bits.

    Parameters
    ----------
    levels : ndarray of float32, shape (dim, 2 or 16)
        What each value of a number of one or of four bits stands for.

    Returns
    -------
    ndarray of float32, shape (bytes, 256, 8 or 2)
    """
    dim, count = levels.shape
    bits = count.bit_length() - 1
    numbers = 8 // bits
    width = -(-dim // numbers)
    held = np.zeros((width * numbers, count), np.float32)
    held[:dim] = levels
    parts = (np.arange(256)[:, None] >> (bits * np.arange(numbers))) & (count - 1)
    places = np.arange(numbers)
    return np.ascontiguousarray(held.reshape(width, numbers, count)[:, places, parts])
