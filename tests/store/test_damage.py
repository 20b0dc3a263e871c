"""Damage: derived parts are made anew, and of damaged records all that is left is saved."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kinspace.cli import run
from kinspace.errors import CorruptStore, KinspaceError, PathNotFound, StoreError
from kinspace.store import Collection, neighbours
from kinspace.store.care import salvage
from tests.conftest import ROOT
from tests.toys import HashEncoder

ENCODER = HashEncoder(dim=24)
WORDS = "cat dog car house rate bank river tree stone cloud".split()
COUNT = 240
FILLER = "filler" * 60


def text(i: int) -> str:
    return f"{WORDS[i % 10]} and {WORDS[i // 10 % 10]} number{i}"


def answers(opened: Collection) -> list[Any]:
    """What a collection answers; equal collections answer alike.

    Scores of words are left out: they count words of deleted records until these are gone.
    """
    found: list[Any] = [sorted(record["id"] for record in opened.records())]
    for query in ("cat number233", "river bank", "number120"):
        hits = opened.search(query, k=5, mode="dense")
        found.append([(hit.id, pytest.approx(hit.score, abs=1e-3)) for hit in hits])
        found.append({hit.id for hit in opened.search(query, k=500, mode="keyword")})
        found.append([hit.id for hit in opened.search(query, k=1)])
    return found


@pytest.fixture(scope="module", autouse=True)
def _few_are_enough_for_neighbours() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "SMALLEST", {"dense": 200})
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection with all parts, and records deleted and changed since they were made."""
    path = tmp_path_factory.mktemp("whole") / "c.kin"
    with Collection.open(path, ENCODER) as opened:
        opened.add({"id": str(i), "text": text(i), "n": i} for i in range(COUNT + 10))
        opened.flush()
        opened.delete(str(i) for i in range(COUNT, COUNT + 10))
        opened.upsert([{"id": "0", "text": "changed cat", "n": 0}])
        opened.flush()
        assert opened.check() == opened.repairs == []
        assert opened.info().bytes["neighbours"]
    return path


@pytest.fixture(scope="module")
def expected(whole: Path) -> list[Any]:
    with Collection.open(whole, ENCODER, read_only=True) as opened:
        return answers(opened)


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "c.kin"))


def derived(folder: Path) -> list[Path]:
    """The files of the derived parts, relative to the collection's folder."""
    files = (folder / "derived").rglob("*")
    return sorted(p.relative_to(folder) for p in files if p.is_file() and p.suffix != ".lock")


def flip(place: float) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[round(place * (len(content) - 1))] ^= 0xFF
        path.write_bytes(content)

    return damage


def cut(share: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "emptied": cut(0),
    "halved": cut(0.5),
    "first byte flipped": flip(0),
    "middle byte flipped": flip(0.5),
    "last byte flipped": flip(1),
}


def test_every_part_is_there_to_be_damaged(whole: Path) -> None:
    names = {path.name.split("-")[0].split(".")[0] for path in derived(whole)}
    assert {"vectors", "keywords", "neighbours"} <= names


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_opening_repairs_what_is_derived(
    damage: Callable[[Path], None], whole: Path, tmp_path: Path, expected: list[Any]
) -> None:
    tidy = Path(shutil.copytree(whole, tmp_path / "tidy.kin"))
    with Collection.open(tidy, ENCODER) as opened:
        opened.compact()
    for number, file in enumerate(derived(tidy)):
        folder = tmp_path / f"{number}.kin"
        shutil.copytree(tidy, folder)
        if not (folder / file).stat().st_size:
            continue
        damage(folder / file)
        with Collection.open(folder, ENCODER) as opened:
            if not file.name.startswith("."):  # tantivy's own list, without which it can do
                assert any(file.name in one for one in opened.repairs), (file, opened.repairs)
            assert answers(opened) == expected, file
            assert opened.check() == [], file
        with Collection.open(folder, ENCODER) as opened:
            assert opened.repairs == [], file
        shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["all", "vectors", "keywords", "neighbours"])
def test_a_whole_part_is_gone(what: str, copy: Path, expected: list[Any]) -> None:
    for file in derived(copy):
        if what == "all" or what in str(file):
            (copy / file).unlink()
    with Collection.open(copy, ENCODER) as opened:
        assert opened.repairs
        assert answers(opened) == expected
        assert opened.check() == []


def test_without_its_folder_of_parts_a_collection_is_whole(copy: Path, expected: list[Any]) -> None:
    shutil.rmtree(copy / "derived")
    with Collection.open(copy, ENCODER) as opened:
        assert answers(opened) == expected
        opened.flush()
        assert opened.check() == []


def test_check_finds_bytes_that_changed_without_a_trace(copy: Path) -> None:
    rows = next(path for path in derived(copy) if path.suffix == ".rows")
    before = (copy / rows).stat()
    flip(0.5)(copy / rows)
    os.utime(copy / rows, ns=(before.st_atime_ns, before.st_mtime_ns))
    with Collection.open(copy, ENCODER) as opened:
        assert any(rows.name in problem for problem in opened.check())
        opened.compact()
        assert opened.check() == []


