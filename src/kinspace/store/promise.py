"""What a collection promises to find, and whether its index does.

The promise is a share: of the ten nearest, say, 95 % are found. Against exact search it is measured
with the queries that were asked lately, and with made-up ones (:mod:`kinspace.store.questions`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from kinspace import multi, sparse
from kinspace.errors import InvalidParameter
from kinspace.index.held_sparse import SparseRows
from kinspace.index.multi_centroids import MultiCentroids
from kinspace.index.sparse_inverted import SparseInverted
from kinspace.index.tuning.recall import Trial, low_end, shares, trial_of
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import Metric
from kinspace.store.database import Database
from kinspace.store.packing import Rows
from kinspace.store.questions import Table, between, enough, truth

RECALL: Final = 0.95
"""What is promised where nobody said otherwise."""
KS: Final = (10, 100)
"""The numbers of neighbours for which it holds: those that a search asks for."""
_QUERIES: Final = 200
_TUNING: Final = 2000
_STEPS: Final = ((4, 2), (6, 3), (8, 4), (12, 6), (16, 8), (32, 16), (64, 32), (256, 64))
"""Cells that are looked into for each vector of a query, and a measure of the candidates."""
_MARGIN: Final = 0.3
"""Of what may be missed, the share that an index is made to find all the same, for queries that are
unlike those that it was made with."""


def promised(database: Database) -> float:
    """The share of the nearest that a collection is to find."""
    return float(database.meta("recall") or RECALL)


def check_recall(recall: float) -> float:
    """Return a recall if it is one; raise :class:`InvalidParameter` otherwise."""
    if not isinstance(recall, int | float) or not 0 < recall <= 1:
        raise InvalidParameter(
            f"recall is {recall!r}.", "Give a share above 0, at most 1, which is exact search."
        )
    return float(recall)


@dataclass(frozen=True, slots=True)
class Kept:
    """How well a promise is kept.

    Parameters
    ----------
    k : int
    recall : float
        The share of the ``k`` nearest that were found.
    high : float
        With 95 % confidence the true share is not higher.
    promised : float
    queries : int
        By how many it was measured.
    """

    k: int
    recall: float
    high: float
    promised: float
    queries: int

    @property
    def is_broken(self) -> bool:
        """Whether less is found than was promised, by more than chance explains."""
        return self.high < self.promised

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.recall:.1%} of the {self.k} nearest are found where {self.promised:.1%} were "
            f"promised, by {self.queries:,} queries"
        )


def trial(rows: Table, metric: Metric, recent: Sequence[Rows]) -> Trial:
    """Made-up and recent queries to a table, with their true neighbours.

    Parameters
    ----------
    rows : Table
    metric : str
        How rows are compared.
    recent : sequence of single queries, in the form of the table
    """
    k = min(KS[-1], len(rows) - 2)
    queries = _joined([between(rows, enough(rows, _QUERIES)), *recent])
    return trial_of(queries, *truth(queries, rows, k, metric), None)


def _joined(queries: Sequence[Rows]) -> Rows:
    """All queries together, whatever their form."""
    dim = queries[0].shape[1]
    if sparse.is_sparse(queries[0]):
        return sparse.joined(queries, dim)
    return multi.joined(queries, dim) if multi.is_multi(queries[0]) else np.concatenate(queries)


def measured(index: VectorIndex, asked: Trial, promise: float) -> list[Kept]:
    """What an index finds of as many as a collection asks it for."""
    kept = []
    for k in (k for k in KS if k <= asked.k):
        found = index.search(asked.queries, k)
        share = shares(found.ids, found.scores, asked, k)
        high = 1 - low_end(1 - share)
        kept.append(Kept(k, float(share.mean()), high, promise, len(asked)))
    return kept


def held_to(
    promise: float,
    rows: Table,
    metric: Metric,
    base: VectorIndex | None,
    recent: Sequence[Rows],
) -> tuple[VectorIndex, list[Kept]]:
    """An index over a table that finds what is promised, and what it was measured to find.

    Parameters
    ----------
    promise : float
    rows : Table
        What the index refers to.
    metric : str
    base : VectorIndex, optional
        One over the first rows, which takes in the others; where it does not find enough, and
        cannot be set so that it does, another is made.
    recent : sequence of single queries
        Those that were asked lately.
    """
    asked = trial(rows, metric, recent)
    if base is not None:
        base.refer(rows)
        kept = _kept(base, asked, promise)
        if kept is not None:
            return base, kept
    index = _made(rows, metric, promise + _MARGIN * (1 - promise), asked)
    return index, _kept(index, asked, promise) or measured(index, asked, promise)


def _made(rows: Table, metric: Metric, recall: float, asked: Trial) -> VectorIndex:
    """A new index that refers to a table.

    That of sparse vectors misses nothing. Where records have several, there is one kind, of which
    only the options are chosen.
    """
    made: VectorIndex
    if isinstance(rows, np.ndarray):
        from kinspace.index.tune import build_index

        queries, k = between(rows, _TUNING), min(KS[0], asked.k)
        with _told_elsewhere():
            made = build_index(rows, metric, recall=recall, k=k, queries=queries, copy=False)
        return made
    if isinstance(rows, SparseRows):
        made = SparseInverted(rows.dim, metric)
        made.refer(rows)
        return made
    made = MultiCentroids(rows.shape[1], metric, dtype=str(rows.dtype))
    made.refer(rows)
    _set(made, asked, recall)
    return made


def _set(index: VectorIndex, asked: Trial, recall: float) -> None:
    """Choose other options of a search, with which more is found."""
    if not isinstance(index, MultiCentroids):
        from kinspace.index.tune import retune

        with _told_elsewhere():
            retune(index, asked.queries, recall=recall, k=min(KS[0], asked.k))
        return
    for k in (k for k in KS if k <= asked.k):
        for nprobe, share in _STEPS:
            options = {"nprobe": nprobe, "candidates": share * (64 + 2 * k) // 2}
            found = index.search(asked.queries, k, options=options)
            index.tuned[k] = options
            if shares(found.ids, found.scores, asked, k).mean() >= recall:
                break


def _kept(index: VectorIndex, asked: Trial, promise: float) -> list[Kept] | None:
    """What an index finds, set to what is asked where it must be; None if that is too little."""
    kept = measured(index, asked, promise)
    if any(one.recall < promise for one in kept):
        _set(index, asked, promise)
        kept = measured(index, asked, promise)
    return None if any(one.is_broken for one in kept) else kept


@contextmanager
def _told_elsewhere() -> Iterator[None]:
    """That not all could be had is found again, and told, by whoever measures."""
    from kinspace.index.tune import NotReached

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotReached)
        yield
