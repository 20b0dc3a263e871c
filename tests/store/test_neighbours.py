"""The neighbour index of a collection: made where it pays, grown, and held to its promise."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter, ReadError
from kinspace.index.files import read_arrays
from kinspace.index.ivf_scalar import IvfScalar
from kinspace.metric import Metric
from kinspace.space import Space
from kinspace.store import Collection, neighbours
from kinspace.store.care import salvage

DIM = 16
SPACE = Space("given", "0" * 16, DIM)
built: list[int] = []
"""How many vectors each index was made of."""


def weak(rows: NDArray[Any], metric: Metric, **asked: Any) -> IvfScalar:
    """An index that looks at one cell of eight, and so finds far too little."""
    built.append(len(rows))
    index = IvfScalar(DIM, metric, nlist=8, nprobe=1, dtype=str(rows.dtype), exact_below=0)
    index.refer(rows)
    index.tuned = {k: {"nprobe": 1, "candidates": 400} for k in (10, 100)}
    return index


def good(rows: NDArray[Any], metric: Metric, **asked: Any) -> IvfScalar:
    """One that looks at all cells."""
    index = weak(rows, metric, **asked)
    index.tuned = {k: {"nprobe": 8, "candidates": 400} for k in (10, 100)}
    return index


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "SMALLEST", {"dense": 1000})
    monkeypatch.setattr("kinspace.index.tune.build_index", good)
    built.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.kin"


def vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((count, DIM), np.float32)


def records(rows: NDArray[np.float32], first: int = 0) -> Any:
    return ({"id": str(first + i), "vector": row, "n": first + i} for i, row in enumerate(rows))


def found(opened: Collection, rows: NDArray[np.float32]) -> bool:
    """Whether each row, the last records of the collection, is found by itself."""
    first = len(opened) - len(rows)
    hits = [opened.search(row, k=1)[0].id for row in rows]
    return hits == [str(first + i) for i in range(len(rows))]


def test_what_is_promised_is_remembered_and_shown(path: Path) -> None:
    with Collection.open(path, space=SPACE) as opened:
        assert opened.info().recall == 0.95
        assert opened.info().found == opened.measure_recall() == []
    with Collection.open(path, recall=0.9) as opened:
        assert opened.info().recall == 0.9
        opened.add(records(vectors(1200)))
        assert opened.info().search == "IvfScalar over 1,200"
        assert [one["k"] for one in opened.info().found] == [10, 100]
        assert all(one["recall"] >= 0.99 for one in opened.info().found)
        assert opened.check() == []
    with Collection.open(path, read_only=True, recall=0.9) as opened:
        assert opened.info().recall == 0.9
        with pytest.raises(InvalidParameter, match="read"):
            Collection.open(path, read_only=True, recall=0.99)
    for wrong in (0, 1.1, -1, float("nan"), "high"):
        with pytest.raises(InvalidParameter, match="recall"):
            Collection.open(path, recall=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidParameter, match="recall"):
            Collection.open(path.with_name("new.kin"), space=SPACE, recall=wrong)  # type: ignore[arg-type]
    assert not path.with_name("new.kin").exists()
    salvage(path, path.with_name("saved.kin"))
    with Collection.open(path.with_name("saved.kin")) as opened:
        assert opened.info().recall == 0.9


def test_another_promise_is_kept_from_the_next_write_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collection.open(path, space=SPACE, recall=0.5) as opened:
        opened.add(records(vectors(1200)))
    asked = []
    monkeypatch.setattr(
        "kinspace.index.tune.build_index",
        lambda *args, **given: asked.append(given["recall"]) or good(*args, **given),
    )
    with Collection.open(path, recall=1.0) as opened:
        opened.flush()
        assert opened.info().search == "exact"
        assert "neighbours" not in opened.info().bytes
    with Collection.open(path, recall=0.97) as opened:
        opened.flush()
        assert opened.info().search == "IvfScalar over 1,200"
    assert len(asked) == 1 and asked[0] >= 0.97


def test_new_vectors_are_taken_in_and_many_make_it_anew(path: Path) -> None:
    rows = vectors(5000)
    with Collection.open(path, space=SPACE) as opened:
        opened.add(records(rows[:1200]))
        opened.add(records(rows[1200:1250], 1200))
        opened.flush()
        assert opened.info().search == "IvfScalar over 1,200"  # few are compared one and all
        assert found(opened, rows[1190:1250])
        opened.add(records(rows[1250:2200], 1250))
        assert opened.info().search == "IvfScalar over 2,200"
        assert built == [1200]
        assert found(opened, rows[2150:2200])
        opened.add(records(rows[2200:5000], 2200))
        assert opened.info().search == "IvfScalar over 5,000"
        assert built == [1200, 5000]
        opened.delete(where={"n": {"$lt": 1000}})
        assert opened.search(rows[5], k=1)[0].id != "5"
        opened.compact()
        assert built == [1200, 5000, 4000]
        assert opened.check() == []
    with Collection.open(path, read_only=True) as opened:
        assert [hit.id for hit in opened.search(rows[4000], k=1)] == ["4000"]
        assert [hit.id for hit in opened.search(rows[9], k=3, where={"n": {"$lt": 1003}})] != []


def test_too_little_is_set_right_or_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = vectors(3000)
    monkeypatch.setattr("kinspace.index.tune.build_index", weak)
    with Collection.open(path, space=SPACE) as opened, caplog.at_level(logging.WARNING):
        opened.add(records(rows))  # its options are set anew
        assert all(one.recall >= 0.95 for one in opened.measure_recall())
        assert not caplog.records
        monkeypatch.setattr("kinspace.index.tune.retune", lambda *args, **given: None)
        opened.compact()
        assert "of the 10 nearest are found where 95.0% were promised" in caplog.text
        measured = opened.measure_recall()
        assert measured[0].is_broken and measured[0].promised == 0.95
        assert measured[0].recall < 0.8
        for row in rows[:120]:
            opened.search(row + 0.01)
        assert opened.measure_recall()[0].queries == measured[0].queries + 120


def test_the_vectors_are_not_kept_twice(path: Path) -> None:
    with Collection.open(path, space=SPACE) as opened:
        opened.add(records(vectors(1200)))
        file = next((path / "derived").glob("neighbours-*.index"))
        with read_arrays(file, "IvfScalar") as (arrays, _):
            assert "ids" in arrays
            assert not [name for name in arrays if name.startswith("held")]
        with pytest.raises(ReadError):
            IvfScalar.load(file)
        IvfScalar.load(file, opened._view.vectors.rows)
        with pytest.raises(ReadError):
            IvfScalar.load(file, opened._view.vectors.rows[:1000])


@pytest.mark.parametrize("place", [0.0, 0.3, 0.5, 0.99])
def test_a_damaged_index_is_never_read(place: float, path: Path) -> None:
    rows = vectors(1500)
    with Collection.open(path, space=SPACE) as opened:
        opened.add(records(rows))
        file = next((path / "derived").glob("neighbours-*.index"))
        content = bytearray(file.read_bytes())
        content[int(place * len(content))] ^= 1
        status = file.stat()
        file.write_bytes(content)
        os_times = (status.st_atime_ns, status.st_mtime_ns)
        os.utime(file, ns=os_times)  # nothing tells that it has changed
        assert any("neighbours" in problem for problem in opened.check())
    with Collection.open(path, read_only=True) as opened:
        assert [opened.search(row, k=1)[0].id for row in rows[:20]] == [str(i) for i in range(20)]
        assert opened.measure_recall() == []
    with Collection.open(path) as opened:
        opened.compact()
        assert opened.check() == []


def test_an_index_of_an_earlier_version_is_made_anew(path: Path) -> None:
    with Collection.open(path, space=SPACE) as opened:
        opened.add(records(vectors(1500)))
        part = opened._view.neighbours
        del part.manifest.values["kept"]
        part.manifest.write(part.path)
    with Collection.open(path) as opened:
        assert any("earlier version" in repair for repair in opened.repairs)
        assert opened.info().search == "IvfScalar over 1,500"


def test_the_tuner_itself_chooses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(neighbours, "SMALLEST", {"dense": 1000})
    with Collection.open(path, space=SPACE) as opened:
        opened.add(records(vectors(1500)))
        assert opened.info().bytes["neighbours"]
        assert all(one.recall >= 0.95 for one in opened.measure_recall())
        assert found(opened, vectors(1500)[-30:])
