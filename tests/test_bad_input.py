"""Bad input, as a table: a typed error with a remedy or a sensible result, and nothing lost.

Each row has a name, what is done, and what comes of it: a class of error, or the result. The
collection that an action gets holds three records, which are still there afterwards.
"""
# ruff: noqa: E501 - a table has one row a line

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace import errors as e
from kinspace.cli import run
from kinspace.embeddings import Embeddings
from kinspace.read import ReadOptions
from kinspace.space import Space
from kinspace.store import Collection
from kinspace.store.sync import sync
from tests.toys import HashEncoder

RECORDS = [
    {"id": "cat", "text": "a cat sat on the mat", "year": 2019},
    {"id": "dog", "text": "the dog barks", "year": 2020},
    {"id": "car", "text": "a red car stops", "year": 2021},
]
NAN, INF = float("nan"), float("inf")


@dataclass
class Place:
    """Where an action takes place: an open collection, and a folder to write into."""

    opened: Collection
    folder: Path

    @property
    def path(self) -> Path:
        return self.opened.path

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """One collection for all rows, since none of them changes it."""
    path = tmp_path_factory.mktemp("bad") / "c.kin"
    with Collection.open(path, HashEncoder(dim=8)) as opened:
        opened.add(RECORDS)
        yield opened


@pytest.fixture
def place(shared: Collection, tmp_path: Path) -> Place:
    (tmp_path / "work").mkdir()
    return Place(shared, tmp_path / "work")


Action = Callable[[Place], Any]
TABLE: list[tuple[str, Action, Any]] = []
"""Name, action, and the class of error or the result."""


def row(name: str, expected: Any) -> Callable[[Action], Action]:
    """Add an action that takes more than an expression."""

    def add(action: Action) -> Action:
        TABLE.append((name, action, expected))
        return action

    return add


def add(record: Any) -> Action:
    return lambda p: p.opened.upsert([{"id": "new", "text": "new"}, record])


def ids(hits: list[Any]) -> list[str]:
    return sorted(hit.id for hit in hits)


ALL = ["car", "cat", "dog"]
circular: dict[str, Any] = {"id": "x", "text": "x"}
circular["self"] = circular
deep: Any = 1
for _ in range(100_000):
    deep = [deep]

