"""A full disk: what was acknowledged stays, and all works on once there is space again."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import StoreFull
from kinspace.space import Space
from kinspace.store import Collection, neighbours
from kinspace.store.keywords import KeywordIndex
from kinspace.store.vectors import VectorTable

SPACE = Space("none", "0123456789abcdef", 16)
Acknowledged = dict[str, str]


def batch(first: int, count: int, words: int = 30) -> list[dict[str, Any]]:
    rng = np.random.default_rng(first)
    return [
        {
            "id": f"r{i}",
            "text": f"unique{i} " + " ".join(f"w{n}" for n in rng.integers(0, 5000, words)),
            "vector": rng.standard_normal(16),
        }
        for i in range(first, first + count)
    ]


def upsert(opened: Collection, truth: Acknowledged, records: list[dict[str, Any]]) -> None:
    """Upsert, and note it when it has been acknowledged."""
    opened.upsert(records)
    truth |= {record["id"]: record["text"] for record in records}


def verify(opened: Collection, truth: Acknowledged, also: Acknowledged | None = None) -> None:
    """Exactly what was acknowledged is there, all found by words and by vector."""
    held = {record["id"]: record["text"] for record in opened.records()}
    assert held in (truth, truth | (also or {}))
    truth |= held
    assert opened.check() == []
    assert len(opened.search("w1 unique0", k=10**6, mode="keyword")) == sum(
        "w1 " in f"{text} " or "unique0 " in text for text in held.values()
    )
    assert len(opened.search(np.ones(16), k=10**6)) == len(held)
    for name in sorted(held)[:: max(1, len(held) // 10)]:
        found = opened.search(held[name].split()[0], mode="keyword")
        assert [hit.id for hit in found] == [name]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill a disk up to some free bytes; deleting the file that is returned frees them again."""
    ballast = disk / "ballast"
    with ballast.open("ab") as file, contextlib.suppress(OSError):
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize) > leave:
            file.write(bytes(min(4096, free - leave)))
            file.flush()
    return ballast


def test_upserting_until_the_disk_is_full(small_disk: Path) -> None:
    path, truth = small_disk / "c.kin", {}
    last: Acknowledged = {}
    try:
        with Collection.open(path, space=SPACE) as opened:
            for first in range(0, 10**6, 150):
                records = batch(first, 150)
                last = {record["id"]: record["text"] for record in records}
                upsert(opened, truth, records)
    except StoreFull as error:
        assert error.remedy
    assert truth
    # There may be no room for anything at all: opening and reading work all the same.
    with Collection.open(path, space=SPACE, read_only=True) as opened:
        verify(opened, truth, last)
    ballast = fill(small_disk, 0)
    with Collection.open(path, space=SPACE, read_only=True) as opened:
        verify(opened, truth)
        ballast.unlink()
    assert truth


@pytest.mark.parametrize("leave", [0, 30_000, 100_000, 300_000, 600_000])
@pytest.mark.parametrize("action", ["upsert", "flush", "delete", "compact"])
def test_full_in_the_middle_of(
    action: str, leave: int, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "SMALLEST", {"dense": 500})
    path, truth = small_disk / "c.kin", {}
    with Collection.open(path, space=SPACE) as opened:
        upsert(opened, truth, batch(0, 1000))
    new = batch(900, 300, words=300 if action == "upsert" else 30)
    what: dict[str, Callable[[Collection], Any]] = {
        "upsert": lambda opened: opened.upsert(new),
        "flush": lambda opened: opened.flush(),
        "delete": lambda opened: opened.delete(f"r{i}" for i in range(500)),
        "compact": lambda opened: opened.compact(),
    }
    also = {record["id"]: record["text"] for record in new} if action == "upsert" else {}
    with contextlib.suppress(StoreFull), Collection.open(path, space=SPACE) as opened:
        if action == "flush":
            upsert(opened, truth, batch(2000, 300))
        if action == "compact":
            opened.delete(f"r{i}" for i in range(300, 400))
            truth = {name: text for name, text in truth.items() if name not in DELETED}
        ballast = fill(small_disk, leave)
        try:
            what[action](opened)
            full = False
        except StoreFull as error:
            full = True
            assert error.remedy
        assert full or leave
        held = {record["id"] for record in opened.records()}
        assert len(opened.search(np.ones(16), k=10**6)) == len(held)
        ballast.unlink()
        if not full and action == "upsert":
            truth |= also
        if not full and action == "delete":
            truth = {name: text for name, text in truth.items() if int(name[1:]) >= 500}
        # The same object works on, now that there is space.
        verify(opened, truth, also)
        upsert(opened, truth, batch(5000, 20))
        opened.compact()
        verify(opened, truth)
    with Collection.open(path, space=SPACE) as opened:
        assert opened.repairs == []
        verify(opened, truth)


DELETED = {f"r{i}" for i in range(300, 400)}


@pytest.mark.parametrize("batches", [1, 3, 9])
def test_a_quota_of_the_database(batches: int, tmp_path: Path) -> None:
    """The same where nothing can be mounted: SQLite itself counts the pages."""
    path, truth = tmp_path / "c.kin", {}
    with Collection.open(path, space=SPACE) as opened:
        for number in range(batches):
            upsert(opened, truth, batch(100 * number, 100))
        connection = opened.database._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreFull) as raised:
            opened.upsert(batch(5000, 400))
        assert raised.value.remedy
        verify(opened, truth)
        assert opened.delete(["r0"]) == 1
        del truth["r0"]
        verify(opened, truth)
    with Collection.open(path, space=SPACE) as opened:
        upsert(opened, truth, batch(5000, 400))
        verify(opened, truth)


def test_no_space_for_the_parts_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records are committed though the indexes could not take them in."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    path, truth = tmp_path / "c.kin", {}
    with Collection.open(path, space=SPACE) as opened:
        upsert(opened, truth, batch(0, 100))
        for part in (VectorTable, KeywordIndex):
            with monkeypatch.context() as patch:
                patch.setattr(part, "_append", full)
                new = batch(len(truth), 600)
                with pytest.raises(StoreFull, match="committed"):
                    opened.upsert(new)
                truth |= {record["id"]: record["text"] for record in new}
                verify(opened, truth)
        verify(opened, truth)
    with Collection.open(path, space=SPACE) as opened:
        verify(opened, truth)
