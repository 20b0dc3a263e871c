"""Files of every index: they give back what was saved, and what is damaged is refused."""

from __future__ import annotations

import contextlib
import errno
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import PathNotFound, ReadError
from kinspace.index import Exact, Index
from kinspace.index.files import kind_of
from tests.contract import damage
from tests.contract.registry import INDEXES

DIM, COUNT = 12, 300
PAIRS = [(name, metric) for name, case in INDEXES.items() for metric in case.metrics]
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.contract.damage", "tests.contract.registry"])

each_index = pytest.mark.parametrize("name", INDEXES)


def some_vectors(count: int = COUNT, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((20, DIM))
    rows = centres[rng.integers(0, 20, count)] + 0.3 * rng.standard_normal((count, DIM))
    return np.round(rows, 2).astype(np.float32)


def made(name: str, metric: Any = None, *, seed: int = 0) -> Index:
    case = INDEXES[name]
    index = case.make(DIM, metric or case.metrics[0])
    index.add(some_vectors(seed=seed), ids=np.arange(COUNT) + 2**40)
    return index


def assert_same(a: Any, b: Any) -> None:
    """Two indexes answer alike."""
    queries = some_vectors(40, seed=9)
    for options in ({}, {"allowed": np.arange(0, COUNT, 2) + 2**40}):
        one, other = a.search(queries, k=10, **options), b.search(queries, k=10, **options)
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-6, atol=1e-6)
        assert one.metric == other.metric


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_saved_and_loaded(pair: tuple[str, str], tmp_path: Path) -> None:
    index = made(*pair)
    index.remove(np.arange(0, COUNT, 5) + 2**40)
    index.save(tmp_path / "i")
    assert [path.name for path in tmp_path.iterdir()] == ["i"]
    assert kind_of(tmp_path / "i") == type(index).__name__
    loaded = type(index).load(tmp_path / "i")
    assert isinstance(loaded, Index)
    assert (len(loaded), loaded.dim, loaded.metric) == (len(index), DIM, pair[1])
    assert loaded.stats() == index.stats()
    assert_same(loaded, index)
    for one in (index, loaded):  # and goes on as it would have
        one.add(some_vectors(20, seed=3), ids=np.arange(20))
        one.remove([3, 2**40 + 1])
        one.update(some_vectors(1, seed=4), ids=[7])
    assert_same(loaded, index)
    loaded.save(tmp_path / "i")  # over the file that it is mapped from
    assert_same(type(index).load(tmp_path / "i"), index)
    assert_same(loaded, index)
    loaded.compact()
    assert loaded.stats().removed == 0
    found = loaded.search(some_vectors(5), k=len(loaded)).ids
    assert all(set(row) == set(loaded.search(some_vectors(1), 400).ids[0]) - {-1} for row in found)


@each_index
def test_an_empty_one(name: str, tmp_path: Path) -> None:
    index = INDEXES[name].make(DIM, INDEXES[name].metrics[0])
    index.save(tmp_path / "i")
    loaded = type(index).load(tmp_path / "i")
    assert (len(loaded), loaded.nbytes) == (0, 0)
    assert (loaded.search(some_vectors(2), k=3).ids == -1).all()
    loaded.add(some_vectors())
    assert len(loaded) == COUNT
    loaded.remove(np.arange(COUNT))
    loaded.save(tmp_path / "i")
    emptied = type(index).load(tmp_path / "i")
    assert (emptied.search(some_vectors(2), k=3).ids == -1).all()
    emptied.add(some_vectors(), ids=np.arange(COUNT))
    assert sorted(emptied.search(some_vectors(1), k=COUNT).ids[0]) == list(range(COUNT))


@each_index
def test_places_where_there_is_nothing(name: str, tmp_path: Path) -> None:
    index = made(name)
    for load in (type(index).load, kind_of):
        for nowhere in (tmp_path / "none", tmp_path):
            with pytest.raises(PathNotFound) as raised:
                load(nowhere)
            assert raised.value.remedy
    with pytest.raises(PathNotFound) as raised:
        index.save(tmp_path / "none" / "i")
    assert raised.value.remedy
    assert not list(tmp_path.iterdir())


@each_index
def test_other_files(name: str, tmp_path: Path) -> None:
    index = made(name)
    other = made("exact" if name != "exact" else "sparse-exact")
    other.save(tmp_path / "other")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("a text, and not even a short one " * 40)
    (tmp_path / "zeros").write_bytes(bytes(5000))
    np.save(tmp_path / "array.npy", some_vectors())
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    (tmp_path / "deep").write_bytes(len(deep).to_bytes(8, "little") + deep)
    (tmp_path / "long").write_bytes(b"\xff" * 16)
    for file in ("other", "empty", "text", "zeros", "array.npy", "deep", "long"):
        with pytest.raises(ReadError) as raised:
            type(index).load(tmp_path / file)
        assert raised.value.remedy
        assert file in raised.value.message