TABLE += [
    # Queries
    ("empty query", lambda p: p.opened.search(""), e.EmptyInput),
    ("blank query", lambda p: p.opened.search(" \n\t "), e.EmptyInput),
    ("a query of punctuation", lambda p: p.opened.search("?!", mode="keyword"), []),
    ("a query of None", lambda p: p.opened.search(None), e.InvalidVectors),
    ("a query of bytes", lambda p: p.opened.search(b"cat"), e.InvalidVectors),
    ("a query of many texts", lambda p: p.opened.search(["cat", "dog"]), e.InvalidVectors),
    ("a query with NaN", lambda p: p.opened.search([NAN] * 8), e.InvalidVectors),
    ("a query too short", lambda p: p.opened.search([1.0] * 7), e.DimensionMismatch),
    ("two vectors at once", lambda p: p.opened.search(np.ones((2, 8))), e.DimensionMismatch),
    ("a query of no vectors", lambda p: p.opened.search(np.ones((0, 8))), e.DimensionMismatch),
    ("half a character", lambda p: p.opened.search("cat \ud800", k=1)[0].id, "cat"),
    ("NUL in a query", lambda p: p.opened.search("cat\0", k=1, mode="keyword")[0].id, "cat"),
    ("a query of 10,000 words", lambda p: len(p.opened.search("cat " * 10_000, k=3)), 3),
    ("a thousand different words", lambda p: len(p.opened.search(" ".join(f"w{i}" for i in range(1000)), k=3)), 3),
    ("odd signs", lambda p: ids(p.opened.search('+"cat -:"" title:( [', k=9, mode="keyword")), ["cat"]),
    ("k of 0", lambda p: p.opened.search("cat", k=0), e.InvalidParameter),
    ("k below 0", lambda p: p.opened.search("cat", k=-1), e.InvalidParameter),
    ("k as a text", lambda p: p.opened.search("cat", k="5"), e.InvalidParameter),
    ("k of a half", lambda p: p.opened.search("cat", k=2.5), e.InvalidParameter),
    ("k above the count", lambda p: ids(p.opened.search("cat", k=100)), ALL),
    ("k beyond all memory", lambda p: ids(p.opened.search("cat", k=10**15)), ALL),
    ("k beyond all memory, by words", lambda p: ids(p.opened.search("cat", 10**15, mode="keyword")), ["cat"]),
    ("negative offset", lambda p: p.opened.search("cat", offset=-1), e.InvalidParameter),
    ("offset behind the end", lambda p: p.opened.search("cat", offset=10**12), []),
    ("unknown mode", lambda p: p.opened.search("cat", mode="psychic"), e.InvalidParameter),
    ("another model's vector", lambda p: p.opened.search(HashEncoder(dim=8, seed=1).encode("x")), e.SpaceMismatch),
    ("unknown id in near", lambda p: p.opened.near("nobody"), e.IdNotFound),
    ("unknown id in vectors", lambda p: p.opened.vectors(["cat", "nobody"]), e.IdNotFound),
    ("unknown id in get", lambda p: p.opened.get("nobody"), None),
    ("an object as an id", lambda p: p.opened.get([object()]), e.InvalidInput),
    ("None as an id", lambda p: p.opened.get(None), e.InvalidInput),
    ("half a character as an id", lambda p: p.opened.get("\ud800"), e.InvalidInput),
    # Filters
    ("unknown operator", lambda p: p.opened.search("cat", where={"year": {"$near": 1}}), e.InvalidFilter),
    ("filter that is no dict", lambda p: p.opened.count(["year"]), e.InvalidFilter),
    ("filter that breaks off", lambda p: p.opened.count("year >"), e.InvalidFilter),
    ("filter with NaN", lambda p: p.opened.count({"year": NAN}), e.InvalidFilter),
    ("SQL in a filter", lambda p: p.opened.count("x' OR 1=1 --"), e.InvalidFilter),
    ("SQL in a path", lambda p: p.opened.count({"year') OR 1=1 --": 1}), 0),
    ("a number beyond all floats", lambda p: p.opened.count({"year": {"$lt": 10**500}}), 3),
    ("delete of nothing named", lambda p: p.opened.delete(), e.InvalidParameter),
    ("delete by a bad filter", lambda p: p.opened.delete(where={"$all": 1}), e.InvalidFilter),
    ("delete by ids and filter", lambda p: p.opened.delete(["cat"], where={}), e.InvalidParameter),
    ("delete of a number", lambda p: p.opened.delete([3.5]), e.InvalidInput),
    ("delete of unknown ids", lambda p: p.opened.delete(["nobody", 7]), 0),
    # Records
    ("record is a text", add("text"), e.InvalidInput),
    ("record is None", add(None), e.InvalidInput),
    ("records is one record", lambda p: p.opened.upsert({"id": "x", "text": "x"}), e.InvalidInput),
    ("records is a text", lambda p: p.opened.upsert("text"), e.InvalidInput),
    ("records is a number", lambda p: p.opened.upsert(3), e.InvalidInput),
    ("records is None", lambda p: p.opened.add(None), e.InvalidInput),
    ("no records", lambda p: p.opened.upsert([]), 0),
    ("id missing", add({"text": "x"}), e.InvalidInput),
    ("id None", add({"id": None, "text": "x"}), e.InvalidInput),
    ("id empty", add({"id": "", "text": "x"}), e.InvalidInput),
    ("id a boolean", add({"id": True, "text": "x"}), e.InvalidInput),
    ("id bytes", add({"id": b"x", "text": "x"}), e.InvalidInput),
    ("text missing", add({"id": "x"}), e.InvalidInput),
    ("text None", add({"id": "x", "text": None}), e.InvalidInput),
    ("text bytes", add({"id": "x", "text": b"x"}), e.InvalidInput),
    ("text with half a character", add({"id": "x", "text": "\udfff"}), e.InvalidInput),
    ("id with half a character", add({"id": "\udfff", "text": "x"}), e.InvalidInput),
    ("field with half a character", add({"id": "x", "text": "x", "f": ["\udfff"]}), e.InvalidInput),
    ("field is an object", add({"id": "x", "text": "x", "f": object()}), e.InvalidInput),
    ("field is bytes", add({"id": "x", "text": "x", "f": b"x"}), e.InvalidInput),
    ("field is a set", add({"id": "x", "text": "x", "f": {1}}), e.InvalidInput),
    ("field is NaN", add({"id": "x", "text": "x", "f": [NAN]}), e.InvalidInput),
    ("field is infinite", add({"id": "x", "text": "x", "f": np.float32(INF)}), e.InvalidInput),
    ("field holds itself", add(circular), e.InvalidInput),
    ("field is very deep", add({"id": "x", "text": "x", "f": deep}), e.InvalidInput),
    ("name of a field is a number", add({"id": "x", "text": "x", 3: 4}), e.InvalidInput),
    ("duplicate ids to add", lambda p: p.opened.add([{"id": "x", "text": "1"}, {"id": "x", "text": "2"}]), e.DuplicateId),
    ("an id in use to add", lambda p: p.opened.add([{"id": "cat", "text": "2"}]), e.DuplicateId),
    ("vector with NaN", add({"id": "x", "vector": [NAN] * 8}), e.InvalidVectors),
    ("vector with infinity", add({"id": "x", "vector": [INF] * 8}), e.InvalidVectors),
    ("vector too short", add({"id": "x", "vector": [1.0] * 7}), e.DimensionMismatch),
    ("vector of texts", add({"id": "x", "vector": ["a"] * 8}), e.InvalidVectors),
    ("vector of lists of two lengths", add({"id": "x", "vector": [[1], [1, 2]]}), e.InvalidVectors),
    ("vector of three axes", add({"id": "x", "vector": np.ones((1, 1, 8))}), e.InvalidVectors),
    ("two vectors", add({"id": "x", "vector": np.ones((2, 8))}), e.InvalidInput),
    ("vector too large for float16", add({"id": "x", "vector": [1e6] * 8}), e.InvalidVectors),
    ("vector too large for float32", add({"id": "x", "vector": [1e60] * 8}), e.InvalidVectors),
    # Collections
    ("missing collection", lambda p: Collection.open(p.folder / "none.kin", create=False), e.CollectionNotFound),
    ("missing, for reading", lambda p: Collection.open(p.folder / "none.kin", read_only=True), e.CollectionNotFound),
    ("a folder that is missing too", lambda p: Collection.open(p.folder / "a/b/none.kin", create=False), e.CollectionNotFound),
    ("another model's collection", lambda p: Collection.open(p.path, HashEncoder(dim=8, seed=9)), e.SpaceMismatch),
    ("unknown type of number", lambda p: Collection.open(p.folder / "n.kin", HashEncoder(), dtype="int4"), e.InvalidParameter),
    ("the path is a file", lambda p: Collection.open(p.file("a.txt", "x"), HashEncoder()), e.InvalidParameter),
    ("a folder below a file", lambda p: Collection.open(p.file("a.txt", "x") / "c.kin", HashEncoder()), e.KinspaceError),
    ("a folder of other files", lambda p: Collection.open(p.file("d/a.txt", "x").parent, HashEncoder()), e.InvalidParameter),
    ("a path with NUL", lambda p: Collection.open(str(p.folder) + "/a\0b", HashEncoder()), e.KinspaceError),
    ("writing while another writes", lambda p: Collection.open(p.path, HashEncoder(dim=8)).delete(["cat"]), e.StoreLocked),
    ("writing to what was opened for reading", lambda p: Collection.open(p.path, HashEncoder(dim=8), read_only=True).delete(["cat"]), e.ReadOnlyStore),
    # Spaces, models and embeddings
    ("unknown metric", lambda p: Space("m", "0" * 16, 3, "angular"), e.InvalidParameter),
    ("unknown form", lambda p: Space("m", "0" * 16, 3, form="odd"), e.InvalidParameter),
    ("a space of no dimensions", lambda p: Space("m", "0" * 16, 0), e.InvalidParameter),
    ("unknown model", lambda p: ks.load("no-such-model-anywhere"), e.ModelNotFound),
    ("a damaged model", lambda p: ks.load(p.file("m/config.json", "{").parent).encode("x"), e.KinspaceError),
    ("an empty folder as a model", lambda p: ks.load(p.folder), e.KinspaceError),
    ("encode(None)", lambda p: HashEncoder().encode(None), e.InvalidInput),
    ("encode(3)", lambda p: HashEncoder().encode(3), e.InvalidInput),
    ("encode([1, 2])", lambda p: ks.load().encode([1, 2]), e.InvalidInput),
    ("encode([None])", lambda p: ks.load().encode([None]), e.InvalidInput),
    ("encode half a character", lambda p: HashEncoder().encode(["\ud800"]), e.InvalidInput),
    ("encode nothing", lambda p: ks.load().encode([]).shape[0], 0),
    ("encode an empty text", lambda p: bool(np.isfinite(ks.load().encode("").vectors).all()), True),
    ("embeddings with NaN", lambda p: Embeddings([[NAN, 1]], Space("m", "0" * 16, 2)), e.InvalidVectors),
    ("embeddings of two models", lambda p: HashEncoder(8).encode("x").similarity(HashEncoder(8, 1).encode("x")), e.SpaceMismatch),
    ("missing embeddings", lambda p: Embeddings.load(p.folder / "none.safetensors"), e.PathNotFound),
    ("damaged embeddings", lambda p: Embeddings.load(p.file("e.safetensors", b"\x10" * 99)), e.ReadError),
    ("a folder as embeddings", lambda p: Embeddings.load(p.folder), e.PathNotFound),
    # Files
    ("an empty folder", lambda p: sync(p.opened, p.folder).passages, 0),
    ("a missing path", lambda p: sync(p.opened, p.folder / "none"), e.PathNotFound),
    ("a path with NUL in sync", lambda p: sync(p.opened, "a\0b"), e.KinspaceError),
    ("options out of range", lambda p: sync(p.opened, p.folder, ReadOptions(max_tokens=0)), e.InvalidParameter),
]  # fmt: skip


