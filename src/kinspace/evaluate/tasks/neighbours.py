"""The nearest rows of a table for each of many queries, exactly and in bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinspace.index import SparseExact
from kinspace.index.exact_search import nearest_rows
from kinspace.metric import Metric, normalise
from kinspace.sparse import is_sparse

_QUERIES = 1024
"""How many are compared with a block of the table at once: some 20 MiB of scores."""


def nearest(
    queries: NDArray[np.float32], table: NDArray[np.float32], k: int, metric: Metric
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` nearest rows of a table for each query.

    Parameters
    ----------
    queries : ndarray or csr_array of float32, shape (n, dim)
    table : ndarray or csr_array of float32, shape (m, dim)
    k : int
        More than ``m`` gives ``m``.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}

    Returns
    -------
    rows : ndarray of int64, shape (n, min(k, m))
        Best first; equal scores in the order of the table.
    scores : ndarray of float32, shape (n, min(k, m))
        Higher is nearer.

    Examples
    --------
    >>> table = np.eye(3, dtype=np.float32)
    >>> rows, scores = nearest(table[1:2] + 0.1, table, 2, "dot")
    >>> rows.tolist()
    [[1, 0]]
    """
    if is_sparse(table):
        index = SparseExact(table.shape[1], metric)
        index.add(table)
        found = index.search(queries, min(k, table.shape[0]))
        return found.ids, found.scores
    if metric == "cosine":
        queries, table = normalise(queries), normalise(table)
    names = np.arange(len(table))
    k = min(k, len(table))
    parts = [
        nearest_rows(queries[start : start + _QUERIES], table, names, k, metric)
        for start in range(0, len(queries), _QUERIES)
    ]
    return np.concatenate([one.ids for one in parts]), np.concatenate([one.scores for one in parts])
