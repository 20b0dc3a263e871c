"""GloVe: its loss is the paper's, its steps go down it, and plain and compiled code agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines import glove
from kinspace.engines.cooccurrence import Cooccurrences, cooccurrences
from kinspace.engines.rows import LANES

SIZE, DIM = 30, 20
PLAN = glove.Plan(epochs=1, rate=0.05, x_max=3.0, alpha=0.75, seed=3)


def counted(rng: np.random.Generator, bits: int = 10) -> Cooccurrences:
    ids = (rng.integers(0, SIZE, 400) * rng.random(400)).astype(np.uint32)
    ids[:SIZE] = np.arange(SIZE)
    return cooccurrences(ids, np.array([0, 250, 400]), SIZE, weights=1 / np.arange(1, 4), bits=bits)


def sides(seed: int = 1) -> tuple[glove.Side, glove.Side]:
    """Larger vectors than learning begins with, so that products matter."""
    both = glove.begin(SIZE, DIM, seed)
    for side in both:
        side.vectors[:] *= 10
        side.biases[:] *= 10
    return both


def loss(given: Cooccurrences, rows: Any, columns: Any, plan: glove.Plan = PLAN) -> float:
    """Equation 8 as it is printed, halved, in float64; a side is its vectors and biases."""
    total = 0.0
    for i, j, x in zip(*(part.tolist() for part in given.pairs()), strict=True):
        f = min(1.0, (x / plan.x_max) ** plan.alpha)
        for a, b in {(i, j), (j, i)}:
            error = rows[0][a] @ columns[0][b] + rows[1][a] + columns[1][b] - np.log(x)
            total += f * error**2 / 2
    return total


def exact(side: glove.Side) -> tuple[Any, Any]:
    return side.vectors.astype(np.float64), side.biases.astype(np.float64)


def test_the_loss_is_that_of_the_paper(rng: np.random.Generator) -> None:
    given = counted(rng)
    rows, columns = sides()
    wanted = loss(given, exact(rows), exact(columns))
    found: list[float] = []
    glove.fit(
        given, PLAN._replace(rate=0.0), rows, columns, progress=lambda _, __, x: found.append(x)
    )
    first, second, _ = given.pairs()
    ordered = 2 * len(first) - int((first == second).sum())
    np.testing.assert_allclose(found[0] * ordered, wanted, rtol=1e-5)


def test_a_step_goes_along_the_gradient(rng: np.random.Generator) -> None:
    rows, columns = sides()
    before = exact(rows), exact(columns)
    i, j, x, rate = 4, 7, 1.7, 1e-3
    f = (x / PLAN.x_max) ** PLAN.alpha
    glove.step(
        i, j, np.float32(np.log(x)), np.float32(f), np.float32(rate), rows, columns,
        np.zeros(LANES, np.float32),
    )  # fmt: skip
    after = exact(rows), exact(columns)

    def of_pair(both: Any) -> float:
        (w, b), (c, d) = both
        return float(f * (w[i] @ c[j] + b[i] + d[j] - np.log(x)) ** 2 / 2)

    for side, word in ((0, i), (1, j)):
        for part, place in ((0, (word, 0)), (0, (word, DIM - 1)), (1, (word,))):
            ends = []
            for shift in (1e-6, -1e-6):
                both = [[each.copy() for each in one] for one in before]
                both[side][part][place] += shift
                ends.append(of_pair(both))
            moved = (before[side][part][place] - after[side][part][place]) / rate
            np.testing.assert_allclose(moved, (ends[0] - ends[1]) / 2e-6, rtol=2e-3, atol=1e-4)


def test_squares_of_steps_slow_down_what_follows() -> None:
    """AdaGrad by hand: the second of two equal steps is divided by the root of 1 + step²."""
    rows, columns = sides()
    rows.vectors[:], columns.vectors[:] = 0, 0
    rows.biases[:], columns.biases[:] = 0, 0
    given = np.float32(4), np.float32(0.5), np.float32(0.2)  # log, weight, rate
    lanes = np.zeros(LANES, np.float32)
    glove.step(0, 1, *given, rows, columns, lanes)
    first = 0.2 * 0.5 * 4
    np.testing.assert_allclose(rows.biases[0], first, rtol=1e-6)
    np.testing.assert_allclose(rows.bias_squares[0], 1 + first**2, rtol=1e-6)
    glove.step(0, 1, *given, rows, columns, lanes)
    second = 0.2 * 0.5 * (4 - 2 * first) / np.sqrt(1 + first**2)
    np.testing.assert_allclose(columns.biases[1], first + second, rtol=1e-6)


@pytest.mark.parametrize("dim", [5, 16, 100])
def test_the_plain_and_the_compiled_function_agree(rng: np.random.Generator, dim: int) -> None:
    pairs = rng.integers(0, SIZE, (2, 200))
    logs, weights = rng.normal(0, 2, 200).astype(np.float32), rng.random(200).astype(np.float32)
    learned = []
    for run in (glove.train, glove.machine_code()):
        both, told = glove.begin(SIZE, dim, 1), np.zeros(1)
        run(*pairs, logs, weights, np.float32(0.1), *both, np.zeros(LANES, np.float32), told)
        learned.append((*both[0], *both[1], told))
    for one, other in zip(*learned, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not learned[0][0][:, dim:].any()


def test_the_weighting_is_that_of_the_paper() -> None:
    found = glove.weighting(np.array([1, 50, 100, 1000], np.float32), 100, 0.75)
    np.testing.assert_allclose(found, [0.01**0.75, 0.5**0.75, 1, 1], rtol=1e-6)


def test_the_loss_falls_and_workers_do_not_matter(rng: np.random.Generator) -> None:
    given = counted(rng, bits=2)
    learned = []
    for workers in (1, 1, 3):
        both = glove.begin(SIZE, DIM, 1)
        before = loss(given, *map(exact, both))
        glove.fit(given, PLAN._replace(epochs=40), *both, workers=workers)
        assert loss(given, *map(exact, both)) < before / 2
        learned.append(np.hstack([both[0].vectors, both[1].vectors]))
    for other in learned[1:]:
        np.testing.assert_array_equal(learned[0], other)
