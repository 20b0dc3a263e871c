"""Product quantisation of a table: a byte for every few numbers of a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

CENTROIDS = 256
_TRAINING = 1 << 16
_ITERATIONS = 25


@dataclass(frozen=True)
class ProductTable:
    """A table of which rows are made when they are asked for.

    A row is cut into parts of ``width`` numbers, the last may be narrower; each part is replaced by
    the nearest of 256 centroids (Jégou, Douze and Schmid 2011, "Product quantization for nearest
    neighbor search"). Where lengths are kept apart, parts are of unit rows, and the length has a
    byte of its own (Joulin et al. 2016, "FastText.zip").

    Attributes
    ----------
    dim, width : int
    codes : ndarray of uint8, shape (rows, parts)
    centroids : ndarray of float32, shape (256 · dim,)
        Those of the first part, one after the other, then those of the second …
    norm_codes : ndarray of uint8, shape (rows,), optional
    norms : ndarray of float32, shape (256,), optional
        What they stand for.
    """

    dim: int
    width: int
    codes: NDArray[np.uint8]
    centroids: NDArray[np.float32]
    norm_codes: NDArray[np.uint8] | None = None
    norms: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls, table: NDArray[np.float32], *, width: int = 2, norms: bool = False, seed: int = 0
    ) -> Self:
        """Quantise a table.

        Parameters
        ----------
        table : ndarray of float32, shape (rows, dim)
        width : int
            Numbers of a part: 2 keeps nearly all, 4 halves the size again.
        norms : bool
            Whether lengths are kept apart: right where they differ much.
        seed : int

        Examples
        --------
        >>> table = np.random.default_rng(0).standard_normal((1000, 8)).astype(np.float32)
        >>> small = ProductTable.of(table)
        >>> table.nbytes, small.nbytes, bool(abs(small.take(np.arange(1000)) - table).mean() < 0.1)
        (32000, 12192, True)
        """
        dim = table.shape[1]
        norm_codes = of_norms = None
        if norms:
            lengths = np.linalg.norm(table, axis=1, keepdims=True)
            table = (table / np.where(lengths > 0, lengths, 1)).astype(np.float32)
            of_norms = _centroids(lengths, seed)
            norm_codes = _nearest(lengths, of_norms)
            of_norms = of_norms.ravel()
        codes = np.empty((len(table), -(-dim // width)), np.uint8)
        centroids = []
        for part, start in enumerate(range(0, dim, width)):
            points = np.ascontiguousarray(table[:, start : start + width], np.float32)
            centroids.append(_centroids(points, seed + part))
            codes[:, part] = _nearest(points, centroids[-1])
        flat = np.concatenate([each.ravel() for each in centroids])
        return cls(dim, width, codes, flat, norm_codes, of_norms)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def nbytes(self) -> int:
        """Bytes that are held."""
        parts = (self.codes, self.centroids, self.norm_codes, self.norms)
        return sum(part.nbytes for part in parts if part is not None)

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Rows by number, shape (n, dim), float32."""
        out = np.empty((len(rows), self.dim), np.float32)
        for part, start in enumerate(range(0, self.dim, self.width)):
            end = min(start + self.width, self.dim)
            of_part = self.centroids[CENTROIDS * start : CENTROIDS * end].reshape(CENTROIDS, -1)
            out[:, start:end] = of_part[self.codes[rows, part]]
        if self.norm_codes is not None and self.norms is not None:
            out *= self.norms[self.norm_codes[rows], None]
        return out


@contextmanager
def one_thread() -> Iterator[None]:
    """FAISS on one thread: these tasks are so small that sharing them costs more than it gives."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _centroids(points: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """256 centroids, by k-means over at most 65,536 points; the points if no more differ."""
    import faiss

    points = np.ascontiguousarray(points, np.float32)
    if len(points) > _TRAINING:
        chosen = np.random.default_rng(seed).choice(len(points), _TRAINING, replace=False)
        points = points[np.sort(chosen)]
    distinct = np.unique(points, axis=0)
    if len(distinct) <= CENTROIDS:
        out = np.zeros((CENTROIDS, points.shape[1]), np.float32)
        out[: len(distinct)] = distinct
        out[len(distinct) :] = distinct[:1] if len(distinct) else 0
        return out
    means = faiss.Kmeans(
        points.shape[1], CENTROIDS, niter=_ITERATIONS, seed=seed, min_points_per_centroid=1,
        max_points_per_centroid=_TRAINING,
    )  # fmt: skip
    with one_thread():
        means.train(points)
    return np.asarray(means.centroids, np.float32)


def _nearest(points: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The centroid nearest to each point."""
    import faiss

    index = faiss.IndexFlatL2(centroids.shape[1])
    index.add(centroids)
    with one_thread():
        codes: NDArray[np.int64] = index.search(np.ascontiguousarray(points, np.float32), 1)[1]
    return codes[:, 0].astype(np.uint8)
