"""Retrieval: whether a system finds the documents that answer a query, and how high."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import RetrievalSet
from kinspace.encoder import Progress
from kinspace.errors import InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics.ranking import per_query
from kinspace.evaluate.runs import Run
from kinspace.evaluate.system import Retriever, System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.results import Neighbours

TIMED: Final = 100
"""How many queries are asked one by one, for their time …"""
SHOWN: Final = 10
"""… and how many documents each is then asked for: a page of results."""


class RetrievalTask(Task):
    """Takes in documents, answers all judged queries, and looks where the relevant ones stand.

    Per query, as trec_eval computes them: ``ndcg_at_k``, ``precision_at_k``, ``recall_at_k`` and
    ``success_at_k`` for k = 1, 3, 5, 10, 20, 100, ``recall_at_1000``, ``map``, ``mrr``,
    ``mrr_at_10`` and ``r_precision``. Equal scores are ordered by document id, descending.

    The protocol is that of MTEB's ``AbsTaskRetrieval`` and BEIR: documents are title and text,
    queries are encoded as queries, the best 1,000 of each are judged. Queries without a relevant
    document are not asked (MTEB asks those that have judgements, all of them 0, and counts 0).

    Parameters
    ----------
    content : RetrievalSet
    name : str, optional
        By default that of the content.
    depth : int
        How many documents of each query are judged.
    main : str
    exclude_self : bool
        Leave out the document that has the query's own id, as MTEB does on sets whose queries
        are documents themselves (ArguAna, CQADupstack, Quora: ``ignore_identical_ids``).

    Raises
    ------
    InvalidParameter
        If ``depth`` is not positive.

    Examples
    --------
    >>> from kinspace.datasets.content import Document
    >>> from kinspace.evaluate.systems import as_system
    >>> documents = {"1": Document("1", "A cat sleeps."), "2": Document("2", "Stocks fell.")}
    >>> content = RetrievalSet("mine", documents, {"q": "sleeping cats"}, {"q": {"1": 1}})
    >>> outcome = RetrievalTask(content).run(as_system("bm25"))
    >>> outcome.samples["ndcg_at_10"].value()
    1.0
    """

    kind = "retrieval"

    def __init__(
        self,
        content: RetrievalSet,
        *,
        name: str | None = None,
        depth: int = 1000,
        main: str = "ndcg_at_10",
        exclude_self: bool = False,
    ) -> None:
        if depth < 1:
            raise InvalidParameter(f"depth is {depth}.", "Give 1 or more documents a query.")
        self.content = content
        self.name = name or content.name
        self.depth = depth
        self.main = main
        self.exclude_self = exclude_self

    @cached_property
    def fingerprint(self) -> str:
        """A hash of documents, queries, judgements and settings."""
        settings = {"depth": self.depth, "exclude_self": self.exclude_self}
        return identity("retrieval-1", [self.content], settings)

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Index, ask all queries at once for the figures, and some one by one for the time."""
        retriever = system.need_retriever(self.name)
        queries = self.content.judged
        try:
            retriever.index(list(self.content.documents.values()), progress=progress)
            depth = min(self.depth + self.exclude_self, len(self.content.documents))
            found = retriever.search(list(queries.values()), depth)
            seconds = _seconds(retriever, list(queries.values())[:TIMED])
        finally:
            retriever.close()
        scores = {query: self._kept(query, one) for query, one in zip(queries, found, strict=True)}
        return judge(
            Run(system.name, scores), self.content, self._notes(queries), query_seconds=seconds
        )

    def _kept(self, query: str, found: Neighbours[str]) -> dict[str, float]:
        """Scores by document: as many as are judged, without the query's own if that is wanted."""
        kept = ((name, score) for name, score in found if not self.exclude_self or name != query)
        return dict(list(kept)[: self.depth])

    def _notes(self, judged: dict[str, str]) -> list[str]:
        others = len(self.content.queries) - len(judged)
        if not others:
            return []
        return [f"{others} of {len(self.content.queries)} queries have no relevant document"]


def judge(
    run: Run,
    content: RetrievalSet,
    notes: Sequence[str] = (),
    *,
    query_seconds: NDArray[np.float64] | None = None,
) -> Outcome:
    """The outcome of a run on a set: every measure of every judged query."""
    judged = list(content.judged)
    measured = per_query(run, content.qrels, judged=judged)
    samples = {name: Sample("mean", {"values": values}) for name, values in measured.items()}
    silent = sum(not run.scores.get(query) for query in judged)
    said = list(notes)
    if silent:
        said.append(f"nothing was found for {silent} of {len(judged)} queries")
    seconds = np.empty(0) if query_seconds is None else query_seconds
    return Outcome(samples, judged, said, run, seconds)


def _seconds(retriever: Retriever, queries: list[str]) -> NDArray[np.float64]:
    """How long single queries take, after one that is not counted."""
    found = []
    for query in [queries[0], *queries]:
        start = time.perf_counter()
        retriever.search([query], SHOWN)
        found.append(time.perf_counter() - start)
    return np.array(found[1:])
