"""Retrieval and reranking on documents whose order is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.encoder import Progress
from kinspace.errors import InvalidJudgements, InvalidParameter, NotApplicable
from kinspace.evaluate.system import System
from kinspace.evaluate.systems import Keyword, Reranked, as_system
from kinspace.evaluate.task import Outcome
from kinspace.evaluate.tasks import RerankingTask, RetrievalTask
from kinspace.results import Neighbours
from tests.evaluate.tasks.known import encoder_of, known, value
from tests.toys import HashEncoder

DOCUMENTS = {
    "near": Document("near", "near"),
    "middle": Document("middle", "middle"),
    "far": Document("far", "far"),
}
VECTORS = [[1, 0], [1, 1], [0, 1]]
QUERIES = {"right": [1, 0.1], "up": [0.1, 1], "unjudged": [1, 1]}
QRELS = {"right": {"near": 2, "middle": 1}, "up": {"middle": 1, "far": 0}, "unjudged": {"far": 0}}


def content(
    qrels: Mapping[str, Mapping[str, int]] = QRELS,
    candidates: Mapping[str, Sequence[str]] | None = None,
) -> RetrievalSet:
    return RetrievalSet("three", DOCUMENTS, {name: name for name in QUERIES}, qrels, candidates)


def system() -> System:
    return known(list(DOCUMENTS), VECTORS, QUERIES)


class Scripted:
    """Answers every query with the same documents, and notes what it is told."""

    name = "scripted"
    fingerprint = "scripted"
    index_bytes = 0

    def __init__(self, answers: Mapping[str, float]) -> None:
        self.answers = answers
        self.log: list[str] = []

    def index(self, documents: Sequence[Document], *, progress: Progress | None = None) -> None:
        self.log.append(f"index {len(documents)}")

    def search(self, queries: Sequence[str], k: int) -> list[Neighbours[str]]:
        self.log.append(f"search {len(queries)} for {k}")
        names = list(self.answers)[:k]
        scores = np.array([self.answers[name] for name in names], np.float32)
        return [Neighbours(names, scores, "dot") for _ in queries]

    def close(self) -> None:
        self.log.append("close")


def scripted(answers: Mapping[str, float]) -> tuple[System, Scripted]:
    retriever = Scripted(answers)
    return as_system(retriever), retriever


def test_figures_of_a_known_order() -> None:
    outcome = RetrievalTask(content()).run(system())
    assert outcome.items == ["right", "up"]
    assert list(outcome.run.scores["right"]) == ["near", "middle", "far"]  # type: ignore[union-attr]
    per_query = {name: list(s.columns["values"]) for name, s in outcome.samples.items()}
    assert per_query["ndcg_at_10"] == pytest.approx([1, 1 / np.log2(3)])
    assert per_query["map"] == pytest.approx([1, 0.5])
    assert per_query["mrr"] == pytest.approx([1, 0.5])
    assert per_query["precision_at_1"] == [1, 0]
    assert per_query["recall_at_1"] == [0.5, 0]
    assert outcome.notes == ["1 of 3 queries have no relevant document"]


def test_queries_are_encoded_as_queries_and_also_timed_one_by_one() -> None:
    judged = system()
    outcome = RetrievalTask(content()).run(judged)
    sides = [side for side, _ in encoder_of(judged).calls]
    assert sides == ["document", *["query"] * 4]  # all at once, one that is not counted, two
    assert len(outcome.query_seconds) == 2
    assert (outcome.query_seconds > 0).all()


def test_equal_scores_are_ordered_by_id_descending() -> None:
    judged, _ = scripted({"far": 1.0, "middle": 1.0, "near": 1.0})
    outcome = RetrievalTask(content({"right": {"near": 1}})).run(judged)
    assert value(outcome, "mrr") == 1  # near > middle > far, as trec_eval has it


@pytest.mark.parametrize(("exclude", "mrr"), [(False, 0.5), (True, 1.0)])
def test_the_query_itself_can_be_left_out(exclude: bool, mrr: float) -> None:
    documents = {name: Document(name, name) for name in ("near", "middle")}
    own = RetrievalSet("own", documents, {"near": "right"}, {"near": {"middle": 1}})
    judged = known(["near", "middle"], VECTORS[:2], QUERIES)
    outcome = RetrievalTask(own, exclude_self=exclude, depth=1 + (not exclude)).run(judged)
    assert value(outcome, "mrr") == mrr


def test_depth_is_how_many_are_judged() -> None:
    judged, retriever = scripted({"far": 3.0, "middle": 2.0, "near": 1.0})
    outcome = RetrievalTask(content({"right": {"near": 1}}), depth=2).run(judged)
    assert value(outcome, "recall_at_100") == 0
    assert retriever.log[:2] == ["index 3", "search 1 for 2"]
    assert retriever.log[-1] == "close"


def test_a_system_that_finds_nothing() -> None:
    judged, _ = scripted({})
    outcome = RetrievalTask(content({"right": {"near": 1}})).run(judged)
    assert value(outcome, "ndcg_at_10") == 0
    assert "nothing was found for 1 of 1 queries" in outcome.notes


def test_what_was_taken_in_is_given_back_after_an_error() -> None:
    class Broken(Scripted):
        def search(self, queries: Sequence[str], k: int) -> list[Neighbours[str]]:
            raise InvalidParameter("no")

    retriever = Broken({})
    with pytest.raises(InvalidParameter):
        RetrievalTask(content()).run(as_system(retriever))
    assert retriever.log[-1] == "close"


def test_vectors_alone_find_nothing() -> None:
    with pytest.raises(NotApplicable, match="finds no documents"):
        RetrievalTask(content()).run(System("words", "0"))


@pytest.mark.parametrize("task", [RetrievalTask, RerankingTask])
def test_a_depth_of_nothing(task: type[RetrievalTask]) -> None:
    with pytest.raises(InvalidParameter, match="depth is 0"):
        task(content(), depth=0)


def test_the_fingerprint_is_of_what_is_asked() -> None:
    tasks = [
        RetrievalTask(content()),
        RetrievalTask(content(), depth=10),
        RetrievalTask(content(), exclude_self=True),
        RetrievalTask(content({"right": {"near": 1}})),
        RerankingTask(content()),
        RerankingTask(content(candidates={"right": ["far"], "up": ["near"]})),
        RerankingTask(content(candidates={"right": ["near"], "up": ["near"]})),
    ]
    assert len({task.fingerprint for task in tasks}) == len(tasks)
    assert RetrievalTask(content()).fingerprint == RetrievalTask(content(), name="x").fingerprint


# -- reranking ---------------------------------------------------------------------------------

GIVEN = {"right": ["far", "middle"], "up": ["near", "middle"]}


def order(outcome: Outcome, query: str) -> list[str]:
    assert outcome.run is not None
    found = outcome.run.scores[query]
    return sorted(found, key=lambda name: -found[name])


def test_only_candidates_are_put_in_order() -> None:
    judged = system()
    outcome = RerankingTask(content(candidates=GIVEN)).run(judged)
    assert order(outcome, "right") == ["middle", "far"]
    assert order(outcome, "up") == ["middle", "near"]
    # "near" is relevant to "right" and no candidate: it counts as not found, as in MTEB.
    assert list(outcome.samples["map"].columns["values"]) == pytest.approx([0.5, 1])
    assert outcome.notes[0].endswith("given; 2 of 3 relevant documents are among them")
    assert encoder_of(judged).calls[0] == ("document", ["far", "middle", "near"])


class Backwards:
    """A reranker that prefers short texts."""

    name = "short"
    fingerprint = "short"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        return -np.array([len(text) for text in texts], np.float32)


def test_a_reranker_is_asked() -> None:
    judged = as_system(Reranked(Keyword(), Backwards()))
    outcome = RerankingTask(content(candidates=GIVEN)).run(judged)
    assert order(outcome, "right") == ["far", "middle"]
    assert order(outcome, "up") == ["near", "middle"]


def test_an_encoder_that_reranks_is_an_encoder() -> None:
    encoder = encoder_of(system())
    outcome = RerankingTask(content(candidates=GIVEN)).run(as_system(Reranked(Keyword(), encoder)))
    direct = RerankingTask(content(candidates=GIVEN)).run(as_system(encoder))
    assert outcome.run.scores == direct.run.scores  # type: ignore[union-attr]


def test_any_retrieval_system_can_be_judged() -> None:
    judged, retriever = scripted({"near": 3.0, "middle": 2.0, "far": 1.0})
    outcome = RerankingTask(content(candidates=GIVEN)).run(judged)
    assert order(outcome, "right") == ["middle", "far"]
    assert retriever.log == ["index 3", "search 2 for 3", "close"]


def test_without_candidates_bm25_finds_them() -> None:
    documents = {
        "1": Document("1", "a cat sleeps on a mat"),
        "2": Document("2", "cats are not dogs"),
        "3": Document("3", "stocks fell"),
    }
    found = RetrievalSet("cats", documents, {"q": "sleeping cat"}, {"q": {"1": 1, "3": 1}})
    task = RerankingTask(found)
    assert sorted(task.candidates["q"]) == ["1", "2"]
    outcome = task.run(as_system(HashEncoder()))
    assert "found by BM25; 1 of 2 relevant" in outcome.notes[0]


def test_a_query_without_candidates_finds_nothing() -> None:
    outcome = RerankingTask(content(candidates={"right": ["near"]})).run(system())
    assert list(outcome.samples["map"].columns["values"]) == pytest.approx([0.5, 0])
    assert "nothing was found for 1 of 2 queries" in outcome.notes


@pytest.mark.parametrize(
    ("candidates", "said"),
    [({"right": ["nowhere"]}, "'nowhere', which is no document"), ({}, "no judged query")],
)
def test_candidates_that_do_not_fit(candidates: Mapping[str, list[str]], said: str) -> None:
    with pytest.raises(InvalidJudgements, match=said):
        RerankingTask(content(candidates=candidates))
