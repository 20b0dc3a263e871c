"""Joining rankings from different ways of searching into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray


KEYWORD_SHARE: Final = 0.5
"""The keyword side's weight where both sides found something; the dense side has the rest."""

_RECIPROCAL_K: Final = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates of one way of searching, best first.

    Parameters
    ----------
    ids : ndarray of int64, shape (n,)
    scores : ndarray of float32, shape (n,)
        In that way's own units; higher is better.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def ranks(self) -> dict[int, int]:
        """The place of each candidate, from 1."""
        return {name: place for place, name in enumerate(self.ids.tolist(), 1)}

    def take(self, kept: NDArray[np.bool_]) -> Ranking:
        """The candidates of a mask."""
        return Ranking(self.ids[kept], self.scores[kept])

    @classmethod
    def sorted(cls, ids: NDArray[np.int64], scores: NDArray[np.float32]) -> Ranking:
        """Bring candidates into order: by score, equal scores by id."""
        order = np.lexsort((ids, -scores))
        return cls(ids[order], scores[order])


EMPTY: Final = Ranking(np.empty(0, np.int64), np.empty(0, np.float32))


def relative(ranking: Ranking) -> dict[int, float]:
    """Scores as shares of the way from the worst candidate (0) to the best (1)."""
    if not len(ranking):
        return {}
    low, high = float(ranking.scores.min()), float(ranking.scores.max())
    scaled = (ranking.scores - low) / (high - low) if high > low else np.ones(len(ranking))
    return dict(zip(ranking.ids.tolist(), scaled.tolist(), strict=True))


def reciprocal(ranking: Ranking) -> dict[int, float]:
    """``1 / (60 + rank)``: only the order counts."""
    return {name: 1 / (_RECIPROCAL_K + rank) for name, rank in ranking.ranks().items()}


def fuse(
    rankings: Mapping[str, Ranking],
    weights: Mapping[str, float],
    scale: Callable[[Ranking], dict[int, float]] = relative,
) -> Ranking:
    """One ranking from several: the weighted sum of scaled scores.

    A candidate that one way did not find gets nothing from it.

    Parameters
    ----------
    rankings : mapping of name to Ranking
    weights : mapping of name to float
    scale : callable
        :func:`relative` or :func:`reciprocal`.

    Examples
    --------
    >>> import numpy as np
    >>> a = Ranking(np.array([1, 2]), np.array([9.0, 3.0], np.float32))
    >>> b = Ranking(np.array([2, 3]), np.array([0.8, 0.2], np.float32))
    >>> fuse({"keyword": a, "dense": b}, {"keyword": 0.5, "dense": 0.5}).ids.tolist()
    [1, 2, 3]
    """
    total: dict[int, float] = {}
    for name, ranking in rankings.items():
        for one, value in scale(ranking).items():
            total[one] = total.get(one, 0.0) + weights[name] * value
    return Ranking.sorted(
        np.fromiter(total, np.int64, len(total)),
        np.fromiter(total.values(), np.float32, len(total)),
    )


def hybrid(rankings: Mapping[str, Ranking]) -> Ranking:
    """The default way of joining: one ranking as it is, two by their weighted relative scores."""
    if len(rankings) == 1:
        return next(iter(rankings.values()))
    weights = {"keyword": KEYWORD_SHARE, "dense": 1 - KEYWORD_SHARE}
    return fuse(rankings, weights)
