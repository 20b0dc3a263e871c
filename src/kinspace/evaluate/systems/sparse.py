"""Exact search among sparse vectors, for which there is no index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from kinspace.metric import Metric, normalise, scores, top_k
from kinspace.results import BatchNeighbours
from kinspace.sparse import nbytes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK: Final = 1 << 24
"""Scores held at once (64 MiB)."""


class SparseRows:
    """Documents as sparse vectors, searched one and all.

    Parameters
    ----------
    vectors : csr_array of float32, shape (n, dim)
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    """

    def __init__(self, vectors: csr_array, metric: Metric) -> None:
        self._rows = normalise(vectors) if metric == "cosine" else vectors
        self._metric: Metric = metric

    @property
    def nbytes(self) -> int:
        """Bytes of numbers and positions."""
        return nbytes(self._rows)

    def search(self, queries: csr_array, k: int) -> BatchNeighbours:
        """The ``k`` nearest of each query, best first."""
        asked: csr_array = normalise(queries) if self._metric == "cosine" else queries
        measured: Metric = "dot" if self._metric == "cosine" else self._metric
        step = max(1, _BLOCK // max(1, self._rows.shape[0]))
        found = [
            top_k(scores(asked[start : start + step], self._rows, measured), k)
            for start in range(0, asked.shape[0], step)
        ]
        if not found:
            return BatchNeighbours(
                np.empty((0, k), np.int64), np.empty((0, k), np.float32), self._metric
            )
        ids, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return BatchNeighbours(ids, values, self._metric)
