"""Inverted lists of blocks: exact whatever the weights are, and what only they have."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array, vstack

from kinspace.errors import InvalidParameter, ReadError
from kinspace.index.sparse_exact import SparseExact
from kinspace.index.sparse_inverted import SparseInverted

DIM = 400


@cache
def words(count: int, seed: int = 0, *, signed: bool = False, mean: float = 12) -> Any:
    """Rows whose dimensions are as frequent as words, and whose weights have a long tail."""
    rng = np.random.default_rng(seed)
    frequencies = 1 / np.arange(1, DIM + 1)
    rows = []
    for _ in range(count):
        size = min(DIM, 1 + rng.poisson(mean))
        places = rng.choice(DIM, size, replace=False, p=frequencies / frequencies.sum())
        weights = rng.gamma(1.5, size=size)
        if signed:
            weights *= rng.choice([-1, 1], size)
        rows.append(csr_array((weights, (np.zeros(size, int), places)), shape=(1, DIM)))
    return csr_array(vstack(rows), dtype=np.float32)


def both(rows: Any, metric: Any = "dot", **options: Any) -> tuple[SparseInverted, SparseExact]:
    """An index, and the one that it must agree with."""
    found = SparseInverted(DIM, metric, exact_below=0, **options), SparseExact(DIM, metric)
    for index in found:
        index.add(rows)
    return found


def assert_alike(index: Any, exact: Any, queries: Any, k: int = 10, **options: Any) -> None:
    found, truth = index.search(queries, k, **options), exact.search(queries, k, **options)
    np.testing.assert_allclose(found.scores, truth.scores, rtol=1e-5, atol=1e-5)
    assert np.mean(found.ids == truth.ids) > 0.99  # but for scores that round alike


@pytest.mark.parametrize("metric", ["dot", "cosine"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_nothing_is_missed(metric: str, signed: bool, k: int) -> None:
    index, exact = both(words(3000, signed=signed), metric)
    assert_alike(index, exact, words(40, 1, signed=signed, mean=5), k)


def test_few_rows_share_something_with_the_query() -> None:
    """All others have a score of zero, and the first of them fill the places that are left."""
    rows = csr_array(np.diag(np.arange(1, 41)).astype(np.float32))
    rows.resize((40, DIM))
    index, exact = both(rows)
    query = csr_array((np.array([2.0, 1.0]), (np.array([0, 0]), np.array([30, 7]))), (1, DIM))
    for options in ({}, {"allowed": [7, 11, 12, 20, 30, 31, 38]}):
        found = index.search(query, 5, **options)
        np.testing.assert_array_equal(found.ids, exact.search(query, 5, **options).ids)
        np.testing.assert_allclose(found.scores, [[62, 8, 0, 0, 0]])
    nothing = csr_array((1, DIM), dtype=np.float32)
    assert index.search(nothing, 3).ids.tolist() == [[0, 1, 2]]


def test_weights_below_zero_may_leave_fewer_than_k_above_it() -> None:
    rows = words(300, signed=True, mean=2)
    index, exact = both(rows)
    assert_alike(index, exact, words(20, 3, signed=True, mean=2), 50)
    positive, exact = both(words(300, mean=2))
    assert_alike(positive, exact, words(20, 3, signed=True, mean=2), 50)


def test_rows_of_zeros_of_one_number_and_all_the_same() -> None:
    empty = csr_array((50, DIM), dtype=np.float32)
    index, exact = both(empty)
    assert_alike(index, exact, words(3, 1))
    same = csr_array(vstack([words(1)] * 100))
    index, exact = both(same)
    assert index.search(words(1), 100).ids.tolist() == [list(range(100))]
    explicit = csr_array(
        (np.zeros(4, np.float32), np.arange(4), np.arange(0, 5)), shape=(4, DIM)
    )  # zeros that are written out
    index, exact = both(csr_array(vstack([explicit, words(60)])))
    assert_alike(index, exact, words(5, 1))


def test_numbers_of_any_size() -> None:
    rows, queries = words(800), words(10, 1)
    for factor in (1e-18, 1e15):
        index, exact = both(csr_array(rows * np.float32(factor)))
        np.testing.assert_array_equal(index.search(queries, 5).ids, exact.search(queries, 5).ids)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_filters_and_removal_miss_nothing(share: float) -> None:
    index, exact = both(words(4000))
    rng = np.random.default_rng(5)
    for each in (index, exact):
        each.remove(np.arange(0, 4000, 7))
    allowed = rng.random(4000) < share
    assert_alike(index, exact, words(20, 1), allowed=allowed)
    index.compact()
    assert index.stats().removed == 0
    assert_alike(index, exact, words(20, 1), allowed=allowed)


def test_many_small_additions_are_brought_together() -> None:
    rows, queries = words(700), words(10, 1)
    index, exact = both(rows[:100])
    for start in range(100, 700, 20):
        index.add(rows[start : start + 20])
        exact.add(rows[start : start + 20])
    assert_alike(index, exact, queries)
    assert len(index.stats().parts) < 2 + 8 * 12  # lists of few parts, not of thirty
    whole, _ = both(rows)
    assert index.nbytes < 1.5 * whole.nbytes


def test_one_at_a_time_is_the_same_as_a_batch() -> None:
    index, _ = both(words(2000))
    queries = words(30, 1)
    whole = index.search(queries, 7)
    index.threads = 3
    shared = index.search(queries, 7)
    for row in range(30):
        one = index.search(queries[[row]], 7)
        np.testing.assert_array_equal(one.ids[0], whole.ids[row])
        np.testing.assert_array_equal(shared.ids[row], whole.ids[row])


def test_alpha_trades_recall_for_time() -> None:
    index, exact = both(words(5000))
    queries = words(60, 1)
    truth = exact.search(queries, 10).scores[:, -1:] - 1e-4
    recalls = []
    for alpha in (1.0, 0.8, 0.5):
        index.alpha = alpha
        recalls.append(float((index.search(queries, 10).scores >= truth).mean()))
    assert recalls[0] == 1
    assert recalls[0] >= recalls[1] >= recalls[2]
    assert recalls[2] < 1
    index.tuned = {10: {"alpha": 1.0}}
    assert (index.search(queries, 10).scores >= truth).all()
    for wrong in (0, -1, 1.5, float("nan")):
        with pytest.raises(InvalidParameter) as raised:
            SparseInverted(DIM, alpha=wrong)
        assert raised.value.remedy
        index.tuned, index.alpha = {}, wrong
        with pytest.raises(InvalidParameter):
            index.search(queries)


def test_saved_and_loaded(tmp_path: Path) -> None:
    index, exact = both(words(1500), "cosine")
    index.remove([3, 4])
    exact.remove([3, 4])
    index.save(tmp_path / "i")
    again = SparseInverted.load(tmp_path / "i")
    assert again.stats().parts == index.stats().parts
    assert_alike(again, exact, words(20, 1))
    for each in (again, exact):
        each.add(words(200, 7))
    assert_alike(again, exact, words(20, 1))
    with pytest.raises(ReadError):
        SparseExact.load(tmp_path / "i")


def test_wide_spaces_cost_only_what_is_in_them() -> None:
    """A vocabulary by hashing: millions of dimensions, of which few are used."""
    dim = 50_000_000
    rows = random_array((300, 1000), density=0.02, rng=np.random.default_rng(0), format="csr")
    wide = csr_array((rows.data, rows.indices.astype(np.int64) * 49_999, rows.indptr), (300, dim))
    index = SparseInverted(dim, "dot", exact_below=0)
    index.add(wide)
    assert index.search(wide[[5]], 1).ids[0, 0] == index.search(wide[[5]], 300).ids[0, 0]
    assert index.nbytes < 200_000
    with pytest.raises(InvalidParameter):
        SparseInverted(2**31)


def test_searches_go_on_while_rows_are_added() -> None:
    index, _ = both(words(2000))
    queries, stop, wrong = words(5, 1), threading.Event(), []
    before = index.search(queries, 5).scores

    def look() -> None:
        while not stop.is_set():
            if (index.search(queries, 5).scores < before - 1e-5).any():
                wrong.append(1)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for seed in range(10):
        index.add(words(60, 10 + seed))
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
