"""Metrics of rankings, query by query, exactly as trec_eval computes them.

- Scores in descending order; of equal scores, the greater document id first. Scores are compared
  in single precision.
- A document without a judgement is not relevant, and neither is one of grade 0 or less.
- A query that was judged and not answered has 0, and so has one without relevant documents; a query
  that was answered and not judged is left out.
- nDCG takes the grade itself as the gain, divides by log2(rank + 1), and its ideal ranking is of
  all documents that were judged relevant (Järvelin and Kekäläinen 2002).
- The mean over all judged queries is what trec_eval's ``-c`` gives.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.judgements import Qrels
from kinspace.errors import InvalidJudgements, InvalidParameter
from kinspace.evaluate.runs import Run, single

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CUTOFFS = (1, 3, 5, 10, 20, 100)
MEASURES: tuple[str, ...] = (
    *(f"{name}_at_{k}" for name in ("ndcg", "precision", "recall", "success") for k in CUTOFFS),
    "recall_at_1000",
    "map",
    "mrr",
    "mrr_at_10",
    "r_precision",
)
"""What is reported; any other cutoff is computed as well."""


def per_query(
    run: Run,
    qrels: Qrels,
    *,
    measures: Sequence[str] = MEASURES,
    judged: Sequence[str] | None = None,
) -> dict[str, Floats]:
    """Each measure of each judged query.

    Parameters
    ----------
    run : Run
    qrels : mapping of str to mapping of str to int
        Grades of documents by query.
    measures : sequence of str
        ``precision_at_k``, ``recall_at_k``, ``success_at_k``, ``mrr_at_k``, ``map_at_k`` and
        ``ndcg_at_k`` for any k, where ``mrr``, ``map`` and ``ndcg`` are over the whole ranking; and
        ``r_precision``.
    judged : sequence of str, optional
        The queries, in the order of the rows that are wanted; by default all of ``qrels``.

    Returns
    -------
    dict of str to ndarray of float64, shape (queries,)

    Raises
    ------
    InvalidJudgements
        If there are no queries, or one of them has no judgements.
    InvalidParameter
        If there is no such measure.

    Examples
    --------
    >>> run = Run("mine", {"q1": {"a": 3.0, "b": 2.0}, "q2": {"c": 1.0}})
    >>> found = per_query(run, {"q1": {"b": 1}, "q2": {"c": 2, "d": 1}}, measures=["mrr", "map"])
    >>> found["mrr"], found["map"]
    (array([0.5, 1. ]), array([0.5, 0.5]))
    """
    names = list(qrels if judged is None else judged)
    if not names:
        raise InvalidJudgements("No query is judged.", "Give judgements by query.")
    if unknown := next((name for name in names if name not in qrels), None):
        raise InvalidJudgements(
            f"The query {unknown!r} has no judgements.", "Ask for judged queries only."
        )
    computers = {measure: _computer(measure) for measure in measures}
    found = _found(run, qrels, names)
    return {measure: compute(found, k) for measure, (compute, k) in computers.items()}


@dataclass(frozen=True)
class _Relevant:
    """Relevant documents, as rows ordered by query and rank.

    Parameters
    ----------
    query, rank, grade : ndarray of int64, shape (documents,)
        The number of the query, the rank from 1, the grade.
    """

    query: Ints
    rank: Ints
    grade: Ints

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int]]) -> _Relevant:
        table = np.array(rows, np.int64).reshape(-1, 3)
        return cls(table[:, 0], table[:, 1], table[:, 2])


@dataclass(frozen=True)
class _Found:
    """All that the metrics need: the ranks of relevant documents, few beside all that were found.

    Parameters
    ----------
    hits : _Relevant
        Those that were found, where they were.
    ideal : _Relevant
        All, in the best order.
    count : ndarray of int64, shape (queries,)
        How many there are.
    """

    hits: _Relevant
    ideal: _Relevant
    count: Ints

    def total(self, rows: _Relevant, weights: NDArray[np.float64 | np.bool_]) -> Floats:
        """The sum of weights of documents by query."""
        return np.bincount(rows.query, weights, minlength=len(self.count)).astype(np.float64)

    def within(self, rows: _Relevant, k: int | None) -> NDArray[np.bool_]:
        """Which documents are among the first k of their query; all if there is no k."""
        return rows.rank <= (np.inf if k is None else k)


def _found(run: Run, qrels: Qrels, judged: Sequence[str]) -> _Found:
    hits: list[tuple[int, int, int]] = []
    ideal: list[tuple[int, int, int]] = []
    count = np.zeros(len(judged), np.int64)
    for number, query in enumerate(judged):
        grades = {document: grade for document, grade in qrels[query].items() if grade > 0}
        best = sorted(grades.values(), reverse=True)
        count[number] = len(best)
        ideal += [(number, rank, grade) for rank, grade in enumerate(best, start=1)]
        hits += sorted((number, *hit) for hit in _hits(run.scores.get(query, {}), grades))
    return _Found(_Relevant.of(hits), _Relevant.of(ideal), count)


def _hits(scores: Mapping[str, float], grades: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """Ranks and grades of the relevant documents that were found, without ranking the others."""
    present = [document for document in grades if document in scores]
    if not present:
        return
    values = single(scores.values())
    own = single(scores[document] for document in present)
    ordered = np.sort(values)
    higher = len(values) - np.searchsorted(ordered, own, "right")
    as_high = len(values) - np.searchsorted(ordered, own, "left")
    tied: dict[float, list[str]] = {}
    for score in set(own[as_high > higher + 1].tolist()):
        tied[score] = sorted(np.array(list(scores), object)[values == score])
    for document, score, last in zip(present, own.tolist(), as_high.tolist(), strict=True):
        yield last - bisect_left(tied.get(score, [document]), document), grades[document]


def _precision(found: _Found, k: int | None) -> Floats:
    return found.total(found.hits, found.within(found.hits, k)) / (k or 1)


def _recall(found: _Found, k: int | None) -> Floats:
    return _share(found.total(found.hits, found.within(found.hits, k)), found.count)


def _success(found: _Found, k: int | None) -> Floats:
    return (found.total(found.hits, found.within(found.hits, k)) > 0).astype(np.float64)


def _mrr(found: _Found, k: int | None) -> Floats:
    first = found.hits.query != np.append(-1, found.hits.query[:-1])
    return found.total(found.hits, (first & found.within(found.hits, k)) / found.hits.rank)


def _map(found: _Found, k: int | None) -> Floats:
    query = found.hits.query
    so_far = np.arange(1, len(query) + 1) - np.searchsorted(query, query)
    precision = found.within(found.hits, k) * so_far / found.hits.rank
    return _share(found.total(found.hits, precision), found.count)


def _ndcg(found: _Found, k: int | None) -> Floats:
    gained, best = (
        found.total(rows, found.within(rows, k) * rows.grade / np.log2(rows.rank + 1))
        for rows in (found.hits, found.ideal)
    )
    return _share(gained, best)


def _r_precision(found: _Found, k: int | None) -> Floats:
    within = found.hits.rank <= found.count[found.hits.query]
    return _share(found.total(found.hits, within), found.count)


def _share(part: Floats, whole: Floats | Ints) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


_Computer = Callable[[_Found, int | None], Floats]

_WITH_CUTOFF: Mapping[str, _Computer] = {
    "precision": _precision,
    "recall": _recall,
    "success": _success,
    "mrr": _mrr,
    "map": _map,
    "ndcg": _ndcg,
}
_WHOLE: Mapping[str, _Computer] = {
    "mrr": _mrr,
    "map": _map,
    "ndcg": _ndcg,
    "r_precision": _r_precision,
}


def _computer(measure: str) -> tuple[_Computer, int | None]:
    """What computes a measure, and its cutoff."""
    if cut := re.fullmatch(r"([a-z]+)_at_([1-9][0-9]*)", measure):
        if cut[1] in _WITH_CUTOFF:
            return _WITH_CUTOFF[cut[1]], int(cut[2])
    elif measure in _WHOLE:
        return _WHOLE[measure], None
    raise InvalidParameter(
        f"There is no measure {measure!r}.",
        f"Choose of: {', '.join(_WHOLE)}, {', '.join(f'{name}_at_k' for name in _WITH_CUTOFF)}.",
    )
