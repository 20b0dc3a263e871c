"""Inverted files of all codes: recall, options, filters of all kinds, removal, growth, files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidParameter
from kinspace.index.inverted_file import InvertedFile
from kinspace.index.ivf import Ivf
from kinspace.index.ivf_product import IvfProduct
from kinspace.index.product import Product
from kinspace.index.rabitq import RaBitQ
from kinspace.metric import Metric, scores, top_k

DIM, COUNT = 32, 4000
KINDS: dict[str, Callable[..., InvertedFile]] = {
    "ivf": Ivf,
    "ivf-float32": partial(Ivf, codes="float32"),
    "ivf-product": IvfProduct,
    "ivf-product-residual": partial(IvfProduct, residual=True),
    "ivf-product-rotated": partial(IvfProduct, rotate=True, subquantizers=8, candidates=300),
    "product": Product,
    "product-rotated": partial(Product, rotate=True, subquantizers=8, candidates=300),
    "rabitq": RaBitQ,
    "rabitq-4-bits": partial(RaBitQ, bits=4),
    "rabitq-whole": partial(RaBitQ, nlist=1, candidates=400),
}
METRICS: tuple[Metric, ...] = ("cosine", "dot", "euclidean")
each_kind = pytest.mark.parametrize("kind", KINDS)
with_cells = pytest.mark.parametrize("kind", ["ivf", "ivf-product", "rabitq"])


@cache
def vectors(metric: str = "cosine") -> np.ndarray:
    """Vectors around sixty centres; under dot, of very different lengths."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((60, DIM))
    rows = centres[rng.integers(0, 60, COUNT)] + 0.6 * rng.standard_normal((COUNT, DIM))
    if metric == "dot":
        rows *= 1 + rng.pareto(2, (COUNT, 1))
    return rows.astype(np.float32)


@cache
def queries() -> np.ndarray:
    """Like the vectors, but others."""
    noise = np.random.default_rng(6).standard_normal((50, DIM))
    return (vectors()[:50] + 0.3 * noise).astype(np.float32)


@cache
def built(kind: str, metric: Metric = "cosine") -> InvertedFile:
    """An index under ids that are not positions, to be left as it is."""
    made = KINDS[kind](DIM, metric, exact_below=0)
    made.add(vectors(metric), ids=3 * np.arange(COUNT))
    return made


def recall(index: Any, metric: Metric, rows: np.ndarray, k: int = 10, **options: Any) -> float:
    """The share of the true ``k`` nearest among some rows that are found, by ids 3 × position."""
    truth = 3 * rows[top_k(scores(queries(), vectors(metric)[rows], metric), k)[0]]
    found = index.search(queries(), k, **options).ids
    pairs = zip(truth.tolist(), found.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / k for a, b in pairs]))


@each_kind
@pytest.mark.parametrize("metric", METRICS)
def test_finds_nearly_all_neighbours(kind: str, metric: Metric) -> None:
    least = 0.9 if metric == "dot" else 0.94  # where lengths differ, codes differ in worth
    assert recall(built(kind, metric), metric, np.arange(COUNT)) >= least


@each_kind
def test_one_query_finds_what_a_batch_does(kind: str) -> None:
    index = built(kind)
    batch = index.search(queries(), k=5)
    alone = [index.search(query, k=5).ids[0] for query in queries()]
    assert np.mean(batch.ids == np.array(alone)) >= 0.98  # products may be rounded otherwise


@with_cells
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_more_cells_find_more(kind: str, metric: Metric) -> None:
    index, rows = built(kind, metric), np.arange(COUNT)
    few = recall(index, metric, rows, options={"nprobe": 1})
    many = recall(index, metric, rows, options={"nprobe": 10**6, "candidates": 1000})
    assert few < many >= 0.99


@pytest.mark.parametrize("kind", ["product", "ivf-product", "rabitq"])
def test_more_candidates_find_more(kind: str) -> None:
    index, rows = built(kind), np.arange(COUNT)
    assert recall(index, "cosine", rows, options={"candidates": 10}) < recall(
        index, "cosine", rows, options={"candidates": 400}
    )
    # Fewer candidates than neighbours are no candidates.
    assert (index.search(queries(), k=10, options={"candidates": 1}).ids >= 0).all()


@each_kind
@pytest.mark.parametrize("share", [0.9, 0.3, 0.05, 0.005])
def test_recall_stays_where_few_are_allowed(kind: str, share: float) -> None:
    rng = np.random.default_rng(7)
    rows = np.sort(rng.choice(COUNT, int(share * COUNT), replace=False))
    index = built(kind)
    found = index.search(queries(), k=10, allowed=3 * rows).ids
    assert set(found.ravel().tolist()) <= set((3 * rows).tolist())
    assert recall(index, "cosine", rows, allowed=3 * rows) >= 0.94


@each_kind
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_recall_stays_where_those_allowed_lie_together(kind: str, share: float) -> None:
    near = scores(vectors()[:1], vectors(), "cosine")[0]
    rows = np.flatnonzero(near > np.quantile(near, 1 - share))
    assert recall(built(kind), "cosine", rows, allowed=3 * rows) >= 0.94


