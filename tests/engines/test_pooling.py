"""Weighted means: compiled, plain and numpy against a formula in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines.pooling import pool, weighted_means


@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_three_ways_and_the_formula(rng: np.random.Generator, unit: bool, dtype: Any) -> None:
    table = (rng.standard_normal((50, 24)) * 30).astype(dtype)
    weights = rng.random(60, np.float32)
    places = rng.integers(-1, 50, 60).astype(np.int32)
    lengths = [0, 1, 5, 0, 40, 256, 257, 3000, 2]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = rng.integers(0, 60, starts[-1]).astype(np.int32)
    wanted = np.zeros((len(lengths), 24))
    for line, begin, end in zip(wanted, starts[:-1], starts[1:], strict=True):
        kept = [i for i in ids[begin:end] if places[i] >= 0]
        if kept:
            line[:] = np.mean([weights[i] * table[places[i]].astype(float) for i in kept], axis=0)
            line /= np.linalg.norm(line) if unit else 1
    out = np.full((len(lengths), 24), np.nan, np.float32)
    pool(ids, starts, 0, len(lengths), places, weights, table, unit, out, np.empty(24))
    found = [
        out,
        *(weighted_means(ids, starts, places, weights, table, unit=unit, threads=n)
          for n in (0, 1, 2, 20)),
    ]  # fmt: skip
    for each in found:
        np.testing.assert_allclose(each, wanted, rtol=1e-5, atol=2e-6)
    for other in found[3:]:  # threads make no difference at all
        np.testing.assert_array_equal(other, found[2])


@pytest.mark.parametrize("threads", [0, 1])
def test_a_long_sum_stays_exact(threads: int) -> None:
    # Added up in float32 alone, 0.1 would stop growing long before twenty million.
    ids = np.zeros(20_000_000, np.int32)
    one = np.full(1, 0.1, np.float32)
    found = weighted_means(
        ids, np.array([0, len(ids)]), np.zeros(1, np.int32), one, np.ones((1, 2), np.int8),
        unit=False, threads=threads,
    )  # fmt: skip
    np.testing.assert_allclose(found, 0.1, rtol=1e-5)
