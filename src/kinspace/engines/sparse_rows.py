"""Dot products of sparse rows with sparse queries.

A query is written out in full, so that each number of a row finds the query's by its dimension.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def multiply_rows(
    held: tuple[Any, ...],
    rows: NDArray[np.int64],
    queries: tuple[Any, ...],
    weights: NDArray[np.float32],
    out: NDArray[np.float32],
    begin: int,
    end: int,
) -> None:
    """Products of the queries from ``begin`` to ``end`` with some of the rows that are held.

    Parameters
    ----------
    held, queries : (float32 numbers, int32 dimensions, int64 starts)
        As a csr_array has them.
    rows : array of int64, shape (queries, m) or (1, m)
        Those of each query, or the same for all; -1 for none, whose product is minus infinity.
    weights : array of float32, shape (dim,)
        Zeros, and zeros again afterwards.
    out : array of float32, shape (queries, m)
        Filled.
    """
    for query in range(begin, end):
        write_out(queries, query, weights)
        own = query if rows.shape[0] > 1 else 0
        for i in range(rows.shape[1]):
            row = rows[own, i]
            out[query, i] = product(held, row, weights) if row >= 0 else -np.inf
        wipe_out(queries, query, weights)


def product(held: tuple[Any, ...], row: int, weights: NDArray[np.float32]) -> Any:
    """The product of one row with the query that is written out."""
    data, indices, starts = held
    total = np.float32(0)
    for place in range(starts[row], starts[row + 1]):
        total += data[place] * weights[indices[place]]
    return total


def write_out(queries: tuple[Any, ...], query: int, weights: NDArray[np.float32]) -> None:
    """Write a query's numbers to their dimensions."""
    data, indices, starts = queries
    for place in range(starts[query], starts[query + 1]):
        weights[indices[place]] = data[place]


def wipe_out(queries: tuple[Any, ...], query: int, weights: NDArray[np.float32]) -> None:
    """Write zeros there again."""
    indices, starts = queries[1], queries[2]
    for place in range(starts[query], starts[query + 1]):
        weights[indices[place]] = 0
