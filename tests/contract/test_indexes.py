"""What holds for every index: known neighbours, ids, removal, filters, and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.errors import (
    DimensionMismatch,
    DuplicateId,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    KinspaceError,
)
from kinspace.index import Index
from kinspace.metric import check_metric, scores, top_k
from kinspace.metric import distances as as_distances
from tests.contract.registry import INDEXES, IndexCase

DIM = 12
PAIRS = [(name, metric) for name, case in INDEXES.items() for metric in case.metrics]


@pytest.fixture(params=PAIRS, ids=lambda pair: "-".join(pair))
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    return tuple(request.param)


@pytest.fixture
def case(pair: tuple[str, str]) -> IndexCase:
    return INDEXES[pair[0]]


@pytest.fixture
def metric(pair: tuple[str, str]) -> Any:
    return check_metric(pair[1])


@pytest.fixture
def index(case: IndexCase, metric: Any) -> Index:
    return case.make(DIM, metric)


@pytest.fixture
def vectors(metric: Any, rng: np.random.Generator) -> np.ndarray:
    """Three hundred vectors around twenty centres, of different lengths."""
    centres = rng.standard_normal((20, DIM))
    rows = centres[rng.integers(0, 20, 300)] + 0.3 * rng.standard_normal((300, DIM))
    rows *= rng.uniform(0.5, 2, (300, 1))
    return (np.round(rows) if metric == "hamming" else rows).astype(np.float32)


def test_it_is_an_index(index: Index, metric: Any) -> None:
    assert isinstance(index, Index)
    assert (index.dim, index.metric, len(index), index.nbytes) == (DIM, metric, 0, 0)


def test_it_says_what_it_holds(index: Index, vectors: np.ndarray) -> None:
    index.add(vectors[:200])
    before = index.nbytes
    index.add(vectors[200:])
    assert index.nbytes > before >= 200 * DIM


def test_agrees_with_exact_search(
    case: IndexCase, index: Index, metric: Any, vectors: np.ndarray
) -> None:
    index.add(vectors)
    truth, _ = top_k(scores(vectors[:100], vectors, metric), 10)
    found = index.search(vectors[:100], k=10)
    hits = [len(set(a) & set(b)) for a, b in zip(truth.tolist(), found.ids.tolist(), strict=True)]
    assert np.mean(hits) / 10 >= case.recall
    if case.recall == 1:
        np.testing.assert_array_equal(found.ids, truth)


def test_scores_are_those_of_the_metric_best_first(
    case: IndexCase, index: Index, metric: Any, vectors: np.ndarray
) -> None:
    index.add(vectors)
    found = index.search(vectors[:20], k=10)
    assert found.scores.dtype == np.float32
    assert (np.diff(found.scores, axis=1) <= 0).all()
    true = np.take_along_axis(scores(vectors[:20], vectors, metric), found.ids, 1)
    # An index that keeps vectors in 8 bits may be a little off.
    close = 1e-5 if case.recall == 1 else 0.05 * np.abs(true).max()
    np.testing.assert_allclose(found.scores, true, atol=close)
    if metric != "dot":
        assert (as_distances(found.scores, metric) >= -1e-2).all()


def test_ids_are_the_callers(index: Index, vectors: np.ndarray) -> None:
    names = np.arange(300) * 1_000_000_007 + 5
    index.add(vectors[:200], ids=names[:200])
    index.add(vectors[200:], ids=names[200:])
    found = index.search(vectors, k=1).ids
    assert found.dtype == np.int64
    assert set(found.ravel().tolist()) <= set(names.tolist())
    assert len(index) == 300


def test_without_ids_it_counts_and_never_reuses_a_number(index: Index, vectors: np.ndarray) -> None:
    index.add(vectors[:100])
    index.add(vectors[100:200])
    everything = np.arange(200)
    assert set(index.search(vectors[:1], k=200, allowed=everything).ids[0]) == set(range(200))
    index.remove([199])
    index.add(vectors[200:201])
    assert 200 in index.search(vectors[200:201], k=201, allowed=np.arange(201)).ids[0]


def test_what_was_removed_is_not_found(index: Index, vectors: np.ndarray) -> None:
    index.add(vectors)
    gone = np.arange(0, 300, 3)
    assert index.remove([*gone.tolist(), 9_999]) == len(gone)
    assert index.remove(gone) == 0
    assert len(index) == 200
    found = index.search(vectors, k=10).ids
    assert (found >= 0).all()
    assert not set(found.ravel().tolist()) & set(gone.tolist())
    index.add(vectors[gone], ids=gone)  # and may come back under its old id
    assert len(index) == 300
    assert index.search(vectors[:1], k=300, allowed=[0]).ids[0, 0] == 0


def test_filters_come_before_the_best_k(
    index: Index, metric: Any, vectors: np.ndarray, rng: np.random.Generator
) -> None:
    index.add(vectors)
    allowed = np.sort(rng.choice(300, 25, replace=False))
    found = index.search(vectors[:40], k=10, allowed=allowed)
    assert set(found.ids.ravel().tolist()) <= set(allowed.tolist())  # ten each, none missing
    truth = allowed[top_k(scores(vectors[:40], vectors[allowed], metric), 1)[0]]
    assert (found.ids[:, :1] == truth).mean() >= 0.9
    unknown = index.search(vectors[:2], k=3, allowed=[7, 9_999])
    assert unknown.ids[:, 0].tolist() == [7, 7]
    assert (unknown.ids[:, 1:] == -1).all()
    assert (index.search(vectors[:2], k=3, allowed=[]).ids == -1).all()


def test_more_than_there_are(index: Index, vectors: np.ndarray) -> None:
    index.add(vectors[:4])
    found = index.search(vectors[:3], k=10)
    assert found.ids.shape == found.scores.shape == (3, 10)
    assert [sorted(row[:4]) for row in found.ids.tolist()] == [[0, 1, 2, 3]] * 3
    assert (found.ids[:, 4:] == -1).all()
    assert np.isneginf(found.scores[:, 4:]).all()
    assert len(found[0]) == 4


def test_an_empty_index_finds_nothing(index: Index, vectors: np.ndarray) -> None:
    index.add(np.empty((0, DIM)))
    found = index.search(vectors[:2], k=3)
    assert (found.ids == -1).all()
    assert index.remove([1]) == 0
    assert index.search(np.empty((0, DIM)), k=3).ids.shape == (0, 3)


def test_emptied_and_filled_again(index: Index, vectors: np.ndarray) -> None:
    index.add(vectors[:50])
    assert index.remove(np.arange(50)) == 50
    assert (index.search(vectors[:1], k=1).ids == -1).all()
    index.add(vectors[50:60], ids=np.arange(10))
    assert index.search(vectors[50:51], k=10, allowed=np.arange(10)).ids.min() >= 0


def test_one_query_may_be_a_plain_vector(index: Index, vectors: np.ndarray) -> None:
    index.add(vectors)
    one = index.search(vectors[3].tolist(), k=2)
    np.testing.assert_array_equal(one.ids, index.search(vectors[3:4], k=2).ids)


def test_what_was_given_is_left_alone(index: Index, vectors: np.ndarray) -> None:
    before = vectors.copy()
    index.add(vectors)
    first = index.search(vectors[:5], k=3)
    np.testing.assert_array_equal(vectors, before)
    vectors[:] = 0  # and the index keeps no view of it
    np.testing.assert_array_equal(index.search(before[:5], k=3).ids, first.ids)


@pytest.mark.parametrize(
    ("given", "ids", "error"),
    [
        (np.full((1, DIM), np.nan), None, InvalidVectors),
        (np.full((1, DIM), np.inf), None, InvalidVectors),
        (np.ones((1, DIM + 1)), None, DimensionMismatch),
        (np.ones((2, DIM)), [1, 1], DuplicateId),
        (np.ones((1, DIM)), [7], DuplicateId),
        (np.ones((2, DIM)), [8], InvalidInput),
        (np.ones((1, DIM)), ["a"], InvalidInput),
        (np.ones((1, DIM)), [1.5], InvalidInput),
        (np.ones((1, DIM)), [-1], InvalidInput),
    ],
)
def test_a_bad_addition_adds_nothing(
    index: Index, vectors: np.ndarray, given: Any, ids: Any, error: type[KinspaceError]
) -> None:
    index.add(vectors[:50])
    with pytest.raises(error) as raised:
        index.add(given, ids)
    assert raised.value.remedy
    assert len(index) == 50
    assert index.search(vectors[:1], k=50, allowed=np.arange(50)).ids.max() == 49


def test_bad_queries(index: Index, vectors: np.ndarray) -> None:
    index.add(vectors)
    for query, k, error in (
        (vectors[:1], 0, InvalidParameter),
        (vectors[:1], -1, InvalidParameter),
        (np.ones((1, DIM - 1)), 1, DimensionMismatch),
        (np.full((1, DIM), np.nan), 1, InvalidVectors),
    ):
        with pytest.raises(error) as raised:
            index.search(query, k=k)
        assert raised.value.remedy


@pytest.mark.parametrize("name", INDEXES)
def test_unknown_metrics_and_those_it_cannot_do(name: str) -> None:
    for metric in ("angular", "cosine", "dot", "euclidean", "manhattan", "hamming"):
        if metric not in INDEXES[name].metrics:
            with pytest.raises(InvalidParameter):
                INDEXES[name].make(DIM, metric)
