"""Paired comparisons: exact answers, identical systems, and what is no comparison."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from kinspace.errors import DimensionMismatch, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics import STATISTICS
from kinspace.evaluate.statistics import compare, holm, moved
from tests.evaluate.metrics.test_against_rivals import RIVALS


def means(*columns: list[float]) -> list[Sample]:
    return [Sample("mean", {"values": np.array(column)}) for column in columns]


def test_all_ways_to_set_the_signs() -> None:
    a, b = means([0.9, 0.8, 0.4, 0.9, 0.6, 0.5], [0.5, 0.6, 0.7, 0.4, 0.1, 0.5])
    gaps = a.columns["values"] - b.columns["values"]
    ways = [abs(np.dot(signs, gaps)) for signs in product([1, -1], repeat=6)]
    expected = np.mean([way >= abs(gaps.sum()) - 1e-9 for way in ways])
    found = compare(a, b)
    assert found.p == pytest.approx(expected)
    assert found.difference == pytest.approx(gaps.mean())
    assert found.low < found.difference < found.high


def test_agrees_with_scipy_s_permutation_test(rng: np.random.Generator) -> None:
    values = rng.beta(1, 1, (2, 40))
    values[0] += 0.08
    theirs = stats.permutation_test(
        tuple(values),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=1,
    )
    found = compare(*means(*values.tolist()), draws=20_000)
    assert found.p == pytest.approx(theirs.pvalue, abs=0.012)


def test_p_is_never_0() -> None:
    a, b = means([1.0] * 200, [0.0] * 200)
    assert compare(a, b, draws=999).p == 1 / 1000


def test_the_other_way_round(rng: np.random.Generator) -> None:
    a, b = means(*rng.random((2, 30)).tolist())
    there, back = compare(a, b), compare(b, a)
    assert there.difference == -back.difference
    assert there.p == back.p
    assert there.detectable == pytest.approx(back.detectable)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.03)


def test_repeats_with_its_seed(rng: np.random.Generator) -> None:
    a, b = means(*rng.random((2, 30)).tolist())
    assert compare(a, b, seed=1) == compare(a, b, seed=1) != compare(a, b, seed=2)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_system_does_not_differ_from_itself(statistic: str, rng: np.random.Generator) -> None:
    given = Sample(statistic, RIVALS[statistic][0](rng, 50))
    found = compare(given, given)
    assert (found.difference, found.p, found.detectable) == (0, 1, 0)
    assert found.low < 0 < found.high
    assert moved(given, given, [str(i) for i in range(50)]) == []


@pytest.mark.parametrize("statistic", ["spearman", "pearson", "average_precision", "v_measure"])
def test_sees_who_is_better(statistic: str, rng: np.random.Generator) -> None:
    n = 300
    gold = rng.integers(0, 2, n) if statistic == "average_precision" else rng.integers(0, 6, n)
    near, far = gold + rng.normal(size=(2, n)) * np.array([[0.5], [1.5]])
    names = {
        "average_precision": ("scores", "labels"),
        "v_measure": ("assigned", "gold"),
    }.get(statistic, ("predicted", "gold"))
    if statistic == "v_measure":
        near, far = near.round().astype(np.int64), far.round().astype(np.int64)
    # a scale of its own must not matter
    far = 100 * far + 7
    a, b = (Sample(statistic, {names[0]: one, names[1]: gold}) for one in (near, far))
    found = compare(a, b, draws=2000)
    assert found.p < 0.01
    assert 0 < found.low < found.difference < found.high
    assert found.difference == pytest.approx(a.value() - b.value())


def test_few_items_can_show_nothing() -> None:
    for n in (1, 2, 5):
        a, b = means([0.9] * n, [0.1] * n)
        found = compare(a, b)
        assert found.p == 2 / 2**n
        assert found.detectable == 1.0
        assert -1 <= found.low <= found.difference <= found.high <= 1


def test_detectable_falls_with_the_root_of_n(rng: np.random.Generator) -> None:
    a, b = rng.random((2, 100))
    once = compare(*means(a.tolist(), b.tolist()), draws=100).detectable
    four = compare(*means(np.tile(a, 4).tolist(), np.tile(b, 4).tolist()), draws=100).detectable
    assert four == pytest.approx(once / 2, rel=0.03)


def test_what_is_detectable_is_detected_four_times_out_of_five(rng: np.random.Generator) -> None:
    shown, detectable = 0, 2.8 * np.sqrt(2) * 0.2 / np.sqrt(60)
    for seed in range(300):
        base = rng.normal(0, 1, 60)
        a, b = base + rng.normal(detectable, 0.2, 60), base + rng.normal(0, 0.2, 60)
        shown += compare(*means(a.tolist(), b.tolist()), seed=seed, draws=400).p <= 0.05
    assert 0.73 < shown / 300 < 0.87


def test_samples_that_cannot_be_compared(rng: np.random.Generator) -> None:
    a, b = means([1.0, 0.5], [1.0, 0.5, 0.2])
    with pytest.raises(DimensionMismatch, match="on 2 items, the other on 3"):
        compare(a, b)
    gold = np.arange(3.0)
    c, d = (Sample(name, {"predicted": gold, "gold": gold}) for name in ("spearman", "pearson"))
    with pytest.raises(InvalidParameter, match="spearman cannot be compared with a pearson"):
        compare(c, d)
    with pytest.raises(InvalidParameter, match="'gold' is not the same"):
        compare(c, Sample("spearman", {"predicted": gold, "gold": gold[::-1]}))
    with pytest.raises(InvalidParameter, match="0 draws"):
        compare(a, a, draws=0)


def test_more_items_than_signs_are_drawn_for(rng: np.random.Generator) -> None:
    """Then groups of items change their signs; scipy's t-test says the same."""
    values = rng.random((2, 6001))
    values[0] += 0.012
    found = compare(*means(*values.tolist()), draws=4000)
    assert found.p == pytest.approx(stats.ttest_rel(*values).pvalue, abs=0.02)


