"""Exact search: every vector is looked at, so nothing is missed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.index.base import Ids, check_k, padded
from kinspace.metric import Metric, as_matrix, check_metric, normalise, scores, top_k
from kinspace.results import BatchNeighbours

_BLOCK = 1 << 21
"""Floats of the table that are brought to float32 at once (8 MiB, about a core's cache)."""

_ROWS_OF_ONE = 512
"""Rows that are compared with one query at a time."""


class Exact:
    """All vectors, compared one by one: the truth that other indexes are measured by.

    Parameters
    ----------
    dim : int
        The length of the vectors.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}

    Examples
    --------
    >>> index = Exact(dim=2, metric="euclidean")
    >>> index.add([[0, 0], [3, 4]], ids=[7, 8])
    >>> index.search([[0, 1]], k=1)[0].ids
    [7]
    """

    def __init__(self, dim: int, metric: Metric = "cosine") -> None:
        self.dim = dim
        self.metric: Metric = check_metric(metric)
        self._table: NDArray[np.float32] = np.empty((0, dim), np.float32)  # length 1 for cosine
        self._ids = Ids()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def nbytes(self) -> int:
        """Bytes of its vectors."""
        return self._table.nbytes

    def add(self, vectors: ArrayLike, ids: ArrayLike | None = None) -> None:
        """Add vectors, shape (n, dim), under ids that are not in use yet.

        Raises
        ------
        InvalidVectors, DimensionMismatch, DuplicateId
        """
        matrix = prepare_queries(vectors, self.dim, self.metric)
        self._ids.extend(len(matrix), ids)
        self._table = np.concatenate([self._table, matrix])

    def remove(self, ids: ArrayLike) -> int:
        """Take vectors out; returns how many there were."""
        gone = self._ids.positions(ids)
        keep = np.ones(len(self._ids), np.bool_)
        keep[gone] = False
        self._ids.keep(keep)
        self._table = self._table[keep]
        return len(gone)

    def search(
        self, queries: ArrayLike, k: int = 10, *, allowed: ArrayLike | None = None
    ) -> BatchNeighbours:
        """The ``k`` nearest of each query, best first, among ``allowed`` ids if given.

        Raises
        ------
        InvalidVectors, DimensionMismatch, InvalidParameter
        """
        rows = None if allowed is None else self._ids.positions(allowed)
        return nearest_rows(
            prepare_queries(queries, self.dim, self.metric),
            self._table,
            self._ids.rows,
            k,
            self.metric,
            rows=rows,
        )


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
