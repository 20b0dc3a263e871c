"""GloVe on smoothed counts: its loss is the formula, its steps go down it, and it repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines import glove_smoothed as glove
from kinspace.engines.cooccurrence import Cooccurrences, cooccurrences
from kinspace.engines.factorise import Side

SIZE, DIM = 30, 6
PLAN = glove.Plan(epochs=1, rate=0.1, x_max=3.0, alpha=0.75, smoothing=0.5, seed=3)


def counted(rng: np.random.Generator, bits: int = 10) -> Cooccurrences:
    ids = (rng.integers(0, SIZE, 400) * rng.random(400)).astype(np.uint32)
    ids[:SIZE] = np.arange(SIZE)
    return cooccurrences(ids, np.array([0, 250, 400]), SIZE, weights=1 / np.arange(1, 4), bits=bits)


def matrix(given: Cooccurrences) -> Any:
    first, second, counts = given.pairs()
    whole = np.zeros((given.size, given.size))
    whole[first, second] = whole[second, first] = counts
    return whole


def loss(x: Any, w: Any, c: Any, plan: glove.Plan = PLAN) -> float:
    """The formula in float64; w and c are vectors and then the bias that is kept."""
    sums = x.sum(0)
    total = 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            smoothed = x[i, j] + plan.smoothing * sums[i] * sums[j] / x.sum()
            f = min(1.0, (smoothed / plan.x_max) ** plan.alpha)
            bias = w[i, -1] + c[j, -1] + np.log(sums[i] * sums[j] / x.sum())
            total += f * (w[i, :-1] @ c[j, :-1] + bias - np.log(smoothed)) ** 2 / 2
    return total


def exact(rows: Side, columns: Side) -> tuple[Any, Any]:
    """Vectors, and the bias that is kept in the method's first or second column."""
    return (
        rows.vectors[:, : DIM + 1].astype(np.float64),
        columns.vectors[:, [*range(DIM), DIM + 1]].astype(np.float64),
    )


def test_the_loss_is_the_formula(rng: np.random.Generator) -> None:
    given = counted(rng)
    both = glove.begin(SIZE, DIM, 1)
    both[0].vectors[:, DIM] = rng.normal(0, 1, SIZE)
    wanted = loss(matrix(given), *exact(*both))
    found: list[float] = []
    glove.fit(given, PLAN._replace(rate=0.0), *both, progress=lambda _, __, x: found.append(x))
    np.testing.assert_allclose(found[0] * SIZE**2, wanted, rtol=1e-5)


def test_a_step_goes_along_the_gradient(rng: np.random.Generator) -> None:
    given = counted(rng)
    both = glove.begin(SIZE, DIM, 1)
    before = exact(*both)
    x = matrix(given)
    glove.fit(given, PLAN._replace(rate=1e-3), *both)
    after = exact(*both)
    learned = [*range(DIM), DIM], [*range(DIM), DIM + 1]
    for k, side in enumerate(both):
        squares = side.squares[:, learned[k]].astype(np.float64)
        found = (before[k] - after[k]) / 1e-3 * np.sqrt(squares) * SIZE
        for i, d in [(0, 0), (3, 2), (11, DIM), (29, 1), (0, DIM)]:
            ends = []
            for shift in (1e-5, -1e-5):
                moved = [before[0].copy(), before[1].copy()]
                moved[k][i, d] += shift
                ends.append(loss(x, *moved))
            wanted = (ends[0] - ends[1]) / 2e-5
            np.testing.assert_allclose(found[i, d], wanted, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("bits", [10, 2])
def test_the_loss_falls_and_workers_do_not_matter(rng: np.random.Generator, bits: int) -> None:
    given = counted(rng, bits)
    x = matrix(given)
    learned = []
    for workers in (1, 1, 3):
        both = glove.begin(SIZE, DIM, 1)
        before = loss(x, *exact(*both))
        glove.fit(given, PLAN._replace(epochs=30), *both, workers=workers)
        assert loss(x, *exact(*both)) < before / 2
        assert (both[0].vectors[:, DIM + 1] == 1).all()
        assert (both[1].vectors[:, DIM] == 1).all()
        learned.append(np.hstack([both[0].vectors, both[1].vectors]))
    for other in learned[1:]:
        np.testing.assert_array_equal(learned[0], other)


def test_the_plain_and_the_compiled_function_agree(rng: np.random.Generator) -> None:
    scores = rng.normal(0, 2, (7, 33)).astype(np.float32)
    left, right = rng.random(7).astype(np.float32), 3 * rng.random(33).astype(np.float32)
    one, other = scores.copy(), scores.copy()
    glove.weigh(one, left, right, np.float32(0.3))
    glove.machine_code()(other, left, right, np.float32(0.3))
    np.testing.assert_array_equal(one, other)
