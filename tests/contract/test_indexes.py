"""What holds for every index: known neighbours, ids, changes, filters, ranges, bad input."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from kinspace.errors import (
    DimensionMismatch,
    DuplicateId,
    IdNotFound,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    KinspaceError,
)
from kinspace.index import Index
from kinspace.metric import METRICS, is_distance, normalise, score_of_distance, scores, top_k
from kinspace.metric import distances as as_distances
from tests.contract.registry import INDEXES, IndexCase

DIM, COUNT = 12, 300
PAIRS = [(name, metric) for name, case in INDEXES.items() for metric in case.metrics]
FAR = 2**31
"""Ids that a 32-bit number cannot hold."""

each_pair = pytest.mark.parametrize("pair", PAIRS, ids="-".join, indirect=True)
each_index = pytest.mark.parametrize("name", INDEXES)


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    return tuple(request.param)


@pytest.fixture
def case(pair: tuple[str, str]) -> IndexCase:
    return INDEXES[pair[0]]


@pytest.fixture
def metric(pair: tuple[str, str]) -> Any:
    return pair[1]


@pytest.fixture
def index(case: IndexCase, metric: Any) -> Index:
    """An empty one."""
    return case.make(DIM, metric)


@pytest.fixture
def filled(pair: tuple[str, str]) -> Index:
    """One that holds the vectors under their positions, and must stay as it is."""
    return filled_of(*pair)


@pytest.fixture
def vectors(metric: Any) -> np.ndarray:
    return vectors_of(metric).copy()


@cache
def vectors_of(metric: str) -> np.ndarray:
    """Three hundred vectors around twenty centres, of different lengths."""
    rng = np.random.default_rng(20261120)
    centres = rng.standard_normal((20, DIM))
    rows = centres[rng.integers(0, 20, COUNT)] + 0.3 * rng.standard_normal((COUNT, DIM))
    rows *= rng.uniform(0.5, 2, (COUNT, 1))
    return (np.round(4 * rows) if metric == "hamming" else rows).astype(np.float32)


@cache
def filled_of(name: str, metric: Any) -> Index:
    made = INDEXES[name].make(DIM, metric)
    made.add(vectors_of(metric))
    return made


def first(name: str) -> Any:
    """The first metric of an index."""
    return INDEXES[name].metrics[0]


def of_one_metric(name: str) -> tuple[Index, np.ndarray]:
    """An empty index, and vectors for it."""
    return INDEXES[name].make(DIM, first(name)), vectors_of(first(name)).copy()


def shared(found: Any, truth: Any) -> float:
    """The mean share of what was to be found."""
    pairs = zip(np.asarray(found).tolist(), np.asarray(truth).tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in pairs]))


def reached(found: Any, queries: Any, table: Any, metric: Any) -> float:
    """The mean share of what was found that is as near as the truly nearest, ties included."""
    k = found.scores.shape[1]
    least = top_k(scores(queries, table, metric), k)[1][:, -1:]
    close = 1e-5 * np.maximum(1, np.abs(least))
    return float((found.scores >= least - close).mean())


def assert_scores(found: Any, queries: Any, table: Any, metric: Any) -> None:
    """Scores are those of the metric with the vectors under these ids, best first."""
    there = found.ids >= 0
    assert np.isneginf(found.scores[~there]).all()
    assert (np.diff(found.scores, axis=1)[there[:, 1:]] <= 0).all()
    true = np.take_along_axis(scores(queries, table, metric), np.maximum(found.ids, 0), 1)
    close = 1e-5 * max(1, np.abs(true).max())
    np.testing.assert_allclose(found.scores[there], true[there], rtol=1e-5, atol=close)


# -- what it is and holds --------------------------------------------------------------------------


@each_pair
def test_it_is_an_index(index: Index, metric: Any) -> None:
    assert isinstance(index, Index)
    assert (index.dim, index.metric, len(index), index.nbytes) == (DIM, metric, 0, 0)


@each_pair
def test_it_says_what_it_holds(filled: Index, index: Index, metric: Any) -> None:
    for one, count in ((index, 0), (filled, COUNT)):
        stats = one.stats()
        assert (stats.kind, stats.dim, stats.metric) == (type(one).__name__, DIM, metric)
        assert (stats.count, stats.removed) == (count, 0)
        assert stats.nbytes == one.nbytes == sum(stats.parts.values())
        assert all(isinstance(size, int) and size >= 0 for size in stats.parts.values())
        assert json.loads(json.dumps(stats.to_dict()))["nbytes"] == one.nbytes
        assert f"{count:,}" in str(stats)
        assert stats.kind in str(stats)
    assert filled.nbytes >= COUNT * DIM


@each_index
def test_it_grows_with_what_is_added(name: str) -> None:
    index, vectors = of_one_metric(name)
    index.add(vectors[:200])
    before = index.nbytes
    index.add(vectors[200:])
    assert index.nbytes > before


# -- known neighbours ------------------------------------------------------------------------------


@each_pair
def test_each_vector_finds_itself_first(
    case: IndexCase, filled: Index, index: Index, metric: Any, vectors: np.ndarray
) -> None:
    if metric == "dot":  # a longer vector may be nearer to it than it is itself
        vectors = normalise(vectors)
        filled = index
        filled.add(vectors)
    found = filled.search(vectors, k=1)
    assert (found.ids[:, 0] == np.arange(COUNT)).mean() >= min(case.recall, 0.99)
    itself = found.ids[:, 0] == np.arange(COUNT)
    best = {"dot": 1, "cosine": 1}.get(metric, 0)
    np.testing.assert_allclose(found.scores[itself, 0], best, atol=1e-3)


@each_pair
def test_agrees_with_exact_search(
    case: IndexCase, filled: Index, metric: Any, vectors: np.ndarray
) -> None:
    truth, _ = top_k(scores(vectors[:100], vectors, metric), 10)
    found = filled.search(vectors[:100], k=10)
    assert shared(found.ids, truth) >= case.recall
    if case.recall == 1:
        np.testing.assert_array_equal(found.ids, truth)


@each_pair
def test_scores_are_those_of_the_metric_best_first(
    filled: Index, metric: Any, vectors: np.ndarray
) -> None:
    queries = vectors[:40] + (1 if metric == "hamming" else 0.1)
    found = filled.search(queries, k=10)
    assert (found.ids.dtype, found.scores.dtype) == (np.int64, np.float32)
    assert found.ids.shape == found.scores.shape == (40, 10)
    assert_scores(found, queries, vectors, metric)
    assert all(len(set(line)) == 10 for line in found.ids.tolist())
    if metric != "dot":
        assert (as_distances(found.scores, metric) >= -1e-5).all()


@pytest.mark.parametrize("name", [n for n, case in INDEXES.items() if "cosine" in case.metrics])
def test_cosine_ignores_how_long_a_query_or_a_vector_is(name: str) -> None:
    vectors, plain = vectors_of("cosine"), filled_of(name, "cosine")
    wanted = plain.search(vectors[:40], k=5)
    for factor in (1e-12, 1e-3, 8.0, 1e9):
        found = plain.search(factor * vectors[:40], k=5)
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
        assert shared(found.ids, wanted.ids) > 0.98
    scaled = INDEXES[name].make(DIM, "cosine")
    scaled.add(vectors * np.linspace(1e-3, 1e3, COUNT)[:, None])
    found = scaled.search(vectors[:40], k=5)
    np.testing.assert_allclose(found.scores[:, 0], wanted.scores[:, 0], atol=1e-4)
    assert shared(found.ids, wanted.ids) >= min(0.98, INDEXES[name].recall)


@each_pair
def test_more_than_there_are(index: Index, filled: Index, vectors: np.ndarray) -> None:
    index.add(vectors[:4])
    found = index.search(vectors[:3], k=10)
    assert found.ids.shape == found.scores.shape == (3, 10)
    assert [sorted(row[:4]) for row in found.ids.tolist()] == [[0, 1, 2, 3]] * 3
    assert (found.ids[:, 4:] == -1).all()
    assert np.isneginf(found.scores[:, 4:]).all()
    assert len(found[0]) == 4
    for k in (COUNT - 1, COUNT, COUNT + 50):  # and all of many
        found = filled.search(vectors[:3], k=k)
        assert all(len(set(row) - {-1}) == min(k, COUNT) for row in found.ids.tolist())


@each_pair
def test_an_empty_index_finds_nothing(index: Index, vectors: np.ndarray) -> None:
    index.add(np.empty((0, DIM)))
    for _ in range(2):
        found = index.search(vectors[:2], k=3)
        assert (found.ids == -1).all()
        assert np.isneginf(found.scores).all()
        assert index.remove([1]) == 0
        assert index.search(np.empty((0, DIM)), k=3).ids.shape == (0, 3)
        assert (index.search(vectors[:2], k=3, allowed=[0, 1]).ids == -1).all()
        assert len(index.range_search(vectors[:2], score=-1e9).ids) == 0
        index.compact()
    assert (len(index), index.nbytes) == (0, 0)


@each_index
def test_no_queries_among_many_vectors(name: str) -> None:
    filled = filled_of(name, first(name))
    found = filled.search(np.empty((0, DIM)), k=3)
    assert found.ids.shape == found.scores.shape == (0, 3)
    assert len(filled.range_search(np.empty((0, DIM)), score=0.0)) == 0


@each_pair
def test_one_vector(index: Index, metric: Any, vectors: np.ndarray) -> None:
    index.add(vectors[0], ids=[FAR])
    found = index.search(vectors[:5], k=1)
    assert found.ids.ravel().tolist() == [FAR] * 5
    np.testing.assert_allclose(
        found.scores, scores(vectors[:5], vectors[:1], metric), rtol=1e-5, atol=1e-5
    )


@each_pair
def test_all_the_same_vector(index: Index, metric: Any, vectors: np.ndarray) -> None:
    index.add(np.repeat(vectors[:1], 200, axis=0))
    found = index.search(vectors[:3], k=20)
    assert all(len(set(row)) == 20 for row in found.ids.tolist())
    wanted = np.repeat(scores(vectors[:3], vectors[:1], metric), 20, axis=1)
    np.testing.assert_allclose(found.scores, wanted, rtol=1e-4, atol=1e-4)
    assert index.remove(found.ids[0]) == 20
    assert not set(found.ids[0]) & set(index.search(vectors[:1], k=180).ids[0].tolist())


@each_pair
def test_every_vector_twice(
    case: IndexCase, index: Index, metric: Any, vectors: np.ndarray
) -> None:
    index.add(np.concatenate([vectors, vectors]))
    found = index.search(vectors[:50], k=10)
    assert all(len(set(row)) == 10 for row in found.ids.tolist())
    table = np.concatenate([vectors, vectors])
    assert_scores(found, vectors[:50], table, metric)
    assert reached(found, vectors[:50], table, metric) >= case.recall - 0.01


@each_pair
def test_vectors_of_zeros(index: Index, metric: Any, vectors: np.ndarray) -> None:
    vectors[::50] = 0
    index.add(vectors)
    found = index.search(np.concatenate([np.zeros((1, DIM)), vectors[:10]]), k=10)
    assert (found.ids >= 0).all()
    assert np.isfinite(found.scores).all()
    if metric in ("cosine", "dot"):
        assert (found.scores[0] == 0).all()


@each_index
@pytest.mark.parametrize("dim", [1, 2, 3, 5, 17])
def test_few_and_odd_dimensions(name: str, dim: int, rng: np.random.Generator) -> None:
    vectors = rng.standard_normal((120, dim)).astype(np.float32)
    metric = first(name)
    index = INDEXES[name].make(dim, metric)
    index.add(vectors)
    found = index.search(vectors[:30], k=5)
    assert all(len(set(row)) == 5 and min(row) >= 0 for row in found.ids.tolist())
    assert_scores(found, vectors[:30], vectors, metric)
    if dim > 1:
        reached = scores(vectors[:30], vectors, metric).max(axis=1)
        assert (found.scores[:, 0] >= reached - 1e-5).mean() >= min(0.9, INDEXES[name].recall)


@each_index
def test_one_query_may_be_a_plain_vector(name: str) -> None:
    filled, vectors = filled_of(name, first(name)), vectors_of(first(name))
    one = filled.search(vectors[3].tolist(), k=2)
    np.testing.assert_array_equal(one.ids, filled.search(vectors[3:4], k=2).ids)


@each_pair
def test_one_query_finds_what_many_find(
    case: IndexCase, filled: Index, vectors: np.ndarray
) -> None:
    many = filled.search(vectors[:30], k=10)
    ones = [filled.search(query, k=10) for query in vectors[:30]]
    ids = np.concatenate([one.ids for one in ones])
    np.testing.assert_allclose(
        np.concatenate([one.scores for one in ones])[:, 0], many.scores[:, 0], rtol=1e-4, atol=1e-4
    )
    assert shared(ids, many.ids) >= min(case.recall, 0.95)


@each_index
def test_made_twice_it_is_the_same(name: str) -> None:
    filled, again = filled_of(name, first(name)), INDEXES[name].make(DIM, first(name))
    again.add(vectors_of(first(name)))
    found = [one.search(vectors_of(first(name))[:50] + 0.2, k=10) for one in (filled, again)]
    assert shared(found[0].ids, found[1].ids) == 1


@each_index
def test_what_was_given_is_left_alone(name: str) -> None:
    index, vectors = of_one_metric(name)
    before, names = vectors.copy(), np.arange(COUNT)
    index.add(vectors, ids=names)
    found = index.search(vectors[:5], k=3)
    np.testing.assert_array_equal(vectors, before)
    vectors[:], names[:] = 0, 7  # and the index keeps no view of it
    np.testing.assert_array_equal(index.search(before[:5], k=3).ids, found.ids)


# -- ids -------------------------------------------------------------------------------------------


@each_index
@pytest.mark.parametrize("factor", [1, 1_000_000_007, 2**53])
def test_ids_are_the_callers(name: str, factor: int) -> None:
    index, vectors = of_one_metric(name)
    vectors = normalise(vectors)
    names = np.arange(COUNT) * factor + 5
    index.add(vectors[:200], ids=names[:200])
    index.add(vectors[200:], ids=names[200:].tolist())
    found = index.search(vectors, k=1).ids
    assert found.dtype == np.int64
    assert (found[:, 0] == names).mean() >= min(0.99, INDEXES[name].recall)
    assert index.remove(names[::2]) == 150
    left = set(index.search(vectors[:5], k=150).ids.ravel().tolist())
    assert left == set(names[1::2].tolist())
    assert (index.search(vectors[:3], k=2, allowed=names[:7:2]).ids == -1).all()


@each_index
def test_the_largest_id_there_is(name: str) -> None:
    index, vectors = of_one_metric(name)
    largest = 2**63 - 1
    index.add(vectors[:2], ids=np.array([0, largest], np.uint64))
    assert sorted(index.search(vectors[0], k=2).ids[0].tolist()) == [0, largest]
    assert index.remove([largest]) == 1
    for beyond in (np.array([2**63], np.uint64), [2**63], [2**70]):
        with pytest.raises(InvalidInput):
            index.add(vectors[2:3], ids=beyond)
    assert len(index) == 1


@each_index
def test_without_ids_it_counts_and_never_reuses_a_number(name: str) -> None:
    index, vectors = of_one_metric(name)
    index.add(vectors[:100])
    index.add(vectors[100:200])
    everything = np.arange(200)
    assert set(index.search(vectors[:1], k=200, allowed=everything).ids[0]) == set(range(200))
    index.remove([199])
    index.add(vectors[200:201])
    assert 200 in index.search(vectors[200:201], k=201, allowed=np.arange(201)).ids[0]
    index.remove([200])
    index.compact()
    index.add(vectors[200:201])
    assert len(index) == 200


# -- changes ---------------------------------------------------------------------------------------


@each_pair
def test_what_was_removed_is_not_found(
    case: IndexCase, index: Index, metric: Any, vectors: np.ndarray
) -> None:
    index.add(vectors)
    gone = np.arange(0, COUNT, 3)
    assert index.remove([*gone.tolist(), 9_999]) == len(gone)
    assert index.remove(gone) == 0
    assert len(index) == 200
    assert (index.stats().count, index.stats().removed <= 100) == (200, True)
    left = np.setdiff1d(np.arange(COUNT), gone)
    for is_made_anew in (False, True):
        if is_made_anew:
            index.compact()
        found = index.search(vectors, k=10)
        assert (found.ids >= 0).all()
        assert not set(found.ids.ravel().tolist()) & set(gone.tolist())
        assert reached(found, vectors, vectors[left], metric) >= case.recall - 0.01
        assert_scores(found, vectors, vectors, metric)
        assert (index.search(vectors[:2], k=3, allowed=gone).ids == -1).all()
    assert index.stats().removed == 0
    index.add(vectors[gone], ids=gone)  # and may come back under its old id
    assert len(index) == COUNT
    assert index.search(vectors[:1], k=COUNT, allowed=[0]).ids[0, 0] == 0


@each_pair
def test_what_was_updated_is_found_where_it_is_now(
    case: IndexCase, index: Index, metric: Any, vectors: np.ndarray
) -> None:
    index.add(vectors, ids=np.arange(COUNT) + FAR)
    moved = np.arange(0, COUNT, 4)
    now = vectors.copy()
    now[moved] = vectors[moved[::-1]]
    index.update(now[moved], ids=moved + FAR)
    assert len(index) == COUNT
    for is_made_anew in (False, True):
        if is_made_anew:
            index.compact()
        found = index.search(now[:60], k=10)
        near = type(found)(found.ids - FAR, found.scores)
        assert_scores(near, now[:60], now, metric)
        assert reached(near, now[:60], now, metric) >= case.recall - 0.01
        assert all(len(set(row)) == 10 for row in found.ids.tolist())
    assert sorted(index.search(now[:1], k=COUNT).ids[0] - FAR) == list(range(COUNT))


@each_index
def test_an_update_is_of_all_or_of_none(name: str) -> None:
    index, vectors = of_one_metric(name)
    index.add(vectors[:100])
    before = index.search(vectors[:30], k=5)
    for given, ids, error in (
        (vectors[200:202], [5, 9_999], IdNotFound),
        (vectors[200:202], [5, 5], DuplicateId),
        (vectors[200:202], [5], InvalidInput),
        (vectors[200:201], ["a"], InvalidInput),
        (np.full((1, DIM), np.nan), [5], InvalidVectors),
        (np.ones((1, DIM + 1)), [5], DimensionMismatch),
    ):
        with pytest.raises(error) as raised:
            index.update(given, ids)
        assert raised.value.remedy
        after = index.search(vectors[:30], k=5)
        np.testing.assert_array_equal(after.ids, before.ids)
    index.update(np.empty((0, DIM)), [])
    assert len(index) == 100


@each_index
def test_emptied_and_filled_again(name: str) -> None:
    index, vectors = of_one_metric(name)
    for _ in range(2):
        index.add(vectors[:50], ids=np.arange(50))
        assert index.remove(np.arange(50)) == 50
        assert len(index) == 0
        assert (index.search(vectors[:1], k=1).ids == -1).all()
    index.add(vectors[50:60], ids=np.arange(10))
    assert index.search(vectors[50:51], k=10, allowed=np.arange(10)).ids.min() >= 0
    index.remove(np.arange(10))
    index.compact()
    assert (len(index), index.stats().removed, index.nbytes) == (0, 0, 0)
    index.add(vectors)
    assert len(index) == COUNT


@each_index
def test_many_changes_leave_what_a_new_one_holds(name: str, rng: np.random.Generator) -> None:
    index, pool = of_one_metric(name)
    held: dict[int, int] = {}
    index.add(pool[:100])
    held = {i: i for i in range(100)}
    for step in range(30):
        names = rng.choice(400, 8, replace=False)
        rows = rng.integers(0, COUNT, 8)
        known = [i for i, n in enumerate(names.tolist()) if n in held]
        if step % 3 == 0:
            new = [i for i in range(8) if i not in known]
            index.add(pool[rows[new]], ids=names[new])
            held |= dict(zip(names[new].tolist(), rows[new].tolist(), strict=True))
        elif step % 3 == 1:
            assert index.remove(names) == len(known)
            held = {n: row for n, row in held.items() if n not in names}
        else:
            index.update(pool[rows[known]], ids=names[known])
            held |= dict(zip(names[known].tolist(), rows[known].tolist(), strict=True))
        assert len(index) == len(held)
        found = index.search(pool[rows], k=len(held) + 5)
        assert all(set(line) - {-1} == set(held) for line in found.ids.tolist())
    index.compact()
    rows = np.array(list(held.values()))
    new = INDEXES[name].make(DIM, first(name))
    new.add(pool[rows], ids=list(held))
    assert index.nbytes <= 1.5 * new.nbytes
    found = index.search(pool, k=5)
    assert reached(found, pool, pool[rows], first(name)) >= INDEXES[name].recall - 0.02


# -- filters ---------------------------------------------------------------------------------------


@each_pair
def test_filters_come_before_the_best_k(
    case: IndexCase, filled: Index, metric: Any, vectors: np.ndarray, rng: np.random.Generator
) -> None:
    for count in (250, 120, 25, 10):
        allowed = np.sort(rng.choice(COUNT, count, replace=False))
        mask = np.zeros(COUNT + 7, np.bool_)
        mask[allowed] = True
        for given in (allowed, mask, allowed[::-1].tolist(), np.append(allowed, allowed)):
            found = filled.search(vectors[:40], k=10, allowed=given)
            assert set(found.ids.ravel().tolist()) <= set(allowed.tolist())  # ten, none missing
            assert reached(found, vectors[:40], vectors[allowed], metric) >= min(0.95, case.recall)
        assert_scores(found, vectors[:40], vectors, metric)


@each_index
def test_filters_that_leave_little_or_nothing(name: str) -> None:
    filled, vectors = filled_of(name, first(name)), vectors_of(first(name))
    unknown = filled.search(vectors[:2], k=3, allowed=[7, 9_999])
    assert unknown.ids[:, 0].tolist() == [7, 7]
    assert (unknown.ids[:, 1:] == -1).all()
    for nothing in ([], np.zeros(COUNT, np.bool_), np.zeros(0, np.bool_), [-1], [FAR]):
        assert (filled.search(vectors[:2], k=3, allowed=nothing).ids == -1).all()
    short = np.ones(3, np.bool_)  # a mask says no to the ids that it has no place for
    assert sorted(filled.search(vectors[0], k=4, allowed=short).ids[0]) == [-1, 0, 1, 2]
    for wrong in ([0.5], ["a"], np.ones((2, 2), np.bool_)):
        with pytest.raises(InvalidInput):
            filled.search(vectors[:1], k=1, allowed=wrong)


@each_index
def test_filters_go_by_id_not_by_place(name: str) -> None:
    index, vectors = of_one_metric(name)
    index.add(vectors, ids=np.arange(COUNT)[::-1] + 1000)
    mask = np.zeros(1300, np.bool_)
    mask[1000:1100] = True
    for _ in range(2):
        for given in (mask, np.arange(1000, 1100)):
            found = index.search(vectors[:20], k=100, allowed=given).ids
            assert all(set(line) == set(range(1000, 1100)) for line in found.tolist())
        index.compact()


# -- ranges ----------------------------------------------------------------------------------------


def limit_for(metric: Any, vectors: np.ndarray, share: float) -> float:
    """A score that lies between two that there are."""
    values = np.unique(scores(vectors[:20], vectors, metric))
    place = int((1 - share) * (len(values) - 1))
    return float(values[place] + values[place + 1]) / 2


@each_pair
@pytest.mark.parametrize("share", [0.01, 0.2])
def test_all_within_a_range(
    case: IndexCase, filled: Index, metric: Any, share: float, vectors: np.ndarray
) -> None:
    least = limit_for(metric, vectors, share)
    all_scores = scores(vectors[:20], vectors, metric)
    allowed = np.arange(0, COUNT, 2)
    for given, options in (
        (np.arange(COUNT), {}),
        (allowed, {"allowed": allowed}),
        (allowed, {"allowed": np.isin(np.arange(COUNT), allowed)}),
    ):
        found = filled.range_search(vectors[:20], score=least, **options)
        assert len(found) == 20
        hit, wanted = 0, 0
        for near, line in zip(found, all_scores, strict=True):
            truth = set(given[line[given] >= least].tolist())
            assert set(near.ids) <= truth
            assert len(set(near.ids)) == len(near)
            assert (near.scores >= least).all()
            assert (np.diff(near.scores) <= 0).all()
            np.testing.assert_allclose(near.scores, line[near.ids], rtol=1e-5, atol=1e-4)
            hit, wanted = hit + len(near), wanted + len(truth)
        assert hit >= min(case.recall, 0.95) * wanted


@each_pair
def test_a_range_by_distance(filled: Index, metric: Any, vectors: np.ndarray) -> None:
    if not (is_distance(metric) or metric == "cosine"):
        with pytest.raises(InvalidParameter):
            filled.range_search(vectors[:1], distance=1.0)
        return
    if metric == "cosine" and filled.search(vectors[:1], k=1).metric == "dot":
        pytest.skip("sums of cosines have no distance")
    least = limit_for(metric, vectors, 0.05)
    apart = -least if is_distance(metric) else 1 - least
    assert score_of_distance(apart, metric) == pytest.approx(least)
    by_score = filled.range_search(vectors[:20], score=least)
    by_distance = filled.range_search(vectors[:20], distance=apart)
    np.testing.assert_array_equal(by_score.ids, by_distance.ids)
    assert all((near.distances <= apart + 1e-5).all() for near in by_distance)


@each_index
def test_ranges_of_nothing_and_of_everything(name: str) -> None:
    filled, vectors = filled_of(name, first(name)), vectors_of(first(name))
    everything = filled.range_search(vectors[:2], score=-np.inf)
    assert all(set(near.ids) == set(range(COUNT)) for near in everything)
    assert len(filled.range_search(vectors[:2], score=1e9).ids) == 0
    for options in ({}, {"score": 1.0, "distance": 1.0}, {"score": np.nan}):
        with pytest.raises(InvalidParameter) as raised:
            filled.range_search(vectors[:1], **options)
        assert raised.value.remedy


# -- bad input -------------------------------------------------------------------------------------


BAD: list[tuple[Any, Any, type[KinspaceError]]] = [
    (np.full((1, DIM), np.nan), None, InvalidVectors),
    (np.full((1, DIM), np.inf), None, InvalidVectors),
    (np.full((1, DIM), 1e300), None, InvalidVectors),
    (np.full((1, DIM), "a"), None, InvalidVectors),
    (np.full((1, DIM), 1j), None, InvalidVectors),
    (np.full((1, DIM), None), None, InvalidVectors),
    (np.ones((1, 2, DIM)), None, InvalidInput),
    (np.ones((1, DIM + 1)), None, DimensionMismatch),
    (np.ones(DIM - 1), None, DimensionMismatch),
    (np.ones((2, DIM)), [1, 1], DuplicateId),
    (np.ones((2, DIM)), [90, 90], DuplicateId),
    (np.ones((1, DIM)), [7], DuplicateId),
    (np.ones((2, DIM)), [8], InvalidInput),
    (np.ones((1, DIM)), [[80]], InvalidInput),
    (np.ones((1, DIM)), ["a"], InvalidInput),
    (np.ones((1, DIM)), [1.5], InvalidInput),
    (np.ones((1, DIM)), [True], InvalidInput),
    (np.ones((1, DIM)), [-1], InvalidInput),
]


@each_index
def test_a_bad_addition_adds_nothing(name: str) -> None:
    index, vectors = of_one_metric(name)
    index.add(vectors[:50])
    before = index.search(vectors[:10], k=50)
    for given, ids, error in BAD:
        with pytest.raises(error) as raised:
            index.add(given, ids)
        assert raised.value.remedy
        assert len(index) == 50
    after = index.search(vectors[:10], k=50)
    np.testing.assert_array_equal(after.ids, before.ids)
    index.add(vectors[50:60])
    assert set(index.search(vectors[:1], k=60).ids[0]) == set(range(60))


@each_index
def test_a_bad_first_addition_leaves_it_empty(name: str) -> None:
    index, vectors = of_one_metric(name)
    for given, ids, error in BAD[:8]:
        with pytest.raises(error):
            index.add(given, ids)
    assert len(index) == index.nbytes == 0
    index.add(vectors)
    assert index.search(vectors[:1], k=COUNT).ids.min() >= 0


@each_index
def test_bad_queries(name: str) -> None:
    filled, vectors = filled_of(name, first(name)), vectors_of(first(name))
    bad: list[tuple[Any, int, type[KinspaceError]]] = [
        (vectors[:1], 0, InvalidParameter),
        (vectors[:1], -1, InvalidParameter),
        (np.ones((1, DIM - 1)), 1, DimensionMismatch),
        (np.ones(DIM + 1), 1, DimensionMismatch),
        (np.full((1, DIM), np.nan), 1, InvalidVectors),
        (np.full((1, DIM), -np.inf), 1, InvalidVectors),
        (np.full((1, DIM), "a"), 1, InvalidVectors),
        (np.full((1, DIM), 1j), 1, InvalidVectors),
    ]
    for query, k, error in bad:
        with pytest.raises(error) as raised:
            filled.search(query, k=k)
        assert raised.value.remedy
        if k > 0:
            with pytest.raises(error):
                filled.range_search(query, score=0.0)


@each_index
@pytest.mark.parametrize("metric", ["angular", *METRICS])
def test_unknown_metrics_and_those_it_cannot_do(name: str, metric: str) -> None:
    if metric in INDEXES[name].metrics:
        assert INDEXES[name].make(DIM, metric).metric == metric
    else:
        with pytest.raises(InvalidParameter) as raised:
            INDEXES[name].make(DIM, metric)
        assert raised.value.remedy


@each_index
@pytest.mark.parametrize("dim", [0, -3, 2.5, "12", None, True])
def test_vectors_of_no_length(name: str, dim: Any) -> None:
    with pytest.raises(InvalidParameter):
        INDEXES[name].make(dim, first(name))


@each_pair
def test_numbers_of_other_types(filled: Index, metric: Any, vectors: np.ndarray) -> None:
    for other in (np.float64, np.float16) if metric != "hamming" else (np.float64, np.int16):
        same = vectors[:20].astype(other)
        found = filled.search(same, k=3)
        wanted = filled.search(same.astype(np.float32), k=3)
        np.testing.assert_array_equal(found.ids, wanted.ids)
    reversed_ = np.asfortranarray(vectors[::-1])[::-1][:20]
    np.testing.assert_array_equal(
        filled.search(reversed_, k=3).ids, filled.search(vectors[:20], k=3).ids
    )
