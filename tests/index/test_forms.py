"""Exact search among sparse vectors and among items of several vectors: what is theirs alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from kinspace.errors import (
    InvalidParameter,
    InvalidVectors,
    NotApplicable,
    PathNotFound,
    ReadError,
)
from kinspace.index import Exact, Index, MultiExact, SparseExact, exact_index
from kinspace.metric import METRICS, scores, top_k
from kinspace.multi import MultiVectors
from kinspace.space import Space

each_metric = pytest.mark.parametrize("metric", METRICS)
SPARSE, MULTI = 1000, 8


def sparse(count: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return random_array((count, SPARSE), density=0.02, rng=rng, format="csr", dtype=np.float32)


def multi(count: int, seed: int = 0) -> MultiVectors:
    rng = np.random.default_rng(seed)
    items = [rng.standard_normal((rng.integers(1, 20), MULTI)) for _ in range(count)]
    return MultiVectors.of(items)


def filled(kind: str, metric: Any = "cosine", **options: Any) -> tuple[Any, Any, Any]:
    """An index of a hundred, what it holds, and seven queries."""
    made: Any = SparseExact(SPARSE, metric) if kind == "sparse" else MultiExact(
        MULTI, metric, **options
    )  # fmt: skip
    give = sparse if kind == "sparse" else multi
    made.add(give(60), ids=np.arange(60) * 3)
    made.add(give(40, 1), ids=np.arange(40) * 3 + 1)
    held = [*(give(60)[i : i + 1] for i in range(60)), *(give(40, 1)[i : i + 1] for i in range(40))]
    return made, held, give(7, 2)


def truth(held: list[Any], queries: Any, metric: Any) -> Any:
    return np.hstack([scores(queries, one, metric) for one in held])


NAMES = np.concatenate([np.arange(60) * 3, np.arange(40) * 3 + 1])
each_kind = pytest.mark.parametrize("kind", ["sparse", "multi"])


@each_kind
@each_metric
def test_what_is_found_is_the_order_of_the_scores(kind: str, metric: Any) -> None:
    index, held, queries = filled(kind, metric)
    expected, values = top_k(truth(held, queries, metric), 10)
    found = index.search(queries, k=10)
    np.testing.assert_allclose(found.scores, values, atol=1e-4)
    if metric != "hamming":  # of which many are equal
        np.testing.assert_array_equal(found.ids, NAMES[expected])
    assert isinstance(index, Index)


@each_kind
def test_filters_and_removal(kind: str) -> None:
    index, held, queries = filled(kind)
    whole = truth(held, queries, "cosine")
    allowed = np.sort(np.random.default_rng(3).choice(100, 30, replace=False))
    found = index.search(queries, k=5, allowed=[*NAMES[allowed].tolist(), 9_999])
    np.testing.assert_array_equal(found.ids, NAMES[allowed[top_k(whole[:, allowed], 5)[0]]])
    assert index.remove(NAMES[allowed]) == 30
    left = np.setdiff1d(np.arange(100), allowed)
    found = index.search(queries, k=5)
    np.testing.assert_array_equal(found.ids, NAMES[left[top_k(whole[:, left], 5)[0]]])


@each_kind
@pytest.mark.parametrize("block", [1, 150])
def test_blocks_do_not_matter(kind: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    index, _, queries = filled(kind)
    every = np.arange(0, 200)
    before = [index.search(queries, k=10), index.search(queries, k=10, allowed=every)]
    monkeypatch.setattr("kinspace.index.sparse_exact._SCORES", block)
    monkeypatch.setattr("kinspace.index.held_multi._TOGETHER", block)
    after = [index.search(queries, k=10), index.search(queries, k=10, allowed=every)]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@each_kind
def test_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    index, _, queries = filled(kind, "dot")
    index.remove([3, 4])
    index.save(tmp_path / "i")
    again = type(index).load(tmp_path / "i")
    assert (len(again), again.dim, again.metric) == (98, index.dim, "dot")
    np.testing.assert_array_equal(again.search(queries, 9).ids, index.search(queries, 9).ids)
    again.add(queries)  # and goes on where it was
    assert len(again) == 105
    type(index)(index.dim).save(tmp_path / "none")
    assert len(type(index).load(tmp_path / "none")) == 0


@each_kind
def test_files_that_are_damaged_or_something_else(kind: str, tmp_path: Path) -> None:
    index, _, _ = filled(kind)
    with pytest.raises(PathNotFound):
        index.save(tmp_path / "no" / "i")
    with pytest.raises(PathNotFound):
        type(index).load(tmp_path / "i")
    index.save(tmp_path / "i")
    whole = (tmp_path / "i").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-100])
    (tmp_path / "text").write_text("no index")
    other = SparseExact if kind == "multi" else MultiExact
    other(5).save(tmp_path / "other")
    for name in ("cut", "text", "other"):
        with pytest.raises(ReadError) as raised:
            type(index).load(tmp_path / name)
        assert raised.value.remedy


def test_xtr_finds_candidates_only_and_all_of_max_sim_with_everything() -> None:
    index, held, queries = filled("multi", retrieved=10_000)
    expected, values = top_k(truth(held, queries, "cosine"), 10)
    found = index.search(queries, k=10)
    np.testing.assert_array_equal(found.ids, NAMES[expected])
    np.testing.assert_allclose(found.scores, values, atol=1e-4)
    one, _, _ = filled("multi", retrieved=1)
    found = one.search(queries[:1], k=50)
    assert 1 <= (found.ids[0] >= 0).sum() <= len(queries[0])
    assert np.isneginf(found.scores[found.ids < 0]).all()
    allowed = one.search(queries, k=5, allowed=[0, 3])
    assert set(allowed.ids.ravel().tolist()) <= {0, 3, -1}
    assert (one.search(queries, k=5, allowed=[]).ids == -1).all()


def test_xtr_is_near_max_sim() -> None:
    """Imputed from 150 of a thousand vectors, the best item is nearly always the same."""
    exact, _, _ = filled("multi")
    near, _, _ = filled("multi", retrieved=150)
    queries = multi(60, 9)
    same = exact.search(queries, k=1).ids == near.search(queries, k=1).ids
    assert same.mean() > 0.9


def test_torch_finds_the_same() -> None:
    pytest.importorskip("torch")
    for metric in ("cosine", "dot"):
        index, _, queries = filled("multi", metric)
        by_torch, _, _ = filled("multi", metric, device="cpu")
        for options in ({}, {"allowed": np.arange(0, 90, 4)}, {"allowed": []}):
            one, other = index.search(queries, 9, **options), by_torch.search(queries, 9, **options)
            np.testing.assert_array_equal(one.ids, other.ids)
            np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
        by_torch.remove([0, 3])
        assert not {0, 3} & set(by_torch.search(queries, 98).ids.ravel().tolist())
    for options in ({"metric": "euclidean"}, {"retrieved": 3}):
        with pytest.raises(InvalidParameter):
            MultiExact(3, device="cpu", **options)
    nowhere = MultiExact(2, device="cuda:99")
    nowhere.add([[[1, 0]]])
    with pytest.raises(InvalidParameter, match="cuda:99"):
        nowhere.search([[[1, 0]]])


def test_xtr_survives_saving(tmp_path: Path) -> None:
    index, _, queries = filled("multi", retrieved=20)
    index.save(tmp_path / "i")
    again = MultiExact.load(tmp_path / "i")
    assert again.retrieved == 20
    np.testing.assert_array_equal(again.search(queries, 9).ids, index.search(queries, 9).ids)
    with pytest.raises(InvalidParameter):
        MultiExact(3, retrieved=0)


def test_sums_of_cosines_are_no_cosines() -> None:
    index, _, queries = filled("multi")
    assert index.search(queries).metric == "dot"
    assert filled("multi", "euclidean")[0].search(queries).metric == "euclidean"


def test_dense_vectors_may_be_given_to_the_sparse_index() -> None:
    index, _, queries = filled("sparse")
    np.testing.assert_array_equal(
        index.search(queries.toarray(), 5).ids, index.search(queries, 5).ids
    )
    with pytest.raises(InvalidVectors):
        MultiExact(3).add(csr_array((2, 3)))
    with pytest.raises(InvalidVectors, match="complex"):
        SparseExact(3).add(csr_array((2, 3), dtype=np.complex64))


def test_one_good_row_is_checked_as_any_other() -> None:
    """A single query takes a shorter way; what is wrong with it is seen all the same."""
    index, _, queries = filled("sparse")
    for data, places in (
        ([np.nan, 1], [3, 5]), ([1, 2], [3, SPARSE]), ([1, np.inf], [0, 1]), ([1, 2], [-1, 3])
    ):  # fmt: skip
        wrong = queries[[0]].copy()
        wrong.data, wrong.indices = np.array(data, np.float32), np.array(places, np.int32)
        wrong.indptr = np.array([0, 2], np.int32)
        with pytest.raises(InvalidVectors):
            index.search(wrong)
    twice = csr_array(([1.0, 2.0, 4.0], ([0, 0, 0], [7, 7, 2])), shape=(1, SPARSE))
    unsorted = csr_array((np.array([3.0, 4.0], "f4"), [7, 2], [0, 2]), shape=(1, SPARSE))
    np.testing.assert_array_equal(index.search(twice).ids, index.search(unsorted).ids)
    np.testing.assert_allclose(index.search(twice).scores, index.search(unsorted).scores)


def test_lists_are_made_anew_once_many_rows_came_after_them() -> None:
    index, exact = SparseExact(SPARSE, "dot"), Exact(SPARSE, "dot")
    for seed, count in enumerate((100, 5, 5, 40, 1)):
        for each in (index, exact):
            rows = sparse(count, 20 + seed)
            each.add(rows if each is index else rows.toarray())
        assert "lists" in (index.search(sparse(9), 7) and index.stats()).parts
        found, truth = index.search(sparse(9), 7), exact.search(sparse(9).toarray(), 7)
        np.testing.assert_array_equal(found.ids, truth.ids)


def test_vectors_in_half_the_bytes() -> None:
    whole, half = MultiExact(MULTI), MultiExact(MULTI, dtype="float16")
    for each in (whole, half):
        each.add(multi(50))
    assert half.nbytes < 0.6 * whole.nbytes
    found, truth = half.search(multi(9, 1), 5), whole.search(multi(9, 1), 5)
    assert (found.ids[:, 0] == truth.ids[:, 0]).mean() > 0.9
    np.testing.assert_allclose(found.scores, truth.scores, rtol=1e-2)


@pytest.mark.parametrize("form", ["dense", "sparse", "multi"])
def test_an_index_for_each_form(form: Any) -> None:
    made = exact_index(Space("m", "f", 9, "dot", form))
    assert type(made) is {"dense": Exact, "sparse": SparseExact, "multi": MultiExact}[form]
    assert (made.dim, made.metric, len(made)) == (9, "dot", 0)


def test_there_is_none_for_binary_vectors() -> None:
    with pytest.raises(NotApplicable) as raised:
        exact_index(Space("m", "f", 9, form="binary"))
    assert raised.value.remedy
