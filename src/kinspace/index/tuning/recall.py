"""How much of the truth an index finds, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace import multi, sparse
from kinspace.index.tuning.choice import Proof
from kinspace.metric import Metric

_Z: Final = 1.6449
"""Standard deviations below which 5 % of a normal distribution lie."""
_TIE: Final = 1e-6
"""How far two float32 sums of one product lie apart, as a share; nearer scores are equal."""


@dataclass(frozen=True, eq=False)
class Trial:
    """Queries whose nearest neighbours are known.

    Parameters
    ----------
    queries : prepared vectors, (n, dim)
    ids : ndarray of int64, shape (n, k)
        The true neighbours, best first, the query itself not among them; -1 where there is none.
    scores : ndarray of float32, shape (n, k)
        Their scores; minus infinity where there is none.
    own : ndarray of int64, shape (n,), optional
        The id of each query in the index, where queries are vectors of the index.
    metric : str, optional
        With it, neighbours of a vector of the index that lie less than half as far as the last one
        count as copies of it. They are found with it, as they would not be by another query, so
        they count neither as found nor as missed.
    """

    queries: Any
    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    own: NDArray[np.int64] | None = None
    metric: Metric | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def k(self) -> int:
        """How many neighbours of each query are known."""
        return int(self.ids.shape[1])

    @cached_property
    def scale(self) -> NDArray[np.float64]:
        """How large the numbers are that scores come from, shape (n,), to tell what rounding is."""
        finite = np.where(self.ids >= 0, np.abs(self.scores), 0).max(axis=1, initial=0)
        if isinstance(self.queries, np.ndarray):
            finite = np.maximum(finite, np.linalg.norm(self.queries.astype(np.float64), axis=1))
        return np.asarray(finite, np.float64)

    def part(self, which: slice) -> Trial:
        """Some of the queries."""
        own = None if self.own is None else self.own[which]
        return Trial(self.queries[which], self.ids[which], self.scores[which], own, self.metric)

    def copies(self, k: int) -> NDArray[np.bool_]:
        """Which of the true ``k`` nearest are copies of their query, shape (n, k)."""
        scores = self.scores[:, :k].astype(np.float64)
        if self.own is None or self.metric in (None, "dot"):
            return np.zeros(scores.shape, np.bool_)
        apart = np.sqrt(np.maximum(0, 2 - 2 * scores)) if self.metric == "cosine" else -scores
        return (apart < apart[:, -1:] / 2) & np.isfinite(apart[:, -1:])


def joined(a: Trial, b: Trial) -> Trial:
    """The queries of both."""
    if sparse.is_sparse(a.queries):
        rows: Any = sparse.joined([a.queries, b.queries], a.queries.shape[1])
    elif multi.is_multi(a.queries):
        rows = multi.joined([a.queries, b.queries], a.queries.shape[1])
    else:
        rows = np.concatenate([a.queries, b.queries])
    own = None if a.own is None or b.own is None else np.concatenate([a.own, b.own])
    ids, scores = np.concatenate([a.ids, b.ids]), np.concatenate([a.scores, b.scores])
    return Trial(rows, ids, scores, own, a.metric)


def trial_of(
    queries: Any,
    ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    own: NDArray[np.int64] | None,
    metric: Metric | None = None,
) -> Trial:
    """A trial from what exact search found, of which a query that was found itself is taken out.

    Parameters
    ----------
    queries : prepared vectors, (n, dim)
    ids, scores : ndarray, shape (n, k), or (n, k + 1) where the queries are in the index
    own : ndarray of int64, shape (n,), optional
    """
    if own is not None:
        ids, scores = without(own, ids, scores)
    return Trial(queries, ids, scores, own, metric)


def without(
    own: NDArray[np.int64], ids: NDArray[np.int64], scores: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Neighbours without one of each query: ``own`` if it is there, else the last.

    Parameters
    ----------
    own : ndarray of int64, shape (n,)
    ids, scores : ndarray, shape (n, k)

    Returns
    -------
    ids, scores : ndarray, shape (n, k - 1)
    """
    is_own = ids == own[:, None]
    is_own[~is_own.any(axis=1), -1] = True
    shape = len(ids), ids.shape[1] - 1
    return ids[~is_own].reshape(shape), scores[~is_own].reshape(shape)


def found_by(index: Any, trial: Trial, k: int, options: dict[str, Any]) -> NDArray[np.float64]:
    """The share of the true ``k`` nearest that an index finds, for each query, shape (n,).

    A neighbour that scores as the last of the true ones is as good as it: with duplicates, there
    is more than one truth.
    """
    more = 0 if trial.own is None else 1
    found = index.search(trial.queries, k + more, options=options or None)
    ids, scores = found.ids, found.scores
    if trial.own is not None:
        ids, scores = without(trial.own, ids, scores)
    return shares(ids, scores, trial, k)


def shares(
    ids: NDArray[np.int64], scores: NDArray[np.float32], trial: Trial, k: int
) -> NDArray[np.float64]:
    """Which share of the true ``k`` nearest is among those that were found, shape (n,)."""
    truth = trial.ids[:, :k]
    true = np.where(truth >= 0, trial.scores[:, :k], np.inf)
    least = true.min(axis=1) - _TIE * trial.scale
    hit = (ids[:, :, None] == truth[:, None, :]).any(axis=2) | (scores >= least[:, None])
    hit &= ids >= 0
    there = np.count_nonzero(truth >= 0, axis=1)
    copies = trial.copies(k)
    easy = np.where(copies, truth, -2)
    found = hit & ~(ids[:, :, None] == easy[:, None, :]).any(axis=2)
    there = there - copies.sum(axis=1)
    share: NDArray[np.float64] = np.minimum(found.sum(axis=1), there) / np.maximum(1, there)
    return share


def low_end(found: NDArray[np.float64]) -> float:
    """Where the true mean lies above with 95 % confidence.

    Wilson's interval for a share. The neighbours of one query are found or missed together, so
    that they count for less than so many independent ones: for as many as have the variance
    that the queries show, at the least for one.

    Parameters
    ----------
    found : ndarray of float64, shape (n,)
        A share for each query.

    Examples
    --------
    >>> round(low_end(np.ones(1000)), 4)
    0.9973
    """
    n = len(found)
    if not n:
        return 0.0
    mean = float(found.mean())
    spread = float(found.var(ddof=1)) if n > 1 else 0.0
    whole = mean * (1 - mean)
    trials = n * max(1.0, whole / spread) if spread > 0 else float(n)
    z = _Z * _Z / trials
    middle = mean + z / 2
    return (middle - math.sqrt(z * (whole + z / 4))) / (1 + z)


def proof_of(found: NDArray[np.float64], k: int) -> Proof:
    """What a share for each query proves."""
    mean = float(found.mean()) if len(found) else 1.0
    return Proof(k, mean, low_end(found), len(found))
