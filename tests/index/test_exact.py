"""Exact search against plain numpy, for every metric and type of number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.index import exact
from kinspace.index.exact import Exact, nearest_rows, prepare_queries
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
    monkeypatch.setattr(exact, "_BLOCK", block * 4)
    found = nearest_rows(queries, table, np.arange(200), 30, "manhattan")
    order, values = brute_force(queries, table, "manhattan", 30)
    np.testing.assert_array_equal(found.ids, order)
    np.testing.assert_array_equal(found.scores, values)


def test_a_table_in_half_precision_on_disk(tmp_path: Any, rng: np.random.Generator) -> None:
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