def test_a_system_with_few_scores_and_one_with_many(rng: np.random.Generator) -> None:
    """Of 3,001 pairs, the items of one are left out by kind, those of the other in groups."""
    gold = rng.integers(0, 6, 3001)
    near, far = gold + rng.normal(size=(2, 3001))
    coarse = Sample("spearman", {"predicted": near.round(), "gold": gold})
    fine, other = (Sample("spearman", {"predicted": one, "gold": gold}) for one in (near, far))
    found, expected = compare(coarse, other, draws=1000), compare(fine, other, draws=1000)
    assert found.difference == pytest.approx(coarse.value() - other.value())
    assert found.detectable == pytest.approx(expected.detectable, rel=0.1)


def test_holm_by_hand() -> None:
    # Holm 1979: the smallest times 4, the next times 3 …, never smaller than the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_by_its_definition(rng: np.random.Generator) -> None:
    """A p is at most the level exactly if Holm's procedure of steps rejects it."""
    for _ in range(50):
        ps = rng.random(6) ** 3
        adjusted = holm(ps.tolist())
        for level in (0.01, 0.05, 0.2):
            rejected = set()
            for step, row in enumerate(np.argsort(ps)):
                if ps[row] > level / (6 - step):
                    break
                rejected.add(int(row))
            assert rejected == {i for i, p in enumerate(adjusted) if p <= level}


@pytest.mark.parametrize("ps", [[1.2], [-0.1], [float("nan")]])
def test_what_is_no_p(ps: list[float]) -> None:
    with pytest.raises(InvalidParameter, match="P values"):
        holm(ps)


def test_the_items_that_moved_most() -> None:
    a, b = means([0.5, 1.0, 0.0, 0.3, 0.7], [0.5, 0.2, 0.9, 0.2, 0.6])
    found = moved(a, b, list("abcde"), n=3)
    assert [(one.item, one.a, one.b) for one in found] == [
        ("c", 0.0, 0.9),
        ("b", 1.0, 0.2),
        ("d", 0.3, 0.2),
    ]
    assert found[0].difference == -0.9
    assert [one.item for one in moved(a, b, list("abcde"))] == ["c", "b", "d", "e"]
    assert [one.item for one in moved(a, b, list("abcde"), n=None)] == ["c", "b", "d", "e", "a"]


def test_the_pair_that_costs_a_correlation(rng: np.random.Generator) -> None:
    gold = np.arange(40.0)
    good, bad = gold.copy(), gold.copy()
    bad[0] = 100.0  # the least alike pair is taken for the most alike one
    a, b = (Sample("spearman", {"predicted": one, "gold": gold}) for one in (good, bad))
    first = moved(a, b, [f"pair {i}" for i in range(40)], n=1)[0]
    assert first.item == "pair 0" and first.difference > 0


def test_of_very_many_pairs_some_are_looked_at(rng: np.random.Generator) -> None:
    gold = rng.random(7000)
    a, b = (Sample("pearson", {"predicted": rng.random(7000), "gold": gold}) for _ in "ab")
    found = moved(a, b, [str(i) for i in range(7000)], n=5)
    assert len(found) == 5 and all(int(one.item) % 3 == 0 for one in found)
    assert len(moved(a, b, [str(i) for i in range(7000)], n=None)) == 2334


def test_an_id_for_each_item() -> None:
    a, b = means([0.5, 1.0], [0.5, 0.2])
    with pytest.raises(DimensionMismatch, match="3 ids of 2 items"):
        moved(a, b, ["x", "y", "z"])