@row("a NUL in a text is kept", "a\0b")
def _(p: Place) -> Any:
    p.opened.upsert([{"id": "x", "text": "a\0b"}])
    found = p.opened.get("x")
    assert ids(p.opened.search("b", mode="keyword")) == ["x"]
    p.opened.delete(["x"])
    return found["text"] if found else None


@row("of equal ids in an upsert the last counts", "second")
def _(p: Place) -> Any:
    p.opened.upsert([{"id": "x", "text": "first"}, {"id": "x", "text": "second"}])
    found = p.opened.get("x")
    assert p.opened.delete(["x"]) == 1
    return found["text"] if found else None


@row("a number as an id is its text", "7")
def _(p: Place) -> Any:
    p.opened.upsert([{"id": 7, "text": "seven"}])
    found = p.opened.get([7])[0]
    assert p.opened.delete([7]) == 1
    return found["id"] if found else None


@row("numpy's numbers and dates in fields", {"n": 3, "x": 0.5, "flag": True, "day": "2020-01-31"})
def _(p: Place) -> Any:
    from datetime import date

    fields = {"n": np.int64(3), "x": np.float32(0.5), "flag": np.bool_(True)}
    p.opened.upsert([{"id": "x", "text": "", **fields, "day": date(2020, 1, 31)}])
    found = dict(p.opened.get("x") or {})
    p.opened.delete(["x"])
    return {name: found[name] for name in ("n", "x", "flag", "day")}


