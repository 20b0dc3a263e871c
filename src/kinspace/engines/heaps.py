"""The best rows of each query so far, for kernels that come upon them one by one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Best(NamedTuple):
    """The best of each query so far, as heaps whose root is the worst of them."""

    rows: NDArray[np.int64]
    """Shape (queries, k)."""
    scores: NDArray[np.float32]
    """Shape (queries, k)."""
    counts: NDArray[np.int64]
    """How many there are, shape (queries,)."""


def none_yet(queries: int, k: int) -> Best:
    """Room for the ``k`` best of some queries: rows of -1, and scores of minus infinity."""
    shape = (queries, k)
    rows, scores = np.full(shape, -1), np.full(shape, -np.inf, np.float32)
    return Best(rows, scores, np.zeros(queries, np.int64))


def least_of(best: Best, query: int) -> Any:
    """The score that a row must reach: that of the k-th best, and zero until there are k."""
    if best.counts[query] < best.rows.shape[1]:
        return np.float32(0)
    return best.scores[query, 0]


def keep(best: Best, query: int, score: Any, row: int) -> None:
    """Put a row among the best, in place of the worst if there are k; on equal scores the lower."""
    rows, scores, size = best.rows[query], best.scores[query], best.rows.shape[1]
    count = best.counts[query]
    if count < size:
        place = count
        best.counts[query] = count + 1
        while place > 0:
            above = (place - 1) // 2
            if not is_worse(score, row, scores[above], rows[above]):
                break
            scores[place], rows[place] = scores[above], rows[above]
            place = above
    else:
        if not is_worse(scores[0], rows[0], score, row):
            return
        place = 0
        while 2 * place + 1 < size:
            below = 2 * place + 1
            if below + 1 < size and is_worse(
                scores[below + 1], rows[below + 1], scores[below], rows[below]
            ):
                below += 1
            if not is_worse(scores[below], rows[below], score, row):
                break
            scores[place], rows[place] = scores[below], rows[below]
            place = below
    scores[place], rows[place] = score, row


def is_worse(score: Any, row: int, other: Any, other_row: int) -> bool:
    """Whether a row comes after another in the order of results."""
    return score < other or (score == other and row > other_row)
