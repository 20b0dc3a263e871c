"""Inverted lists: vectors in cells around centroids, and only the nearest cells looked at.

Jégou, Douze and Schmid, "Product quantization for nearest neighbor search" (2011), section 4,
with FAISS's 8-bit scalar quantiser in the place of the product quantiser.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.errors import InvalidParameter, PathNotFound, ReadError
from kinspace.index.base import Ids, check_k
from kinspace.index.exact import prepare_queries, row_scores
from kinspace.metric import Metric, as_matrix, check_metric, normalise, top_k
from kinspace.results import BatchNeighbours

METRICS: Final = ("cosine", "dot", "euclidean")
_POINTS_PER_CENTROID: Final = 40
_ITERATIONS: Final = 8
_TUNING_QUERIES: Final = 100


class Ivf:
    """An inverted file over 8-bit vectors: fast search that finds nearly all neighbours.

    Cells are learned from the first vectors added. ``nprobe`` is set to reach ``recall`` on a
    sample of them, measured against exact search.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    nlist : int, optional
        How many cells; by default about four times the square root of the first addition.
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

    def add(self, vectors: ArrayLike, ids: ArrayLike | None = None) -> None:
        """Add vectors, shape (n, dim), under ids that are not in use yet; learn cells at first.

        Raises
        ------
        InvalidVectors, DimensionMismatch, DuplicateId
        """
        matrix = as_matrix(vectors, self.dim)
        if self.metric == "cosine":
            matrix = normalise(matrix)
        new = self._ids.extend(len(matrix), ids)
        if not len(matrix):
            return
        untuned = self._faiss is None
        if untuned:
            self._faiss = self._train(matrix)
        self._faiss.add_with_ids(matrix, new)
        if untuned:
            self._faiss.nprobe = self.nprobe or self._tune(matrix, new)

    def _train(self, matrix: NDArray[np.float32]) -> Any:
        import faiss

        nlist = self.nlist or max(1, min(4 * math.isqrt(len(matrix)), len(matrix) // 20))
        inner = self.metric != "euclidean"
        kind = faiss.METRIC_INNER_PRODUCT if inner else faiss.METRIC_L2
        index = faiss.index_factory(self.dim, f"IVF{nlist},SQ8", kind)
        index.cp.niter = _ITERATIONS
        index.cp.min_points_per_centroid = 1
        rng = np.random.default_rng(self.seed)
        # The scalar quantiser takes its ranges from the same sample; a small one is widened.
        count = min(len(matrix), max(_POINTS_PER_CENTROID * nlist, 10_000))
        index.train(matrix[np.sort(rng.choice(len(matrix), count, replace=False))])
        return index

    def _tune(self, matrix: NDArray[np.float32], ids: NDArray[np.int64]) -> int:
        """The smallest power of two of cells that finds enough of the ten nearest."""
        rng = np.random.default_rng(self.seed)
        count = min(_TUNING_QUERIES, len(matrix))
        queries = matrix[np.sort(rng.choice(len(matrix), count, replace=False))]
        k = min(11, len(matrix))  # the query itself and ten more
        rows, _ = top_k(row_scores(queries, matrix, self.metric), k)
        truth = ids[rows]
        nprobe = 1
        while nprobe < self._faiss.nlist:
            self._faiss.nprobe = nprobe
            found = self._faiss.search(queries, k)[1]
            hits = sum(len(set(a) & set(b)) - 1 for a, b in zip(truth, found, strict=True))
            if hits >= self.recall * count * max(1, k - 1):
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

        if allowed is None:
            nprobe = self._faiss.nprobe
            found, ids = self._faiss.search(matrix, k)
            while (ids < 0).any() and nprobe < self._faiss.nlist and k <= len(self):
                # Few cells can hold fewer than k vectors: look at more until k are found.
                nprobe = min(4 * nprobe, self._faiss.nlist)
                params = faiss.SearchParametersIVF(nprobe=nprobe)
                found, ids = self._faiss.search(matrix, k, params=params)
            return found, ids
        selector = faiss.IDSelectorBatch(np.asarray(allowed, np.int64).ravel())
        params = faiss.SearchParametersIVF(sel=selector, nprobe=self._faiss.nlist)
        found, ids = self._faiss.search(matrix, k, params=params)
        return found, ids

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
        import faiss

        if self._faiss is None:
            raise InvalidParameter("There is nothing to save.", "Add vectors first.")
        path = Path(path)
        partial = path.with_name(path.name + ".partial")
        faiss.write_index(self._faiss, str(partial))
        partial.replace(path)

    @classmethod
    def load(cls, path: str | Path, metric: Metric = "cosine") -> Self:
        """Read an index that :meth:`save` wrote.

        Raises
        ------
        PathNotFound, ReadError
        """
        import faiss

        if not Path(path).is_file():
            raise PathNotFound(f"There is no index {path}.", "Check the path.")
        try:
            read = faiss.read_index(str(path))
            lists = [
                faiss.rev_swig_ptr(read.invlists.get_ids(i), read.invlists.list_size(i)).copy()
                for i in range(read.nlist)
            ]
        except (RuntimeError, AttributeError) as error:
            raise ReadError(f"{path} is not a whole index: {error}.", "Build it again.") from error
        made = cls(read.d, metric, nlist=read.nlist, nprobe=read.nprobe)
        made._faiss = read
        made._ids = Ids.of(np.concatenate(lists) if lists else np.empty(0, np.int64))
        return made
