"""A table on the disk reads as an array does, and rows of it do not count as memory."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.index import on_disk
from kinspace.index.held import DenseHeld
from kinspace.index.on_disk import OnDisk, let_go, mapped
from kinspace.index.rescored import best_candidates

UNIT = np.dtype((np.float16, (24,)))


@pytest.fixture
def rows(rng: np.random.Generator) -> NDArray[np.float16]:
    return rng.standard_normal((500, 24)).astype(np.float16)


@pytest.fixture
def table(rows: NDArray[np.float16], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(on_disk, "_SMALL", 0)
    (tmp_path / "rows").write_bytes(rows.tobytes() + b"more, that does not count yet")
    return mapped(tmp_path / "rows", UNIT, rows.nbytes)


def test_it_reads_as_an_array(table: Any, rows: NDArray[np.float16]) -> None:
    assert isinstance(table, OnDisk) and table.shape == rows.shape
    places = np.array([3, 0, 499, 3])
    for one, other in ((table, rows), (table[7:], rows[7:]), (table[7:][100:400], rows[107:407])):
        some = places[places < len(other)]
        assert np.array_equal(one[some], other[some])
        assert np.array_equal(np.asarray(one), other)
    assert type(table[places]) is np.ndarray
    assert np.array_equal(table[5], rows[5])
    assert np.array_equal(table[table[:, 0] > 0], rows[rows[:, 0] > 0])
    assert table[np.empty(0, np.int64)].shape == (0, 24)
    for beyond in (500, -1):
        with pytest.raises(IndexError):
            table[np.array([beyond])]


def test_what_is_computed_from_it_is_not_looked_up_in_the_file(
    table: Any, rows: NDArray[np.float16]
) -> None:
    twice = table * 2
    assert np.array_equal(twice[np.array([1, 2])], rows[1:3] * 2)
    assert np.array_equal(table.copy()[np.array([4])], rows[4:5])
    assert np.array_equal(table.T[np.array([4])], rows.T[4:5])


def test_small_tables_are_mapped_plainly(tmp_path: Path, rows: NDArray[np.float16]) -> None:
    (tmp_path / "rows").write_bytes(rows.tobytes())
    assert not isinstance(mapped(tmp_path / "rows", UNIT, rows.nbytes), OnDisk)


def test_candidates_of_it_score_as_those_in_memory(
    table: Any, rows: NDArray[np.float16], rng: np.random.Generator
) -> None:
    queries = rng.standard_normal((3, 24)).astype(np.float32)
    candidates = np.array([rng.permutation(500)[:40] for _ in queries])
    candidates[1, 5:] = -1
    candidates[2] = -1
    found = []
    for one in (table, rows):
        held = DenseHeld(24, "dot", "float16")
        held.refer(one)
        found.append(best_candidates(held, queries, candidates, 10))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert (found[0][0][1, 5:] == -1).all() and (found[0][0][2] == -1).all()


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory is mapped")
def test_rows_that_were_read_are_not_memory(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(on_disk, "_SMALL", 0)
    with (tmp_path / "rows").open("wb") as file:
        file.truncate(200 << 20)
    table: Any = mapped(tmp_path / "rows", UNIT, (200 << 20) // UNIT.itemsize * UNIT.itemsize)
    before = _files_mapped()
    table[np.random.default_rng(0).integers(0, len(table), 2000)]
    assert _files_mapped() - before < 8 << 20
    np.asarray(table[: len(table) // 2]).sum()
    assert _files_mapped() - before > 80 << 20
    let_go(table[7:])
    assert _files_mapped() - before < 8 << 20


def _files_mapped() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"RssFile:\s*(\d+) kB", status)
    assert found
    return int(found[1]) * 1024
