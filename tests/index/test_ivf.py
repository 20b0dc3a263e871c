"""Inverted lists: recall against brute force, filters, saving and loading, damaged files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidParameter, PathNotFound, ReadError
from kinspace.index import Exact, Ivf


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((60, 24))
    rows = centres[rng.integers(0, 60, 6000)] + 0.5 * rng.standard_normal((6000, 24))
    return rows.astype(np.float32)


@pytest.fixture(scope="module", params=["cosine", "dot", "euclidean"])
def pair(request: pytest.FixtureRequest, vectors: np.ndarray) -> tuple[Ivf, Exact]:
    """An index and the truth, over the same vectors."""
    made = Ivf(24, request.param), Exact(24, request.param)
    for index in made:
        index.add(vectors, ids=np.arange(6000) * 3)
    return made


def recall(found: Any, truth: Any) -> float:
    pairs = zip(found.ids.tolist(), truth.ids.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in pairs]))


def test_finds_nearly_all_neighbours(pair: tuple[Ivf, Exact], vectors: np.ndarray) -> None:
    index, exact = pair
    queries = vectors[:100] + 0.05
    found, truth = index.search(queries, k=10), exact.search(queries, k=10)
    assert recall(found, truth) >= 0.93
    np.testing.assert_allclose(found.scores[:, 0], truth.scores[:, 0], rtol=0.05, atol=0.05)
    one = index.search(queries[0], k=10)
    np.testing.assert_array_equal(one.ids[0], found.ids[0])


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.2, 0.9])
def test_filters_of_every_selectivity(
    share: float, pair: tuple[Ivf, Exact], vectors: np.ndarray, rng: np.random.Generator
) -> None:
    index, exact = pair
    count = max(3, int(share * 6000))
    allowed = np.sort(rng.choice(6000, count, replace=False)) * 3
    k = min(10, count)
    found = index.search(vectors[:30], k=k, allowed=allowed)
    assert set(found.ids.ravel().tolist()) <= set(allowed.tolist())
    assert recall(found, exact.search(vectors[:30], k=k, allowed=allowed)) >= 0.93


def test_more_than_the_nearest_cells_hold(pair: tuple[Ivf, Exact], vectors: np.ndarray) -> None:
    index, _ = pair
    found = index.search(vectors[:3], k=6000)
    assert (found.ids >= 0).all()
    assert all(len(set(row)) == 6000 for row in found.ids.tolist())


def test_saved_and_loaded(pair: tuple[Ivf, Exact], vectors: np.ndarray, tmp_path: Path) -> None:
    index, _ = pair
    path = tmp_path / "index.faiss"
    index.save(path)
    loaded = Ivf.load(path, index.metric)
    assert (len(loaded), loaded.dim, loaded.metric) == (6000, 24, index.metric)
    before, after = index.search(vectors[:20], k=5), loaded.search(vectors[:20], k=5)
    np.testing.assert_array_equal(before.ids, after.ids)
    np.testing.assert_allclose(before.scores, after.scores)
    assert loaded.remove([0, 3, 4]) == 2  # 4 is not an id
    assert len(loaded) == 5998
    loaded.add(vectors[:1], ids=[1])
    assert 1 in loaded.search(vectors[:1], k=6000).ids[0]


@pytest.mark.parametrize("left", [0, 1, 50, 0.5, 0.99])
def test_a_damaged_file_is_no_index(left: float, vectors: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    index = Ivf(24)
    index.add(vectors[:500])
    index.save(path)
    size = path.stat().st_size
    os.truncate(path, int(left * size) if 0 < left < 1 else int(left))
    with pytest.raises(ReadError) as raised:
        Ivf.load(path)
    assert raised.value.remedy


def test_what_is_no_index_at_all(tmp_path: Path, vectors: np.ndarray) -> None:
    import faiss

    with pytest.raises(PathNotFound):
        Ivf.load(tmp_path / "none.faiss")
    with pytest.raises(PathNotFound):
        Ivf.load(tmp_path)
    (tmp_path / "text.faiss").write_text("a text")
    with pytest.raises(ReadError):
        Ivf.load(tmp_path / "text.faiss")
    flat = faiss.IndexFlatIP(24)
    flat.add(vectors[:10])
    faiss.write_index(flat, str(tmp_path / "flat.faiss"))
    with pytest.raises(ReadError):
        Ivf.load(tmp_path / "flat.faiss")
    with pytest.raises(InvalidParameter):
        Ivf(24).save(tmp_path / "empty.faiss")
    assert not (tmp_path / "empty.faiss").exists()


def test_parameters(vectors: np.ndarray) -> None:
    for recall_ in (0, -1, 1.5):
        with pytest.raises(InvalidParameter):
            Ivf(24, recall=recall_)
    one_cell = Ivf(24, nlist=1)
    one_cell.add(vectors[:300])
    exact = Exact(24)
    exact.add(vectors[:300])
    found = one_cell.search(vectors[:20], k=5)
    assert recall(found, exact.search(vectors[:20], k=5)) >= 0.95
    few = Ivf(24, nlist=30, nprobe=1)
    few.add(vectors[:3000])
    many = Ivf(24, nlist=30, nprobe=30)
    many.add(vectors[:3000])
    exact.add(vectors[300:3000])
    truth = exact.search(vectors[:50] + 0.3, k=10)
    assert recall(few.search(vectors[:50] + 0.3, k=10), truth) < recall(
        many.search(vectors[:50] + 0.3, k=10), truth
    )
