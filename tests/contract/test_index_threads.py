"""Searches go on while other threads change an index, and never see half of a change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kinspace.index import Index
from tests.contract.registry import INDEXES

DIM, COUNT = 12, 300


def some_vectors(count: int = COUNT, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((20, DIM))
    return (centres[rng.integers(0, 20, count)] + rng.standard_normal((count, DIM)) / 3).round(2)


@pytest.fixture(params=INDEXES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def index(name: str) -> Index:
    made = INDEXES[name].make(DIM, INDEXES[name].metrics[0])
    made.add(some_vectors())
    return made


def beside(work: Callable[[], None], *others: Callable[[], None]) -> None:
    """Do the work while others are done again and again; the first error of any is raised."""
    over, errors = threading.Event(), []

    def repeat(other: Callable[[], None]) -> None:
        try:
            while not over.is_set():
                other()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    try:
        work()
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    for error in errors:
        raise error


def wait_for(what: Callable[[], Any]) -> None:
    """Ask until the answer is yes; half a minute at most, since another thread may have failed."""
    until = time.monotonic() + 30
    while not what() and time.monotonic() < until:
        time.sleep(0.0005)


def test_searches_while_it_changes(index: Index) -> None:
    """Ids below 100 stay; those above come and go; those that were let go never come back."""
    queries, new = some_vectors(8, seed=1), some_vectors(20, seed=2)
    gone: set[int] = set()
    searches = []

    def look() -> None:
        before = frozenset(gone)
        found = index.search(queries, k=10)
        assert found.ids.shape == (8, 10)
        assert (found.ids >= 0).all()
        assert np.isfinite(found.scores).all()
        assert (np.diff(found.scores) <= 0).all()
        assert not before & set(found.ids.ravel().tolist())
        assert all(len(set(line)) == 10 for line in found.ids.tolist())
        searches.append(1)

    def look_at_few() -> None:
        found = index.search(queries[:1], k=5, allowed=np.arange(100))
        assert (found.ids >= 0).all()
        assert (found.ids < 100).all()
        near = index.range_search(queries[:1], score=float(found.scores[0, 1]))
        assert (near.scores >= found.scores[0, 1]).all()
        assert index.stats().count >= 100
        searches.append(1)

    def change() -> None:
        for step in range(8):
            names = 1000 * (step + 1) + np.arange(20)
            index.add(new, ids=names)
            index.update(new[::-1], ids=names)
            away = np.arange(100 + 20 * step, 120 + 20 * step)
            assert index.remove(away) == 20
            gone.update(away.tolist())
            if step == 5:
                index.compact()
            seen = len(searches)
            wait_for(lambda seen=seen: len(searches) > seen)  # a search between two changes

    beside(change, look, look_at_few)
    assert len(index) == COUNT
    assert not gone & set(index.search(queries, k=COUNT).ids.ravel().tolist())


def test_two_writers(index: Index) -> None:
    new = some_vectors(10, seed=3)
    names = iter(range(10_000, 10**9, 10))
    taken: list[int] = []

    def add_and_take_out() -> None:
        start = next(names)
        index.add(new, ids=np.arange(start, start + 10))
        assert index.remove(np.arange(start, start + 5)) == 5
        taken.append(start)

    def work() -> None:
        wait_for(lambda: index.remove([-1]) or len(taken) >= 12)

    beside(work, add_and_take_out)
    kept = {start + i for start in taken for i in range(5, 10)}
    assert len(index) == COUNT + len(kept)
    found = index.search(new[:1], k=len(index)).ids[0].tolist()
    assert set(found) == kept | set(range(COUNT))


def test_many_searches_at_once_find_what_one_finds(index: Index) -> None:
    queries = some_vectors(40, seed=4)
    wanted = index.search(queries, k=10)
    done: list[Any] = []

    def look() -> None:
        found = index.search(queries, k=10)
        np.testing.assert_array_equal(found.ids, wanted.ids)
        done.append(1)

    def one_by_one() -> None:
        for query in range(0, 40, 9):
            found = index.search(queries[query], k=10)
            np.testing.assert_allclose(found.scores[0], wanted.scores[query], rtol=1e-4, atol=1e-4)

    def work() -> None:
        wait_for(lambda: look() or len(done) >= 10)

    beside(work, look, look, one_by_one)


def test_any_number_of_threads_finds_the_same(index: Index) -> None:
    if not hasattr(index, "threads"):
        pytest.skip("it has no threads of its own")
    queries = some_vectors(60, seed=5)
    wanted = index.search(queries, k=10)
    for threads in (1, 2, 5):
        index.threads = threads
        found = index.search(queries, k=10)
        np.testing.assert_array_equal(found.ids, wanted.ids)
        np.testing.assert_array_equal(found.scores, wanted.scores)
