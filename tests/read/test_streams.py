"""Streams that start anew, the front of the package, and the report."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from kinspace import read
from kinspace.errors import InvalidParameter, PathNotFound, ReadError

Place = Callable[[dict[str, str | bytes]], Path]


def test_lines_start_anew(place: Place) -> None:
    path = place({"a.txt": "one\r\n\r\ntwo\rthree"})
    stream = read.lines(path)
    assert list(stream) == list(stream) == ["one", "", "two", "three"]
    both = zip(stream, stream, strict=True)
    assert next(both) == ("one", "one"), "two runs at once do not disturb each other"
    assert repr(stream) == "lines('a.txt')"
    assert list(read.lines(place({"empty.txt": ""}))) == []
    packed = place({"b.txt.gz": gzip.compress(b"x\ny\n")})
    assert list(read.lines(packed)) == ["x", "y"]


def test_lines_that_cannot_be_read(place: Place) -> None:
    with pytest.raises(PathNotFound):
        read.lines("nowhere.txt")
    binary = read.lines(place({"a.txt": b"\0\0"}))
    with pytest.raises(ReadError, match="binary"):
        list(binary)
    stream = read.lines(place({"b.txt": "x"}))
    Path("b.txt").unlink()
    with pytest.raises(PathNotFound):
        list(stream)
    Path("folder").mkdir()
    with pytest.raises(ReadError, match="not a file"):
        list(read.lines("folder"))


def test_texts_start_anew(place: Place) -> None:
    place({"d/a.txt": "one", "d/b.jsonl": '{"text": "two", "more": "three"}'})
    stream = read.texts("d", text_field="more")
    assert list(stream) == list(stream) == ["one", "three"]
    assert repr(stream) == "texts('d')"
    with pytest.raises(InvalidParameter):
        read.texts("d", max_tokens=-1)
    with pytest.raises(PathNotFound):
        list(read.texts("nowhere"))


def test_a_passage_is_frozen_and_small(place: Place) -> None:
    (passage,) = read.passages(place({"a.txt": "x"}))
    with pytest.raises(FrozenInstanceError):
        passage.text = "y"  # type: ignore[misc]
    assert not hasattr(passage, "__dict__")
    assert (passage.context, passage.document, passage.row) == ("", "a.txt", None)


def test_context_does_not_repeat_itself() -> None:
    passage = read.Passage("x", "a", 1, 1, ("Guide", "Install"), {"title": "Guide"})
    assert passage.context == "Guide › Install"
    assert read.Passage("x", "a", 1, 1, (), {"title": 3}).context == ""


def test_a_report_passes_notices_on() -> None:
    seen: list[read.Notice] = []
    report = read.Report(seen.append)
    report.add(read.Notice("a", "binary"))
    report.add(read.Notice("b", "broken row", "why", 3, skipped=False))
    assert [str(n) for n in seen] == ["a: binary", "b:3: broken row: why"]
    assert [n.path for n in report.skipped] == ["a"]
    assert [n.path for n in report.warnings] == ["b"]
    assert repr(read.Report()) == "Report(nothing to say)"


def test_importing_and_reading_text_is_light(place: Place) -> None:
    path = place({"a.txt": "words", "b.md": "# A\nb"})
    heavy = "{'pathspec', 'charset_normalizer', 'tokenizers', 'markitdown', 'scipy', 'torch'}"
    code = (
        "import sys; from kinspace import read\n"
        f"assert len(list(read.passages(['a.txt', 'b.md']))) == 2\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    source = Path(read.__file__).parents[2]
    environment = {"PYTHONPATH": str(source)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=path.parent,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]", done.stderr
