"""Inverted lists: vectors in cells around centroids, and only the nearest cells looked at.

Jégou, Douze and Schmid, "Product quantization for nearest neighbor search" (2011), section 4,
with FAISS's 8-bit scalar quantiser in the place of the product quantiser.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.errors import InvalidParameter
from kinspace.index.base import Ids, check_k
from kinspace.index.exact import prepare_queries, row_scores
from kinspace.index.library import read_index, threads_for, write_index
from kinspace.metric import Metric, as_matrix, check_metric, top_k
from kinspace.results import BatchNeighbours

METRICS: Final = ("cosine", "dot", "euclidean")
_POINTS_PER_CENTROID: Final = 32
_ITERATIONS: Final = 8
_TUNING_QUERIES: Final = 100
_BLOCK: Final = 8192


class Ivf:
    """An inverted file over 8-bit vectors: fast search that finds nearly all neighbours.

    Cells are learned from the first vectors added. ``nprobe`` is set to reach ``recall`` on a
    sample of them, measured against exact search.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    nlist : int, optional
        How many cells; by default about twice the square root of the first addition.
    nprobe : int, optional
        How many cells are looked at; by default chosen for ``recall``.
    recall : float
        The share of the ten nearest that are to be found.
    seed : int
        For the choice of training vectors.

    Raises
    ------
    InvalidParameter
        For another metric, or a recall outside (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((1000, 16))
    >>> index = Ivf(dim=16)
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]
    """

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        nlist: int | None = None,
        nprobe: int | None = None,
        recall: float = 0.97,
        seed: int = 0,
    ) -> None:
        if check_metric(metric) not in METRICS:
            raise InvalidParameter(
                f"Inverted lists cannot search by {metric}.", "Use Exact for this metric."
            )
        if not 0 < recall <= 1:
            raise InvalidParameter(f"recall is {recall}.", "Give a share between 0 and 1.")
        self.dim = dim
        self.metric: Metric = metric
        self.nlist = nlist
        self.nprobe = nprobe
        self.recall = recall
        self.seed = seed
        self._ids = Ids()
        self._faiss: Any = None

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def nbytes(self) -> int:
        """Bytes of its codes with their ids, and of the centroids of its cells."""
        if self._faiss is None:
            return 0
        codes = self._faiss.ntotal * (self._faiss.code_size + np.dtype(np.int64).itemsize)
        return int(codes + self._faiss.nlist * self.dim * np.dtype(np.float32).itemsize)

    def add(self, vectors: ArrayLike, ids: ArrayLike | None = None) -> None:
        """Add vectors, shape (n, dim), under ids that are not in use yet; learn cells at first.

        Raises
        ------
        InvalidVectors, DimensionMismatch, DuplicateId
        """
        table = vectors if isinstance(vectors, np.ndarray) else as_matrix(vectors, self.dim)
        table = table.reshape(1, -1) if table.ndim == 1 else table
        for _ in self._blocks(table):
            pass  # every vector is checked before the first one is added
        new = self._ids.extend(len(table), ids)
        if not len(table):
            return
        untuned = self._faiss is None
        if untuned:
            self._faiss = self._train(table)
        for start, block in self._blocks(table):
            self._faiss.add_with_ids(block, new[start : start + len(block)])
        if untuned:
            self._faiss.nprobe = self.nprobe or self._tune(table, new)

    def _blocks(self, table: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The table in blocks as FAISS wants them, so that a large one may lie on disk."""
        for start in range(0, max(1, len(table)), _BLOCK):
            yield start, prepare_queries(table[start : start + _BLOCK], self.dim, self.metric)

    def _sample(self, table: NDArray[Any], count: int) -> NDArray[np.float32]:
        rng = np.random.default_rng(self.seed)
        rows = np.sort(rng.choice(len(table), min(count, len(table)), replace=False))
        return prepare_queries(table[rows], self.dim, self.metric)

    def _train(self, table: NDArray[Any]) -> Any:
        import faiss

        nlist = self.nlist or max(1, min(2 * math.isqrt(len(table)), len(table) // 20))
        inner = self.metric != "euclidean"
        kind = faiss.METRIC_INNER_PRODUCT if inner else faiss.METRIC_L2
        index = faiss.index_factory(self.dim, f"IVF{nlist},SQ8", kind)
        index.cp.niter = _ITERATIONS
        index.cp.min_points_per_centroid = 1
        # The scalar quantiser takes its ranges from the same sample; a small one is widened.
        index.train(self._sample(table, max(_POINTS_PER_CENTROID * nlist, 10_000)))
        return index

    def _tune(self, table: NDArray[Any], ids: NDArray[np.int64]) -> int:
        """The smallest power of two of cells that finds enough of the ten nearest."""
        queries = self._sample(table, _TUNING_QUERIES)
        k = min(11, len(table))  # the query itself and ten more
        truth = np.empty((len(queries), 0), np.int64)
        best = np.empty((len(queries), 0), np.float32)
        for start, block in self._blocks(table):
            rows, values = top_k(row_scores(queries, block, self.metric), k)
            joined = np.concatenate([truth, ids[start + rows]], axis=1)
            kept, best = top_k(np.concatenate([best, values], axis=1), k)
            truth = np.take_along_axis(joined, kept, 1)
        nprobe = 1
        while nprobe < self._faiss.nlist:
            self._faiss.nprobe = nprobe
            found = self._faiss.search(queries, k)[1]
            hits = sum(len(set(a) & set(b)) - 1 for a, b in zip(truth, found, strict=True))
            if hits >= self.recall * len(queries) * max(1, k - 1):
                break
            nprobe *= 2
        return min(nprobe, int(self._faiss.nlist))

    def remove(self, ids: ArrayLike) -> int:
        """Take vectors out; returns how many there were."""
        gone = self._ids.positions(ids)
        if len(gone):
            self._faiss.remove_ids(np.ascontiguousarray(self._ids.rows[gone]))
            keep = np.ones(len(self._ids), np.bool_)
            keep[gone] = False
            self._ids.keep(keep)
        return len(gone)

    def search(
        self, queries: ArrayLike, k: int = 10, *, allowed: ArrayLike | None = None
    ) -> BatchNeighbours:
        """The ``k`` nearest of each query, best first, among ``allowed`` ids if given.

        With ``allowed`` all cells are looked at, so that ``k`` are found where ``k`` exist.

        Raises
        ------
        InvalidVectors, DimensionMismatch, InvalidParameter
        """
        check_k(k)
        matrix = prepare_queries(queries, self.dim, self.metric)
        if self._faiss is None:
            shape = (len(matrix), k)
            empty = np.full(shape, -1, np.int64)
            return BatchNeighbours(empty, np.full(shape, -np.inf, np.float32), self.metric)
        found, ids = self._search(matrix, k, allowed)
        values = np.where(ids < 0, -np.inf, self._as_scores(found)).astype(np.float32)
        return BatchNeighbours(ids, values, self.metric)

    def _search(
        self, matrix: NDArray[np.float32], k: int, allowed: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        import faiss

        nprobe = self._faiss.nprobe
        selector = None
        if allowed is not None:
            selector = faiss.IDSelectorBatch(np.asarray(allowed, np.int64).ravel())
            nprobe = self._faiss.nlist
        with threads_for(matrix):
            while True:
                params = faiss.SearchParametersIVF(sel=selector, nprobe=nprobe)
                found, ids = self._faiss.search(matrix, k, params=params)
                if nprobe >= self._faiss.nlist or k > len(self) or (ids >= 0).all():
                    return found, ids
                nprobe = min(4 * nprobe, self._faiss.nlist)  # too few vectors in those cells

    def _as_scores(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.metric == "euclidean":
            return -np.sqrt(np.maximum(found, 0))  # FAISS gives squared distances
        return found

    def save(self, path: str | Path) -> None:
        """Write the index to a file, complete or not at all.

        Raises
        ------
        InvalidParameter
            If nothing was added yet.
        """
        write_index(self._faiss, path)

    @classmethod
    def load(cls, path: str | Path, metric: Metric = "cosine") -> Self:
        """Read an index that :meth:`save` wrote.

        Raises
        ------
        PathNotFound, ReadError
        """
        import faiss

        read = read_index(path, "IndexIVF")
        lists = [
            faiss.rev_swig_ptr(read.invlists.get_ids(i), read.invlists.list_size(i)).copy()
            for i in range(read.nlist)
        ]
        made = cls(read.d, metric, nlist=read.nlist, nprobe=read.nprobe)
        made._faiss = read
        made._ids = Ids.of(np.concatenate(lists) if lists else np.empty(0, np.int64))
        return made
