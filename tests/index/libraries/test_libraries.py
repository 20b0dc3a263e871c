"""Indexes over engines of others, beside what the contract of all indexes asks."""

from __future__ import annotations

import builtins
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidParameter, MissingExtra, ReadError
from kinspace.index.files import read_arrays, write_arrays
from kinspace.index.libraries.annoy import AnnoyIndex
from kinspace.index.libraries.hnswlib import HnswlibIndex
from kinspace.index.libraries.scann import ScannIndex
from kinspace.index.libraries.usearch import UsearchIndex
from kinspace.index.libraries.voyager import VoyagerIndex
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import scores, top_k

DIM = 16
KINDS: list[Any] = [HnswlibIndex, UsearchIndex, VoyagerIndex, AnnoyIndex, ScannIndex]
INSTALLED = [kind for kind in KINDS if find_spec(kind.__name__.removesuffix("Index").lower())]
needs_scann = pytest.mark.skipif(not find_spec("scann"), reason="ScaNN is not installed")
each_kind = pytest.mark.parametrize("kind", INSTALLED, ids=lambda kind: kind.__name__)


@pytest.fixture
def rows(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((3000, DIM)).astype(np.float32)


def recall(index: VectorIndex, rows: np.ndarray, queries: np.ndarray, allowed: Any = None) -> float:
    ids = np.arange(len(rows)) if allowed is None else np.asarray(allowed)
    least = top_k(scores(queries, rows[ids], index.metric), 10)[1][:, -1:]
    found = index.search(queries, 10, allowed=allowed)
    assert np.isin(found.ids, ids).all()
    return float((found.scores >= least - 1e-5).mean())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_without_the_extra(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = kind.__name__.removesuffix("Index").lower()
    real = builtins.__import__

    def without(module: str, *rest: Any) -> Any:
        if module.split(".", maxsplit=1)[0] == name:
            raise ImportError(module)
        return real(module, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    index = kind(DIM)
    with pytest.raises(MissingExtra) as raised:
        index.add(np.ones((3, DIM)))
    assert raised.value.extra == name
    assert f"kinspace[{name}]" in str(raised.value)


@each_kind
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_filters_keep_the_recall(kind: Any, metric: Any, rows: np.ndarray) -> None:
    index = kind(DIM, metric, exact_below=0)
    if kind is ScannIndex:
        index.leaves_to_search = 70
    index.add(rows)
    assert recall(index, rows, rows[:50]) >= 0.95
    for step in (2, 10, 40):
        assert recall(index, rows, rows[:50], np.arange(0, 3000, step)) >= 0.95
    assert recall(index, rows, rows[:50], np.arange(2000, 3000)) >= 0.95


@each_kind
def test_rows_that_come_and_go(kind: Any, rows: np.ndarray) -> None:
    index = kind(DIM, "euclidean", exact_below=0)
    index.add(rows[:1000])
    index.add(rows[1000:1200])  # few enough to wait
    assert recall(index, rows[:1200], rows[:50]) >= 0.95
    for start in range(1200, 3000, 300):
        index.add(rows[start : start + 300])
    assert index.remove(np.arange(0, 3000, 2)) == 1500
    assert recall(index, rows, rows[:50], np.arange(1, 3000, 2)) >= 0.95
    found = index.search(rows[:50], 10)
    assert (found.ids % 2 == 1).all()
    index.update(rows[:5], np.arange(1, 11, 2))
    assert index.search(rows[:5], 1).ids.ravel().tolist() == [1, 3, 5, 7, 9]
    assert (index.search(rows[:5], 1500).ids >= 0).all()
    index.compact()
    assert len(index) == 1500
    assert index.search(rows[:5], 1).ids.ravel().tolist() == [1, 3, 5, 7, 9]


@each_kind
def test_grows_again_from_its_file(kind: Any, rows: np.ndarray, tmp_path: Path) -> None:
    index = kind(DIM, "cosine", exact_below=0)
    index.add(rows[:2000])
    index.remove(np.arange(100))
    index.save(tmp_path / "i.kin")
    again = kind.load(tmp_path / "i.kin")
    first = index.search(rows[:50], 5)
    np.testing.assert_array_equal(again.search(rows[:50], 5).ids, first.ids)
    again.add(rows[2000:])
    again.remove([100])
    assert recall(again, rows, rows[:50], np.arange(101, 3000)) >= 0.93
    assert not np.isin(again.search(rows[:200], 10).ids, np.arange(101)).any()


@each_kind
def test_leaves_no_files_behind(
    kind: Any, rows: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    index = kind(DIM, exact_below=0)
    index.add(rows)
    index.save(tmp_path / "i.kin")
    index = kind.load(tmp_path / "i.kin")
    index.search(rows[:3])
    assert index.stats().nbytes > rows.nbytes
    assert not list(room.iterdir())


@each_kind
@pytest.mark.parametrize("value", [0, -1, 2.5, "many"])
def test_options_of_a_search(kind: Any, value: Any, rows: np.ndarray) -> None:
    for name in kind.SEARCH:
        with pytest.raises(InvalidParameter, match=name):
            kind(DIM, **{name: value})
        index = kind(DIM, exact_below=0)
        index.add(rows[:500])
        with pytest.raises(InvalidParameter, match=name):
            index.search(rows[:2], options={name: value})


@needs_scann
def test_a_file_that_scann_would_unpickle(rows: np.ndarray, tmp_path: Path) -> None:
    index = ScannIndex(DIM)
    index.add(rows)
    index.save(tmp_path / "i.kin")
    for name in ("scann_docids.pkl", "../elsewhere"):
        with read_arrays(tmp_path / "i.kin", "ScannIndex") as (arrays, options):
            more = arrays | {f"structure.{name}": np.zeros(3, np.uint8)}
            write_arrays(tmp_path / "w.kin", "ScannIndex", more, options)
        with pytest.raises(ReadError, match="no file of ScaNN"):
            ScannIndex.load(tmp_path / "w.kin")


@needs_scann
def test_scann_of_a_few_rows(rows: np.ndarray) -> None:
    index = ScannIndex(DIM, exact_below=0)
    index.add(rows[:20])
    assert recall(index, rows[:20], rows[:20]) == 1


@pytest.mark.parametrize("codes", ["float32", "float16", "bfloat16"])
def test_what_usearch_walks_on(codes: Any, rows: np.ndarray) -> None:
    index = UsearchIndex(DIM, codes=codes, exact_below=0)
    index.add(rows)
    assert recall(index, rows, rows[:50]) >= 0.95
    with pytest.raises(InvalidParameter, match="codes"):
        UsearchIndex(DIM, codes="int4")  # type: ignore[arg-type]
