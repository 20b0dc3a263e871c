"""Sparse encoders are judged like dense ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import random_array

import kinspace as ks
from kinspace.datasets.content import Document
from kinspace.errors import InvalidVectors
from kinspace.evaluate.systems.dense import Dense
from kinspace.evaluate.systems.sparse import SparseRows
from kinspace.evaluate.tasks.neighbours import nearest
from kinspace.metric import METRICS, scores
from tests.toys import SparseHashEncoder


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("block", [1 << 24, 50])
def test_what_is_found_is_the_order_of_the_scores(
    metric: Any, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.evaluate.systems.sparse._BLOCK", block)
    rng = np.random.default_rng(0)
    rows, queries = (
        random_array((n, 9), density=0.3, rng=rng, format="csr", dtype=np.float32) for n in (20, 7)
    )
    found = SparseRows(rows, metric).search(queries, 5)
    whole = scores(queries.toarray(), rows.toarray(), metric)
    for line, one in zip(whole, found, strict=True):
        np.testing.assert_allclose(one.scores, np.sort(line)[::-1][:5], atol=1e-5)
        np.testing.assert_allclose(one.scores, line[one.ids], atol=1e-5)
    assert SparseRows(rows, metric).search(queries[:0], 5).ids.shape == (0, 5)
    assert SparseRows(rows, metric).nbytes > 0


def test_documents_by_sparse_vectors() -> None:
    dense = Dense(SparseHashEncoder())
    dense.index([Document("1", "a cat sleeps"), Document("2", "stocks fell")])
    assert dense.search(["the cat", "stocks"], k=2)[0].ids == ["1", "2"]
    assert dense.index_bytes > 0
    with pytest.raises(InvalidVectors, match="sparse"):
        Dense(SparseHashEncoder(), "ivf").index([Document("1", "a cat")])


def test_the_nearest_of_many() -> None:
    rng = np.random.default_rng(0)
    table = random_array((20, 9), density=0.5, rng=rng, format="csr", dtype=np.float32)
    for metric in METRICS:
        found, near = nearest(table[:7], table, 30, metric)
        _, expected = nearest(table[:7].toarray(), table.toarray(), 30, metric)
        assert found.shape == (7, 20)
        np.testing.assert_allclose(near, expected, atol=1e-5)


def test_tasks_on_pairs(tmp_path: Path) -> None:
    rows = ["a cat\tthe cat\t9", "a cat\ta dog\t4", "a cat\tno idea\t1", "red car\tred bus\t7"]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows))
    report = ks.evaluate(models=SparseHashEncoder(), tasks=tmp_path / "pairs.tsv", cache=False)
    found = report["pairs", "sparse-hash"]
    assert found.spearman.value > 0.5
    assert found.costs.vector_bytes is not None
    assert 2 * 8 <= found.costs.vector_bytes <= 2 * 12 + 16  # two words each, and where rows begin