@pytest.mark.parametrize("after", ["writes", "compaction", "everything"])
@pytest.mark.parametrize("part", ["", "vectors", "keywords", "neighbours"])
def test_parts_of_an_earlier_state_are_brought_up(
    after: str, part: str, copy: Path, tmp_path: Path
) -> None:
    old = Path(shutil.copytree(copy / "derived", tmp_path / "old"))
    with Collection.open(copy, ENCODER) as opened:
        if after in ("writes", "everything"):
            opened.upsert({"id": f"new{i}", "text": f"new cat {i}"} for i in range(300))
        if after in ("everything",):
            opened.delete(where={"n": {"$lt": 150}})
            opened.flush()
        if after in ("compaction", "everything"):
            opened.delete(["239"])
            opened.compact()
        before = answers(opened)
    if part:  # only one part is of the earlier state
        for path in [*(copy / "derived").glob(f"{part}[.-]*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        shutil.rmtree(copy / "derived")
    shutil.copytree(
        old, copy / "derived", dirs_exist_ok=True,
        ignore=lambda folder, names: [n for n in names if folder == str(old) and part not in n],
    )  # fmt: skip
    with Collection.open(copy, ENCODER) as opened:
        assert answers(opened) == before
        assert opened.check() == []


# -- the records themselves ------------------------------------------------------------------------


def overwrite(first: float, last: float) -> Callable[[Path], None]:
    """Put noise over a part of the file's pages."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        pages = len(content) // 8192
        start = int(first * pages) * 8192
        end = max(start + 8192, int(last * pages) * 8192)
        content[start:end] = bytes((i * 37 + 11) % 256 for i in range(end - start))
        path.write_bytes(content)

    return damage


def header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * 100)


def first_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(8192))


SQLITE: dict[str, tuple[Callable[[Path], None], float]] = {
    "header": (header, 0.95),
    "first page": (first_page, 0.95),
    "middle pages": (overwrite(0.45, 0.55), 0.5),
    "one page in the middle": (overwrite(0.5, 0.5), 0.8),
    "cut by a third": (cut(0.66), 0.2),
    "cut by a little": (cut(0.95), 0.5),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of some fifty pages, compacted."""
    path = tmp_path_factory.mktemp("large") / "c.kin"
    with Collection.open(path, ENCODER) as opened:
        opened.add({"id": str(i), "text": f"{text(i)} {FILLER}", "n": i} for i in range(COUNT))
        opened.compact()
    return path


@pytest.fixture
def large(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "large.kin"))


def use(path: Path) -> list[str]:
    """Open, read all, search, check; the problems that the check found."""
    with Collection.open(path, ENCODER) as opened:
        list(opened.records())
        opened.vectors([record["id"] for record in opened.records()])
        opened.search("cat", k=100)
        return opened.check()


@pytest.mark.parametrize("name", SQLITE)
def test_damaged_records_are_told_and_salvaged(
    name: str, large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, share = SQLITE[name]
    damage(large / "collection.sqlite")
    try:
        assert use(large)
    except CorruptStore as error:
        assert "--salvage" in error.remedy
    assert run(["info", str(large), "--check"]) == 1
    told = capsys.readouterr()
    assert "damaged" in (told.out + told.err).lower()
    assert "Traceback" not in told.err

    saved = salvage(large, tmp_path / "saved.kin")
    assert saved.records >= share * COUNT
    with Collection.open(tmp_path / "saved.kin", ENCODER) as opened:
        assert opened.check() == []
        assert len(opened) == saved.records
        for record in opened.records():
            assert record["text"].startswith(text(record["n"]))
        # What is lost comes back when it is written again, and lost vectors are encoded again.
        opened.upsert({"id": str(i), "text": f"{text(i)} {FILLER}", "n": i} for i in range(COUNT))
        assert len(opened) == COUNT
        assert opened.check() == []
        for i in range(0, COUNT, 30):
            assert opened.search(text(i) + " " + FILLER, k=1, mode="dense")[0].id == str(i)


@pytest.mark.parametrize("left", [0, 10, 100, 8192])
def test_hardly_anything_is_left(left: int, large: Path, tmp_path: Path) -> None:
    os.truncate(large / "collection.sqlite", left)
    with pytest.raises(CorruptStore) as raised:
        use(large)
    assert raised.value.remedy
    with pytest.raises(CorruptStore) as raised:
        salvage(large, tmp_path / "saved.kin")
    assert raised.value.remedy
    assert not (tmp_path / "saved.kin").exists()


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes_flipped_never_give_a_trace(seed: int, large: Path, tmp_path: Path) -> None:
    import random

    rng = random.Random(seed)
    file = large / "collection.sqlite"
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice([1, 10, 300])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)
    for action in (use, lambda path: salvage(path, tmp_path / "saved.kin")):
        try:
            action(large)
        except KinspaceError as error:
            assert error.remedy


def test_a_text_that_changed_on_the_disk_is_found(large: Path) -> None:
    file = large / "collection.sqlite"
    content = file.read_bytes()
    place = content.index(b"number123 ")
    file.write_bytes(content[:place] + b"numbed" + content[place + 6 :])
    with Collection.open(large, ENCODER) as opened:
        assert opened.check()


def test_something_else_is_no_collection(tmp_path: Path) -> None:
    path = tmp_path / "c.kin"
    path.mkdir()
    with sqlite3.connect(path / "collection.sqlite") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(CorruptStore):
        Collection.open(path, ENCODER)
    with sqlite3.connect(path / "collection.sqlite") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    connection.close()


def test_salvage_needs_a_collection_and_a_new_folder(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        salvage(tmp_path, tmp_path / "new.kin")
    with pytest.raises(StoreError):
        salvage(whole, tmp_path)
    assert salvage(whole, tmp_path / "new.kin").records == COUNT


# -- readers ---------------------------------------------------------------------------------------

_READER = """
import sys
from kinspace.store import Collection
from tests.toys import HashEncoder
with Collection.open(sys.argv[1], HashEncoder(dim=24), read_only=sys.argv[2] == "only") as opened:
    print("ready", flush=True)
    for line in sys.stdin:
        hits = opened.search(line.strip(), k=3)
        print(len(opened), *[hit.id for hit in hits], flush=True)
"""


def test_readers_in_other_processes_see_new_commits(copy: Path) -> None:
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, str(copy), kind],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for kind in ("only", "may write")
    ]  # fmt: skip

    def ask(query: str) -> list[list[str]]:
        found = []
        for reader in readers:
            assert reader.stdin and reader.stdout
            reader.stdin.write(query + "\n")
            reader.stdin.flush()
            found.append(reader.stdout.readline().split())
        return found

    try:
        for reader in readers:
            assert reader.stdout and reader.stdout.readline() == "ready\n"
        with Collection.open(copy, ENCODER) as writer:
            assert [line[1] for line in ask("number77 cat")] == ["77", "77"]
            writer.upsert([{"id": "fresh", "text": "zebra crossing"}])
            assert ask("zebra crossing")[0][:2] == ask("zebra crossing")[1][:2] == ["241", "fresh"]
            writer.upsert([{"id": "fresh", "text": "giraffe neck"}])
            assert [line[:2] for line in ask("giraffe neck")] == [["241", "fresh"]] * 2
            writer.upsert({"id": f"x{i}", "text": f"extra{i} thing"} for i in range(700))
            assert [line[:2] for line in ask("extra650 thing")] == [["941", "x650"]] * 2
            writer.delete(["x650"])
            writer.compact()
            assert [line[0] for line in ask("extra650 thing")] == ["940", "940"]
            assert all("x650" not in line for line in ask("extra650 thing"))
            assert [line[1] for line in ask("giraffe neck")] == ["fresh", "fresh"]
    finally:
        for reader in readers:
            assert reader.stdin and reader.stdout
            reader.stdin.close()
            reader.wait()
            reader.stdout.close()
    with Collection.open(copy, ENCODER) as opened:
        assert opened.check() == []


