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
from kinspace.errors import EmptyInput, InvalidParameter, PathNotFound, ReadError

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
    with pytest.raises(EmptyInput):
        read.lines([])


def test_lines_of_several_files_and_folders(place: Place) -> None:
    place({"d/b.txt": "one\n", "d/a.txt.gz": gzip.compress(b"two\n"), "d/e/c.txt": "three"})
    place(
        {"f.txt": "four\n", "d/.hidden": "no", "d/x.png": b"\x89PNG\0", "d/y": b"\0\0", "d/z": ""}
    )
    place({"d/.gitignore": "e"})
    report = read.Report()
    stream = read.lines(["f.txt", "d"], report=report)
    assert list(stream) == list(stream) == ["four", "two", "one", "three"]
    assert {n.path: n.reason for n in report.skipped} == {
        "d/.gitignore": "hidden", "d/.hidden": "hidden",
        "d/x.png": "binary", "d/y": "binary", "d/z": "empty",
    }  # fmt: skip
    before = stream.version()
    assert before == read.lines(["f.txt", "d"]).version() != read.lines("d").version()
    place({"d/b.txt": "more\n"})
    assert stream.version() != before


def test_lines_packed_by_zstd(place: Place) -> None:
    zstandard = pytest.importorskip("zstandard")
    text = "".join(f"line {i} of a long text, naïve\n" for i in range(50_000))
    middle = len(text) // 2
    packed = b"".join(zstandard.compress(part.encode()) for part in (text[:middle], text[middle:]))
    assert list(read.lines(place({"a.txt.zst": packed}))) == text.splitlines()
    assert list(read.texts(place({"b.md.zst": zstandard.compress(b"# A\n\nword")})))
    for name, broken in (("c.zst", packed[:-9]), ("d.zst", b"not packed"), ("e.zst", packed[:20])):
        with pytest.raises(ReadError):
            list(read.lines(place({name: broken})))
    assert list(read.lines(place({"f.zst": b""}))) == []


def test_texts_know_their_version(place: Place) -> None:
    place({"d/a.txt": "one"})
    assert read.texts("d").version() == read.texts("d").version()
    assert read.texts("d").version() != read.texts("d", max_tokens=9).version()


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
