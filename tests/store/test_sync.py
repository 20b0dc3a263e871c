"""A collection kept in step with files: only what changed is read and encoded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kinspace.errors import PathNotFound, StoreLocked
from kinspace.read import ReadOptions
from kinspace.store import Collection
from kinspace.store import sync as room
from kinspace.store.sync import SyncReport, absolute, sync
from tests.store.test_collection import Counting


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("cats", "dogs", "cars"):
        (folder / f"{name}.txt").write_text(f"All about {name}.\n")
    return folder


@pytest.fixture
def encoder() -> Counting:
    made = Counting()
    made.seen = []
    return made


@pytest.fixture
def opened(tmp_path: Path, encoder: Counting) -> Iterator[Collection]:
    with Collection.open(tmp_path / "c.kin", encoder) as one:
        yield one


def files(report: SyncReport) -> dict[str, Any]:
    """The files of a report by what became of them."""
    lists = {"added": report.added, "changed": report.changed, "removed": report.removed}
    named = {key: sorted(Path(path).name for path in paths) for key, paths in lists.items()}
    return {key: value for key, value in named.items() if value} | {"unchanged": report.unchanged}


def held(opened: Collection) -> dict[str, str]:
    return {Path(record["path"]).name: record["text"] for record in opened.records()}


def test_added_changed_removed_unchanged(docs: Path, opened: Collection, encoder: Counting) -> None:
    report = sync(opened, docs)
    assert files(report) == {"added": ["cars.txt", "cats.txt", "dogs.txt"], "unchanged": 0}
    assert (report.passages, report.deleted, report.dry_run) == (3, 0, False)
    assert len(encoder.seen) == 3

    assert files(sync(opened, docs)) == {"unchanged": 3}
    assert len(encoder.seen) == 3

    (docs / "cats.txt").write_text("Cats have changed.\n")
    (docs / "dogs.txt").unlink()
    (docs / "birds.txt").write_text("Birds are new.\n")
    report = sync(opened, str(docs))
    assert files(report) == {
        "added": ["birds.txt"], "changed": ["cats.txt"], "removed": ["dogs.txt"], "unchanged": 1,
    }  # fmt: skip
    assert held(opened) == {
        "cars.txt": "All about cars.", "cats.txt": "Cats have changed.",
        "birds.txt": "Birds are new.",
    }  # fmt: skip
    assert sorted(encoder.seen[3:]) == ["Birds are new.", "Cats have changed."]
    assert opened.search("dogs", mode="keyword") == []
    assert opened.search("birds", k=1)[0].fields["path"] == absolute(docs / "birds.txt")
    assert opened.check() == []
    assert json.dumps(report.to_dict())


def test_touched_and_moved_files_are_not_encoded_again(
    docs: Path, opened: Collection, encoder: Counting
) -> None:
    sync(opened, docs)
    os.utime(docs / "cats.txt", (1, 1))
    assert files(sync(opened, docs)) == {"unchanged": 3}
    (docs / "deep").mkdir()
    (docs / "dogs.txt").rename(docs / "deep" / "hounds.txt")
    report = sync(opened, docs)
    assert files(report) == {"added": ["hounds.txt"], "removed": ["dogs.txt"], "unchanged": 2}
    assert held(opened)["hounds.txt"] == "All about dogs."
    assert len(opened) == 3
    assert len(encoder.seen) == 3


def test_passages_of_a_changed_file_that_stayed_keep_their_vectors(
    docs: Path, opened: Collection, encoder: Counting
) -> None:
    options = ReadOptions(max_tokens=12, overlap=0)
    parts = [f"Paragraph {i} has words of its own." for i in range(20)]
    (docs / "long.txt").write_text("\n\n".join(parts))
    sync(opened, docs, options)
    before = len(encoder.seen)
    parts.insert(3, "A new paragraph stands here.")
    (docs / "long.txt").write_text("\n\n".join(parts))
    sync(opened, docs, options)
    assert encoder.seen[before:] == ["A new paragraph stands here."]
    (docs / "long.txt").write_text("\n\n".join(parts[:5]))
    report = sync(opened, docs, options)
    assert report.deleted == 16
    assert len(opened) == 3 + 5
    assert opened.check() == []


def test_an_interrupted_run_goes_on_from_there(
    docs: Path, opened: Collection, encoder: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_BATCH", 2)
    for i in range(10):
        (docs / f"more{i}.txt").write_text(f"More number {i}.")
    seen: list[str] = []

    def stop(done: int, total: int, path: str) -> None:
        assert 0 <= done <= total
        seen.append(path)
        if len(seen) == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(opened, docs, progress=stop)
    kept = len(opened)
    assert 4 <= kept < 13
    assert len(opened.search("more number all about", k=50)) == kept
    report = sync(opened, docs)
    assert kept - 1 <= report.unchanged <= kept  # the last file was not noted as complete yet
    assert report.passages == 13 - report.unchanged
    assert len(opened) == 13
    assert len(encoder.seen) == len(set(encoder.seen)) == 13
    assert opened.check() == []


def test_a_file_half_read_when_it_stopped_is_read_again(
    docs: Path, opened: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_BATCH", 3)
    options = ReadOptions(max_tokens=12, overlap=0)
    (docs / "long.txt").write_text("\n\n".join(f"Old paragraph number {i} here." for i in range(9)))
    sync(opened, docs, options)
    (docs / "long.txt").write_text("\n\n".join(f"New paragraph number {i} here." for i in range(7)))
    whole = opened.write
    calls: list[int] = []

    def failing(*args: Any, **kwargs: Any) -> int:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("unplugged")
        return whole(*args, **kwargs)

    monkeypatch.setattr(opened, "write", failing)
    with pytest.raises(OSError, match="unplugged"):
        sync(opened, docs, options)
    monkeypatch.setattr(opened, "write", whole)
    report = sync(opened, docs, options)
    assert files(report)["changed"] == ["long.txt"]
    texts = [r["text"] for r in opened.records() if r["path"].endswith("long.txt")]
    assert sorted(texts) == [f"New paragraph number {i} here." for i in range(7)]
    assert opened.check() == []


def test_a_dry_run_writes_nothing(docs: Path, opened: Collection) -> None:
    report = sync(opened, docs, dry_run=True)
    assert files(report) == {"added": ["cars.txt", "cats.txt", "dogs.txt"], "unchanged": 0}
    assert report.dry_run
    assert report.passages == 3
    assert report.bytes > 0
    assert report.seconds > 0
    assert len(opened) == 0
    assert opened.database.sources() == {}
    sync(opened, docs)
    (docs / "cats.txt").write_text("changed")
    os.utime(docs / "dogs.txt", (1, 1))
    (docs / "cars.txt").unlink()
    before = (list(opened.records()), opened.database.sources())
    report = sync(opened, docs, dry_run=True)
    assert files(report) == {"changed": ["cats.txt"], "removed": ["cars.txt"], "unchanged": 1}
    assert (list(opened.records()), opened.database.sources()) == before
    sync(opened, docs)
    assert sorted(held(opened)) == ["cats.txt", "dogs.txt"]


def test_files_that_vanish_or_break_on_the_way(
    docs: Path, opened: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(opened, docs)
    for name in ("cats", "dogs", "cars"):
        (docs / f"{name}.txt").write_text(f"Second text about {name}.\n")

    def vanish(done: int, total: int, path: str) -> None:
        if not done:
            (docs / "dogs.txt").unlink(missing_ok=True)

    report = sync(opened, docs, progress=vanish)
    assert [(Path(n.path).name, n.reason) for n in report.notices] == [("dogs.txt", "vanished")]
    # Its old passages stay until a run sees that the file is gone.
    assert held(opened)["dogs.txt"] == "All about dogs."
    assert held(opened)["cats.txt"] == "Second text about cats."
    assert files(sync(opened, docs)) == {"removed": ["dogs.txt"], "unchanged": 2}
    assert sorted(held(opened)) == ["cars.txt", "cats.txt"]


def test_a_file_without_permission_keeps_its_passages(
    docs: Path, opened: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(opened, docs)
    (docs / "cats.txt").write_text("Nobody may read this.")
    real = room._digest

    def refused(path: str) -> bytes:
        if path.endswith("cats.txt"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(room, "_digest", refused)  # root may read everything
    report = sync(opened, docs)
    assert [notice.reason for notice in report.notices] == ["no permission"]
    assert held(opened)["cats.txt"] == "All about cats."
    monkeypatch.undo()
    assert files(sync(opened, docs)) == {"changed": ["cats.txt"], "unchanged": 2}


def test_other_options_read_again(docs: Path, opened: Collection) -> None:
    (docs / "long.txt").write_text("\n\n".join(f"Paragraph {i} has a few words." for i in range(9)))
    sync(opened, docs)
    assert len(opened) == 4
    small = ReadOptions(max_tokens=12, overlap=0)
    assert len(files(sync(opened, docs, small))["changed"]) == 4
    assert len(opened) == 3 + 9
    assert files(sync(opened, docs, small)) == {"unchanged": 4}
    assert len(files(sync(opened, docs))["changed"]) == 4
    assert len(opened) == 4


def test_only_what_is_under_the_paths_is_removed(tmp_path: Path, opened: Collection) -> None:
    for folder in ("a", "ab"):
        (tmp_path / folder).mkdir()
        for i in range(2):
            (tmp_path / folder / f"{i}.txt").write_text(f"{folder} {i}")
    sync(opened, [tmp_path / "a", tmp_path / "ab"])
    (tmp_path / "a" / "0.txt").unlink()
    (tmp_path / "ab" / "0.txt").unlink()
    assert files(sync(opened, tmp_path / "a")) == {"removed": ["0.txt"], "unchanged": 1}
    assert len(opened) == 3
    # A file or folder that is gone may still be named, to take it out.
    (tmp_path / "a" / "1.txt").unlink()
    (tmp_path / "a").rmdir()
    assert files(sync(opened, tmp_path / "a")) == {"removed": ["1.txt"], "unchanged": 0}
    assert files(sync(opened, tmp_path / "ab" / "0.txt")) == {"removed": ["0.txt"], "unchanged": 0}
    assert [record["text"] for record in opened.records()] == ["ab 1"]
    with pytest.raises(PathNotFound):
        sync(opened, tmp_path / "never")
    assert files(sync(opened, [])) == {"unchanged": 0}
    assert len(opened) == 1


def test_rows_are_records_with_fields(docs: Path, opened: Collection) -> None:
    rows = [
        {"id": "r1", "text": "A row about zebras.", "year": 2020, "path": "theirs"},
        {"id": "r2", "text": "A row about giraffes.", "year": 2021},
    ]
    file = docs / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    options = ReadOptions(id_field="id")
    sync(opened, file, options)
    assert opened.get("r1")["year"] == 2020  # type: ignore[index]
    assert opened.get("r1")["path_"] == "theirs"  # type: ignore[index]
    assert opened.search("zebras", where="year = 2020", k=1)[0].id == "r1"
    file.write_text(json.dumps(rows[1] | {"year": 2022}))
    report = sync(opened, file, options)
    assert (report.passages, report.deleted) == (1, 1)
    assert opened.get(["r1", "r2"])[0] is None
    assert opened.get("r2")["year"] == 2022  # type: ignore[index]
    file.write_text('{"id": "r2", "text": "whole"}\n{"id": "r3", "text": \n')
    report = sync(opened, file, options)
    assert [notice.reason for notice in report.notices] == ["broken row"]
    assert opened.get("r2")["text"] == "whole"  # type: ignore[index]


def test_an_emptied_file_leaves_no_passages(docs: Path, opened: Collection) -> None:
    sync(opened, docs)
    (docs / "cats.txt").write_text("")
    report = sync(opened, docs)
    assert report.deleted == 1
    assert sorted(held(opened)) == ["cars.txt", "dogs.txt"]
    assert files(sync(opened, docs)) == {"unchanged": 3}


def test_two_spellings_of_a_path_are_one_file(
    docs: Path, opened: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(opened, docs)
    monkeypatch.chdir(docs.parent)
    assert files(sync(opened, "docs")) == {"unchanged": 3}
    assert files(sync(opened, ["./docs/../docs/cats.txt", "docs"])) == {"unchanged": 3}
    assert len(opened) == 3


def test_where_nothing_changed_nobody_has_to_wait_for_the_lock(
    docs: Path, opened: Collection, tmp_path: Path
) -> None:
    sync(opened, docs)  # and goes on holding the lock
    with Collection.open(tmp_path / "c.kin", Counting()) as another:
        assert files(sync(another, docs)) == {"unchanged": 3}
        for path in docs.iterdir():
            os.utime(path, ns=(1, 1))
        with pytest.raises(StoreLocked):
            sync(another, docs)
    assert files(sync(opened, docs)) == {"unchanged": 3}
    assert {row[1] for row in opened.database.sources().values()} == {1}
