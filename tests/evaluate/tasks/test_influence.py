"""Influence of items on a figure: the figure, its slope, and the interval that follows from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics

from kinspace.evaluate.tasks.influence import (
    Figure,
    adjusted_rand,
    average_precision,
    best_f1,
    contingency,
    macro_f1,
    spread,
    v_measure,
)

TABLES: dict[str, tuple[Figure, Callable[..., float]]] = {
    "macro F1": (macro_f1, lambda g, a: metrics.f1_score(g, a, average="macro")),
    "V-measure": (v_measure, metrics.v_measure_score),
    "adjusted Rand": (adjusted_rand, metrics.adjusted_rand_score),
}
RANKED = {"average precision": average_precision, "best F1": best_f1}


def labels(rng: np.random.Generator, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    gold = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    return gold, np.where(rng.random(n) < 0.6, gold, rng.choice(4, n))


@pytest.mark.parametrize("name", TABLES)
def test_figures_are_those_of_scikit_learn(name: str, rng: np.random.Generator) -> None:
    figure, rival = TABLES[name]
    gold, assigned = labels(rng)
    assert figure(contingency(gold, assigned, (4, 4)))[0] == pytest.approx(rival(gold, assigned))
    assert figure(contingency(gold, assigned, (6, 6)))[0] == pytest.approx(rival(gold, assigned))


@pytest.mark.parametrize("name", TABLES)
def test_the_slope_is_right(name: str, rng: np.random.Generator) -> None:
    figure, _ = TABLES[name]
    table = contingency(*labels(rng), (4, 4))
    _, gradient = figure(table)
    step = 1e-4
    for cell in np.ndindex(4, 4):
        moved = np.zeros((4, 4))
        moved[cell] = step
        slope = (figure(table + moved)[0] - figure(table - moved)[0]) / (2 * step)
        assert gradient[cell] == pytest.approx(slope, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("name", TABLES)
def test_the_interval_is_that_of_resampling(name: str, rng: np.random.Generator) -> None:
    figure, _ = TABLES[name]
    gold, assigned = labels(rng)
    value, gradient = figure(contingency(gold, assigned, (4, 4)))
    column = spread(value, gradient[gold, assigned])
    draws = [rng.integers(0, 400, 400) for _ in range(1000)]
    redone = [figure(contingency(gold[rows], assigned[rows], (4, 4)))[0] for rows in draws]
    assert column.mean() == pytest.approx(value)
    assert column.std() / np.sqrt(400) == pytest.approx(np.std(redone), rel=0.1)


@pytest.mark.parametrize("name", RANKED)
def test_rankings(name: str, rng: np.random.Generator) -> None:
    figure = RANKED[name]
    true = (rng.random(500) < 0.3).astype(np.int64)
    near = np.round(true + 1.2 * rng.standard_normal(500), 1)  # with ties
    value, gradient = figure(near, true)
    if name == "average precision":
        assert value == pytest.approx(metrics.average_precision_score(true, near))
    else:
        recalled = metrics.precision_recall_curve(true, near)
        assert value == pytest.approx(
            max(2 * p * r / (p + r) for p, r, _ in zip(*recalled, strict=False) if p + r)
        )
    # A pair that counts a whole time more is the same pair twice.
    for row in range(0, 500, 50):
        again = figure(np.append(near, near[row]), np.append(true, true[row]))[0]
        assert again - value == pytest.approx(gradient[row], abs=2e-4)
    assert gradient.sum() == pytest.approx(0, abs=1e-9)


def test_pairs_that_were_never_found() -> None:
    near, true = np.array([0.9, 0.8, -np.inf, -np.inf]), np.array([1, 0, 1, 1])
    assert average_precision(near, true)[0] == pytest.approx(1 / 3)
    assert best_f1(near, true)[0] == pytest.approx(2 / 4)
    assert average_precision(near, true)[1].sum() == pytest.approx(0)


def test_tables_in_which_nothing_can_be_told_apart() -> None:
    one = np.array([[5.0]])
    assert v_measure(one)[0] == adjusted_rand(one)[0] == macro_f1(one)[0] == 1
    assert average_precision(np.array([1.0, 2.0]), np.array([0, 0]))[0] == 0
