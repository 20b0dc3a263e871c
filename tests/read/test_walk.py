"""Which files of a folder are read, and that the others are reported."""

from __future__ import annotations

import inspect
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kinspace import read
from kinspace.errors import EmptyInput, PathNotFound, ReadError

Place = Callable[[dict[str, str | bytes]], Path]


def names(*paths: str, report: read.Report | None = None, **options: object) -> list[str]:
    found = read.sources(paths, read.ReadOptions(**options), report=report or read.Report())  # type: ignore[arg-type]
    return [source.path for source in found]


def reasons(report: read.Report) -> dict[str, str]:
    return {n.path: n.reason for n in report.skipped}


def test_a_folder_in_the_order_of_names(place: Place) -> None:
    place({"d/b.txt": "b", "d/a/z.md": "z", "d/c.py": "c", "d/B.txt": "B"})
    assert names("d") == ["d/B.txt", "d/a/z.md", "d/b.txt", "d/c.py"]
    assert names("d/") == names("./d") == names("d")
    assert names(".") == names("d")
    absolute = str(Path("d").absolute())
    assert names(absolute)[0] == f"{absolute}/B.txt"
    source = next(read.sources("d/a"))
    assert (source.size, source.kind, source.named) == (1, "markdown", False)
    assert source.mtime_ns == Path("d/a/z.md").stat().st_mtime_ns


def test_what_is_passed_over_is_reported(place: Place) -> None:
    place(
        {
            "d/.hidden": "x",
            "d/.dir/a.txt": "x",
            "d/node_modules/a.js": "x",
            "d/env/pyvenv.cfg": "x",
            "d/notes.kin/db": "x",
            "d/a.png": "x",
            "d/a.min.js": "x",
            "d/uv.lock": "x",
            "d/big.txt": "x" * 100,
            "d/data.tar.gz": "x",
            "d/.gitignore": "*.log\n",
            "d/a.log": "x",
            "d/ok.txt": "x",
        }
    )
    report = read.Report()
    assert names("d", report=report, max_bytes=50) == ["d/ok.txt"]
    assert reasons(report) == {
        "d/.hidden": "hidden",
        "d/.dir": "hidden",
        "d/.gitignore": "hidden",
        "d/node_modules": "generated",
        "d/env": "generated",
        "d/notes.kin": "collection",
        "d/a.png": "binary",
        "d/a.min.js": "generated",
        "d/uv.lock": "generated",
        "d/big.txt": "too large",
        "d/data.tar.gz": "binary",
        "d/a.log": "ignored",
    }
    assert report.about("d/a.log")[0].detail == "by .gitignore"
    assert report.summary().startswith("12 skipped (4 generated, 3 hidden, 2 binary")
    assert names("d", hidden=True, max_bytes=50) == [
        "d/.dir/a.txt",
        "d/.gitignore",
        "d/.hidden",
        "d/ok.txt",
    ]


def test_a_file_given_by_name_is_always_read(place: Place) -> None:
    place({"d/.gitignore": "*\n", "d/.a.log": "log", "d/big.txt": "x" * 100, "d/a.lock": "lock"})
    given = ["d/.a.log", "d/big.txt", "d/a.lock"]
    assert names("d", max_bytes=10) == []
    assert names(*given, max_bytes=10) == given
    assert names("d", *given, max_bytes=10) == given
    assert [p.text for p in read.passages("d/.a.log")] == ["log"]


def test_nothing_is_read_twice(place: Place) -> None:
    place({"d/a.txt": "a", "d/sub/b.txt": "b"})
    assert names("d", "d/a.txt", "d", "d/sub", "./d/a.txt") == ["d/a.txt", "d/sub/b.txt"]


def test_ignore_files_of_all_levels(place: Place) -> None:
    place(
        {
            "r/.git/info/exclude": "excluded.txt\n",
            "r/.gitignore": "*.log\nbuild/\n!keep.log\n/top.txt\n",
            "r/.kinignore": "secret*\n!*.log.txt\n",
            "r/sub/.gitignore": "!again.log\ndeep/*\n!deep/kept.txt\n",
            **dict.fromkeys(
                (
                    *("r/a.log", "r/keep.log", "r/build/a.txt", "r/top.txt", "r/sub/top.txt"),
                    *("r/sub/again.log", "r/sub/b.log", "r/sub/deep/x.txt", "r/sub/deep/kept.txt"),
                    *("r/secret.txt", "r/excluded.txt", "r/sub/excluded.txt"),
                ),
                "x",
            ),
        }
    )
    inside = ["r/sub/again.log", "r/sub/deep/kept.txt", "r/sub/top.txt"]
    assert names("r") == ["r/keep.log", *inside]
    assert names("r/sub") == inside, "rules above the folder hold too"
    assert names("r/build") == ["r/build/a.txt"], "unless they exclude what was asked for"
    assert names("r", ignore=("sub", "*.txt")) == ["r/keep.log"]
    assert names("r", ignore="!a.log")[:2] == ["r/a.log", "r/keep.log"]
    assert len(names("r", ignore_files=False)) == 12


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("seed", range(12))
def test_the_same_files_as_git(place: Place, seed: int) -> None:
    choose = random.Random(seed)
    folders = ["", "a/", "a/b/", "c/", "c/a/", "c/a/b/"]
    files = [f + n for f in folders for n in ("x.txt", "y.log", "a b.txt", "z", "build/out.txt")]
    patterns = [
        *("*.log", "!*.log", "a/", "/a", "build", "!build/", "**/b/x.txt", "c/**", "!c/a/**", "z"),
        *(
            "*.txt",
            "!x.txt",
            "a/*",
            "# note",
            "",
            "!",
            "[xy].*",
            "a\\ b.txt",
            "/c/*/z",
            "**/build/",
        ),
        *("x.txt ", "?.txt", "!/a/b"),
    ]
    ignores = {
        f"r/{folder}.gitignore": "\n".join(choose.sample(patterns, choose.randint(1, 5))) + "\n"
        for folder in choose.sample(folders, choose.randint(1, 4))
    }
    place({f"r/{f}": "x" for f in files} | ignores)
    run = ["git", "-c", "core.excludesFile=/dev/null", "-C", "r"]
    subprocess.run([*run, "init", "-q"], check=True)
    listing = subprocess.run(
        [*run, "ls-files", "-zo", "--exclude-standard"], check=True, capture_output=True, text=True
    ).stdout
    expected = {f"r/{f}" for f in listing.split("\0") if f and not f.endswith(".gitignore")}
    assert set(names("r")) == expected