@pytest.fixture
def read_only_disk(copy: Path) -> Iterator[Path]:
    """The collection on a disk that cannot be written, also not by root."""
    if os.geteuid() != 0:
        copy.chmod(0o555)
        yield copy
        copy.chmod(0o755)
        return
    bind = ["mount", "--bind", str(copy), str(copy)]
    again = ["mount", "-o", "remount,bind,ro", str(copy)]
    if not shutil.which("mount") or any(
        subprocess.run(command, capture_output=True, check=False).returncode
        for command in (bind, again)
    ):
        pytest.skip("mounting is not allowed here")
    yield copy
    subprocess.run(["umount", str(copy)], check=True)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_disk_that_cannot_be_written_can_be_read(
    damaged: bool, request: pytest.FixtureRequest, copy: Path, expected: list[Any]
) -> None:
    if damaged:
        for file in derived(copy):
            (copy / file).unlink()
    path = request.getfixturevalue("read_only_disk")
    with Collection.open(path, ENCODER, read_only=True) as opened:
        assert answers(opened) == expected
        assert bool(opened.repairs) is damaged
        assert opened.check() == []
        with pytest.raises(StoreError):
            opened.upsert([{"id": "x", "text": "x"}])
        assert opened.info().records == COUNT
    assert run(["search", "cat", "-c", str(path), "--mode", "keyword", "--json"]) == 0


def test_reading_only_never_writes_not_even_repairs(copy: Path, expected: list[Any]) -> None:
    for file in derived(copy):
        flip(0.5)(copy / file) if (copy / file).stat().st_size else None
    before = {p: p.stat().st_mtime_ns for p in (copy / "derived").rglob("*")}
    with Collection.open(copy, ENCODER, read_only=True) as opened:
        assert opened.repairs
        assert answers(opened) == expected
        assert opened.check() == []
    after = {p: p.stat().st_mtime_ns for p in (copy / "derived").rglob("*")}
    assert after == before
