"""The cheapest values of options that find enough."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.index.tuning.recall import Trial
from kinspace.index.tuning.settings import first_enough, ladder, settle
from kinspace.results import BatchNeighbours


@pytest.mark.parametrize("guess", [None, 1, 7, 50, 1000])
@pytest.mark.parametrize("least", [0, 1, 2, 17, 63, 64, 65])
def test_first_enough(least: int, guess: int | None) -> None:
    values = ladder(1, 64)
    expected = next((value for value in values if value >= least), None)
    assert first_enough(values, lambda value: value >= least, guess) == expected


def test_a_good_guess_saves_tries() -> None:
    tried: list[float] = []

    def is_enough(value: float) -> bool:
        tried.append(value)
        return value >= 40

    first_enough(ladder(1, 10_000, 1.05), is_enough, 40)
    assert len(tried) <= 3
    assert max(tried) < 50


def test_ladders() -> None:
    assert ladder(5, 5) == [5]
    assert ladder(9, 5) == [5]
    assert ladder(1, 4) == [1, 2, 3, 4]
    assert ladder(1, 1000)[-1] == 1000


class Pretended:
    """Finds as many of a hundred neighbours as its two options allow."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def search(self, queries: Any, k: int, *, options: Any) -> BatchNeighbours:
        self.asked.append(dict(options))
        share = min(1.0, options["nprobe"] / 40) * min(1.0, options["candidates"] / 30)
        ids = np.tile(np.arange(k), (len(queries), 1))
        ids[:, round(share * k) :] = 999
        return BatchNeighbours(ids, np.where(ids < 999, 2.0, 0.0).astype(np.float32), "dot")


def test_two_options() -> None:
    truth = np.tile(np.arange(100), (400, 1))
    trial = Trial(np.zeros((400, 2), "f4"), truth, np.ones((400, 100), "f4"))
    ladders = {"candidates": ladder(10, 320, 2), "nprobe": ladder(1, 200, 1.1)}
    found = settle(Pretended(), trial, 100, 0.9, ladders)
    assert found is not None
    assert found["candidates"] == 40
    assert 36 <= found["nprobe"] <= 41
    assert settle(Pretended(), trial, 100, 0.9, {"candidates": [10], "nprobe": [1, 2]}) is None