def test_a_loop_of_links(place: Place) -> None:
    place({"d/a/x.txt": "x", "d/b/y.txt": "y", "outside/z.txt": "z"})
    Path("d/a/up").symlink_to("..", target_is_directory=True)
    Path("d/b/there").symlink_to("../../outside", target_is_directory=True)
    Path("d/self").symlink_to("self")
    Path("d/dead").symlink_to("nowhere")
    report = read.Report()
    assert names("d", report=report) == ["d/a/x.txt", "d/b/y.txt"]
    assert set(reasons(report).values()) == {"link"}
    report = read.Report()
    followed = ["d/a/x.txt", "d/b/there/z.txt", "d/b/y.txt"]
    assert names("d", report=report, follow_links=True) == followed
    assert reasons(report)["d/a/up"] == "link"
    assert {reasons(report)[p] for p in ("d/self", "d/dead")} <= {"vanished", "unreadable"}
    Path("root").symlink_to("d", target_is_directory=True)
    assert names("root") == ["root/a/x.txt", "root/b/y.txt"], "a link that was named is followed"


def test_folders_nested_deeper_than_python_calls(place: Place) -> None:
    depth = 300
    place({f"{'d/' * depth}a.txt": "x"})
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 150)
    try:
        assert names("d") == [f"{'d/' * depth}a.txt"]
    finally:
        sys.setrecursionlimit(limit)


def test_what_does_not_exist(place: Place) -> None:
    place({"a.txt": "x"})
    for missing in ("nowhere", "a.txt/b", "", "a\0b"):
        with pytest.raises(PathNotFound):
            read.passages(["a.txt", missing])
    with pytest.raises(EmptyInput):
        read.passages([])


def test_an_empty_folder_and_an_empty_file(place: Place) -> None:
    place({"d/blank.txt": " \n\n", "d/none.txt": ""})
    Path("empty").mkdir()
    assert list(read.passages("empty")) == []
    report = read.Report()
    assert list(read.passages("d", report=report)) == []
    assert reasons(report) == {"d/none.txt": "empty"}
    assert list(read.passages("d/none.txt")) == []


def test_no_permission(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, for whom there is always permission; so it is refused here."""
    place({"d/a.txt": "a", "d/shut.txt": "b", "d/shut/c.txt": "c", "d/z.txt": "z"})
    real_open, real_scan = Path.open, os.scandir

    def refuse_open(path: Path, *args: object, **kwargs: object) -> object:
        if path.name == "shut.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *args, **kwargs)  # type: ignore[arg-type]

    def refuse_scan(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return real_scan(path)

    monkeypatch.setattr(Path, "open", refuse_open)
    monkeypatch.setattr(os, "scandir", refuse_scan)
    report = read.Report()
    assert [p.text for p in read.passages("d", report=report)] == ["a", "z"]
    assert reasons(report) == {"d/shut": "no permission", "d/shut.txt": "no permission"}
    with pytest.raises(ReadError, match="no permission"):
        list(read.passages("d/shut.txt"))
    with pytest.raises(ReadError, match="Permission denied"):
        list(read.passages("d/shut"))


def test_a_file_that_vanishes_mid_run(place: Place) -> None:
    place({"d/a.txt": "a", "d/b.txt": "b", "d/c.txt": "c", "d/sub/e.txt": "e"})
    report = read.Report()
    stream = read.passages("d", report=report)
    assert next(stream).text == "a"
    Path("d/b.txt").unlink()
    shutil.rmtree("d/sub")
    assert [p.text for p in stream] == ["c"]
    assert reasons(report) == {"d/b.txt": "vanished", "d/sub": "vanished"}
    stream = read.passages(["d/a.txt", "d/c.txt"])
    next(stream)
    Path("d/c.txt").unlink()
    with pytest.raises(ReadError, match="vanished"):
        list(stream)
    source = next(read.sources("d/a.txt"))
    Path("d/a.txt").unlink()
    with pytest.raises(ReadError, match="vanished"):
        list(read.read_file(source))


def test_pipes_and_names_that_are_no_text(place: Place) -> None:
    place({"d/a.txt": "a"})
    os.mkfifo("d/pipe")
    Path(os.fsdecode(b"d/\xff.txt")).write_text("x")
    report = read.Report()
    assert names("d", report=report) == ["d/a.txt"]
    assert sorted(reasons(report).values()) == ["not a file", "unreadable"]


def test_without_a_report_it_is_logged(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place({"d/a.jsonl": '{"text": "fine"}\nbroken\n', "d/b.png": "x"})
    with caplog.at_level("INFO", "kinspace.read"):
        assert len(list(read.passages("d"))) == 1
    told = [(r.levelname, r.message.split(": ")[:2]) for r in caplog.records]
    assert ("WARNING", ["d/a.jsonl:2", "broken row"]) in told
    assert ("INFO", ["d/b.png", "binary"]) in told