@row("a bad record behind good batches", e.InvalidInput)
def _(p: Place) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinspace.store.collection.BATCH", 2)
        records = [{"id": f"x{i}", "text": "x"} for i in range(4)]
        try:
            p.opened.upsert([*records, {"id": "", "text": "x"}])
        finally:
            assert p.opened.delete([f"x{i}" for i in range(4)]) == 4  # what was acknowledged


@row("used after close", e.StoreClosed)
def _(p: Place) -> Any:
    other = Collection.open(p.folder / "o.kin", HashEncoder())
    other.close()
    other.close()
    for use in (other.count, lambda: other.get("x"), lambda: other.search("x"), other.check):
        with pytest.raises(e.StoreClosed):
            use()
    other.upsert([])


@row("a newer format", e.NewerFormat)
def _(p: Place) -> Any:
    path = p.folder / "newer.kin"
    Collection.open(path, HashEncoder()).close()
    with sqlite3.connect(path / "collection.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    Collection.open(path, HashEncoder())


@row("a damaged model in a file", e.KinspaceError)
def _(p: Place) -> Any:
    ks.load().save(p.folder / "model")
    table = p.folder / "model" / "model.safetensors"
    os.truncate(table, table.stat().st_size // 2)
    ks.load(p.folder / "model")


@row("a line of 50 MB", 1)
def _(p: Place) -> Any:
    file = p.file("line.txt", b"word " * 10_000_000)
    with pytest.MonkeyPatch.context() as patch:
        # Encoding a quarter of a million passages is not what is tested here.
        patch.setattr(HashEncoder, "_encode_batch", lambda s, items, side: np.ones((len(items), 8)))
        report = sync(p.opened, file, ReadOptions(max_tokens=20_000, overlap=0))
    assert report.passages > 100
    p.opened.delete(where={"path": {"$exists": True}})
    return len(report.added)


@row("a JSON row of 5 MB on one line", 1)
def _(p: Place) -> Any:
    file = p.file("row.jsonl", '{"text": "' + "x" * 5_000_000 + '"}')
    report = sync(p.opened, file, ReadOptions(max_tokens=100_000, overlap=0))
    p.opened.delete(where={"path": {"$exists": True}})
    return len(report.added)


@row("bytes that are no UTF-8", "invalid bytes")
def _(p: Place) -> Any:
    file = p.file("a.txt", "Grüße an alle. ".encode() * 40 + b"\xff\xfe\xfd broken \x80 end")
    report = sync(p.opened, file)
    assert p.opened.search("broken", k=1, mode="keyword")
    p.opened.delete(where={"path": {"$exists": True}})
    return report.notices[0].reason


@row("a folder that holds a link to itself", 1)
def _(p: Place) -> Any:
    p.file("d/a.txt", "one text")
    (p.folder / "d" / "loop").symlink_to(p.folder / "d", target_is_directory=True)
    (p.folder / "d" / "dead").symlink_to(p.folder / "nowhere")
    counts = [sync(p.opened, p.folder, ReadOptions(follow_links=f)).passages for f in (False, True)]
    p.opened.delete(where={"path": {"$exists": True}})
    return sum(counts)


@row("a file without permission", ["no permission"])
def _(p: Place) -> Any:
    p.file("a.txt", "a text")
    with pytest.MonkeyPatch.context() as patch:
        real = open

        def refused(path: Any, *args: Any, **kwargs: Any) -> Any:
            if str(path).endswith("a.txt"):
                raise PermissionError(13, "Permission denied")
            return real(path, *args, **kwargs)

        patch.setattr("builtins.open", refused)  # root may read everything
        return [notice.reason for notice in sync(p.opened, p.folder).notices]


@row("a file that vanishes on the way", ["vanished"])
def _(p: Place) -> Any:
    file = p.file("a.txt", "a text")
    return [
        n.reason for n in sync(p.opened, p.folder, progress=lambda *_: file.unlink(missing_ok=True)).notices
    ]  # fmt: skip


@row("a file that says nothing", 0)
def _(p: Place) -> Any:
    p.file("a.txt", "")
    p.file("b.txt", " \n ")
    p.file("c.bin", bytes(range(256)))
    return sync(p.opened, p.folder).passages


@row("a folder that cannot be written", e.StoreError)
def _(p: Place) -> Any:
    path = p.folder / "r.kin"
    Collection.open(path, HashEncoder()).close()
    (path / "writer.lock").unlink(missing_ok=True)
    (path / "writer.lock").mkdir()  # what open(…, "a") cannot open, also as root
    with Collection.open(path, HashEncoder()) as opened:
        opened.upsert([{"id": "x", "text": "x"}])


NAMES = [name for name, _, _ in TABLE]


def test_the_table_is_long_enough() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 40


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize(("name", "action", "expected"), TABLE, ids=NAMES)
def test_bad_input(name: str, action: Action, expected: Any, place: Place) -> None:
    if isinstance(expected, type) and issubclass(expected, e.KinspaceError):
        with pytest.raises(expected) as raised:
            action(place)
        assert raised.value.message
        assert raised.value.remedy, raised.value.message
    else:
        assert action(place) == expected
    # Nothing lost, and nothing half done.
    assert list(place.opened.records()) == RECORDS
    assert place.opened.get(["cat", "new", "x"]) == [RECORDS[0], None, None]
    assert ids(place.opened.search("cat", k=9)) == ALL
    assert place.opened.check() == []


COMMANDS: list[tuple[str, list[str], int]] = [
    ("no query", ["search"], 2),
    ("empty query", ["search", "", "-c", "{c}"], 1),
    ("no such collection", ["search", "cat", "-c", "{w}/none.kin"], 1),
    ("no such path", ["search", "cat", "{w}/none"], 1),
    ("a collection and files", ["search", "cat", "{w}", "-c", "{c}"], 1),
    ("bad filter", ["search", "cat", "-c", "{c}", "--where", "year >", "--mode", "keyword"], 1),
    ("k of 0", ["search", "cat", "-c", "{c}", "-k", "0"], 1),
    ("k as a text", ["search", "cat", "-c", "{c}", "-k", "many"], 2),
    ("unknown mode", ["search", "cat", "-c", "{c}", "--mode", "psychic"], 2),
    ("unknown option", ["search", "cat", "--colour"], 2),
    ("unknown command", ["sing"], 2),
    ("index of nothing", ["index", "-c", "{w}/new.kin"], 2),
    ("index of a missing path", ["index", "{w}/none", "-c", "{w}/new.kin"], 1),
    ("index with another model", ["index", "{w}", "-c", "{c}", "--model", "default"], 1),
    ("index into a file", ["index", "{w}", "-c", "{w}/a.txt"], 1),
    ("info of nothing", ["info", "{w}/none.kin"], 1),
    ("info of a text file", ["info", "{w}/a.txt"], 1),
    ("salvage onto something", ["info", "{c}", "--salvage", "{w}"], 1),
    ("compact of nothing", ["compact", "{w}/none.kin"], 1),
    ("near nobody", ["near", "{c}", "nobody"], 1),
    ("encode nothing", ["encode"], 1),
    ("encode into something odd", ["encode", "x", "-o", "{w}/x.csv"], 1),
    ("encode a missing file", ["encode", "-i", "{w}/none.txt"], 1),
    ("an unknown model", ["encode", "x", "--model", "no-such-model"], 1),
    ("models show of an unknown one", ["models", "show", "no-such-model"], 1),
]


@pytest.mark.parametrize(("name", "command", "code"), COMMANDS, ids=[c[0] for c in COMMANDS])
def test_bad_commands(
    name: str, command: list[str], code: int, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.file("a.txt", "a text")
    filled = [one.format(c=place.path, w=place.folder) for one in command]
    assert run(filled) == code
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.rstrip("\n").split("\n")
    assert lines[0].startswith("error: ")
    assert "Traceback" not in told.err
    assert 1 <= len(lines) <= 2
    assert len(lines) == 2, "no remedy"
    assert sorted(path.name for path in place.folder.iterdir()) == ["a.txt"]
    assert list(place.opened.records()) == RECORDS
