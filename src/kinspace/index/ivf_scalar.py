"""Inverted lists of 8-bit codes, scanned by the processor's matrix instructions.

The recipe of ScaNN (Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector
Quantization", 2020), partition, score codes, reorder, with codes of a byte for each number of the
residual: four times smaller than the vectors, and so near to them that few candidates have to be
scored exactly.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.kmeans import (
    coded_centroids,
    coded_queries,
    coded_table,
    learn_centroids,
    nearest_centroids,
)
from kinspace.engines.probing import choose_cells, code_rows, search_cells
from kinspace.engines.scanning import (
    compiled_with,
    list_rows,
    padded_width,
    room_for,
    scan,
    scan_room,
)
from kinspace.engines.short_codes_search import ShortSearch, encode, learn_parts
from kinspace.errors import require_count
from kinspace.index.cells import Cells
from kinspace.index.rescored import best_candidates
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import Metric

_POINTS_PER_CELL: Final = 32
_ITERATIONS: Final = 8
_QUERIES: Final = 1024
"""Queries that one thread scans for together."""
_SHARED: Final = 4
"""Queries that must want a cell, on average, before it pays to go through the cells in turn."""
_ROUGH: Final = (6, 10, 20, 40, 80)
"""More candidates for each neighbour where short codes are looked at: what is tried."""
_TRIED: Final = 64
_ALIKE: Final = 0.995


class IvfScalar(VectorIndex):
    """Vectors in cells, coded in 8 bits a number: the fastest index here for most data.

    A batch of queries goes through the cells one after the other, each cell with all the
    queries that want it, so that its codes are read once. For a single query, codes of half a byte
    for four numbers are scanned first. The best by codes are scored again with the vectors
    themselves. Vectors that are removed leave their cells at once.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    nlist : int, optional
        How many cells; by default about four times the square root of the first addition.
    nprobe : int
        How many of them a query looks at.
    candidates : int, optional
        How many are scored exactly; by default ``k`` and half as many again, and ten.
    dtype : {"float32", "float16"}
    exact_below : int
    seed : int
        For the choice of training vectors.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = IvfScalar(dim=16, nprobe=16)
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]
    """

    SEARCH: ClassVar[tuple[str, ...]] = ("nprobe", "candidates")
    GROWTH: ClassVar[float | None] = 4

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        nlist: int | None = None,
        nprobe: int = 64,
        candidates: int | None = None,
        dtype: str = "float32",
        exact_below: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        for name, value in (("nlist", nlist), ("nprobe", nprobe), ("candidates", candidates)):
            if value is not None:
                require_count(name, value)
        self.nlist = nlist
        self.nprobe = nprobe
        self.candidates = candidates
        self.seed = seed
        self._width = padded_width(dim)
        self._mean: NDArray[np.float32] = np.zeros(dim, np.float32)
        self._centroids: NDArray[np.float32] = np.empty((0, dim), np.float32)
        self._coarse: Any = None  # the centroids as a table, by the metric
        self._by_distance: Any = None  # and by distance, which says where a row belongs
        self._parts: NDArray[np.float32] = np.empty((0, 4, 16), np.float32)  # of short codes
        self._rough = 0
        self._factor = np.float32(2 if metric == "euclidean" else 1)
        self._cells = Cells(0, self._width)
        self._waiting: list[tuple[Any, ...]] = []  # rows of the first addition
        self._search_one = ShortSearch()

    # -- the structure ---------------------------------------------------------------------------

    def _learn(self, rows: NDArray[Any]) -> None:
        count = len(rows)
        nlist = self.nlist or max(1, min(round(4 * math.sqrt(count)), count // 8))
        nlist = min(nlist, count)
        random = np.random.default_rng(self.seed)
        wanted = min(count, max(_POINTS_PER_CELL * nlist, nlist))
        drawn = np.sort(random.choice(count, wanted, replace=False))
        sample = np.asarray(rows[drawn], np.float32)
        if self.metric == "euclidean":
            self._mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
            sample = sample - self._mean
        self._set_centroids(
            learn_centroids(
                sample, nlist, iterations=_ITERATIONS, seed=self.seed, threads=self._threads()
            )
        )
        own = self._centroids[nearest_centroids(sample, self._centroids, threads=self._threads())]
        self._parts = learn_parts(sample - own, self._width, seed=self.seed)
        self._cells = Cells(nlist, self._width)
        self._waiting = []

    def _set_centroids(self, centroids: NDArray[np.float32]) -> None:
        self._centroids = centroids
        self._by_distance = coded_centroids(centroids)
        if self.metric == "euclidean":
            self._coarse = self._by_distance
        else:
            self._coarse = coded_table(centroids, 1.0, np.zeros(len(centroids), np.float32))

    def _extend(self, rows: NDArray[np.float32], first: int) -> None:
        rows = rows - self._mean if self.metric == "euclidean" else rows
        threads = self._threads() if len(rows) > _QUERIES else 1
        cells = nearest_centroids(rows, self._centroids, threads=threads, coded=self._by_distance)
        own = self._centroids[cells]
        rest = rows - own
        codes = np.zeros((len(rows), self._width), np.uint8)
        scales = np.empty(len(rows), np.float32)
        compiled(code_rows)(rest, 128, codes, scales)
        biases = np.zeros(len(rows), np.float32)
        if self.metric == "euclidean":  # 2 q·x - |x|², of which the cell has 2 q·c - |c|²
            scales *= self._factor
            squares = np.einsum("ij,ij->i", rows, rows) - np.einsum("ij,ij->i", own, own)
            biases = -squares
        short, stretches = encode(rest, self._parts, self._width, threads)
        stretches *= self._factor
        new = (cells, codes, short, scales, stretches, biases)
        if self._covered:
            self._cells.append(cells, new[1:], first)
        else:  # laid out together when the last of them is there
            self._waiting.append(new)

    def _settle(self) -> None:
        if self._waiting:
            together = [np.concatenate(part) for part in zip(*self._waiting, strict=True)]
            self._waiting = []
            self._cells.append(together[0], tuple(together[1:]), 0)
            random = np.random.default_rng(self.seed)
            count = len(self._cells)
            some = np.sort(random.choice(count, min(_TRIED, count), replace=False))
            self._calibrate(self._held.take(some))

    def _calibrate(self, queries: NDArray[np.float32]) -> None:
        """Set how many rows go on by short codes, so that single queries find what batches do."""
        queries = queries[:_TRIED]
        options = {"nprobe": max(1, len(self._centroids) // 8), "candidates": None}
        wanted = self._tried(queries, options, 0)
        for rough in _ROUGH:
            found = self._tried(queries, options, rough)
            pairs = zip(found.tolist(), wanted.tolist(), strict=True)
            if sum(len(set(a) & set(b)) for a, b in pairs) >= _ALIKE * wanted.size:
                self._rough = rough
                return
        self._rough = 0

    def _tried(
        self, queries: NDArray[np.float32], options: Mapping[str, Any], rough: int
    ) -> NDArray[np.int64]:
        """The ten nearest of each query, as single ones are searched."""
        k = min(10, len(self._cells))
        rows = [self._found(query[None], k, None, options, rough)[0] for query in queries]
        return best_candidates(self._held, queries, np.stack(rows), k)[0]

    def _forget(self, rows: NDArray[np.int64]) -> None:
        self._cells.remove(rows[rows < self._covered])

    # -- searching -------------------------------------------------------------------------------

    def _candidates(
        self,
        queries: NDArray[np.float32],
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:
        return self._found(queries, k, usable, options, self._rough)

    def _found(
        self,
        queries: NDArray[np.float32],
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
        rough: int,
    ) -> NDArray[np.int64]:
        nprobe, keep = int(options["nprobe"]), int(options["candidates"] or k + k // 2 + 10)
        nlist = len(self._centroids)
        marks = np.empty(0, np.uint8)
        many = len(self._cells) if usable is None else int(np.count_nonzero(usable))
        if usable is not None and many < len(self._cells):
            marks = usable[self._cells.row_of].view(np.uint8)
            marks[self._cells.row_of < 0] = 0
            share = many / len(self._cells)
            nprobe = math.ceil(nprobe / max(share, 1e-9) ** 0.7)
        nprobe, keep = min(nprobe, nlist), max(1, min(max(keep, k), len(self._cells)))
        if self.metric == "euclidean":
            queries = queries - self._mean
        found = np.empty((len(queries), keep), np.int64)
        if rough and len(queries) * nprobe < _SHARED * nlist:
            rough = min(rough * k + keep, len(self._cells))
            for i in range(len(queries)):
                one, out = queries[i : i + 1], found[i : i + 1]
                self._search_one(
                    self._coarse, self._cells, one, self._parts, nprobe, rough, marks, out
                )
            return found
        codes, factors, shifts = coded_queries(queries, self._width)

        def some(first: int, last: int) -> None:
            for start in range(first, last, _QUERIES):
                own = slice(start, min(start + _QUERIES, last))
                asked = (codes[own], factors[own], shifts[own])
                self._search(asked, nprobe, marks, found[own])

        threads = self._threads() if len(queries) > 1 else 1
        in_threads(some, np.linspace(0, len(queries), threads + 1).astype(int).tolist())
        return found

    def _search(
        self, asked: tuple[Any, ...], nprobe: int, marks: NDArray[np.uint8], out: NDArray[np.int64]
    ) -> None:
        cells, count, nlist = self._cells, len(out), len(self._centroids)
        chosen = (
            np.empty(nlist + 1, np.int64),
            np.empty(count * nprobe, np.int32),
            np.empty(count * nprobe, np.float32),
            np.empty(nlist, np.int64),
            np.array([[0, nlist]]),
            np.array([0, count]),
            np.arange(count, dtype=np.int32),
            np.zeros(count, np.float32),
        )
        compiled_with(search_cells, choose_cells, list_rows, scan)(
            self._coarse, (cells.codes, cells.scales, cells.biases), cells.spans, cells.row_of,
            *asked, nprobe, marks, scan_room(count, nprobe), scan_room(count, out.shape[1]),
            chosen, room_for(self._width), out,
        )  # fmt: skip

    def _threads(self) -> int:
        return self.threads or os.cpu_count() or 1

    # -- files -----------------------------------------------------------------------------------

    def _structure(self) -> dict[str, NDArray[Any]]:
        if not len(self._centroids):
            return {}
        own: dict[str, NDArray[Any]] = {
            "mean": self._mean,
            "centroids": self._centroids,
            "parts": self._parts,
        }
        own["rough"] = np.array([self._rough])
        return own | self._cells.arrays()

    def _sizes(self) -> dict[str, int]:
        if not len(self._centroids):
            return {}
        own = {"mean": self._mean, "centroids": self._centroids, "parts": self._parts}
        return {name: array.nbytes for name, array in own.items()} | self._cells.sizes()

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._mean, self._parts = arrays["mean"], arrays["parts"]
        self._rough = int(arrays["rough"][0])
        self._set_centroids(arrays["centroids"])
        self._cells = Cells.of(arrays, len(self._held))
