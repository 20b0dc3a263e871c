"""What all indexes share, seen through one whose structure is a plain list, easily fooled."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import (
    DimensionMismatch,
    DuplicateId,
    InvalidInput,
    InvalidParameter,
    ReadError,
)
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import METRICS, normalise, scores, top_k

DIM = 6


class Shortlist(VectorIndex):
    """Candidates by the first ``look`` numbers alone; tells what it was asked."""

    METRICS = METRICS
    SEARCH = ("look",)

    def __init__(
        self,
        dim: int,
        metric: Any = "dot",
        *,
        dtype: str = "float32",
        exact_below: int = 0,
        look: int = 2,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        self.look = look
        self._table: np.ndarray | None = None
        self.learned: list[int] = []
        self.asked: list[tuple[int, int | None, dict[str, Any]]] = []
        self.pays = False

    def _learn(self, rows: Any) -> None:
        self.learned.append(len(rows))
        self._table = np.empty((0, self.dim), np.float32)

    def _extend(self, rows: Any, first: int) -> None:
        assert self._table is not None
        assert len(self._table) == first
        self._table = np.concatenate([self._table, rows])

    def _candidates(
        self, queries: Any, k: int, usable: np.ndarray | None, options: Mapping[str, Any]
    ) -> np.ndarray:
        assert self._table is not None
        assert usable is None or len(usable) == len(self._table)
        self.asked.append((k, None if usable is None else int(usable.sum()), dict(options)))
        look = options["look"]
        rough = scores(queries[:, :look], self._table[:, :look], self.metric)
        if usable is not None:
            rough[:, ~usable] = -np.inf
        rows, values = top_k(rough, 2 * k)
        rows = np.where(np.isneginf(values), -1, rows)
        return np.concatenate([np.full((len(rows), 1), -1), rows], axis=1)  # gaps are allowed

    def _structure(self) -> dict[str, np.ndarray]:
        return {} if self._table is None else {"table": self._table}

    def _restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._table = arrays["table"]

    def _exact_pays(self, usable: int) -> bool:
        return self.pays or usable <= self.exact_below


@pytest.fixture
def rows(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((500, DIM)).astype(np.float32)


def test_candidates_are_scored_exactly(rows: np.ndarray) -> None:
    for metric in METRICS:
        index = Shortlist(DIM, metric)
        index.add(rows)
        found = index.search(rows[:20], k=5)
        true = np.take_along_axis(scores(rows[:20], rows, metric), found.ids, 1)
        np.testing.assert_allclose(found.scores, true, rtol=1e-5, atol=1e-5)
        assert (np.diff(found.scores) <= 0).all()
        assert [asked[:2] for asked in index.asked] == [(5, None)]


def test_who_is_asked(rows: np.ndarray) -> None:
    index = Shortlist(DIM, exact_below=100)
    index.add(rows[:90])
    truth = scores(rows[:3], rows[:90], "dot").max(axis=1)
    np.testing.assert_allclose(index.search(rows[:3], k=1).scores[:, 0], truth, rtol=1e-5)
    assert not index.asked  # there are few
    index.add(rows[90:])
    index.search(rows[:3], k=1)
    assert index.asked.pop() == (1, None, {"look": 2})
    index.search(rows[:3], k=1, allowed=np.arange(50))
    index.search(rows[:3], k=500)
    assert not index.asked  # few are allowed; all are wanted
    index.search(rows[:3], k=1, allowed=np.arange(101))
    assert index.asked.pop() == (1, 101, {"look": 2})
    index.remove(np.arange(7))
    index.search(rows[:3], k=1)
    assert index.asked.pop() == (1, 493, {"look": 2})


def test_what_the_structure_does_not_find_is_compared(rows: np.ndarray) -> None:
    """It gives 2k candidates; where a filter leaves fewer of them than k, all are looked at."""
    index = Shortlist(DIM)
    index.add(rows)
    index._candidates = lambda queries, k, usable, options: np.full((len(queries), 3), -1)  # type: ignore[method-assign]
    found = index.search(rows[:4], k=5)
    truth, values = top_k(scores(rows[:4], rows, "dot"), 5)
    np.testing.assert_array_equal(found.ids, truth)
    np.testing.assert_allclose(found.scores, values, rtol=1e-6)


def test_options_of_a_search(rows: np.ndarray) -> None:
    index = Shortlist(DIM)
    index.add(rows)
    index.tuned = {10: {"look": 4}, 100: {"look": 5}}
    for k, look in ((1, 4), (10, 4), (11, 5), (100, 5), (200, 5)):
        index.search(rows[:2], k=k)
        assert index.asked.pop()[2] == {"look": look}
    index.tuned = {}
    index.look = 6
    index.search(rows[:2], k=3)
    assert index.asked.pop()[2] == {"look": 6}
    index.search(rows[:2], k=3, options={"look": 1})
    assert index.asked.pop()[2] == {"look": 1}
    with pytest.raises(InvalidParameter, match="nprobe") as raised:
        index.search(rows[:2], k=3, options={"nprobe": 1})
    assert "look" in raised.value.remedy


def test_learned_once_and_again_when_compacted(rows: np.ndarray) -> None:
    index = Shortlist(DIM, look=DIM)
    index.add(rows[:0])
    assert index.learned == []
    index.add(rows[:100])
    index.add(rows[100:])
    assert index.learned == [100]
    index.remove(np.arange(50, 100))
    index.tuned, index.threads = {10: {"look": DIM}}, 2
    index.compact()
    assert index.learned == [450]
    assert (index.tuned, index.threads) == ({10: {"look": DIM}}, 2)
    assert len(index._structure()["table"]) == 450
    found = index.search(rows[200:210], k=1, allowed=np.arange(200, 210))
    best = scores(rows[200:210], rows[200:210], "dot").argmax(axis=1)
    assert found.ids.ravel().tolist() == (200 + best).tolist()


def test_rows_are_put_in_piece_by_piece(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shortlist, "BLOCK", 64)
    index = Shortlist(DIM)
    index.add(rows)
    assert index._covered == 500
    index.compact()
    np.testing.assert_array_equal(index._structure()["table"], rows)


def test_a_search_sees_what_is_not_in_the_structure_yet(rows: np.ndarray) -> None:
    index, waiting, go_on = Shortlist(DIM, "euclidean"), threading.Event(), threading.Event()
    index.add(rows[:300])
    original = index._absorb

    def held_up() -> None:
        waiting.set()
        assert go_on.wait(20)
        original()

    index._absorb = held_up  # type: ignore[method-assign]
    adding = threading.Thread(target=index.add, args=(rows[300:],))
    adding.start()
    assert waiting.wait(20)
    found = index.search(rows[295:305], k=1)
    assert found.ids.ravel().tolist() == list(range(295, 305))
    assert index.asked.pop()[:2] == (1, None)
    near = index.search(rows[295:305], k=3, allowed=np.arange(298, 303))
    assert set(near.ids.ravel().tolist()) <= set(range(298, 303))
    go_on.set()
    adding.join(20)
    assert index._covered == 500
    assert index.search(rows[495:], k=1).ids.ravel().tolist() == list(range(495, 500))


def test_searches_go_on_while_it_is_compacted(rows: np.ndarray) -> None:
    learning, go_on = threading.Event(), threading.Event()

    class Slow(Shortlist):
        def _learn(self, rows: Any) -> None:
            super()._learn(rows)
            if len(rows) == 400:
                learning.set()
                assert go_on.wait(20)

    index = Slow(DIM, "euclidean")
    index.add(rows)
    index.remove(np.arange(100))
    compacting = threading.Thread(target=index.compact)
    compacting.start()
    assert learning.wait(20)
    assert index.search(rows[100:110], k=1).ids.ravel().tolist() == list(range(100, 110))
    assert index.stats().removed == 100
    go_on.set()
    compacting.join(20)
    assert index.stats().removed == 0
    assert index.search(rows[100:110], k=1).ids.ravel().tolist() == list(range(100, 110))


def test_a_table_that_stays_where_it_is(rows: np.ndarray, tmp_path: Path) -> None:
    table = normalise(rows)
    np.save(tmp_path / "t.npy", table[:400])
    mapped = np.load(tmp_path / "t.npy", mmap_mode="r")
    index = Shortlist(DIM, "cosine", look=DIM)
    index.refer(mapped, ids=np.arange(400) + 7)
    assert np.shares_memory(index._held.arrays()["vectors"], mapped)
    assert index.search(3 * rows[:400], k=1).ids.ravel().tolist() == list(range(7, 407))
    index.refer(table, ids=np.arange(100) + 900)  # it has grown
    assert len(index) == 500
    assert index.search(rows[400:], k=1).ids.ravel().tolist() == list(range(900, 1000))
    index.save(tmp_path / "i", vectors=False)
    assert (tmp_path / "i").stat().st_size < table.nbytes + 500 * 9 + 2000
    again = Shortlist.load(tmp_path / "i", table)
    np.testing.assert_array_equal(
        again.search(rows[:9], k=5).scores, index.search(rows[:9], k=5).scores
    )
    with pytest.raises(ReadError):
        Shortlist.load(tmp_path / "i")
    with pytest.raises(ReadError):
        Shortlist.load(tmp_path / "i", table[:300])
    for wrong, ids, error in (
        (table[:300], None, InvalidParameter),
        (table.astype(np.float16), None, InvalidParameter),
        (np.ones((600, DIM + 1), np.float32), None, DimensionMismatch),
        (np.ones((501, DIM), np.float32), [900], DuplicateId),
        (np.ones((501, DIM), np.float32), [1, 2], InvalidInput),
    ):
        with pytest.raises(error) as raised:
            index.refer(wrong, ids)
        assert raised.value.message
        assert len(index) == 500
        assert index.search(rows[400:], k=1).ids.ravel().tolist() == list(range(900, 1000))


def test_saved_with_all_that_it_was_given(rows: np.ndarray, tmp_path: Path) -> None:
    index = Shortlist(DIM, "euclidean", dtype="float16", exact_below=3, look=4)
    index.add(rows)
    index.remove([0, 1])
    index.tuned = {10: {"look": 5}}
    index.save(tmp_path / "i")
    again = Shortlist.load(tmp_path / "i")
    assert again.stats() == index.stats()
    assert again.stats().options == {
        "dim": DIM, "metric": "euclidean", "dtype": "float16", "exact_below": 3, "look": 4
    }  # fmt: skip
    assert again.learned == []
    np.testing.assert_array_equal(
        again.search(rows[:20], k=5).ids, index.search(rows[:20], k=5).ids
    )
    assert again.asked.pop() == (5, 498, {"look": 5})


def test_stats_are_of_all_parts(rows: np.ndarray) -> None:
    index = Shortlist(DIM, "dot", dtype="float16")
    index.add(rows)
    index.remove([5])
    stats = index.stats()
    assert stats.parts == {"vectors": 500 * DIM * 2, "ids": 500 * 9, "table": 500 * DIM * 4}
    assert (stats.count, stats.removed, stats.nbytes) == (499, 1, index.nbytes)
    assert "499 vectors of 6, by dot, 1 removed" in str(stats)
    assert "table" in str(stats)


def test_an_update_is_seen_whole(rows: np.ndarray) -> None:
    """Two ids change places again and again: no search finds one of them twice, or not at all."""
    index, over = Shortlist(DIM, "euclidean", look=DIM), threading.Event()
    index.add(rows[:200])
    errors: list[str] = []

    def look() -> None:
        while not over.is_set():
            found = index.search(rows[:2], k=1)
            if sorted(found.ids.ravel().tolist()) != [0, 1] or np.abs(found.scores).max() > 1e-3:
                errors.append(str(found))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 1
    swapped = False
    for _ in range(60):
        swapped = not swapped
        index.update(rows[[1, 0]] if swapped else rows[[0, 1]], ids=[0, 1])
        if time.monotonic() > until:
            break
    over.set()
    for thread in threads:
        thread.join(20)
    assert errors == []


def test_metrics_and_lengths() -> None:
    for dim, metric in ((0, "dot"), (2.5, "dot"), (DIM, "angular"), (DIM, None)):
        with pytest.raises(InvalidParameter) as raised:
            Shortlist(dim, metric)  # type: ignore[arg-type]
        assert raised.value.remedy
