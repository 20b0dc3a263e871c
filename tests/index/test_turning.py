"""Rotations keep lengths and angles, and the learned one makes product codes lose less."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.index.turning import learned_rotation, random_rotation


@pytest.mark.parametrize("dim", [1, 2, 33])
def test_a_random_rotation_keeps_products(dim: int) -> None:
    turn = random_rotation(dim, seed=1)
    assert turn.dtype == np.float32
    np.testing.assert_allclose(turn @ turn.T, np.eye(dim), atol=1e-5)
    np.testing.assert_array_equal(turn, random_rotation(dim, seed=1))


@pytest.mark.parametrize(("rows", "dim", "parts"), [(16, 33, 17), (500, 12, 4), (40, 7, 3)])
def test_a_learned_rotation_keeps_products(rows: int, dim: int, parts: int) -> None:
    width = -(-dim // parts)
    vectors = np.random.default_rng(0).standard_normal((rows, dim)).astype(np.float32)
    turn = learned_rotation(vectors, parts, width)
    assert turn.shape == (dim, parts * width)
    turned = vectors @ turn
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, atol=1e-3 * dim)
