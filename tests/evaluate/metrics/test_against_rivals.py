"""Statistics over columns, against scipy and scikit-learn on random columns with ties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as rival

from kinspace.evaluate.metrics import ORDINAL, RANGES, STATISTICS
from kinspace.evaluate.metrics.classes import accuracy
from kinspace.evaluate.metrics.columns import counts, names, places
from kinspace.evaluate.metrics.correlation import average_ranks
from kinspace.evaluate.metrics.pairs import (
    best_accuracy_threshold,
    best_f1_threshold,
)

Columns = dict[str, NDArray[Any]]


def numbers(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Numbers, of which many or few are equal; never all."""
    while True:
        found = rng.integers(0, rng.choice([2, 5, 1000]), n) * 0.37 - 1
        if np.ptp(found) > 0:
            return found


def two_numbers(rng: np.random.Generator, n: int) -> Columns:
    gold = numbers(rng, n)
    predicted = numbers(rng, n) + rng.choice([0.0, 0.31, 1.07]) * gold
    return {"predicted": predicted if np.ptp(predicted) > 1e-9 else gold, "gold": gold}


def scored_pairs(rng: np.random.Generator, n: int) -> Columns:
    labels = rng.integers(0, 2, n)
    labels[rng.integers(n)] = 1
    return {"scores": numbers(rng, n) + rng.choice([0.0, 0.5]) * labels, "labels": labels}


def two_partitions(rng: np.random.Generator, n: int) -> Columns:
    gold = rng.integers(0, rng.choice([1, 2, 5, 20]), n)
    other = rng.integers(0, rng.choice([1, 2, 5, 20]), n)
    assigned = np.where(rng.random(n) < rng.choice([0, 0.5, 1]), gold, other)
    return {"assigned": assigned, "gold": gold}


def best(measure: Callable[..., float], scores: Any, labels: Any) -> float:
    every = [*np.unique(scores), np.inf]
    return max(float(measure(labels, scores >= threshold)) for threshold in every)


RIVALS: dict[str, tuple[Callable[..., Columns], Callable[..., float]]] = {
    "mean": (
        lambda rng, n: {"values": numbers(rng, n)},
        lambda values: float(np.mean(values)),
    ),
    **{
        name: (
            lambda rng, n: {"values": rng.random(n).round(1)},
            lambda values: float(np.mean(values)),
        )
        for name in ("influence", "adjusted_influence")
    },
    "spearman": (
        two_numbers,
        lambda predicted, gold: stats.spearmanr(predicted, gold).statistic,
    ),
    "pearson": (
        two_numbers,
        lambda predicted, gold: stats.pearsonr(predicted, gold).statistic,
    ),
    "average_precision": (
        scored_pairs,
        lambda scores, labels: rival.average_precision_score(labels, scores),
    ),
    "best_f1": (
        scored_pairs,
        lambda scores, labels: best(
            lambda gold, taken: rival.f1_score(gold, taken, zero_division=0), scores, labels
        ),
    ),
    "best_accuracy": (
        scored_pairs,
        lambda scores, labels: best(rival.accuracy_score, scores, labels),
    ),
    "v_measure": (
        two_partitions,
        lambda assigned, gold: rival.v_measure_score(gold, assigned),
    ),
    "nmi": (
        two_partitions,
        lambda assigned, gold: rival.normalized_mutual_info_score(gold, assigned),
    ),
    "ari": (
        two_partitions,
        lambda assigned, gold: rival.adjusted_rand_score(gold, assigned),
    ),
    "f1": (
        lambda rng, n: {"assigned": rng.integers(0, 2, n), "gold": rng.integers(0, 2, n)},
        lambda assigned, gold: rival.f1_score(gold, assigned, zero_division=0),
    ),
    "f1_macro": (
        two_partitions,
        lambda assigned, gold: rival.f1_score(gold, assigned, average="macro", zero_division=0),
    ),
}

each = pytest.mark.parametrize("statistic", RIVALS)


def test_every_statistic_has_a_rival() -> None:
    assert RIVALS.keys() == STATISTICS.keys() == RANGES.keys() | {"mean"}
    assert ORDINAL.keys() < STATISTICS.keys()


@each
def test_agrees_with_its_rival(statistic: str, rng: np.random.Generator) -> None:
    columns_of, measure = RIVALS[statistic]
    for n in [2, 3, 4, *rng.integers(5, 60, 40)]:
        columns = columns_of(rng, int(n))
        found = STATISTICS[statistic](**columns)
        assert float(found) == pytest.approx(measure(**columns), abs=1e-9)


