"""SWIVEL: its loss is the paper's, its steps go down it, and it repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines import swivel
from kinspace.engines.cooccurrence import Cooccurrences, cooccurrences
from kinspace.engines.factorise import Side

SIZE, DIM = 30, 6
PLAN = swivel.Plan(epochs=1, rate=0.1, base=0.1, scale=0.25, exponent=0.5, seed=3)


def counted(rng: np.random.Generator, bits: int = 10) -> Cooccurrences:
    ids = (rng.integers(0, SIZE, 400) * rng.random(400)).astype(np.uint32)
    ids[:SIZE] = np.arange(SIZE)
    return cooccurrences(ids, np.array([0, 250, 400]), SIZE, weights=1 / np.arange(1, 4), bits=bits)


def matrix(given: Cooccurrences) -> Any:
    first, second, counts = given.pairs()
    whole = np.zeros((given.size, given.size))
    whole[first, second] = whole[second, first] = counts
    return whole


def loss(x: Any, w: Any, c: Any, plan: swivel.Plan = PLAN) -> tuple[float, float]:
    """Equations 3 to 6 as they are printed, in float64: of pairs seen, and of pairs never seen."""
    total, sums = x.sum(), x.sum(0)
    seen, unseen = 0.0, 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            pmi = np.log(x[i, j] or 1) + np.log(total) - np.log(sums[i]) - np.log(sums[j])
            error = w[i] @ c[j] - pmi
            if x[i, j]:
                f = plan.base + plan.scale * x[i, j] ** plan.exponent
                seen += f * error**2 / 2
            else:
                unseen += np.log1p(np.exp(error))
    return seen, unseen


def vectors(side: Side) -> Any:
    return side.vectors[:, :DIM].astype(np.float64)


@pytest.mark.parametrize("bits", [10, 3])
def test_the_loss_is_that_of_the_paper(rng: np.random.Generator, bits: int) -> None:
    given = counted(rng, bits)
    rows, columns = swivel.begin(given, DIM, 1)
    wanted = loss(matrix(given), vectors(rows), vectors(columns))
    tiles = given.bands * (given.bands + 1) // 2
    found: list[float] = []
    still = PLAN._replace(rate=0.0)
    swivel.fit(given, still, rows, columns, progress=lambda _, __, each: found.append(each))
    assert len(found) <= tiles
    if tiles == 1:
        np.testing.assert_allclose(found[0] * SIZE**2, sum(wanted), rtol=1e-5)
    x = matrix(given)
    total = 0.0
    for a in range(given.bands):
        for b in range(a, given.bands):
            first, second, counts = given.tile(a, b)
            words = given.words(a)[first], given.words(b)[second]
            np.testing.assert_array_equal(counts, x[words].astype(np.float32))
            total += len(counts)
    assert total == np.count_nonzero(np.triu(x))


def test_a_step_goes_along_the_gradient(rng: np.random.Generator) -> None:
    """The first step of AdaGrad, turned back into a gradient, is that of finite differences."""
    given = counted(rng)
    rows, columns = swivel.begin(given, DIM, 1)
    before = vectors(rows), vectors(columns)
    x = matrix(given)
    swivel.fit(given, PLAN._replace(rate=1e-3), rows, columns)
    for k, side in enumerate((rows, columns)):
        moved = (before[k] - vectors(side)) / 1e-3
        squares = side.squares.astype(np.float64)
        found = moved * np.sqrt(squares) * SIZE
        np.testing.assert_allclose((found / SIZE) ** 2 + 1e-6, squares, rtol=5e-3)
        for i, d in [(0, 0), (3, 2), (11, 5), (29, 1)]:
            ends = []
            for shift in (1e-5, -1e-5):
                both = [before[0].copy(), before[1].copy()]
                both[k][i, d] += shift
                ends.append(sum(loss(x, *both)))
            np.testing.assert_allclose(
                found[i, d], (ends[0] - ends[1]) / 2e-5, rtol=2e-3, atol=2e-3
            )


def test_the_fixed_columns_stay_and_the_loss_falls(rng: np.random.Generator) -> None:
    given = counted(rng, bits=3)
    rows, columns = swivel.begin(given, DIM, 1)
    fixed = rows.vectors[:, DIM:].copy(), columns.vectors[:, DIM:].copy()
    x = matrix(given)
    before = sum(loss(x, vectors(rows), vectors(columns)))
    swivel.fit(given, PLAN._replace(epochs=30), rows, columns)
    np.testing.assert_array_equal(rows.vectors[:, DIM:], fixed[0])
    np.testing.assert_array_equal(columns.vectors[:, DIM:], fixed[1])
    assert sum(loss(x, vectors(rows), vectors(columns))) < before / 2


def test_workers_do_not_change_what_is_learned(rng: np.random.Generator) -> None:
    given = counted(rng, bits=2)
    learned = []
    for workers in (1, 1, 3):
        rows, columns = swivel.begin(given, DIM, 1)
        swivel.fit(given, PLAN._replace(epochs=4), rows, columns, workers=workers)
        learned.append((rows.vectors, columns.vectors))
    for other in learned[1:]:
        np.testing.assert_array_equal(learned[0][0], other[0])
        np.testing.assert_array_equal(learned[0][1], other[1])


def test_the_plain_and_the_compiled_function_agree(rng: np.random.Generator) -> None:
    scores = rng.normal(0, 6, 80).astype(np.float32)
    zeros, minus = np.zeros(8, np.float32), np.full(8, -1, np.float32)
    one, other = scores.copy(), scores.copy()
    swivel.logistic(one, 10, zeros, minus)
    swivel.machine_code()(other, 10, zeros, minus)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one, 1 / (1 + np.exp(-scores.astype(np.float64))), atol=1e-6)
