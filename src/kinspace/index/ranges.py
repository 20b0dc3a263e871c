"""All neighbours within a limit, by an index that knows how to find the nearest ``k``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter
from kinspace.metric import Metric, score_of_distance

_FIRST: Final = 64
_QUERIES: Final = 256


def range_by_growing(
    nearest: Callable[[Any, int], tuple[NDArray[np.int64], NDArray[np.float32]]],
    queries: int,
    total: int,
    least: float,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Ask for more and more neighbours until the last is beyond the limit.

    Parameters
    ----------
    nearest : callable
        Given positions of queries and ``k``: rows and scores, shape (those queries, k), best
        first, -1 where there is none.
    queries : int
        How many there are.
    total : int
        How many rows there are to be found.
    least : float
        The lowest score.

    Returns
    -------
    rows : ndarray of int64, shape (found,)
    scores : ndarray of float32, shape (found,)
    starts : ndarray of int64, shape (queries + 1,)
        Where those of each query begin.
    """
    found: list[tuple[Any, Any]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * queries
    for start in range(0, queries, _QUERIES):
        left = np.arange(start, min(start + _QUERIES, queries))
        k = min(_FIRST, total)
        while len(left) and k:
            rows, scores = nearest(left, k)
            inside = (scores >= least) & (rows >= 0)
            for place, query in enumerate(left):
                found[query] = rows[place][inside[place]], scores[place][inside[place]]
            left = left[inside[:, -1]] if k < total else left[:0]
            k = min(4 * k, total)
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows, _ in found])]).astype(np.int64)
    if not queries:
        return np.empty(0, np.int64), np.empty(0, np.float32), starts
    rows, scores = (np.concatenate(part) for part in zip(*found, strict=True))
    return rows, scores, starts


def limit(score: float | None, distance: float | None, metric: Metric) -> float:
    """The lowest score, from a score or a distance.

    Raises
    ------
    InvalidParameter
        If both are given, or neither, or a distance where there is none.
    """
    if (score is None) == (distance is None):
        raise InvalidParameter("A range needs one limit.", "Give score= or distance=.")
    given = score if distance is None else score_of_distance(distance, metric)
    if given is None or np.isnan(given):
        raise InvalidParameter(f"The limit is {given}.", "Give a number.")
    return float(given)
