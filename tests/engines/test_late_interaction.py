"""MaxSim compiled and on torch, pooled tokens, and XTR's imputation, against plain oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines.late_interaction import max_sums, max_sums_torch
from kinspace.engines.token_pooling import pooled
from kinspace.engines.token_retrieval import imputed_sums
from kinspace.metric import normalise
from kinspace.multi import MultiVectors
from kinspace.multi import max_sums as plain


def some(count: int, seed: int, dim: int = 16, longest: int = 30) -> MultiVectors:
    rng = np.random.default_rng(seed)
    items = [rng.standard_normal((rng.integers(1, longest), dim)) for _ in range(count)]
    return MultiVectors.of(items, dim).each(normalise)


def dot(a: Any, b: Any) -> Any:
    return a @ b.T


@pytest.mark.parametrize("table", [1, 500, 1 << 18])
@pytest.mark.parametrize("together", [1, 50, 1024])
def test_compiled_and_plain_agree(
    table: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.engines.late_interaction._TABLE", table * together)
    monkeypatch.setattr("kinspace.engines.late_interaction._TOGETHER", together)
    queries, documents = some(7, 0), some(50, 1)
    expected = plain(queries, documents, dot)
    np.testing.assert_allclose(max_sums(queries, documents, dot), expected, atol=1e-5)
    one_by_one = [[(q @ d.T).max(axis=1).sum() for d in documents] for q in queries]
    np.testing.assert_allclose(expected, one_by_one, atol=1e-5)


def test_in_threads_and_from_several_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_info

    monkeypatch.setattr("kinspace.engines.late_interaction._WORTH_A_THREAD", 1)
    queries, documents = some(7, 0), some(50, 1)
    before = threadpool_info()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: max_sums(queries, documents, dot), range(20)))
    for one in found:
        np.testing.assert_allclose(one, plain(queries, documents, dot), atol=1e-5)
    assert threadpool_info() == before


def test_nothing_to_score() -> None:
    none, three = some(0, 0), some(3, 0)
    for one, other in ((none, three), (three, none), (none, none)):
        for score in (plain, max_sums):
            assert score(one, other, dot).shape == (len(one), len(other))


@pytest.mark.parametrize("block", [1, 700, 1 << 27])
def test_torch_and_plain_agree(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("kinspace.engines.late_interaction._ON_GPU", block)
    queries, documents = some(7, 0), some(50, 1)
    found = max_sums_torch(queries, documents, torch.from_numpy(documents.values))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), plain(queries, documents, dot), atol=1e-5)


def test_max_sim_is_that_of_sentence_transformers() -> None:
    torch = pytest.importorskip("torch")
    similarity = pytest.importorskip("sentence_transformers.util.similarity")
    queries, documents = some(5, 2), some(9, 3)
    theirs = similarity.maxsim(
        [torch.from_numpy(one) for one in queries], [torch.from_numpy(one) for one in documents]
    )
    np.testing.assert_allclose(max_sums(queries, documents, dot), theirs.numpy(), atol=1e-5)


# -- token pooling -----------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1, 1.5, 2, 3, 6, 100])
@pytest.mark.parametrize("first", [0, 1, 3])
def test_pooling_is_that_of_sentence_transformers(factor: float, first: int) -> None:
    torch = pytest.importorskip("torch")
    modules = pytest.importorskip("sentence_transformers.multi_vector_encoder.modules")
    items = some(20, 4)
    found = pooled(items, factor, first=first)
    rival = modules.HierarchicalTokenPooling(factor, num_protected_tokens=first)
    for one, item in zip(found, items, strict=True):
        np.testing.assert_allclose(one, rival.pool_one(torch.from_numpy(item)), atol=1e-5)


def test_pooling_leaves_one_in_so_many_and_of_length_one() -> None:
    items = some(40, 5, longest=60)
    found = pooled(items, 2)
    assert 0.4 < len(found.values) / len(items.values) < 0.6
    np.testing.assert_allclose(np.linalg.norm(found.values, axis=1), 1, rtol=1e-5)
    assert len(pooled(some(0, 0), 2)) == 0


def test_vectors_that_are_alike_are_joined() -> None:
    rng = np.random.default_rng(6)
    three = normalise(rng.standard_normal((3, 16)).astype(np.float32))
    one = three[[0, 1, 2, 1, 1, 2, 2]]
    found = pooled(MultiVectors.of([one]), 2, first=1)[0]
    assert len(found) == 3
    np.testing.assert_allclose(np.sort(found @ three.T, axis=1)[:, -1], 1, atol=1e-5)


# -- XTR ---------------------------------------------------------------------------------------


def in_parts(documents: MultiVectors, size: int) -> Any:
    for start in range(0, len(documents), size):
        part = documents[start : start + size]
        yield np.arange(start, start + len(part)), part


def by_the_paper(query: Any, documents: MultiVectors, retrieved: int) -> dict[int, float]:
    """Equation 5 of Lee et al., a vector at a time; sums in place of means."""
    owner = np.repeat(np.arange(len(documents)), documents.lengths)
    near = query @ documents.values.T
    kept = np.argsort(-near, axis=1, kind="stable")[:, :retrieved]
    candidates = set(owner[kept].ravel().tolist())
    found = {}
    for document in candidates:
        total = 0.0
        for row, places in zip(near, kept, strict=True):
            own = [row[place] for place in places if owner[place] == document]
            total += max(own) if own else row[places].min()
        found[document] = total
    return found


@pytest.mark.parametrize("retrieved", [1, 5, 40, 200])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_missing_similarities_are_imputed_as_in_the_paper(retrieved: int, size: int) -> None:
    queries, documents = some(4, 7), some(30, 8)
    found = imputed_sums(queries, lambda: in_parts(documents, size), dot, retrieved)
    for query, (positions, values) in zip(queries, found, strict=True):
        expected = by_the_paper(query, documents, retrieved)
        assert positions.tolist() == sorted(expected)
        np.testing.assert_allclose(values, [expected[p] for p in positions], atol=1e-5)


def test_with_all_vectors_retrieved_it_is_max_sim() -> None:
    queries, documents = some(4, 7), some(30, 8)
    found = imputed_sums(queries, lambda: in_parts(documents, 9), dot, len(documents.values))
    for line, (positions, values) in zip(max_sums(queries, documents, dot), found, strict=True):
        assert len(positions) == 30
        np.testing.assert_allclose(values, line, atol=1e-5)
