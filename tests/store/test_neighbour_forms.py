"""The neighbour index of sparse vectors, and of several a record: as that of dense ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.encoder import Encoder
from kinspace.errors import ReadError
from kinspace.index import MultiCentroids, SparseInverted
from kinspace.index.files import read_arrays
from kinspace.index.vector_index import VectorIndex
from kinspace.store import Collection, neighbours
from kinspace.store.promise import Kept
from tests.toys import MultiHashEncoder, SparseHashEncoder

SMALLEST = {"dense": 1100, "sparse": 1100, "multi": 1100}
KINDS: dict[str, type[VectorIndex]] = {"sparse": SparseInverted, "multi": MultiCentroids}
WORDS = [f"word{i}" for i in range(60)]


def records(first: int, last: int) -> list[dict[str, Any]]:
    return [{"id": str(i), "text": text(i), "n": i} for i in range(first, last)]


def text(i: int) -> str:
    words = np.random.default_rng(i).choice(WORDS, 2 + i % 3)
    return " ".join([*words, f"item{i}"])


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "SMALLEST", SMALLEST)


@pytest.fixture(params=["sparse", "multi"])
def encoder(request: pytest.FixtureRequest) -> Encoder[str]:
    made: Encoder[str] = {"sparse": SparseHashEncoder, "multi": MultiHashEncoder}[request.param]()
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.kin"


def ids(opened: Collection, query: str, **asked: Any) -> list[str]:
    return [hit.id for hit in opened.search(query, **{"mode": "dense"} | asked)]


def kind(encoder: Encoder[str]) -> type[VectorIndex]:
    return KINDS[encoder.space.form]


def test_it_finds_what_exact_search_finds(
    encoder: Encoder[str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [f"{text(i)} word{i % 60}" for i in range(0, 1300, 60)]
    with Collection.open(path, encoder) as opened:
        opened.add(records(0, 1300))
        assert opened.info().search == f"{kind(encoder).__name__} over 1,300"
        kept = opened.info().found
        assert [one["k"] for one in kept] == [10, 100]
        assert all(one["recall"] >= 0.95 for one in kept)
        if encoder.space.form == "sparse":
            assert all(one["recall"] == 1 for one in kept)
        assert opened.check() == []
        opened.delete(str(i) for i in range(0, 1300, 10))
        opened.add(records(1300, 1310))
    with Collection.open(path, encoder, read_only=True) as opened:
        found = [ids(opened, query) for query in queries]
        some = [ids(opened, query, where={"n": {"$gte": 200}}) for query in queries]
        few = [ids(opened, query, where={"n": {"$lt": 9}}) for query in queries]
        both = [ids(opened, f"item{i}", k=1, mode="hybrid") for i in (3, 777, 1299, 1305)]
    assert both == [["3"], ["777"], ["1299"], ["1305"]]
    assert not any(name.endswith("0") and name != "1300" for line in found for name in line)
    assert all(int(name) >= 200 for line in some for name in line)
    assert all(sorted(line) == [str(i) for i in range(1, 9)] for line in few)
    monkeypatch.setattr(neighbours.NeighbourIndex, "covered", 0)
    with Collection.open(path, encoder, read_only=True) as opened:
        exact = [ids(opened, query) for query in queries]
        exact_some = [ids(opened, query, where={"n": {"$gte": 200}}) for query in queries]
    share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact, strict=True)])
    assert share >= 0.95
    share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(some, exact_some, strict=True)])
    assert share >= 0.95


def test_new_records_are_taken_in_and_many_make_it_anew(encoder: Encoder[str], path: Path) -> None:
    with Collection.open(path, encoder) as opened:
        opened.add(records(0, 1150))
        opened.add(records(1150, 1200))
        opened.flush()
        assert opened.info().search.endswith("over 1,150")  # few are compared one and all
        assert [ids(opened, text(i), k=1) for i in (5, 1149, 1150, 1199)] == [
            ["5"], ["1149"], ["1150"], ["1199"]
        ]  # fmt: skip
        opened.add(records(1200, 1400))
        opened.flush()
        assert opened.info().search.endswith("over 1,400")
        assert opened._view.neighbours.manifest.values["learned"] == 1150
        assert [ids(opened, text(i), k=1) for i in (5, 1399)] == [["5"], ["1399"]]
        opened.add(records(1400, 2500))
        opened.flush()
        assert opened._view.neighbours.manifest.values["learned"] == 2500
        opened.delete(str(i) for i in range(500))
        opened.compact()
        assert opened.info().search.endswith("over 2,000")
        assert ids(opened, text(2499), k=1) == ["2499"]
        assert "5" not in ids(opened, text(5), k=100)
        assert opened.check() == []
        opened.delete(str(i) for i in range(500, 1500))
        opened.compact()
        assert "neighbours" not in opened.info().bytes
        assert ids(opened, text(2499), k=1) == ["2499"]


def test_what_misses_nothing_serves_a_recall_of_one(encoder: Encoder[str], path: Path) -> None:
    with Collection.open(path, encoder, recall=1.0) as opened:
        opened.add(records(0, 1200))
        is_sparse = encoder.space.form == "sparse"
        assert opened.info().search == ("SparseInverted over 1,200" if is_sparse else "exact")
        assert not any(one.is_broken for one in opened.measure_recall())


def test_too_little_is_set_right(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = MultiHashEncoder()
    with Collection.open(path, encoder) as opened:
        opened.add(records(0, 1200))
        index = opened._view.neighbours._read()
        index.tuned = {k: {"nprobe": 1, "candidates": 1} for k in index.tuned}
        monkeypatch.setattr(neighbours.NeighbourIndex, "_read", lambda self: index)
        opened._view.neighbours.index = index
        assert opened.measure_recall()[0].is_broken
        monkeypatch.setattr(neighbours, "GROWTH", -1.0)  # it is due
        opened.flush()
        found: list[Kept] = opened.measure_recall()
        assert not any(one.is_broken for one in found)


def test_the_vectors_are_not_kept_twice(encoder: Encoder[str], path: Path) -> None:
    with Collection.open(path, encoder) as opened:
        opened.add(records(0, 1200))
        file = next((path / "derived").glob("neighbours-*.index"))
        with read_arrays(file, kind(encoder).__name__) as (arrays, _):
            assert "ids" in arrays
            assert not [name for name in arrays if name.startswith("held")]
        rows = opened._view.vectors.rows
        kind(encoder).load(file, rows)
        with pytest.raises(ReadError):
            kind(encoder).load(file)
        with pytest.raises(ReadError):
            kind(encoder).load(file, rows[:1000])


@pytest.mark.parametrize("place", [0.0, 0.4, 0.99])
def test_a_damaged_index_is_never_read(place: float, encoder: Encoder[str], path: Path) -> None:
    with Collection.open(path, encoder) as opened:
        opened.add(records(0, 1200))
        file = next((path / "derived").glob("neighbours-*.index"))
        content = bytearray(file.read_bytes())
        content[int(place * len(content))] ^= 1
        status = file.stat()
        file.write_bytes(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # nothing tells of it
        assert any("neighbours" in problem for problem in opened.check())
    with Collection.open(path, encoder, read_only=True) as opened:
        assert [ids(opened, text(i), k=1) for i in (3, 700)] == [["3"], ["700"]]
        assert opened.measure_recall() == []
    file.write_bytes(content[:-9])
    with Collection.open(path, encoder) as opened:
        assert any("neighbours" in repair for repair in opened.repairs)
        assert opened.check() == []
        assert opened.info().search == f"{kind(encoder).__name__} over 1,200"


def test_damaged_places_of_sparse_vectors_are_never_read(path: Path) -> None:
    encoder = SparseHashEncoder()
    with Collection.open(path, encoder) as opened:
        opened.add(records(0, 1200))
        file = next((path / "derived").glob("vectors-*.rows"))
    content = bytearray(file.read_bytes())
    content[800:804] = np.int32(1 << 30).tobytes()  # a dimension that there is not
    status = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    with Collection.open(path, encoder) as opened:
        assert any("vectors" in problem for problem in opened.check())
        opened.compact()
        assert opened.check() == []
        assert ids(opened, text(3), k=1) == ["3"]