def test_what_damage_there_is() -> None:
    good, other = made("exact"), made("exact", seed=1)
    assert len(good) == len(other)
    one, two = bytes(range(256)) * 8, bytes(range(255, -1, -1)) * 8
    one, two = (len(one) // 2).to_bytes(8, "little") + one, (900).to_bytes(8, "little") + two
    made_of_it = {damage.damaged(one, two, number) for number in range(damage.COUNT)}
    assert len(made_of_it) > 0.9 * damage.COUNT
    assert not made_of_it & {one, two}


@each_index
def test_a_damaged_file_is_refused(name: str, tmp_path: Path) -> None:
    """In a process of its own: what would crash is told as a failure."""
    good, other = made(name), made(name, seed=1)
    good.save(tmp_path / "good")
    other.save(tmp_path / "other")
    files = tmp_path / "good", tmp_path / "other"
    process = PROCESSES.Process(target=damage.attempt, args=(type(good), *files, tmp_path))
    process.start()
    process.join(300)
    assert process.exitcode == 0
    assert json.loads((tmp_path / "wrong.json").read_text()) == []
    assert_same(type(good).load(tmp_path / "good"), good)


@pytest.mark.parametrize("part", ["structure", "held", "ids", "alive", "header"])
@each_index
def test_the_damage_is_named(name: str, part: str, tmp_path: Path) -> None:
    index, path = made(name), tmp_path / "i"
    index.save(path)
    content = bytearray(path.read_bytes())
    begin = 8 + int.from_bytes(content[:8], "little")
    if part == "header":
        place = content.index(b'"kind"') + 2
    else:
        header = json.loads(content[8:begin])
        entries = {
            entry: where["data_offsets"]
            for entry, where in header.items()
            if entry.startswith(part) and entry != "__metadata__"
        }
        if not entries:
            pytest.skip(f"it has no {part}")
        start, end = max(entries.values(), key=lambda place: place[1] - place[0])
        place = begin + (start + end) // 2
    content[place] ^= 4
    path.write_bytes(content)
    with pytest.raises(ReadError, match=rf"checksum of (its )?{part}"):
        type(index).load(path)


def test_killed_while_it_was_saved(tmp_path: Path, rng: np.random.Generator) -> None:
    tables = [rng.standard_normal((20_000, 32)).astype(np.float32) for _ in range(2)]
    for number, table in enumerate(tables):
        index = Exact(32)
        index.add(table)
        index.save(tmp_path / f"{number}")
    shutil.copy(tmp_path / "0", tmp_path / "i")
    waits, seen, queries = random.Random(5), set(), tables[0][:1]
    files = [tmp_path / "1", tmp_path / "0"]
    wanted = [Exact.load(file).search(queries, k=5).ids.tolist() for file in files]
    for _ in range(25):
        changed = (tmp_path / "i").stat().st_mtime_ns
        process = PROCESSES.Process(
            target=damage.save_for_ever_from, args=(files, Exact, tmp_path / "i")
        )
        process.start()
        until = time.monotonic() + 60
        while (tmp_path / "i").stat().st_mtime_ns == changed and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(waits.uniform(0, 0.03))
        process.kill()
        process.join()
        found = Exact.load(tmp_path / "i").search(queries, k=5).ids.tolist()
        seen.add(wanted.index(found))
    assert seen == {0, 1}
    Exact.load(tmp_path / "1").save(tmp_path / "i")  # what was left over is in nobody's way
    assert Exact.load(tmp_path / "i").search(queries, k=5).ids.tolist() == wanted[0]
    assert not list(tmp_path.glob("*.partial"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk(small_disk: Path, rng: np.random.Generator) -> None:
    small, large = Exact(16), Exact(16)
    small.add(rng.standard_normal((2_000, 16)))
    large.add(rng.standard_normal((30_000, 16)))
    small.save(small_disk / "i")
    before = (small_disk / "i").read_bytes()
    with pytest.raises(OSError, match="space") as raised:
        large.save(small_disk / "i")
    assert raised.value.errno == errno.ENOSPC
    assert (small_disk / "i").read_bytes() == before
    assert [path.name for path in small_disk.iterdir()] == ["i"]  # no half of it takes the room
    small.remove([0])
    small.save(small_disk / "i")
    assert len(Exact.load(small_disk / "i")) == 1999


@each_index
def test_no_space_in_the_middle(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where nothing can be mounted."""
    index = made(name)
    index.save(tmp_path / "i")
    before = (tmp_path / "i").read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    index.remove([2**40])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="space"):
            index.save(tmp_path / "i")
    assert (tmp_path / "i").read_bytes() == before
    index.save(tmp_path / "i")
    assert len(type(index).load(tmp_path / "i")) == COUNT - 1
    assert [path.name for path in tmp_path.iterdir()] == ["i"]


@each_index
def test_saved_while_it_is_searched_and_loaded_by_many(name: str, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    index = made(name)
    wanted = index.search(some_vectors(5), k=3).ids
    with ThreadPoolExecutor(3) as pool, contextlib.suppress(FileNotFoundError):
        saving = [pool.submit(index.save, tmp_path / "i") for _ in range(6)]
        searching = [pool.submit(index.search, some_vectors(5), 3) for _ in range(20)]
        for each in saving:
            each.result()
        for found in searching:
            np.testing.assert_array_equal(found.result().ids, wanted)
        loading = [pool.submit(type(index).load, tmp_path / "i") for _ in range(4)]
        for loaded in loading:
            np.testing.assert_array_equal(loaded.result().search(some_vectors(5), k=3).ids, wanted)
