"""Kernels of late interaction by centroids, as plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.engines import token_centroids
from kinspace.engines.compiled import compiled
from kinspace.engines.token_centroids import STEPS


@pytest.mark.parametrize(("bits", "most"), [(1, 0.4), (2, 0.13), (4, 0.013), (8, 0.0002)])
def test_codes_leave_the_error_that_theory_says(bits: int, most: float) -> None:
    """Of normal numbers an even quantiser leaves .363, .119, .0115 of the variance (Max 1960)."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((40, 64)).astype(np.float32)
    steps, centroids = np.full(64, STEPS[bits], np.float32), np.zeros((1, 64), np.float32)
    cells = np.zeros(40, np.uint16)
    codes, fast = (np.zeros((40, 64 * bits // 8), np.uint8) for _ in range(2))
    token_centroids.encode(values, cells, centroids, steps, bits, codes)
    compiled(token_centroids.encode)(values, cells, centroids, steps, bits, fast)
    np.testing.assert_array_equal(codes, fast)
    out = np.empty((2, 64), np.float32)
    errors = []
    for row in range(40):
        token_centroids.decode(codes[row], centroids[0], steps, bits, out[0])
        compiled(token_centroids.decode)(codes[row], centroids[0], steps, bits, out[1])
        np.testing.assert_allclose(out[0], out[1], atol=1e-6)
        errors.append(((out[0] - values[row]) ** 2).mean())
    assert np.mean(errors) < most


def test_the_nearest_cells_best_first() -> None:
    near, scores = np.empty(3, np.int64), np.empty(3, np.float32)
    token_centroids.nearest_cells(np.array([1, 5, 2, 5, -1], np.float32), near, scores)
    assert near.tolist() == [1, 3, 2]
    assert scores.tolist() == [5, 5, 2]
