"""Ranges: ask for more and more until the last is beyond the limit."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.errors import InvalidParameter
from kinspace.index.ranges import limit, range_by_growing
from kinspace.metric import top_k


@pytest.mark.parametrize("queries", [0, 1, 3, 300])
@pytest.mark.parametrize("total", [0, 1, 63, 64, 65, 900])
def test_all_that_are_near_enough(queries: int, total: int, rng: np.random.Generator) -> None:
    values = rng.random((queries, total)).astype(np.float32)
    asked: list[int] = []

    def nearest(some: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append(k)
        return top_k(values[some], k)

    for least in (-1.0, 0.0, 0.3, 0.95, 0.999, 2.0):
        asked.clear()
        rows, scores, starts = range_by_growing(nearest, queries, total, least)
        assert len(starts) == queries + 1
        assert starts[-1] == len(rows) == len(scores)
        for query, line in enumerate(values):
            own = slice(starts[query], starts[query + 1])
            assert set(rows[own].tolist()) == set(np.flatnonzero(line >= least).tolist())
            assert (np.diff(scores[own]) <= 0).all()
        if least == 2.0 and total:
            assert all(k <= 64 for k in asked)  # one look is enough to see that there is nothing


def test_places_that_are_missing_are_none() -> None:
    def nearest(some: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        rows, scores = np.full((len(some), k), -1), np.full((len(some), k), -np.inf)
        rows[:, 0], scores[:, 0] = 4, 1.0
        return rows, scores

    rows, scores, starts = range_by_growing(nearest, 2, 100, -np.inf)
    assert rows.tolist() == [4, 4]
    assert scores.tolist() == [1, 1]
    assert starts.tolist() == [0, 1, 2]


def test_limits() -> None:
    assert limit(0.5, None, "dot") == 0.5
    assert limit(None, 0.25, "cosine") == 0.75
    assert limit(None, 3.0, "euclidean") == -3.0
    for score, distance, metric in (
        (None, None, "cosine"),
        (1.0, 1.0, "cosine"),
        (None, 1.0, "dot"),
        (float("nan"), None, "dot"),
    ):
        with pytest.raises(InvalidParameter) as raised:
            limit(score, distance, metric)
        assert raised.value.remedy
