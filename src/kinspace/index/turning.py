"""Turning vectors before they are cut into parts and coded."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_ITERATIONS: Final = 10
_BITS: Final = 4


def learned_rotation(rows: NDArray[np.float32], parts: int, width: int) -> NDArray[np.float32]:
    """The rotation by which product codes lose least, shape (dim, parts · width).

    Ge, He, Ke and Sun, "Optimized product quantization" (2013), section 3.1, by FAISS.
    """
    import faiss

    dim, turned = rows.shape[1], parts * width
    # FAISS writes beyond its memory where there are fewer rows than numbers in one.
    times = -(-turned // len(rows))
    wide = np.zeros((times * len(rows), turned), np.float32)
    wide[:, :dim] = np.tile(rows, (times, 1))
    learner = faiss.OPQMatrix(turned, parts, turned)
    learner.niter = learner.niter_pq_0 = _ITERATIONS
    learner.pq = codes = faiss.ProductQuantizer(turned, parts, _BITS)
    codes.cp.min_points_per_centroid = 1
    learner.train(wide)
    turn: NDArray[np.float32] = faiss.vector_to_array(learner.A).reshape(turned, turned)
    return np.ascontiguousarray(turn.T[:dim])


def random_rotation(dim: int, seed: int) -> NDArray[np.float32]:
    """An orthogonal matrix drawn at random, shape (dim, dim)."""
    gauss = np.random.default_rng(seed).standard_normal((dim, dim))
    q, r = np.linalg.qr(gauss)
    return (q * np.sign(np.diag(r))).astype(np.float32)