@each_kind
def test_what_is_removed_leaves_the_cells(kind: str) -> None:
    index = KINDS[kind](DIM, exact_below=0)
    index.add(vectors(), ids=3 * np.arange(COUNT))
    before = index.stats().parts["codes"]
    index.remove([0])  # too few to go through all cells
    index.remove(3 * np.arange(COUNT // 2))
    assert index.stats().parts["codes"] < 0.75 * before  # blocks of 32 are filled up
    left = np.arange(COUNT // 2, COUNT)
    assert recall(index, "cosine", left) >= 0.94
    assert recall(index, "cosine", left[::3], allowed=3 * left[::3]) >= 0.94
    index.add(vectors()[: COUNT // 2], ids=3 * np.arange(COUNT // 2))
    assert recall(index, "cosine", np.arange(COUNT)) >= 0.94
    index.remove(3 * np.arange(COUNT))
    assert (index.search(queries(), k=3).ids == -1).all()


@each_kind
def test_what_comes_later_is_found_too(kind: str) -> None:
    index = KINDS[kind](DIM, exact_below=0)
    index.add(vectors()[:3000], ids=3 * np.arange(3000))
    recall(index, "cosine", np.arange(0, 3000, 2), allowed=3 * np.arange(0, 3000, 2))
    index.add(vectors()[3000:], ids=3 * np.arange(3000, COUNT))
    assert recall(index, "cosine", np.arange(COUNT)) >= 0.93
    some = np.arange(1000, COUNT, 2)
    assert recall(index, "cosine", some, allowed=3 * some) >= 0.93


@each_kind
def test_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    index = KINDS[kind](DIM, exact_below=0)
    index.add(vectors(), ids=3 * np.arange(COUNT))
    index.remove([3, 6])
    index.save(tmp_path / "an.index")
    again = type(index).load(tmp_path / "an.index")
    before, after = (each.search(queries(), k=10) for each in (index, again))
    np.testing.assert_array_equal(before.ids, after.ids)
    np.testing.assert_array_equal(before.scores, after.scores)
    assert again.stats() == index.stats()
    assert again.remove(3 * np.arange(100)) == 98
    again.add(vectors()[:5], ids=[0, 3, 6, 9, 12])
    assert again.search(vectors()[:5], k=1).ids.ravel().tolist() == [0, 3, 6, 9, 12]


@each_kind
def test_the_same_seed_gives_the_same_index(kind: str) -> None:
    made = [KINDS[kind](DIM, exact_below=0, seed=seed) for seed in (3, 3, 4)]
    for index in made:
        index.threads = 1
        index.add(vectors()[:1500])
    a, b, c = (index._structure()["cells"] for index in made)
    np.testing.assert_array_equal(a, b)
    assert len(a) != len(c) or (a != c).any()


@each_kind
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", [1, 7])
def test_few_the_same_and_zero_vectors(kind: str, metric: Metric, dim: int) -> None:
    rng = np.random.default_rng(8)
    for rows in (
        rng.standard_normal((1, dim)),
        rng.standard_normal((5, dim)),
        rng.standard_normal((90, dim)),
        np.ones((300, dim)),
        np.zeros((300, dim)),
        1e-20 * rng.standard_normal((90, dim)),
    ):
        index = KINDS[kind](dim, metric, exact_below=0)
        index.add(rows)
        found = index.search(rows[:3], k=min(4, len(rows)))
        assert (found.ids >= 0).all()
        assert all(len(set(line)) == len(line) for line in found.ids.tolist())
        index.add(rng.standard_normal((3, dim)))
        assert (index.search(rows[:3], k=len(rows) + 3).ids >= 0).all()


def test_more_cells_than_vectors() -> None:
    for kind in (Ivf, IvfProduct, RaBitQ):
        index = kind(DIM, nlist=1000, nprobe=1000, exact_below=0)
        index.add(vectors()[:200])
        assert index.search(vectors()[:20], k=1).ids.ravel().tolist() == list(range(20))


def test_a_table_of_halves_may_lie_elsewhere() -> None:
    table = (vectors() / np.linalg.norm(vectors(), axis=1, keepdims=True)).astype(np.float16)
    for kind in (Ivf, Product, IvfProduct, RaBitQ):
        index = kind(DIM, dtype="float16", exact_below=0)
        index.refer(table, ids=3 * np.arange(COUNT))
        assert recall(index, "cosine", np.arange(COUNT)) >= 0.93


def test_bad_options() -> None:
    for kind in (Ivf, Product, IvfProduct, RaBitQ):
        for wrong in ({"candidates": 0}, {"candidates": 2.5}):
            with pytest.raises(InvalidParameter):
                kind(DIM, **wrong)
    for kind in (Ivf, IvfProduct, RaBitQ):
        for wrong in ({"nlist": 0}, {"nlist": -1}, {"nprobe": 0}, {"nprobe": "many"}):
            with pytest.raises(InvalidParameter):
                kind(DIM, **wrong)
    for options in ({"nprobe": 0}, {"candidates": -1}, {"candidates": True}, {"ef_search": 3}):
        with pytest.raises(InvalidParameter) as raised:
            built("ivf-product").search(queries(), options=options)
        assert raised.value.remedy
    index = built("ivf")
    try:
        index.nprobe = 0  # set later, by whoever can
        with pytest.raises(InvalidParameter):
            index.search(queries())
    finally:
        index.nprobe = None
    for kind, wrong in (
        (Ivf, {"codes": "int4"}),
        (RaBitQ, {"bits": 0}),
        (RaBitQ, {"bits": 10}),
        (Product, {"subquantizers": 0}),
    ):
        with pytest.raises(InvalidParameter) as raised:
            kind(DIM, **wrong)
        assert raised.value.remedy
