"""Parts are made anew while others search and write, and what is not finished counts for nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.store import Collection, neighbours
from kinspace.store.keywords import KeywordIndex
from kinspace.store.neighbours import NeighbourIndex
from kinspace.store.parts import Part
from kinspace.store.vectors import VectorTable
from tests.toys import HashEncoder

ENCODER = HashEncoder(dim=24)
PARTS: list[type[Part]] = [VectorTable, KeywordIndex, NeighbourIndex]


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "SMALLEST", {"dense": 200})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.kin"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def records(first: int, last: int) -> Any:
    return ({"id": str(i), "text": f"animal number{i}", "n": i} for i in range(first, last))


class Held:
    """Holds the making of a part until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, part: type[Part]) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        plain: Callable[..., None] = part._append

        def waiting(this: Part, database: Any) -> None:
            plain(this, database)
            if threading.current_thread() is not threading.main_thread():
                self.begun.set()
                assert self.go_on.wait(30)

        monkeypatch.setattr(part, "_append", waiting)


@pytest.mark.parametrize("part", PARTS)
def test_others_search_and_write_meanwhile(
    part: type[Part], path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collection.open(path, ENCODER) as opened:
        opened.add(records(0, 700))
        opened.delete(str(i) for i in range(50))
        held = Held(monkeypatch, part)
        done: Future[Any] = pool.submit(opened.compact)
        assert held.begun.wait(30)
        for mode in ("dense", "keyword", "hybrid"):
            assert opened.search("number300", k=1, mode=mode)[0].id == "300"  # type: ignore[arg-type]
        opened.add(records(700, 1400))
        opened.upsert([{"id": "60", "text": "changed number9999"}])
        opened.delete(["61", "1399"])
        assert opened.search("number1300", k=1)[0].id == "1300"
        assert opened.search("number9999", k=1)[0].id == "60"
        with Collection.open(path, ENCODER, read_only=True) as reader:
            assert reader.search("number1300", k=1)[0].id == "1300"
        assert not done.done()
        held.go_on.set()
        assert done.result(30).after > 0
        monkeypatch.undo()
        wanted = {str(i) for i in range(50, 1399)} - {"61"}
        assert {hit.id for hit in opened.search("number", k=2000, mode="dense")} == wanted
        assert {hit.id for hit in opened.search("animal", k=2000, mode="keyword")} == wanted - {
            "60"
        }
        assert opened.check() == []
    with Collection.open(path, ENCODER) as opened:
        assert opened.repairs == []
        assert {record["id"] for record in opened.records()} == wanted


def test_an_index_that_is_due_is_made_while_others_search_and_write(
    path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collection.open(path, ENCODER) as opened:
        held = Held(monkeypatch, NeighbourIndex)
        done = pool.submit(lambda: opened.add(records(0, 700)))
        assert held.begun.wait(30)
        assert opened.search("number300", k=1)[0].id == "300"
        opened.add(records(700, 720))  # does not wait for the index either
        assert len(opened) == 720 and not done.done()
        held.go_on.set()
        assert done.result(30) == 700
        assert opened.info().bytes["neighbours"]
        assert opened.check() == []


@pytest.mark.parametrize("part", PARTS)
def test_what_was_not_finished_leaves_nothing(
    part: type[Part], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collection.open(path, ENCODER) as opened:
        opened.add(records(0, 700))
        opened.delete(str(i) for i in range(50))
        opened.flush()
        before = sorted(p.relative_to(path) for p in (path / "derived").rglob("*"))
        monkeypatch.setattr(part, "_open", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            opened.compact()
        monkeypatch.undo()
        assert sorted(p.relative_to(path) for p in (path / "derived").rglob("*")) == before
        assert len(opened.search("number", k=2000, mode="dense")) == 650
        assert opened.search("number300", k=1)[0].id == "300"
        assert opened.check() == []
        opened.compact()
        assert opened.check() == []


def _interrupted(part: Part) -> None:
    raise KeyboardInterrupt


def test_one_is_made_after_the_other_and_closing_waits(
    path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Collection.open(path, ENCODER)
    opened.add(records(0, 700))
    held = Held(monkeypatch, VectorTable)
    first = pool.submit(opened.compact)
    assert held.begun.wait(30)
    second = pool.submit(opened.compact)
    assert not first.done() and not second.done()
    held.go_on.set()
    for one in (first, second):
        assert one.result(60).after > 0
    held.go_on.clear()
    held.begun.clear()
    third = pool.submit(opened.compact)
    assert held.begun.wait(30)
    closing = pool.submit(opened.close)
    assert not closing.done()
    held.go_on.set()
    closing.result(60)
    assert third.result(60).after > 0
    with Collection.open(path, ENCODER, read_only=True) as again:
        assert again.check() == []
        assert len(again) == 700


def test_a_filter_is_looked_up_once_until_something_changes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collection.open(path, ENCODER) as opened:
        opened.add(records(0, 300))
        asked: list[str] = []
        plain = opened._database.seqs_where

        def counted(condition: str, values: Any) -> Any:
            asked.append(condition)
            return plain(condition, values)

        monkeypatch.setattr(opened._database, "seqs_where", counted)
        where = {"n": {"$lt": 100}}
        first = opened.search("animal number250", k=200, where=where, mode="dense")
        assert len(first) == 100
        assert opened.search("animal number250", k=200, where=where, mode="dense") == first
        assert len(asked) == 1
        assert len(opened.search("animal", k=200, where={"n": {"$lt": 99}}, mode="dense")) == 99
        assert len(opened.search("animal", k=200, where={"n": 1}, mode="dense")) == 1
        assert len(opened.search("animal", k=200, where={"n": True}, mode="dense")) == 0
        opened.delete(["7"])
        assert len(opened.search("animal", k=200, where=where, mode="dense")) == 99
        with Collection.open(path, ENCODER, read_only=True) as reader:
            assert len(reader.search("animal", k=200, where=where, mode="dense")) == 99
            opened.upsert([{"id": "new", "text": "animal", "n": 5}])
            assert len(reader.search("animal", k=200, where=where, mode="dense")) == 100
            assert np.isin("new", [hit.id for hit in reader.search("animal", where=where)])
