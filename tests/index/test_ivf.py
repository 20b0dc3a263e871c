"""IVF-flat: its codes, what they take, and what FAISS's own finds."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.index.ivf import Ivf
from kinspace.metric import Metric

DIM, COUNT = 16, 3000


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rows = np.random.default_rng(1).standard_normal((COUNT, DIM))
    return rows.astype(np.float32)


def test_codes_take_a_byte_or_four_a_number(vectors: np.ndarray) -> None:
    sizes = []
    for codes in ("int8", "float32"):
        index = Ivf(DIM, codes=codes, nlist=10)
        index.add(vectors)
        parts = index.stats().parts
        assert parts["centroids"] == 4 * 10 * DIM
        assert parts["rows of codes"] == 8 * COUNT
        sizes.append(parts["codes"])
    assert sizes == [COUNT * DIM, 4 * COUNT * DIM]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_finds_what_faiss_itself_finds(vectors: np.ndarray, metric: Metric) -> None:
    import faiss

    index = Ivf(DIM, metric, codes="float32", nlist=30, nprobe=4, exact_below=0)
    index.add(vectors)
    theirs = faiss.downcast_index(index._faiss)
    rows = vectors.copy()
    if metric == "cosine":
        faiss.normalize_L2(rows)
    values, ids = theirs.search(rows[:50], 5, params=faiss.SearchParametersIVF(nprobe=4))
    found = index.search(vectors[:50], k=5)
    np.testing.assert_array_equal(found.ids, ids)
    expected = values if metric == "cosine" else -np.sqrt(np.maximum(values, 0))
    np.testing.assert_allclose(found.scores, expected, atol=2e-3)


def test_by_dot_product_long_vectors_do_not_draw_all_others() -> None:
    """A few cells hold the answers even where lengths differ by a thousand."""
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((COUNT, DIM)) * (1 + rng.pareto(1.5, (COUNT, 1)))
    index = Ivf(DIM, "dot", nlist=50, nprobe=20, exact_below=0)
    index.add(rows)
    queries = rng.standard_normal((50, DIM))
    truth = np.argsort(-(queries @ rows.T), axis=1)[:, :10]
    found = index.search(queries, k=10).ids
    hits = [len(set(a) & set(b)) for a, b in zip(truth.tolist(), found.tolist(), strict=True)]
    assert np.mean(hits) >= 9


def test_all_cells_make_it_exact(vectors: np.ndarray) -> None:
    index = Ivf(DIM, "euclidean", codes="float32", nlist=20, nprobe=20, exact_below=0)
    index.add(vectors)
    apart = ((vectors[:40, None] - vectors[None]) ** 2).sum(2)
    np.testing.assert_array_equal(
        np.sort(index.search(vectors[:40], k=8).ids), np.sort(np.argsort(apart, axis=1)[:, :8])
    )
