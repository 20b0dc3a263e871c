"""Exact search in batches is exact search, whatever the processor's first pass does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines.processor import has_number_tiles
from kinspace.index import exact_batch
from kinspace.index.exact import Exact
from kinspace.index.exact_batch import first_pass_pays, nearest_of_batch
from kinspace.index.exact_search import nearest_rows
from kinspace.metric import normalise, scores, top_k

pytestmark = pytest.mark.skipif(not has_number_tiles(), reason="no tiles of bfloat16 here")
METRICS = ("cosine", "dot", "euclidean")


def rows(kind: str, count: int, dim: int = 50) -> np.ndarray:
    rng = np.random.default_rng(len(kind) + count)
    made = rng.standard_normal((count, dim))
    if kind == "heavy":
        made *= rng.pareto(1.5, (count, 1)) + 0.1
    elif kind == "far":
        made += 100
    elif kind == "alike":
        made = np.repeat(made[: count // 10], 10, axis=0)
    return made.astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["plain", "heavy", "far", "alike"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_finds_the_nearest(metric: Any, kind: str, dtype: str) -> None:
    vectors, queries = rows(kind, 5000), rows(kind, 100)
    index = Exact(50, metric, dtype=dtype)
    index.add(vectors)
    found = index.search(queries, k=10)
    unit = (normalise(vectors), normalise(queries)) if metric == "cosine" else (vectors, queries)
    kept, asked = unit[0].astype(dtype).astype(np.float64), unit[1].astype(np.float64)
    if metric == "euclidean":
        truth = -np.sqrt(((asked[:, None] - kept[None]) ** 2).sum(2))
    else:
        truth = asked @ kept.T
    best = -np.sort(-truth, axis=1)[:, :10]
    # Ties may come in any order: scores, and what the rows found really score, are the test.
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(found.scores, best, **close)
    np.testing.assert_allclose(np.take_along_axis(truth, found.ids, 1), best, **close)


@pytest.mark.parametrize("metric", METRICS)
def test_some_rows_only(metric: Any) -> None:
    vectors, queries = rows("plain", 9000), rows("plain", 64)
    places = np.flatnonzero(np.random.default_rng(0).random(9000) < 0.6)
    index = Exact(50, metric)
    index.add(vectors)
    found = index.search(queries, k=7, allowed=places)
    if metric == "cosine":
        vectors, queries = normalise(vectors), normalise(queries)
    truth, _ = top_k(scores(queries, vectors[places], metric), 7)
    np.testing.assert_array_equal(found.ids, places[truth])


def test_what_cannot_be_proved_is_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, queries = rows("plain", 6000), rows("plain", 40)
    monkeypatch.setattr(exact_batch, "_MORE", 0)
    monkeypatch.setattr(exact_batch, "_TIMES", 1)  # nothing beyond k: no query can be proved
    _, unproved = nearest_of_batch(queries, vectors, 10, "dot")
    assert len(unproved) == 40
    index = Exact(50, "dot")
    index.add(vectors)
    truth, _ = top_k(scores(queries, vectors, "dot"), 10)
    np.testing.assert_array_equal(index.search(queries).ids, truth)
    found = nearest_rows(queries, vectors, np.arange(6000), 10, "dot")
    np.testing.assert_array_equal(found.ids, truth)


def test_threads_change_nothing() -> None:
    vectors, queries = rows("plain", 5000), rows("plain", 333)
    one, two = (nearest_of_batch(queries, vectors, 5, "dot", threads=t)[0] for t in (1, 2))
    np.testing.assert_array_equal(one[0], two[0])


def test_when_it_pays() -> None:
    table = rows("plain", 5000)
    assert first_pass_pays(100, 5000, 10, "dot", table)
    assert not first_pass_pays(1, 5000, 10, "dot", table)
    assert not first_pass_pays(100, 500, 10, "dot", table)
    assert not first_pass_pays(100, 5000, 10, "manhattan", table)
    assert not first_pass_pays(100, 5000, 10, "dot", table[:, ::2])
