"""Exact search among sparse vectors: a list of rows for each dimension, as for words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.index.base import Ids, check_k, padded
from kinspace.index.files import read_arrays, write_arrays
from kinspace.metric import Metric, check_metric, normalise, scores, top_k
from kinspace.results import BatchNeighbours
from kinspace.sparse import as_sparse, joined, nbytes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SCORES: Final = 1 << 22
"""Scores held at once (16 MiB)."""


class SparseExact:
    """Sparse vectors, compared one and all.

    Dot products and cosines go by a list of rows for each dimension, which is made at the first
    search: a query looks only at the dimensions that it has.

    Parameters
    ----------
    dim : int
        The length of the vectors, their zeros included.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> index = SparseExact(dim=4, metric="dot")
    >>> index.add(csr_array([[0, 2.0, 0, 0], [1.0, 0, 0, 1.0]]), ids=[7, 8])
    >>> index.search(csr_array([[0, 0, 0, 3.0]]), k=1)[0].ids
    [8]
    """

    def __init__(self, dim: int, metric: Metric = "cosine") -> None:
        self.dim = dim
        self.metric: Metric = check_metric(metric)
        self._parts: list[csr_array] = []  # of length 1 for cosine
        self._by_dimension: csr_array | None = None  # shape (dim, n)
        self._ids = Ids()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def nbytes(self) -> int:
        """Bytes of numbers and positions, and of the lists by dimension once they are made."""
        held = [*self._parts, *([] if self._by_dimension is None else [self._by_dimension])]
        return sum(nbytes(part) for part in held if part.shape[0])

    def add(self, vectors: Any, ids: Any = None) -> None:
        """Add vectors, sparse or not, of shape (n, dim), under ids that are not in use yet.

        Raises
        ------
        InvalidVectors, DimensionMismatch, DuplicateId
        """
        rows = self._prepared(vectors)
        self._ids.extend(rows.shape[0], ids)
        self._parts.append(rows.copy())
        self._by_dimension = None

    def remove(self, ids: Any) -> int:
        """Take vectors out; returns how many there were."""
        gone = self._ids.positions(ids)
        if len(gone):
            keep = np.ones(len(self._ids), np.bool_)
            keep[gone] = False
            self._parts = [self._whole()[np.flatnonzero(keep)]]
            self._ids.keep(keep)
            self._by_dimension = None
        return len(gone)

    def search(self, queries: Any, k: int = 10, *, allowed: Any = None) -> BatchNeighbours:
        """The ``k`` nearest of each query, best first, among ``allowed`` ids if given.

        Raises
        ------
        InvalidVectors, DimensionMismatch, InvalidParameter
        """
        check_k(k)
        asked = self._prepared(queries)
        rows = None if allowed is None else self._ids.positions(allowed)
        step = max(1, _SCORES // max(1, len(self)))
        found = [
            self._nearest(asked[start : start + step], k, rows)
            for start in range(0, asked.shape[0], step)
        ]
        none = np.empty((0, k), np.int64), np.empty((0, k), np.float32)
        ids, values = (np.concatenate(parts) for parts in zip(none, *found, strict=True))
        return BatchNeighbours(ids, values, self.metric)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, complete or not at all.

        Raises
        ------
        PathNotFound
            If the folder does not exist.
        """
        whole = self._whole()
        arrays = {part: getattr(whole, part) for part in ("data", "indices", "indptr")}
        options = {"dim": self.dim, "metric": self.metric}
        write_arrays(path, type(self).__name__, arrays | {"ids": self._ids.rows}, options)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open what :meth:`save` wrote.

        Raises
        ------
        PathNotFound, ReadError
        """
        from scipy.sparse import csr_array

        with read_arrays(path, cls.__name__) as (arrays, options):
            made = cls(**options)
            parts = tuple(arrays[part] for part in ("data", "indices", "indptr"))
            shape = (len(arrays["ids"]), made.dim)
            made._parts = [as_sparse(csr_array(parts, shape=shape), made.dim)]
            made._ids = Ids.of(arrays["ids"])
        return made

    def _prepared(self, vectors: Any) -> csr_array:
        rows = as_sparse(vectors, self.dim)
        return normalise(rows) if self.metric == "cosine" else rows

    def _whole(self) -> csr_array:
        if len(self._parts) != 1:
            self._parts = [joined(self._parts, self.dim)]
        return self._parts[0]

    def _nearest(
        self, asked: csr_array, k: int, rows: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        values = self._scores(asked)
        places, best = top_k(values if rows is None else values[:, rows], k)
        places = places if rows is None else rows[places]
        return padded(self._ids.rows[places] if len(self) else places, best, k)

    def _scores(self, asked: csr_array) -> NDArray[np.float32]:
        whole = self._whole()
        if self.metric not in ("cosine", "dot"):
            return scores(asked, whole, self.metric)
        if self._by_dimension is None:
            self._by_dimension = whole.T.tocsr()
        found: NDArray[np.float32] = (asked @ self._by_dimension).toarray()
        return found
