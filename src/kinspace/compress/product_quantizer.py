"""A byte for every few numbers: the nearest of 256 centroids, for each part of a vector."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.bytewise import Bytewise
from kinspace.compress.product import one_thread
from kinspace.compress.quantizer import require_at_most, sample

_CENTROIDS: Final = 256
_ROUNDS, _POINTS = 10, 32
"""Rounds of k-means, and points for a centroid: with more of either, recall is the same."""
_NUMBERS: Final = 4
"""Numbers of a part, if nothing is said: a sixteenth of float32."""


class ProductQuantizer(Bytewise):
    """Parts of a vector, each replaced by the nearest of 256 centroids of its own.

    Parameters
    ----------
    subquantizers : int, optional
        Parts, and bytes, of a vector (M in the paper); by default a quarter of ``dim``.
    rotate : bool
        Turn vectors first so that the parts lose least together (OPQ); this takes longer to learn.
    seed : int
        Of the centroids.

    Attributes
    ----------
    centroids_ : ndarray of float32, shape (subquantizers, 256, numbers of a part)
    rotation_ : ndarray of float32, shape (dim, dim), or None

    References
    ----------
    Jégou, Douze and Schmid 2011, "Product quantization for nearest neighbor search"; Ge, He, Ke and
    Sun 2013, "Optimized product quantization for approximate nearest neighbor search".

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((2000, 32)).astype(np.float32)
    >>> small = ProductQuantizer(8).fit(rows)
    >>> small.bytes_per_vector, small.encode(rows).shape
    (8, (2000, 8))
    """

    name: ClassVar[str] = "product"

    def __init__(
        self, subquantizers: int | None = None, *, rotate: bool = False, seed: int = 0
    ) -> None:
        self.subquantizers = subquantizers
        self.rotate = rotate
        self.seed = seed

    def _learn(self, rows: NDArray[np.float32]) -> None:
        wanted = self.subquantizers
        if wanted is not None:
            require_at_most("subquantizers", wanted, self.dim_)
        numbers = _NUMBERS if wanted is None else -(-self.dim_ // wanted)
        some = np.ascontiguousarray(sample(rows, seed=self.seed))
        parts = -(-self.dim_ // numbers) if wanted is None else wanted
        self.rotation_ = _learned_rotation(some, parts) if self.rotate else None
        self.centroids_ = _centroids(self._parted(some, parts, numbers), self.seed)

    def _parted(self, rows: NDArray[np.float32], parts: int, numbers: int) -> NDArray[np.float32]:
        """Rows, turned, in parts of as many numbers: shape (n, parts, numbers), padded with 0."""
        missing = parts * numbers - self.dim_
        return np.pad(self._turned(rows), ((0, 0), (0, missing))).reshape(-1, parts, numbers)

    @property
    def width(self) -> int:
        """How many bytes a code has."""
        return len(self.centroids_)

    def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.uint8]:
        parts, _, numbers = self.centroids_.shape
        parted = np.ascontiguousarray(self._parted(rows, parts, numbers))
        codes: NDArray[np.uint8] = self._faiss().compute_codes(parted.reshape(len(rows), -1))
        return codes

    def _faiss(self) -> Any:
        """FAISS's own, with these centroids."""
        import faiss

        parts, _, numbers = self.centroids_.shape
        found = faiss.ProductQuantizer(parts * numbers, parts, 8)
        faiss.copy_array_to_vector(self.centroids_.ravel(), found.centroids)
        return found

    def _values(self) -> NDArray[np.float32]:
        return self.centroids_


def _centroids(parted: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """256 centroids of each part; where no more points differ, the points themselves."""
    import faiss

    _, parts, numbers = parted.shape
    found = np.zeros((parts, _CENTROIDS, numbers), np.float32)
    for part in range(parts):
        points = np.ascontiguousarray(parted[:, part])
        distinct = np.unique(points[: 4 * _CENTROIDS], axis=0)
        if len(distinct) <= _CENTROIDS:
            distinct = np.unique(points, axis=0)
        if len(distinct) <= _CENTROIDS:
            found[part, : len(distinct)] = distinct
            found[part, len(distinct) :] = distinct[0]
            continue
        means = faiss.Kmeans(
            numbers, _CENTROIDS, niter=_ROUNDS, seed=seed + part, min_points_per_centroid=1,
            max_points_per_centroid=_POINTS,
        )  # fmt: skip
        with one_thread():
            means.train(points)
        found[part] = means.centroids
    return found


def _learned_rotation(rows: NDArray[np.float32], parts: int) -> NDArray[np.float32]:
    """The turn of OPQ, by FAISS, which pads to a multiple of the parts; ours must not."""
    import faiss

    dim = rows.shape[1]
    whole = next(count for count in range(parts, 0, -1) if dim % count == 0)
    opq = faiss.OPQMatrix(dim, whole)
    opq.niter, opq.max_train_points = 5, _CENTROIDS * _POINTS
    parts_of = faiss.ProductQuantizer(dim, whole, 8)
    parts_of.cp.niter, parts_of.cp.min_points_per_centroid = 4, 1
    opq.pq = parts_of
    if len(rows) < _CENTROIDS:  # FAISS wants a row for each centroid
        rows = np.resize(rows, (_CENTROIDS, dim))
    with one_thread():
        opq.train(np.ascontiguousarray(rows))
    turn: NDArray[np.float32] = faiss.vector_to_array(opq.A).reshape(dim, dim).T.copy()
    return turn
