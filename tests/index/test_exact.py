"""Exact search against plain numpy, for every metric and type of number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidParameter, InvalidVectors
from kinspace.index import exact, exact_search
from kinspace.index.exact import Exact
from kinspace.index.exact_search import nearest_rows, prepare_queries
from kinspace.metric import METRICS, Metric, scores


def brute_force(queries: Any, table: Any, metric: Metric, k: int) -> tuple[Any, Any]:
    """Neighbours by sorting everything, in float64, equal scores by position."""
    a, b = np.asarray(queries, np.float64), np.asarray(table, np.float64)
    if metric == "cosine":
        a = a / np.linalg.norm(a, axis=1, keepdims=True)
        b = b / np.linalg.norm(b, axis=1, keepdims=True)
    pairs = a[:, None, :], b[None, :, :]
    all_scores = {
        "cosine": lambda: a @ b.T,
        "dot": lambda: a @ b.T,
        "euclidean": lambda: -np.linalg.norm(pairs[0] - pairs[1], axis=-1),
        "manhattan": lambda: -np.abs(pairs[0] - pairs[1]).sum(-1),
        "hamming": lambda: -(pairs[0] != pairs[1]).sum(-1).astype(float),
    }[metric]()
    order = np.argsort(-all_scores, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(all_scores, order, 1)


@pytest.mark.parametrize("metric", METRICS)
def test_agrees_with_brute_force(metric: Metric, rng: np.random.Generator) -> None:
    table = np.round(rng.standard_normal((500, 16)) * 2) + 0.5
    queries = np.round(rng.standard_normal((20, 16)) * 2) + 0.5
    index = Exact(16, metric)
    index.add(table[:300])
    index.add(table[300:])
    found = index.search(queries, k=25)
    _, values = brute_force(queries, table, metric, 25)
    np.testing.assert_allclose(found.scores, values, rtol=1e-5, atol=1e-5)
    own = np.take_along_axis(
        scores(queries.astype(np.float32), table.astype(np.float32), metric), found.ids, 1
    )
    np.testing.assert_allclose(own, values, rtol=1e-5, atol=1e-5)
    assert all(len(set(row)) == 25 for row in found.ids.tolist())


@pytest.mark.parametrize("block", [1, 7, 64, 10_000])
def test_blocks_change_nothing_and_ties_keep_the_order(
    block: int, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    table = rng.integers(0, 3, (200, 4)).astype(np.float32)  # full of ties
    queries = rng.integers(0, 3, (10, 4)).astype(np.float32)
    monkeypatch.setattr(exact_search, "_BLOCK", block * 4)
    found = nearest_rows(queries, table, np.arange(200), 30, "manhattan")
    order, values = brute_force(queries, table, "manhattan", 30)
    np.testing.assert_array_equal(found.ids, order)
    np.testing.assert_array_equal(found.scores, values)


def test_a_table_in_half_precision_on_disk(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = rng.standard_normal((300, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows.astype(np.float16).tofile(tmp_path / "rows")
    table = np.memmap(tmp_path / "rows", np.float16, "r", shape=(300, 8))
    queries = prepare_queries(rows[:20] * 3, 8, "cosine")
    found = nearest_rows(queries, table, np.arange(300) + 1000, 3, "cosine")
    assert found.ids[:, 0].tolist() == list(range(1000, 1020))
    np.testing.assert_allclose(found.scores[:, 0], 1, atol=2e-3)


def test_only_some_rows(rng: np.random.Generator) -> None:
    table = rng.standard_normal((100, 4)).astype(np.float32)
    rows = np.array([3, 50, 51, 99])
    found = nearest_rows(table[:5], table, np.arange(100), 10, "dot", rows=rows)
    assert all(set(line[:4]) == set(rows.tolist()) for line in found.ids.tolist())
    assert (found.ids[:, 4:] == -1).all()
    nothing = nearest_rows(table[:5], table, np.arange(100), 2, "dot", rows=rows[:0])
    assert (nothing.ids == -1).all()
    assert np.isneginf(nothing.scores).all()


def test_a_vector_of_zeros_is_near_to_nothing() -> None:
    index = Exact(3)
    index.add([[0, 0, 0], [1, 0, 0]])
    found = index.search([[1, 0, 0], [0, 0, 0]], k=2)
    assert found.ids[0].tolist() == [1, 0]
    assert found.scores.tolist() == [[1, 0], [0, 0]]


def test_half_precision_is_exact_for_what_is_kept(rng: np.random.Generator) -> None:
    table = rng.standard_normal((400, 24)).astype(np.float32)
    queries = rng.standard_normal((30, 24)).astype(np.float32)
    for metric in ("dot", "euclidean", "manhattan"):
        index = Exact(24, metric, dtype="float16")
        index.add(table)
        order, values = brute_force(queries, table.astype(np.float16), metric, 10)
        found = index.search(queries, k=10)
        np.testing.assert_allclose(found.scores, values, rtol=1e-5, atol=1e-5)
        assert (found.ids == order).mean() > 0.99
    assert index.stats().parts["vectors"] == table.nbytes // 2


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean", "manhattan"])
def test_eight_bits_a_number(metric: Metric, rng: np.random.Generator) -> None:
    table = rng.standard_normal((2000, 32)).astype(np.float32) * rng.uniform(0.1, 9, (2000, 1))
    table[7] = 0
    queries = rng.standard_normal((40, 32)).astype(np.float32)
    index = Exact(32, metric, dtype="int8")
    index.add(table[:900])
    index.add(table[900:])
    order, values = brute_force(queries, table[np.arange(2000) != 7], metric, 10)
    order += order >= 7
    found = index.search(queries, k=10)
    shares = [len(set(a) & set(b)) for a, b in zip(found.ids.tolist(), order.tolist(), strict=True)]
    assert np.mean(shares) > 9.3
    np.testing.assert_allclose(found.scores, values, rtol=0.02, atol=0.02 * np.abs(values).max())
    assert index.stats().parts["vectors"] == 2000 * (32 + 4)


def test_whole_numbers_of_eight_bits_are_kept_as_they_are(rng: np.random.Generator) -> None:
    table = rng.integers(-127, 128, (300, 20))
    queries = rng.integers(-127, 128, (20, 20))
    for metric in ("dot", "euclidean", "manhattan", "hamming"):
        index = Exact(20, metric, dtype="int8")
        index.add(table)
        _, values = brute_force(queries, table, metric, 300)
        np.testing.assert_allclose(index.search(queries, k=300).scores, values, rtol=1e-6)
        index.compact()
        np.testing.assert_allclose(index.search(queries, k=300).scores, values, rtol=1e-6)


def test_a_rounded_vector_is_its_own_nearest_by_cosine(rng: np.random.Generator) -> None:
    table = rng.standard_normal((500, 6)).astype(np.float32)
    index = Exact(6, dtype="int8")
    index.add(table)
    found = index.search(table, k=1)
    assert found.ids.ravel().tolist() == list(range(500))
    assert (found.scores <= 1 + 1e-6).all()


def test_hamming_needs_numbers_that_eight_bits_can_hold() -> None:
    index = Exact(2, "hamming", dtype="int8")
    for given in ([0.5, 1], [128, 0]):
        with pytest.raises(InvalidVectors, match="8 bits") as raised:
            index.add([given])
        assert raised.value.remedy
    assert len(index) == 0


@pytest.mark.parametrize("dim", [1, 7, 8, 63, 64, 65, 200])
def test_bits(dim: int, rng: np.random.Generator) -> None:
    table = rng.standard_normal((500, dim)).astype(np.float32)
    queries = rng.standard_normal((30, dim)).astype(np.float32)
    index = Exact(dim, "hamming", dtype="binary")
    index.add(table[:77])
    index.add(table[77:])
    order, values = brute_force(queries > 0, table > 0, "hamming", 20)
    found = index.search(queries, k=20)
    np.testing.assert_array_equal(found.scores, values)
    np.testing.assert_array_equal(found.ids, order)
    # 0 and 1, -1 and 1, or what has these signs: all the same
    np.testing.assert_array_equal(index.search(queries > 0, k=20).ids, order)
    np.testing.assert_array_equal(index.search(np.sign(queries), k=20).ids, order)
    assert index.stats().parts["vectors"] == 500 * 8 * -(-dim // 64)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "binary"])
def test_changes_and_files_of_every_storage(
    dtype: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    metric: Metric = "hamming" if dtype == "binary" else "cosine"
    table = rng.standard_normal((300, 40)).astype(np.float32)
    index = Exact(40, metric, dtype=dtype)
    index.add(table, ids=np.arange(300) + 2**40)
    index.remove(2**40 + np.arange(50))
    index.update(table[200:210], ids=2**40 + np.arange(60, 70))
    wanted = index.search(table[:20], k=9)
    index.save(tmp_path / "i")
    again = Exact.load(tmp_path / "i")
    assert again.dtype == dtype
    for other in (again, index):
        found = other.search(table[:20], k=9)
        np.testing.assert_array_equal(found.ids, wanted.ids)
        np.testing.assert_array_equal(found.scores, wanted.scores)
        other.compact()
        assert other.stats().removed == 0
        found = other.search(table[:20], k=9)
        np.testing.assert_array_equal(found.scores, wanted.scores)
    again.add(table[:1])
    assert again.search(table[:1], k=1).ids.tolist() == [[2**40 + 300]]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "binary"])
def test_one_by_one_is_as_all_at_once_and_in_blocks(
    dtype: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    metric: Metric = "hamming" if dtype == "binary" else "euclidean"
    table = rng.integers(0, 3, (400, 10)).astype(np.float32)  # full of ties
    index = Exact(10, metric, dtype=dtype)
    index.add(table)
    together = index.search(table[:50], k=30)
    some = np.arange(0, 400, 3)
    filtered = index.search(table[:50], k=30, allowed=some)
    monkeypatch.setattr("kinspace.index.held_small._BLOCK", 640)
    monkeypatch.setattr("kinspace.index.compared._SCORES", 1000)
    for query in range(50):
        one = index.search(table[query], k=30)
        np.testing.assert_array_equal(one.ids[0], together.ids[query])
        np.testing.assert_array_equal(one.scores[0], together.scores[query])
        one = index.search(table[query], k=30, allowed=some)
        np.testing.assert_array_equal(one.ids[0], filtered.ids[query])


def test_storages_that_there_are_not() -> None:
    for options in (
        {"dtype": "float64"},
        {"dtype": "binary"},
        {"dtype": "binary", "metric": "hamming", "device": "cpu"},
    ):
        with pytest.raises(InvalidParameter) as raised:
            Exact(3, **options)
        assert raised.value.remedy


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_by_torch(
    metric: Metric, dtype: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(exact, "_FEW", 0)
    monkeypatch.setattr("kinspace.index.exact_device._SCORES", 2000)
    monkeypatch.setattr("kinspace.index.exact_device._PIECE", 70)
    table = (np.round(rng.standard_normal((500, 16)) * 4) / 2).astype(np.float32)
    queries = table[:20] * 2
    plain, by_torch = Exact(16, metric, dtype=dtype), Exact(16, metric, dtype=dtype, device="cpu")
    for index in (plain, by_torch):
        index.add(table[:200])
        index.search(queries, k=5)
        index.add(table[200:])
        index.remove(np.arange(0, 500, 7))
    for allowed in (None, np.arange(300, 440)):
        wanted = plain.search(queries, k=12, allowed=allowed)
        found = by_torch.search(queries, k=12, allowed=allowed)
        np.testing.assert_allclose(found.scores, wanted.scores, rtol=1e-6)
        assert (found.ids == wanted.ids).mean() > 0.5  # equal scores may change places
    by_torch.compact()
    again, wanted = by_torch.search(queries, k=12), plain.search(queries, k=12)
    np.testing.assert_allclose(again.scores, wanted.scores, rtol=1e-6)


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(exact, "_FEW", 0)
    nowhere = Exact(2, device="cuda:99")
    nowhere.add(np.eye(2))
    with pytest.raises(InvalidParameter, match="cuda:99") as raised:
        nowhere.search([1, 0], k=1)
    assert raised.value.remedy
    nowhere.save(tmp_path / "i")
    found = Exact.load(tmp_path / "i")  # a file goes where there is no such device
    found.device = None
    assert found.search([1, 0], k=1).ids.tolist() == [[0]]
