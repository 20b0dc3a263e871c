"""Rows against rows: one rounding, exact products and gradients, and vector code bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from kinspace.engines import lanes, rows
from kinspace.engines.compiled import compiled

Call = Callable[..., Any]


def call_take(*args: Any) -> None:
    rows.take(*args)


def call_give(*args: Any) -> None:
    rows.give(*args)


def call_products(*args: Any) -> None:
    rows.products(*args)


def call_errors(*args: Any) -> None:
    rows.errors(*args)


def call_exchange(*args: Any) -> None:
    rows.exchange(*args)


def both_ways(call: Call, *args: Any) -> list[np.ndarray]:
    """Run a plain function and its vector code; the arrays must be equal after it, bit for bit."""
    lanes.teach()
    native = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    known: dict[int, Any] = {}  # arguments that are one array stay one array
    native = [known.setdefault(id(a), n) for a, n in zip(args, native, strict=True)]
    compiled(call, exact=True)(*native)
    call(*args)
    for a, b in zip(args, native, strict=True):
        np.testing.assert_array_equal(a, b)
    return [a for a in args if isinstance(a, np.ndarray)]


def filled(rng: np.random.Generator, n: int, columns: int) -> rows.Floats:
    out = rows.table(n, columns)
    out[:] = rng.standard_normal(out.shape)
    return out


def some(rng: np.random.Generator, n: int, size: int) -> rows.Rows:
    return rng.permutation(n)[:size].astype(np.int32)


def test_fused_rounds_once(rng: np.random.Generator) -> None:
    a, b, c = (rng.standard_normal(500).astype(np.float32) for _ in range(3))
    a[0], b[0], c[0] = (
        1 + 2**-12,
        1 + 2**-12,
        2**-80,
    )  # half way, but for c: rounded twice, it is lost
    a[1], b[1], c[1] = 1 + 2**-12, 1 + 2**-12, -(2**-80)
    for x, y, z, found in zip(a, b, c, rows.fused(a, b, c), strict=True):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        off = abs(Fraction(float(found)) - exact)
        for side in (-np.inf, np.inf):
            other = Fraction(float(np.nextafter(found, np.float32(side))))
            assert off < abs(other - exact)


@pytest.mark.parametrize("columns", [16, 112, 304])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_take_and_give(rng: np.random.Generator, columns: int, count: int) -> None:
    source, out, before = (filled(rng, 9, columns) for _ in range(3))
    names, scale = some(rng, 9, count + 1), np.float32(0.3)
    both_ways(call_take, source, names, 1, count + 1, scale, out, before, 4)
    np.testing.assert_allclose(out[4], 0.3 * source[names[1:]].sum(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(before[4], out[4])
    before[4] = 1
    old = source.copy()
    both_ways(call_give, source, names, 1, count + 1, scale, out, before, 4)
    old[names[1:]] += 0.3 * (out[4] - before[4])
    np.testing.assert_allclose(source, old, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("columns", [16, 112, 304])
@pytest.mark.parametrize("m", [0, 1, 2, 7])
@pytest.mark.parametrize("k", [1, 3, 6, 8])
def test_products_and_exchange(rng: np.random.Generator, columns: int, m: int, k: int) -> None:
    left, right, change = (filled(rng, 12, columns) for _ in range(3))
    near, onto = some(rng, 12, m), some(rng, 12, k + 2)
    out = np.full(8 * m + 16, 7, np.float32)
    both_ways(call_products, left, near, m, right, onto, 2, k, out)
    grid = out[: 8 * m].reshape(m, 8)
    wanted = left[near].astype(float) @ right[onto[2:]].astype(float).T
    np.testing.assert_allclose(grid[:, :k], wanted, rtol=1e-4, atol=1e-4)
    assert not grid[:, k:].any()
    new_right = right[onto[2:]] + grid[:, :k].T @ left[near]
    new_change = change[near] + grid[:, :k] @ right[onto[2:]]
    new_left = left[near] + grid[:, :k] @ right[onto[2:]]
    again = right.copy()
    both_ways(call_exchange, left, near, m, change, right, onto, 2, k, out)
    np.testing.assert_allclose(change[near], new_change, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(right[onto[2:]], new_right, rtol=1e-4, atol=1e-2)
    both_ways(call_exchange, left, near, m, left, again, onto, 2, k, out)
    np.testing.assert_allclose(left[near], new_left, rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(again, right)


def test_errors_are_those_of_the_logistic_function(rng: np.random.Generator) -> None:
    scores = np.concatenate([np.linspace(-20, 20, 792), [0] * 8]).astype(np.float32)
    labels = np.repeat(np.float32([9, 1, 0]), [3, 4, 12])
    weights = rng.random(19, np.float32)
    x = scores.astype(float).reshape(-1, 8)
    both_ways(call_errors, scores, 100, labels, weights, 3)
    wanted = (labels[3:11] - 1 / (1 + np.exp(-x))) * weights[3:11]
    np.testing.assert_allclose(scores.reshape(-1, 8), wanted, atol=1e-6)


def test_tables_begin_on_a_cache_line() -> None:
    for n in (1, 3, 1000):
        assert rows.table(n, 112).ctypes.data % 64 == 0
    assert [rows.padded(n) for n in (1, 16, 100, 113)] == [16, 16, 112, 128]
