"""Reranking: whether a system brings given candidates into the right order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from kinspace.datasets.content import RetrievalSet
from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidJudgements, InvalidParameter
from kinspace.evaluate.runs import Run
from kinspace.evaluate.system import Retriever, System
from kinspace.evaluate.systems import Keyword, Reranker
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.retrieval import judge
from kinspace.search.rerank import ByVectors

Scores = dict[str, dict[str, float]]


class RerankingTask(Task):
    """Puts the candidates of each query in order, and looks where the relevant ones stand.

    An encoder compares vectors; a system with a reranker (``"bm25>MODEL"``) asks that; any other
    retrieval system searches everything, and what is no candidate is left out. Measures are those
    of :class:`~kinspace.evaluate.tasks.retrieval.RetrievalTask`; relevant documents that are no
    candidates count as not found, and the notes say how many are.

    The protocol is that of MTEB 2's reranking, which is ``AbsTaskRetrieval`` with ``top_ranked``
    and ``map_at_1000`` as its main metric: ``map`` here.

    Parameters
    ----------
    content : RetrievalSet
        Its ``candidates``; where it has none, the best of each query by BM25.
    name : str, optional
        By default that of the content.
    depth : int
        How many candidates of each query are put in order.
    main : str

    Raises
    ------
    InvalidParameter
        If ``depth`` is not positive.
    InvalidJudgements
        If there are candidates that are no documents, or none for any judged query.

    Examples
    --------
    >>> from kinspace.datasets.content import Document
    >>> from kinspace.evaluate.systems import as_system
    >>> documents = {"1": Document("1", "A cat sleeps."), "2": Document("2", "Cats are stocks.")}
    >>> content = RetrievalSet("mine", documents, {"q": "sleeping cats"}, {"q": {"1": 1}})
    >>> outcome = RerankingTask(content).run(as_system("default"))
    >>> outcome.samples["map"].value()
    1.0
    """

    kind = "reranking"

    def __init__(
        self,
        content: RetrievalSet,
        *,
        name: str | None = None,
        depth: int = 100,
        main: str = "map",
    ) -> None:
        if depth < 1:
            raise InvalidParameter(f"depth is {depth}.", "Give 1 or more candidates a query.")
        self.content = content
        self.name = name or content.name
        self.depth = depth
        self.main = main
        if content.candidates is not None:
            self._check(content.candidates)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of documents, queries, judgements, candidates and settings."""
        by = [] if self.content.candidates is not None else [Keyword().fingerprint]
        return identity("reranking-1", [self.content], {"depth": self.depth, "by": by})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Score the candidates of all judged queries."""
        reranker = _reranker(system.retriever)
        encoder = reranker.encoder if isinstance(reranker, ByVectors) else system.encoder
        if encoder is not None:
            scores = self._by_vectors(encoder, progress)
        elif reranker is not None:
            scores = self._by_reranker(reranker)
        else:
            scores = self._by_search(system.need_retriever(self.name), progress)
        return judge(Run(system.name, scores), self.content, self._notes())

    @cached_property
    def candidates(self) -> dict[str, list[str]]:
        """Ids of what is put in order, by judged query."""
        queries = self.content.judged
        if self.content.candidates is not None:
            given = self.content.candidates
            return {query: list(given.get(query, ()))[: self.depth] for query in queries}
        words = Keyword()
        try:
            words.index(list(self.content.documents.values()))
            found = words.search(list(queries.values()), self.depth)
        finally:
            words.close()
        return {query: one.ids for query, one in zip(queries, found, strict=True)}

    def _queries(self) -> dict[str, str]:
        """Judged queries that have candidates."""
        judged = self.content.judged
        return {query: text for query, text in judged.items() if self.candidates[query]}

    def _by_vectors(self, encoder: Encoder[Any], progress: Progress | None) -> Scores:
        """By the metric of the space; each document is encoded once."""
        names = list(dict.fromkeys(name for some in self.candidates.values() for name in some))
        places = {name: row for row, name in enumerate(names)}
        documents = self.content.documents
        texts = encoder.encode([documents[name].whole for name in names], progress=progress)
        queries = self._queries()
        asked = encoder.encode_query(list(queries.values()))
        scores = {}
        for row, query in enumerate(queries):
            some = self.candidates[query]
            near = texts[np.array([places[name] for name in some])]
            values = asked[row : row + 1].similarity(near)[0]
            scores[query] = dict(zip(some, map(float, values), strict=True))
        return scores

    def _by_reranker(self, reranker: Reranker) -> Scores:
        documents, scores = self.content.documents, {}
        for query, text in self._queries().items():
            some = self.candidates[query]
            values = reranker.score(text, [documents[name].whole for name in some])
            scores[query] = dict(zip(some, map(float, values), strict=True))
        return scores

    def _by_search(self, retriever: Retriever, progress: Progress | None) -> Scores:
        documents, queries = self.content.documents, self.content.judged
        try:
            retriever.index(list(documents.values()), progress=progress)
            found = retriever.search(list(queries.values()), len(documents))
        finally:
            retriever.close()
        scores = {}
        for query, one in zip(queries, found, strict=True):
            wanted = set(self.candidates[query])
            scores[query] = {name: float(score) for name, score in one if name in wanted}
        return scores

    def _check(self, candidates: Mapping[str, Sequence[str]]) -> None:
        documents = self.content.documents
        for query, some in candidates.items():
            for name in some:
                if name not in documents:
                    raise InvalidJudgements(
                        f"{self.name}: query {query!r} has the candidate {name!r}, which is no "
                        "document.",
                        "Check that corpus and candidates belong together.",
                    )
        if not any(candidates.get(query) for query in self.content.judged):
            raise InvalidJudgements(
                f"{self.name}: no judged query has candidates.",
                "Give candidates by query id, or none at all, so that BM25 finds them.",
            )

    def _notes(self) -> list[str]:
        wanted = found = 0
        for query in self.content.judged:
            grades = self.content.qrels[query]
            relevant = {name for name, grade in grades.items() if grade > 0}
            wanted += len(relevant)
            found += len(relevant.intersection(self.candidates[query]))
        by = "given" if self.content.candidates is not None else "found by BM25"
        return [
            f"up to {self.depth} candidates a query, {by}; {found} of {wanted} relevant documents "
            "are among them"
        ]


def _reranker(retriever: Retriever | None) -> Reranker | None:
    """The reranker of a retrieval system that has one, also where the system is watched."""
    inner = getattr(retriever, "inner", retriever)
    found = getattr(inner, "reranker", None)
    return found if isinstance(found, Reranker) else None
