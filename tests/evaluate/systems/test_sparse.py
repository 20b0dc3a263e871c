"""Sparse encoders are judged like dense ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import random_array

import kinspace as ks
from kinspace.datasets.content import Document
from kinspace.errors import InvalidVectors
from kinspace.evaluate.systems.dense import Dense
from kinspace.evaluate.tasks.neighbours import nearest
from kinspace.metric import METRICS
from tests.toys import SparseHashEncoder


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
