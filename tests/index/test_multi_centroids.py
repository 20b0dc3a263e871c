"""Items of several vectors by centroids and codes: recall, filters, growth, files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidParameter
from kinspace.index.multi_centroids import MultiCentroids
from kinspace.index.multi_exact import MultiExact
from kinspace.multi import MultiVectors

DIM = 24


@cache
def items(count: int, seed: int = 0) -> MultiVectors:
    """Texts of tokens: each of a topic, with tokens around those of a vocabulary."""
    rng = np.random.default_rng(seed)
    vocabulary = np.random.default_rng(99).standard_normal((300, DIM))
    found = []
    for _ in range(count):
        topic = rng.choice(300, 12, replace=False)
        tokens = rng.choice(topic, rng.integers(3, 20))
        found.append(vocabulary[tokens] + 0.35 * rng.standard_normal((len(tokens), DIM)))
    return MultiVectors.of(found)


def both(count: int = 1500, metric: Any = "cosine", **options: Any) -> tuple[Any, Any]:
    exact, index = MultiExact(DIM, metric), MultiCentroids(DIM, metric, exact_below=0, **options)
    for each in (exact, index):
        each.add(items(count))
    return index, exact


def recall(index: Any, exact: Any, queries: MultiVectors, k: int = 10, **options: Any) -> float:
    found, truth = index.search(queries, k, **options), exact.search(queries, k, **options)
    same = [
        len(set(a) & set(b)) for a, b in zip(found.ids.tolist(), truth.ids.tolist(), strict=True)
    ]
    for a, b in zip(found, truth, strict=True):  # scores are those of MaxSim itself
        known = dict(zip(b.ids, b.scores.tolist(), strict=True))
        for name, score in a:
            assert abs(known.get(name, score) - score) < 1e-3
    return float(np.mean(same)) / k


@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("bits", [2, 4])
def test_most_of_the_best_are_found(metric: str, bits: int) -> None:
    index, exact = both(metric=metric, bits=bits)
    assert recall(index, exact, items(30, 1)) >= 0.95


def test_more_work_finds_more() -> None:
    index, exact = both(nprobe=1, candidates=40)
    few = recall(index, exact, items(30, 1))
    index.tuned = {10: {"nprobe": 32, "candidates": 400}}
    assert recall(index, exact, items(30, 1)) >= max(few, 0.97)
    assert few < 1


def test_codes_take_their_bits() -> None:
    sizes = {}
    for bits in (1, 2, 4, 8):
        index = MultiCentroids(64, bits=bits, exact_below=0)
        index.add([np.random.default_rng(0).standard_normal((1000, 64))])
        sizes[bits] = index.stats().parts["codes"]
    assert sizes == {1: 8_000, 2: 16_000, 4: 32_000, 8: 64_000}


@pytest.mark.parametrize("share", [0.5, 0.1, 0.03])
def test_filters_and_removal_keep_the_recall(share: float) -> None:
    index, exact = both()
    rng = np.random.default_rng(5)
    for each in (index, exact):
        each.remove(np.arange(0, 1500, 7))
    allowed = rng.random(1500) < share
    assert recall(index, exact, items(20, 1), 5, allowed=allowed) >= 0.95
    found = index.search(items(20, 1), 5, allowed=allowed).ids
    assert allowed[found].all()
    assert (found % 7 > 0).all()
    index.compact()
    assert recall(index, exact, items(20, 1), 5, allowed=allowed) >= 0.95


def test_what_was_added_later_is_found_as_well() -> None:
    index, exact = both(400)
    for seed in range(2, 14):
        for each in (index, exact):
            each.add(items(60, seed))
        assert recall(index, exact, items(60, seed)[:5], 1) == 1
    assert recall(index, exact, items(20, 1)) >= 0.95


def test_one_at_a_time_is_the_same_as_a_batch() -> None:
    index, _ = both(800)
    queries = items(12, 1)
    whole = index.search(queries, 7)
    index.threads = 3
    shared = index.search(queries, 7)
    for row in range(12):
        one = index.search(queries[row], 7)
        np.testing.assert_array_equal(one.ids[0], whole.ids[row])
        np.testing.assert_array_equal(shared.ids[row], whole.ids[row])


def test_the_same_seed_builds_the_same() -> None:
    one, _ = both(600, seed=3)
    other, _ = both(600, seed=3)
    for name, array in one._structure().items():
        np.testing.assert_array_equal(array, other._structure()[name])


def test_few_items_long_ones_and_all_the_same() -> None:
    index = MultiCentroids(DIM, exact_below=0)
    index.add(items(3))
    assert sorted(index.search(items(1, 1), 3).ids[0].tolist()) == [0, 1, 2]
    same = MultiVectors.of([np.ones((2, DIM))] * 600)
    index = MultiCentroids(DIM, exact_below=0)
    index.add(same)
    found = index.search(same[:2], 20)
    assert all(len(set(row)) == 20 for row in found.ids.tolist())
    np.testing.assert_allclose(found.scores, 2, rtol=1e-5)
    index.add([np.random.default_rng(0).standard_normal((5000, DIM)), np.zeros((1, DIM))])
    assert index.search(same[:1], 602).ids.min() == 0


def test_saved_and_loaded_and_gone_on(tmp_path: Path) -> None:
    index, exact = both(600, dtype="float16", bits=2)
    index.save(tmp_path / "i")
    again = MultiCentroids.load(tmp_path / "i")
    assert again.stats().parts == index.stats().parts
    queries = items(15, 1)
    np.testing.assert_array_equal(again.search(queries).ids, index.search(queries).ids)
    for each in (again, exact):
        each.add(items(500, 4))
    found, truth = again.search(queries, 1), exact.search(queries, 1)
    assert np.mean(found.ids == truth.ids) >= 0.9


def test_sums_of_cosines_are_no_cosines() -> None:
    assert both(50)[0].search(items(1, 1)).metric == "dot"


@pytest.mark.parametrize(
    "options",
    [{"bits": 3}, {"nlist": 0}, {"nprobe": 0}, {"candidates": 1.5}, {"dtype": "int8"}],
)
def test_options_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as raised:
        MultiCentroids(DIM, **options)
    assert raised.value.remedy


def test_options_of_a_search_are_checked() -> None:
    index, _ = both(100)
    index.nprobe = 0
    with pytest.raises(InvalidParameter):
        index.search(items(1, 1))
