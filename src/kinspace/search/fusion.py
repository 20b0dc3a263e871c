"""Joining rankings from different ways of searching into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_RECIPROCAL_K: Final = 60


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

    def take(self, kept: NDArray[np.bool_]) -> Ranking:
        """The candidates of a mask."""
        return Ranking(self.ids[kept], self.scores[kept])

    def followed_by(self, other: Ranking) -> Ranking:
        """These candidates, and behind them those of another ranking that are not among them.

        Their scores are brought under the last one here.
        """
        if not len(self):
            return other
        late = other.take(~np.isin(other.ids, self.ids))
        scores = np.minimum(late.scores, self.scores[-1])
        return Ranking(np.concatenate([self.ids, late.ids]), np.concatenate([self.scores, scores]))

    @classmethod
    def sorted(cls, ids: NDArray[np.int64], scores: NDArray[np.float32]) -> Ranking:
        """Bring candidates into order: by score, equal scores by id."""
        order = np.lexsort((ids, -scores))
        return cls(ids[order], scores[order])


EMPTY: Final = Ranking(np.empty(0, np.int64), np.empty(0, np.float32))

Scale = Callable[[Ranking], NDArray[np.float64]]


def share_of_best(ranking: Ranking) -> NDArray[np.float64]:
    """Scores as shares of the best one; nothing below 0.

    Where all scores are negative, as for distances, ``1 / (1 - score)`` stands in for them.
    """
    scores = ranking.scores.astype(np.float64)
    best = scores.max(initial=0.0)
    if best <= 0:
        scores = 1 / (1 - scores)
        best = scores.max(initial=1.0)
    return np.asarray(np.maximum(scores, 0) / best)


def relative(ranking: Ranking) -> NDArray[np.float64]:
    """Scores as shares of the way from the worst candidate (0) to the best (1)."""
    scores = ranking.scores.astype(np.float64)
    spread = np.ptp(scores) if len(scores) else 0.0
    return np.asarray((scores - scores.min()) / spread) if spread else np.ones(len(scores))


def reciprocal(ranking: Ranking) -> NDArray[np.float64]:
    """``1 / (60 + rank)``, ranks from 1 (Cormack, Clarke and Büttcher, 2009)."""
    return 1 / (_RECIPROCAL_K + 1 + np.arange(len(ranking), dtype=np.float64))


def fuse(
    rankings: Mapping[str, Ranking], weights: Mapping[str, float], scale: Scale = share_of_best
) -> Ranking:
    """One ranking from several: the weighted sum of scaled scores.

    A candidate that one way did not find gets nothing from it.

    Parameters
    ----------
    rankings : mapping of name to Ranking
    weights : mapping of name to float
    scale : callable
        :func:`share_of_best`, :func:`relative` or :func:`reciprocal`.

    Examples
    --------
    >>> import numpy as np
    >>> a = Ranking(np.array([1, 2]), np.array([9.0, 3.0], np.float32))
    >>> b = Ranking(np.array([2, 3]), np.array([0.8, 0.2], np.float32))
    >>> fuse({"keyword": a, "dense": b}, {"keyword": 0.5, "dense": 0.5}).ids.tolist()
    [2, 1, 3]
    """
    ids = np.concatenate([ranking.ids for ranking in rankings.values()])
    shares = [weights[name] * scale(ranking) for name, ranking in rankings.items()]
    different, places = np.unique(ids, return_inverse=True)
    total = np.bincount(places, np.concatenate(shares), len(different))
    return Ranking.sorted(different, total.astype(np.float32))


def hybrid(keyword: Ranking, dense: Ranking, keyword_share: float) -> Ranking:
    """The default way of joining words and meaning.

    Parameters
    ----------
    keyword : Ranking
        The best by BM25.
    dense : Ranking
        The best by meaning, and also the scores of the candidates that only words found: they
        are cheap to have, and the answer depends less on how many candidates were taken.
    keyword_share : float
        The keyword side's weight, 0 to 1; the dense side has the rest. An encoder says what
        suits it: :attr:`kinspace.Encoder.keyword_share`.
    """
    if not len(keyword):
        return dense
    return fuse(
        {"keyword": keyword, "dense": dense},
        {"keyword": keyword_share, "dense": 1 - keyword_share},
    )
