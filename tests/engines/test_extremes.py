"""Greatest and least coordinates: compiled, plain and numpy against the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines.extremes import pool_extremes, weighted_extremes


@pytest.mark.parametrize("least", [True, False])
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_three_ways_and_the_definition(
    rng: np.random.Generator, unit: bool, least: bool, dtype: Any
) -> None:
    table = (rng.standard_normal((50, 24)) * 30).astype(dtype)
    weights = rng.random(60, np.float32)
    places = rng.integers(-1, 50, 60).astype(np.int32)
    lengths = [0, 1, 5, 0, 40, 256, 2]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = rng.integers(0, 60, starts[-1]).astype(np.int32)
    wanted = np.zeros((len(lengths), 24 * (1 + least)))
    for line, begin, end in zip(wanted, starts[:-1], starts[1:], strict=True):
        kept = [i for i in ids[begin:end] if places[i] >= 0]
        if kept:
            rows = np.array([weights[i] * table[places[i]].astype(float) for i in kept])
            line[-24:] = rows.max(axis=0)
            if least:
                line[:24] = rows.min(axis=0)
            line /= np.linalg.norm(line) if unit else 1
    parts = ids, starts, places, weights, table
    for threads in (0, 1, 2, 20):
        found = weighted_extremes(*parts, least=least, unit=unit, threads=threads)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-6)
    if not unit:
        plain = np.zeros(wanted.shape, np.float32)
        pool_extremes(ids, starts, 0, len(lengths), places, weights, table, least, plain)
        np.testing.assert_allclose(plain, wanted, rtol=1e-5, atol=2e-6)
