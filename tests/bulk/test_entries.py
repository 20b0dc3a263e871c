"""What is encoded out of files: one entry for each line, row, passage or image."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from kinspace.bulk import Entries, Entry
from kinspace.errors import InvalidParameter, PathNotFound, ReadError


def test_lines_of_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("a\n\n  b \nc")
    entries = Entries(path)
    assert list(entries) == [(0, "a"), (1, ""), (2, "  b "), (3, "c")]
    assert list(entries) == list(entries), "it starts anew"
    assert entries.share == 1.0
    (tmp_path / "t.txt.gz").write_bytes(gzip.compress(b"a\nb\n"))
    packed = Entries(tmp_path / "t.txt.gz")
    assert list(packed) == [(0, "a"), (1, "b")]
    assert packed.share is None
    (tmp_path / "none.txt").write_text("")
    assert list(Entries(tmp_path / "none.txt")) == []


def test_rows_with_fields(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = [{"key": i, "title": f"title {i}", "body": f"body {i}"} for i in range(3)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert list(Entries(path, field="body")) == [(i, f"body {i}") for i in range(3)]
    assert list(Entries(path, field="title", id_field="key"))[1] == ("1", "title 1")
    table = tmp_path / "t.csv"
    table.write_text('key,text\n7,"two\nlines"\n8,one\n')
    assert list(Entries(table, id_field="key")) == [("7", "two\nlines"), ("8", "one")]
    assert [one.id for one in Entries(table)] == [0, 1]
    with pytest.raises(ReadError, match="nobody"):
        list(Entries(path, field="nobody"))


def test_rows_that_are_left_out_leave_the_others_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\nbroken\n{"text": ""}\n\n{"text": "d"}\n')
    entries = Entries(path)
    assert list(entries) == [(0, "a"), (4, "d")]
    assert entries.left_out == 2


def test_several_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.md").write_text("# Title\n\nA passage.\n")
    found = list(Entries([tmp_path / "a.txt", tmp_path / "docs"]))
    assert found[:2] == [(f"{tmp_path}/a.txt:0", "one"), (f"{tmp_path}/a.txt:1", "two")]
    assert found[2].id == f"{tmp_path}/docs/b.md#0"
    assert "A passage." in found[2].item


def test_images_are_given_as_paths(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.txt"):
        (tmp_path / name).write_bytes(b"text\n")
    named = list(Entries([tmp_path / "b.png", tmp_path / "a.JPG"]))
    assert named == [(str(tmp_path / n), tmp_path / n) for n in ("b.png", "a.JPG")]
    found = [one.item.name for one in Entries(tmp_path, images=True)]
    assert found == ["a.JPG", "b.png"]
    assert [one.item for one in Entries(tmp_path)] == ["text"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a\r\nb\n"))
    assert list(Entries("-")) == [Entry(0, "a"), Entry(1, "b")]
    monkeypatch.setattr("sys.stdin", io.StringIO('{"id": "x", "t": "a"}\n'))
    assert list(Entries("-", field="t", id_field="id")) == [("x", "a")]


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        Entries(tmp_path / "none.txt")
    with pytest.raises(InvalidParameter):
        Entries(["-", "other.txt"])
    (tmp_path / "x.bin").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(ReadError):
        list(Entries(tmp_path / "x.bin"))
    (tmp_path / "x.json").write_text('{"a": 1}')
    with pytest.raises(ReadError):
        list(Entries(tmp_path / "x.json"))
