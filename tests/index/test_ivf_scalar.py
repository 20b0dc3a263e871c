"""What is particular to the 8-bit inverted file: its cells, its two ways of searching, its seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidParameter, ReadError
from kinspace.index.cells import Cells
from kinspace.index.exact import Exact
from kinspace.index.ivf_scalar import IvfScalar

DIM = 70


def clustered(count: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = 2 * np.random.default_rng(99).standard_normal((50, dim))
    rows = centres[rng.integers(0, 50, count)] + rng.standard_normal((count, dim))
    return (rows * rng.uniform(0.5, 2, (count, 1))).astype(np.float32)


def recall(index: Any, vectors: np.ndarray, queries: np.ndarray, **options: Any) -> float:
    truth = Exact(vectors.shape[1], index.metric)
    truth.add(vectors)
    pairs = zip(
        truth.search(queries, **options).ids, index.search(queries, **options).ids, strict=True
    )
    return float(np.mean([len(set(a) & set(b)) / len(set(a) - {-1}) for a, b in pairs]))


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_many_queries_and_single_ones_find_the_same(metric: Any, dtype: str) -> None:
    vectors, queries = clustered(6000), clustered(200, seed=1)
    index = IvfScalar(DIM, metric, nprobe=40, dtype=dtype, exact_below=0)
    index.add(vectors)
    assert recall(index, vectors, queries) > 0.97
    together = index.search(queries)
    alone = [index.search(query) for query in queries[:60]]
    same = [
        len(set(one.ids[0]) & set(row)) / 10
        for one, row in zip(alone, together.ids[:60], strict=True)
    ]
    assert np.mean(same) > 0.99
    np.testing.assert_allclose(alone[0].scores[0], together.scores[0], rtol=1e-4)


def test_queries_of_another_kind_can_be_calibrated_for() -> None:
    vectors = clustered(6000)
    queries = np.random.default_rng(1).standard_normal((120, DIM))
    index = IvfScalar(DIM, nprobe=60, exact_below=0)
    index.add(vectors)
    index.calibrate(queries[:60])
    together = index.search(queries[60:]).ids
    alone = [index.search(query).ids[0] for query in queries[60:]]
    same = [len(set(a) & set(b)) / 10 for a, b in zip(alone, together, strict=True)]
    assert np.mean(same) > 0.985


def test_all_cells_and_many_candidates_are_exact_search() -> None:
    vectors, queries = clustered(3000), clustered(100, seed=2)
    index = IvfScalar(DIM, "euclidean", nprobe=10_000, candidates=200, exact_below=0)
    index.add(vectors)
    assert recall(index, vectors, queries, k=20) == 1


def test_more_cells_find_more_and_cost_no_rebuilding() -> None:
    vectors, queries = clustered(5000), clustered(200, seed=3)
    index = IvfScalar(DIM, exact_below=0)
    index.add(vectors)
    found = []
    for nprobe in (1, 8, 64):
        index.nprobe = nprobe
        found.append(recall(index, vectors, queries))
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_a_filter_widens_the_search() -> None:
    vectors, queries = clustered(8000), clustered(60, seed=4)
    index = IvfScalar(DIM, nprobe=24, exact_below=0)
    index._exact_pays = lambda usable: False  # type: ignore[method-assign]
    index.add(vectors)
    rng = np.random.default_rng(5)
    for share in (0.5, 0.1, 0.01):
        allowed = rng.random(8000) < share
        found = index.search(queries, allowed=allowed).ids
        assert allowed[found[found >= 0]].all()
        assert recall(index, vectors, queries, allowed=allowed) > 0.95
        one = index.search(queries[0], allowed=allowed).ids[0]
        assert allowed[one[one >= 0]].all()


def test_the_same_seed_gives_the_same_index() -> None:
    vectors = clustered(3000)
    arrays = []
    for _ in range(2):
        index = IvfScalar(DIM, seed=3, exact_below=0)
        index.add(vectors)
        arrays.append(index._structure())
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][name])


def test_grows_and_shrinks_without_losing_a_row() -> None:
    rng = np.random.default_rng(0)
    vectors = clustered(12_000)
    index = IvfScalar(DIM, nprobe=60, exact_below=0)
    index.add(vectors[:2000])
    alive = set(range(2000))
    for start in range(2000, 12_000, 500):
        index.add(vectors[start : start + 500])
        alive |= set(range(start, start + 500))
        gone = rng.choice(sorted(alive), 300, replace=False)
        assert index.remove(gone) == 300
        alive -= set(gone.tolist())
    assert len(index) == len(index._cells) == len(alive)
    left = np.array(sorted(alive))
    assert (index.search(vectors[left], k=1).ids[:, 0] == left).mean() > 0.99
    used = index._cells.codes.nbytes
    index.compact()
    assert index._cells.codes.nbytes <= used
    assert (index.search(vectors[left], k=1).ids[:, 0] == left).mean() > 0.99


def test_memory_stays_in_bounds_under_churn() -> None:
    rng = np.random.default_rng(1)
    vectors = clustered(4000)
    index = IvfScalar(DIM, nprobe=60, exact_below=0)
    index.add(vectors)
    fresh = index._cells.nbytes
    for _ in range(40):
        some = rng.choice(4000, 200, replace=False)
        index.update(vectors[some] + rng.normal(0, 0.01, (200, DIM)), some)
    assert index._cells.nbytes < 2.5 * fresh
    index.compact()
    assert index._cells.nbytes < 1.2 * fresh
    assert index.stats().removed == 0


def test_saving_and_telling_sizes_change_nothing_that_others_search_in(tmp_path: Path) -> None:
    vectors = clustered(3000)
    index = IvfScalar(DIM, nprobe=60, exact_below=0)
    index.add(vectors)
    index.remove(np.arange(0, 3000, 4))
    index.add(vectors[:40], ids=np.arange(9000, 9040))
    cells = index._cells
    before = {name: (id(value), value.copy()) for name, value in vars(cells).items()
              if isinstance(value, np.ndarray)}  # fmt: skip
    sizes = {name: array.nbytes for name, array in cells.arrays().items()}
    assert index.stats().parts.items() >= sizes.items()
    index.save(tmp_path / "i")
    for name, (identity, value) in before.items():
        assert id(getattr(cells, name)) == identity, name
        np.testing.assert_array_equal(getattr(cells, name), value)
    again = IvfScalar.load(tmp_path / "i")
    np.testing.assert_array_equal(again.search(vectors[:200]).ids, index.search(vectors[:200]).ids)


def test_what_a_file_says_of_its_cells_is_checked(tmp_path: Path) -> None:
    index = IvfScalar(DIM, exact_below=0)
    index.add(clustered(500))
    arrays = index._structure()
    with pytest.raises(ValueError, match="cells"):
        Cells.of(arrays, 400)
    index.save(tmp_path / "a")
    other = Exact(DIM)
    other.add(clustered(5))
    other.save(tmp_path / "b")
    with pytest.raises(ReadError, match="Exact"):
        IvfScalar.load(tmp_path / "b")


@pytest.mark.parametrize("option", ["nlist", "nprobe", "candidates"])
def test_options_that_mean_nothing_are_refused(option: str) -> None:
    with pytest.raises(InvalidParameter):
        IvfScalar(8, **{option: 0})


@pytest.mark.parametrize("rows", [1, 2, 15, 40])
def test_few_vectors(rows: int) -> None:
    vectors = clustered(rows)
    index = IvfScalar(DIM, exact_below=0)
    index.add(vectors)
    found = index.search(vectors, k=1).ids[:, 0]
    np.testing.assert_array_equal(found, np.arange(rows))


def test_vectors_that_are_all_the_same_or_zero() -> None:
    for vectors in (np.ones((300, DIM)), np.zeros((300, DIM))):
        for metric in IvfScalar.METRICS:
            index = IvfScalar(DIM, metric, exact_below=0)
            index.add(vectors)
            found = index.search(vectors[:40], k=5)
            assert (found.ids >= 0).all()
            assert np.isfinite(found.scores).all()