@each
def test_many_draws_are_as_one_after_the_other(statistic: str, rng: np.random.Generator) -> None:
    columns = RIVALS[statistic][0](rng, 30)
    rows = rng.integers(0, 30, (40, 30))
    rows[0] = 7  # one item thirty times
    found = STATISTICS[statistic](**{name: column[rows] for name, column in columns.items()})
    alone = [
        float(STATISTICS[statistic](**{name: column[row] for name, column in columns.items()}))
        for row in rows
    ]
    assert found.shape == (40,)
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-12)
    low, high = RANGES.get(statistic, (-np.inf, np.inf))
    assert found.min() >= low and found.max() <= high


@each
def test_the_order_of_items_does_not_matter(statistic: str, rng: np.random.Generator) -> None:
    columns = RIVALS[statistic][0](rng, 50)
    mixed = rng.permutation(50)
    again = {name: column[mixed] for name, column in columns.items()}
    assert float(STATISTICS[statistic](**again)) == pytest.approx(
        float(STATISTICS[statistic](**columns)), abs=1e-12
    )


@pytest.mark.parametrize("statistic", ["v_measure", "nmi", "ari"])
def test_the_names_of_clusters_do_not_matter(statistic: str, rng: np.random.Generator) -> None:
    columns = two_partitions(rng, 60)
    other = np.array([10**12, -5, 7, 3, 2, *range(100, 120)])[columns["assigned"]]
    assert float(STATISTICS[statistic](other, columns["gold"])) == pytest.approx(
        float(STATISTICS[statistic](**columns)), abs=1e-12
    )


def test_what_has_no_answer_elsewhere() -> None:
    """Constant predictions and no true pairs: 0, where scipy and scikit-learn warn or give NaN."""
    assert float(STATISTICS["spearman"]([0.1, 0.1, 0.1], [1, 2, 3])) == 0
    assert float(STATISTICS["pearson"]([0.1, 0.1, 0.1], [1, 2, 3])) == 0
    assert float(STATISTICS["average_precision"]([0.3, 0.2], [0, 0])) == 0
    assert float(STATISTICS["best_f1"]([0.3, 0.2], [0, 0])) == 0
    assert float(STATISTICS["best_accuracy"]([0.3, 0.2], [0, 0])) == 1
    for statistic in ("v_measure", "nmi", "ari"):
        assert float(STATISTICS[statistic]([0], [0])) == 1


def test_accuracy(rng: np.random.Generator) -> None:
    columns = two_partitions(rng, 40)
    assert float(accuracy(**columns)) == rival.accuracy_score(columns["gold"], columns["assigned"])


def test_average_ranks(rng: np.random.Generator) -> None:
    for _ in range(50):
        values = numbers(rng, 30)
        np.testing.assert_array_equal(average_ranks(values), stats.rankdata(values))


def test_thresholds(rng: np.random.Generator) -> None:
    for _ in range(60):
        columns = scored_pairs(rng, int(rng.integers(2, 40)))
        scores, labels = columns["scores"], columns["labels"]
        f1, threshold = best_f1_threshold(scores, labels)
        assert f1 == float(STATISTICS["best_f1"](scores, labels))
        assert f1 == pytest.approx(rival.f1_score(labels, scores >= threshold), abs=1e-12)
        right, threshold = best_accuracy_threshold(scores, labels)
        assert right == float(STATISTICS["best_accuracy"](scores, labels))
        assert right == pytest.approx(rival.accuracy_score(labels, scores >= threshold), abs=1e-12)


def test_a_threshold_lies_between_scores() -> None:
    assert best_f1_threshold([0.9, 0.5, 0.1, 0.0], [1, 1, 0, 0]) == (1.0, pytest.approx(0.3))
    assert best_f1_threshold([0.9, 0.5], [1, 1]) == (1.0, 0.5)
    assert best_accuracy_threshold([0.9, 0.5], [0, 0]) == (1.0, float("inf"))


def test_places_and_names(rng: np.random.Generator) -> None:
    found, size = places(np.array([[3.5, 1.0, 3.5], [2.0, 2.0, 2.0]]))
    assert found.tolist() == [[1, 0, 1], [0, 0, 0]]
    assert size == 2
    assert places(np.array([5, 2, 5]))[0].tolist() == [5, 2, 5]  # small enough as they are
    assert places(np.array([-1, 10**9, -1]))[0].tolist() == [0, 1, 0]
    assert names(np.array([[7.5, 1.5], [1.5, 7.5]]))[0].tolist() == [[1, 0], [0, 1]]
    drawn = rng.integers(0, 6, (4, 50))
    assert counts(drawn, 6).tolist() == [np.bincount(row, minlength=6).tolist() for row in drawn]
