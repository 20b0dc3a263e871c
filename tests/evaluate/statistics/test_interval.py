"""Intervals: against scipy, at the edges, and that they repeat."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kinspace.errors import InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics import RANGES, STATISTICS
from kinspace.evaluate.statistics import compare, interval
from kinspace.evaluate.statistics.jackknife import leave_one_out, pseudo_values
from tests.evaluate.metrics.test_against_rivals import RIVALS


def sample(statistic: str, rng: np.random.Generator, n: int = 60) -> Sample:
    return Sample(statistic, RIVALS[statistic][0](rng, n))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_figure_is_inside_and_the_bounds_in_range(
    statistic: str, rng: np.random.Generator
) -> None:
    for n in (1, 2, 3, 7, 60):
        for _ in range(3):
            drawn = sample(statistic, rng, max(n, 2))
            given = Sample(statistic, {name: c[:n] for name, c in drawn.columns.items()})
            found = interval(given, draws=200)
            assert found.value == given.value()
            assert found.low <= found.value <= found.high
            low, high = RANGES.get(statistic, (-np.inf, np.inf))
            assert low <= found.low and found.high <= high
            assert np.isfinite([found.low, found.high]).all()


def test_agrees_with_scipy_s_bca_where_items_are_many(rng: np.random.Generator) -> None:
    """With many items the correction for few is nothing, and BCa is what is left."""
    values = rng.beta(0.5, 0.2, 2000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=1, batch=500
    ).confidence_interval
    ours = interval(Sample("mean", {"values": values}), draws=20_000)
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.03 * width)


def test_more_confidence_is_wider_and_more_items_narrower(rng: np.random.Generator) -> None:
    def width(n: int, confidence: float) -> float:
        values = np.tile([0.0, 0.2, 0.5, 1.0], n // 4)
        found = interval(Sample("mean", {"values": values}), confidence=confidence)
        return found.high - found.low

    assert width(100, 0.8) < width(100, 0.95) < width(100, 0.99)
    assert width(400, 0.95) == pytest.approx(width(100, 0.95) / 2, rel=0.1)


def test_repeats_with_its_seed(rng: np.random.Generator) -> None:
    given = sample("spearman", rng)
    assert interval(given, seed=3) == interval(given, seed=3) != interval(given, seed=4)


def test_one_item_says_next_to_nothing() -> None:
    found = interval(Sample("mean", {"values": np.array([0.4])}))
    assert (found.low, found.high) == pytest.approx((0.4 * 0.025, 0.4 * 0.025 + 0.975))


def test_items_all_alike_have_clopper_and_pearson_s_bound() -> None:
    found = interval(Sample("mean", {"values": np.ones(50)}))
    theirs = stats.binomtest(50, 50).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == (pytest.approx(theirs.low), 1.0)
    nothing = interval(Sample("mean", {"values": np.zeros(50)}))
    assert (nothing.low, nothing.high) == (0.0, pytest.approx(1 - theirs.low))


def test_a_perfect_correlation_is_not_certain(rng: np.random.Generator) -> None:
    values = rng.normal(size=30)
    found = interval(Sample("spearman", {"predicted": values, "gold": values}))
    assert found.value == pytest.approx(1.0)
    assert 0.7 < found.low < 0.95


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_no_confidence(confidence: float) -> None:
    with pytest.raises(InvalidParameter, match="confidence"):
        interval(Sample("mean", {"values": np.ones(3)}), confidence=confidence)


def test_no_draws() -> None:
    with pytest.raises(InvalidParameter, match="1 draws"):
        interval(Sample("mean", {"values": np.ones(3)}), draws=1)


@pytest.mark.parametrize("statistic", ["spearman", "average_precision", "v_measure", "f1_macro"])
def test_pseudo_values_are_what_leaving_out_changes(
    statistic: str, rng: np.random.Generator
) -> None:
    given = sample(statistic, rng, 25)
    found = pseudo_values(given)
    for item in range(25):
        rest = {name: np.delete(column, item) for name, column in given.columns.items()}
        expected = 25 * given.value() - 24 * Sample(statistic, rest).value()
        assert found[item] == pytest.approx(expected, abs=1e-9)
    assert leave_one_out(given, np.array([3, 17])) == pytest.approx(found[[3, 17]])


def test_pseudo_values_of_groups_tell_as_much(rng: np.random.Generator) -> None:
    """Spread and mean are those of single items, though they are fewer."""
    gold = rng.normal(size=600)
    given = Sample("spearman", {"predicted": gold + rng.normal(size=600), "gold": gold})
    single, grouped = pseudo_values(given), pseudo_values(given, most=200)
    assert len(grouped) == 200
    assert grouped.mean() == pytest.approx(single.mean(), abs=2e-3)
    error = single.std(ddof=1) / np.sqrt(600)
    assert grouped.std(ddof=1) / np.sqrt(200) == pytest.approx(error, rel=0.15)


def test_pseudo_values_of_uneven_groups(rng: np.random.Generator) -> None:
    given = Sample("pearson", {"predicted": rng.normal(size=10), "gold": rng.normal(size=10)})
    found = pseudo_values(given, most=4)  # groups of 3, 3, 2 and 2
    for group in range(4):
        left = np.arange(10) % 4 != group
        rest = Sample("pearson", {name: column[left] for name, column in given.columns.items()})
        parts = 10 / (~left).sum()
        assert found[group] == pytest.approx(parts * given.value() - (parts - 1) * rest.value())


@pytest.mark.parametrize(("statistic", "least"), [("influence", 0), ("adjusted_influence", -0.5)])
def test_contributions_may_pass_what_their_figure_cannot(statistic: str, least: float) -> None:
    high = np.array([1.6, 0.2] * 8 + [1.5])  # 0.94 on average
    found = interval(Sample(statistic, {"values": high}))
    assert found.low < found.value < found.high == 1.0
    found = interval(Sample(statistic, {"values": least + 1 - high}))
    assert least == found.low < found.value < found.high
    both = [Sample(kind, {"values": high / 2}) for kind in (statistic, "mean")]
    assert interval(both[0]) == interval(both[1])  # otherwise it is a mean
    other = [Sample(kind, {"values": high[::-1] / 3}) for kind in (statistic, "mean")]
    here, there = (compare(a, b) for a, b in zip(both, other, strict=True))
    assert (here.difference, here.p) == (there.difference, there.p)
