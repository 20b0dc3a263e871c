"""Comparing queries with every row of a table."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.index.base import check_k, padded
from kinspace.index.exact_batch import first_pass_pays, nearest_of_batch
from kinspace.metric import Metric, as_matrix, normalise, scores, top_k
from kinspace.results import BatchNeighbours

_BLOCK = 1 << 21
"""Floats of the table that are brought to float32 at once (8 MiB, about a core's cache)."""

_ROWS_OF_ONE = 512
"""Rows that are compared with one query at a time."""


def prepare_queries(queries: ArrayLike, dim: int, metric: Metric) -> NDArray[np.float32]:
    """Check queries and, for cosine, bring them to length 1, as :func:`nearest_rows` wants them."""
    matrix = as_matrix(queries, dim)
    return normalise(matrix) if metric == "cosine" else matrix


def row_scores(
    queries: NDArray[np.float32], rows: NDArray[Any], metric: Metric
) -> NDArray[np.float32]:
    """Scores of queries against rows that, for cosine, have length 1 already."""
    table = np.asarray(rows, dtype=np.float32)
    return scores(queries, table, "dot" if metric == "cosine" else metric)


def nearest_rows(
    queries: NDArray[np.float32],
    table: NDArray[Any],
    ids: NDArray[np.int64],
    k: int,
    metric: Metric,
    *,
    rows: NDArray[np.int64] | None = None,
) -> BatchNeighbours:
    """Exact neighbours in a table that may be float16 and may lie on disk.

    The table is gone through in blocks, so memory stays bounded.

    Parameters
    ----------
    queries : ndarray of float32, shape (n, dim)
        For cosine of length 1, as :func:`prepare_queries` gives them.
    table : ndarray of float32 or float16, shape (m, dim)
        For cosine of length 1.
    ids : ndarray of int64, shape (m,)
    k : int
    metric : str
    rows : ndarray of int64, optional
        Look only at these positions of the table, ascending.

    Returns
    -------
    BatchNeighbours
        Shape (n, k), padded with -1. Equal scores keep the order of the table.
    """
    check_k(k)
    total = len(table) if rows is None else len(rows)
    step = max(1, _BLOCK // max(1, table.shape[1]))
    if len(queries) == 1:
        return _nearest_of_one(queries, table, ids, k, metric, rows)
    if first_pass_pays(len(queries), total, k, metric, table):
        return _in_a_batch(queries, table, ids, k, metric, rows)
    best_rows = np.empty((len(queries), 0), np.int64)
    best = np.empty((len(queries), 0), np.float32)
    for start in range(0, total, step):
        places = (
            np.arange(start, min(start + step, total)) if rows is None
            else rows[start : start + step]
        )  # fmt: skip
        block = table[start : start + step] if rows is None else table[places]
        positions, values = top_k(row_scores(queries, block, metric), k)
        best_rows = np.concatenate([best_rows, places[positions]], axis=1)
        best = np.concatenate([best, values], axis=1)
        if start and best.shape[1] > k:
            kept, best = top_k(best, k)
            best_rows = np.take_along_axis(best_rows, kept, 1)
    found = ids[best_rows] if len(ids) else best_rows
    return BatchNeighbours(*padded(found, best, k), metric)


def _in_a_batch(
    queries: NDArray[np.float32],
    table: NDArray[Any],
    ids: NDArray[np.int64],
    k: int,
    metric: Metric,
    rows: NDArray[np.int64] | None,
) -> BatchNeighbours:
    found, unproved = nearest_of_batch(
        queries, table, k, metric, places=rows, threads=os.cpu_count() or 1
    )
    for query in unproved:
        own, width = slice(query, query + 1), found[0].shape[1]
        one = _nearest_of_one(queries[own], table, np.empty(0, np.int64), k, metric, rows)
        found[0][query], found[1][query] = one.ids[0, :width], one.scores[0, :width]
    places = ids[found[0]] if len(ids) else found[0]
    return BatchNeighbours(*padded(places, found[1], k), metric)


def _nearest_of_one(
    query: NDArray[np.float32],
    table: NDArray[Any],
    ids: NDArray[np.int64],
    k: int,
    metric: Metric,
    rows: NDArray[np.int64] | None,
) -> BatchNeighbours:
    """One query, in blocks so small that the linear algebra keeps to one thread.

    Waking the others takes longer than the work, and waits for whatever else the machine does.
    """
    total = len(table) if rows is None else len(rows)
    values = np.empty((1, total), np.float32)
    for start in range(0, total, _ROWS_OF_ONE):
        part = slice(start, start + _ROWS_OF_ONE)
        block = table[part] if rows is None else table[rows[part]]
        values[:, part] = row_scores(query, block, metric)
    positions, best = top_k(values, k)
    places = positions if rows is None else rows[positions]
    found = ids[places] if len(ids) else places
    return BatchNeighbours(*padded(found, best, k), metric)
