"""The same models on the same tasks, through MTEB and through Kinspace: the same figures."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.datasets import (
    BitextSet,
    Document,
    LabelledSet,
    PairSet,
    RetrievalSet,
    load,
)
from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Side
from kinspace.errors import (
    InvalidInput,
    InvalidParameter,
    MissingExtra,
    NotApplicable,
)
from kinspace.evaluate.bridges import as_mteb, from_mteb, to_mteb_task
from kinspace.evaluate.systems import as_system
from kinspace.evaluate.task import Task
from kinspace.evaluate.tasks import (
    BitextTask,
    ClassificationTask,
    Clusterings,
    ClusteringTask,
    PairClassificationTask,
    RerankingTask,
    RetrievalTask,
    SimilarityTask,
    Training,
    WordSimilarityTask,
)
from kinspace.pretrained import load as load_model
from kinspace.pretrained.neural.dense.encoder import TransformerEncoder
from kinspace.space import Space, fingerprint_of
from tests.toys import CountLearner, HashEncoder

SHARED = {
    "retrieval": {
        **{
            f"{name}_at_{k}": f"{name}_at_{k}"
            for name in ("ndcg", "precision", "recall")
            for k in (1, 3, 5, 10, 20, 100)
        },
        **{f"success_at_{k}": f"hit_rate_at_{k}" for k in (1, 10)},
        "recall_at_1000": "recall_at_1000",
        "map": "map_at_1000",
        "mrr": "mrr_at_1000",
        "mrr_at_10": "mrr_at_10",
    },
    "similarity": {
        "spearman": "spearman",
        "pearson": "pearson",
    },
    "pair_classification": {"average_precision": "similarity_ap", "best_f1": "similarity_f1"},
    "classification": {"accuracy": "accuracy", "f1_macro": "f1"},
    "clustering": {"v_measure": "v_measure"},
    "bitext": {"f1": "f1", "precision": "precision", "recall": "recall", "accuracy": "accuracy"},
}
SHARED["reranking"] = SHARED["retrieval"]
KINDS = list(SHARED)


@pytest.fixture(scope="module", autouse=True)
def _alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No network, no trace, and one thread, since k-means goes on from its last digits."""
    from threadpoolctl import threadpool_limits

    def refuse(*_: Any) -> None:
        raise AssertionError("something asks the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_DATASETS_OFFLINE", "1")
        patch.setenv("MTEB_CACHE", str(tmp_path_factory.mktemp("mteb")))
        patch.setattr(socket.socket, "connect", refuse)
        with threadpool_limits(1):
            yield


@pytest.fixture(scope="module")
def encoder() -> Encoder[str]:
    return load_model("default")


@pytest.fixture(scope="module")
def tasks(data: Path) -> dict[str, Task]:
    """A task of each kind on a part of a real set, as its local files have it."""
    return {task.kind: task for task in parts()}


def parts() -> Iterator[Task]:
    scifact = load("scifact", "test")
    assert isinstance(scifact, RetrievalSet)
    few = fewer(scifact, 40, 400)
    yield RetrievalTask(few)
    yield RerankingTask(few)
    stsb, msrp = load("stsb", "test"), load("msrp", "test")
    assert isinstance(stsb, PairSet) and isinstance(msrp, PairSet)
    yield SimilarityTask(first(stsb, 200))
    yield PairClassificationTask(first(msrp, 200))
    learned, judged = load("banking77", "train"), load("banking77", "test")
    assert isinstance(learned, LabelledSet) and isinstance(judged, LabelledSet)
    yield ClassificationTask(
        some_of_each(learned, 12, 10), some_of_each(judged, 12, 10), training=Training(whole=False)
    )
    yield ClusteringTask(some_of_each(judged, 12, 20), clusterings=Clusterings(size=500))
    captions = load("multi30k-en-fr")
    assert isinstance(captions, BitextSet)
    yield BitextTask(replace(captions, left=captions.left[:150], right=captions.right[:150]))


def fewer(content: RetrievalSet, queries: int, others: int) -> RetrievalSet:
    """Some queries, their judged documents, and some others."""
    asked = dict(list(content.judged.items())[:queries])
    qrels = {name: content.qrels[name] for name in asked}
    judged = {name for grades in qrels.values() for name in grades}
    kept = sorted(judged) + [name for name in content.documents if name not in judged][:others]
    documents = {name: content.documents[name] for name in kept}
    return replace(content, documents=documents, queries=asked, qrels=qrels)


def first(content: PairSet, count: int) -> PairSet:
    return replace(
        content,
        left=content.left[:count],
        right=content.right[:count],
        scores=content.scores[:count],
    )


def some_of_each(content: LabelledSet, labels: int, count: int) -> LabelledSet:
    wanted = sorted(set(content.labels))[:labels]
    rows = [
        row
        for label in wanted
        for row in [i for i, one in enumerate(content.labels) if one == label][:count]
    ]
    random.Random(0).shuffle(rows)
    return replace(
        content,
        texts=[content.texts[row] for row in rows],
        labels=[content.labels[row] for row in rows],
    )


def through_mteb(model: Any, task: Any, cache: Any = None) -> dict[str, Any]:
    """The scores of one of MTEB's evaluations."""
    import mteb

    found = mteb.evaluate(model, task, cache=cache, co2_tracker=False, show_progress_bar=False)
    (result,) = found.task_results
    scores: dict[str, Any] = result.scores["test"][0]
    return scores


def both(model: Any, task: Task) -> dict[str, tuple[float, float]]:
    """Every measure that both sides have, by either."""
    ours = task.run(as_system(model)).samples
    theirs = through_mteb(as_mteb(model), to_mteb_task(task))
    pairs = {name: (ours[name].value(), theirs[other]) for name, other in SHARED[task.kind].items()}
    assert ours[task.main].value() == pytest.approx(theirs["main_score"], abs=1e-6)
    return pairs


def assert_same(pairs: dict[str, tuple[float, float]]) -> None:
    for name, (ours, theirs) in pairs.items():
        assert ours == pytest.approx(theirs, abs=1e-6), name


@pytest.mark.parametrize("kind", KINDS)
def test_figures_agree(kind: str, tasks: dict[str, Task], encoder: Encoder[str]) -> None:
    pairs = both(encoder, tasks[kind])
    assert_same(pairs)
    assert all(0.05 < ours < 1 for ours, _ in list(pairs.values())[:1])  # neither nothing nor all


@pytest.mark.parametrize(
    "system", ["default", "bm25", "default+bm25", "bm25>default", "default@ivf"]
)
@pytest.mark.parametrize("kind", ["retrieval", "reranking"])
def test_ways_of_retrieving_agree(system: str, kind: str, tasks: dict[str, Task]) -> None:
    assert_same(both(system, tasks[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_comes_back_from_mteb(kind: str, tasks: dict[str, Task]) -> None:
    task = tasks[kind]
    again = from_mteb(to_mteb_task(task))
    assert (again.kind, again.name) == (task.kind, task.name)
    model = as_system(HashEncoder())
    before, after = (one.run(model).samples for one in (task, again))
    for name in SHARED[kind]:
        assert after[name].value() == pytest.approx(before[name].value(), abs=1e-9)


def test_mtebs_other_ways_of_comparing_are_rounded(
    tasks: dict[str, Task], encoder: Encoder[str]
) -> None:
    task = tasks["similarity"]
    ours = task.run(as_system(encoder)).samples
    theirs = through_mteb(as_mteb(encoder), to_mteb_task(task))
    for name in ("euclidean_spearman", "manhattan_spearman", "euclidean_pearson"):
        # MTEB's distances are float32, in which near pairs become ties.
        assert ours[name].value() == pytest.approx(theirs[name], abs=1e-4)
    assert ours["spearman"].value() == pytest.approx(theirs["cosine_spearman"], abs=1e-4)


@pytest.mark.slow
def test_whole_sets_agree(data: Path, encoder: Encoder[str]) -> None:
    posts = load("20newsgroups")
    assert isinstance(posts, LabelledSet)
    for task in (
        RetrievalTask(load("scifact", "test")),  # type: ignore[arg-type]
        SimilarityTask(load("stsb", "test")),  # type: ignore[arg-type]
        ClassificationTask(load("banking77", "train"), load("banking77", "test")),  # type: ignore[arg-type]
        ClusteringTask(some_of_each(posts, 20, 100)),
    ):
        assert_same(both(encoder, task))


@pytest.mark.slow
def test_a_transformer_agrees_in_float32(data: Path) -> None:
    model = TransformerEncoder("all-MiniLM-L6-v2", precision="float32")
    stsb = load("stsb", "test")
    assert isinstance(stsb, PairSet)
    assert_same(both(model, SimilarityTask(first(stsb, 100))))
    card = as_mteb(model).mteb_model_meta
    assert card.framework == ["Sentence Transformers", "PyTorch"]
    assert card.revision == model.space.fingerprint


# -- toys: no data is needed from here on ----------------------------------------------------------

SENTENCES = [
    "a cat sleeps",
    "the cat naps on a mat",
    "a dog barks",
    "stocks fell again",
    "shares of banks fell",
    "the bank raised its rates",
]


def search_toy() -> RetrievalSet:
    documents = {f"d{n}": Document(f"d{n}", text) for n, text in enumerate(SENTENCES)}
    queries = {"q1": "cat naps", "q2": "bank shares", "q3": "zyx", "q4": "not judged"}
    qrels = {"q1": {"d1": 2, "d0": 1}, "q2": {"d4": 1, "d5": 0}, "q3": {"d3": 1}, "q4": {"d0": 0}}
    return RetrievalSet("toy", documents, queries, qrels)


def pair_toy() -> PairSet:
    scores = np.array([4.0, 1.0, 3.0, 0.0, 2.0])
    return PairSet("toy-pairs", SENTENCES[:-1], SENTENCES[1:], scores)


class TwoSides(Encoder[str]):
    """Another vector for a query than for a document; it remembers what it was asked."""

    def __init__(self) -> None:
        self.inner = HashEncoder()
        self.sides: list[Side] = []

    @property
    def space(self) -> Space:
        return Space("two sides/of (one)", fingerprint_of("two"), self.inner.dim, "euclidean")

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        self.sides.append(side)
        told = [f"query: {item}" if side == "query" else item for item in items]
        return 2 * self.inner._encode_batch(told, side)


def test_queries_and_documents_are_encoded_as_such() -> None:
    model = TwoSides()
    assert_same(both(model, RetrievalTask(search_toy())))
    model.sides.clear()
    through_mteb(as_mteb(model), to_mteb_task(search_toy()))
    assert sorted(set(model.sides)) == ["document", "query"]
    model.sides.clear()
    through_mteb(as_mteb(model), to_mteb_task(pair_toy()))
    assert set(model.sides) == {"document"}


def test_the_space_says_how_vectors_are_compared() -> None:
    assert_same(both(TwoSides(), SimilarityTask(pair_toy())))
    ours = SimilarityTask(pair_toy()).run(as_system(TwoSides())).samples
    theirs = through_mteb(as_mteb(TwoSides()), to_mteb_task(pair_toy()))
    assert ours["spearman"].value() == pytest.approx(theirs["euclidean_spearman"], abs=1e-6)
    counts = CountLearner(n_words=20).fit(SENTENCES)
    assert_same(both(counts, RetrievalTask(search_toy())))
    one, other = as_mteb(counts).encode([{"text": SENTENCES[:2]}], **asked())
    assert as_mteb(counts).similarity([one], [other]).tolist() == [[one @ other]]
    assert as_mteb(counts).similarity_pairwise([one], [other]).tolist() == [one @ other]


def asked(**options: Any) -> dict[str, Any]:
    """What MTEB hands to ``encode``."""
    metadata = to_mteb_task(pair_toy()).metadata
    return {"task_metadata": metadata, "hf_split": "test", "hf_subset": "default", **options}


def test_models_keep_mtebs_protocols() -> None:
    from mteb.models import EncoderProtocol, SearchProtocol

    encoder, words, whole = as_mteb(HashEncoder()), as_mteb("bm25"), as_mteb("default")
    assert isinstance(encoder, EncoderProtocol) and not isinstance(encoder, SearchProtocol)
    assert isinstance(words, SearchProtocol) and not isinstance(words, EncoderProtocol)
    assert isinstance(whole, EncoderProtocol) and isinstance(whole, SearchProtocol)


def test_the_card_says_what_is_known() -> None:
    default = load_model("default")
    card = as_mteb(default).mteb_model_meta
    assert (card.name, card.revision) == ("kinspace/default", default.space.fingerprint)
    assert (card.embed_dim, card.similarity_fn_name.value) == (default.space.dim, "cosine")
    assert card.framework == ["NumPy", "safetensors"]
    assert card.n_parameters == default.table.size  # type: ignore[attr-defined]
    assert as_mteb(TwoSides()).mteb_model_meta.name == "kinspace/two_sides_of_one"
    assert as_mteb(TwoSides()).mteb_model_meta.similarity_fn_name.value == "euclidean"
    kinds = {
        name: as_mteb(name).mteb_model_meta.model_type[0]
        for name in ("bm25", "default+bm25", "bm25>default", "default@ivf")
    }
    assert list(kinds.values()) == ["sparse", "hybrid", "dense", "dense"]


def test_results_are_cached_under_the_model_that_gave_them(tmp_path: Path) -> None:
    import mteb

    cache = mteb.ResultCache(tmp_path)
    task = to_mteb_task(SimilarityTask(pair_toy()))
    first, other = TwoSides(), HashEncoder(seed=1)
    scores = through_mteb(as_mteb(first), task, cache)
    assert through_mteb(as_mteb(first), task, cache)["spearman"] == pytest.approx(
        scores["spearman"]
    )
    assert len(first.sides) == 2  # both columns, once
    assert through_mteb(as_mteb(other), task, cache)["pearson"] != scores["pearson"]
    written = {path.parent.name for path in tmp_path.rglob("toy-pairs.json")}
    assert written == {first.space.fingerprint, other.space.fingerprint}


def test_queries_without_an_answer_count_as_nothing() -> None:
    for model in ("bm25", HashEncoder()):
        assert_same(both(model, RetrievalTask(search_toy())))
    found = through_mteb(as_mteb("bm25"), to_mteb_task(search_toy()))
    assert found["hit_rate_at_1"] == pytest.approx(2 / 3)  # q3 finds nothing, q4 is not asked


def test_candidates_are_all_that_is_reranked() -> None:
    content = replace(search_toy(), candidates={"q1": ["d3", "d1"], "q2": ["d0"], "q3": ["d3"]})
    for model in (HashEncoder(), "bm25", "bm25>default", "default+bm25"):
        assert_same(both(model, RerankingTask(content)))


def test_every_model_is_judged_on_the_same_draws() -> None:
    labels = ["pets"] * 3 + ["money"] * 3
    task = ClusteringTask(LabelledSet("toy", SENTENCES, labels), clusterings=Clusterings(size=20))
    theirs = to_mteb_task(task)
    once, again = (through_mteb(as_mteb(HashEncoder()), theirs) for _ in range(2))
    assert once["v_measures"] == again["v_measures"]


def test_the_record_of_a_task_is_filled() -> None:
    task = RetrievalTask(search_toy(), main="success_at_10", depth=5)
    theirs = to_mteb_task(task, languages=["deu-Latn"], description="A toy.")
    card = theirs.metadata
    assert (card.name, card.type, card.description) == ("toy", "Retrieval", "A toy.")
    assert (card.eval_langs, card.revision) == (["deu-Latn"], task.fingerprint)
    assert card.main_score == "hit_rate_at_10"
    assert theirs.k_values == (1, 3, 5)


def test_data_can_be_unloaded_and_loaded_again() -> None:
    theirs = to_mteb_task(search_toy())
    scores = through_mteb(as_mteb(HashEncoder()), theirs)
    theirs.load_data()
    theirs.unload_data()
    assert not theirs.data_loaded
    assert through_mteb(as_mteb(HashEncoder()), theirs)["main_score"] == scores["main_score"]


def test_instructions_stand_behind_queries() -> None:
    theirs = to_mteb_task(search_toy())
    theirs.load_data()
    split = theirs.dataset["default"]["test"]
    split["queries"] = split["queries"].add_column("instruction", ["mat", "rates", ""])
    back = from_mteb(theirs)
    assert isinstance(back, RetrievalTask)
    assert back.content.queries["q1"] == "cat naps mat"
    assert_same_main(back, as_mteb("bm25"), theirs)


def assert_same_main(task: Task, model: Any, theirs: Any) -> None:
    ours = task.run(as_system("bm25")).samples[task.main].value()
    assert through_mteb(model, theirs)["main_score"] == pytest.approx(ours, abs=1e-6)


# -- what is refused -------------------------------------------------------------------------------


def test_without_mteb_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mteb", None)
    for bridge in (as_mteb, to_mteb_task, from_mteb):
        with pytest.raises(MissingExtra, match=r"kinspace\[mteb\]"):
            bridge("default")  # type: ignore[operator]


def test_models_that_mteb_cannot_use() -> None:
    words = Embeddings(np.eye(2, dtype=np.float32), Space("words", "w", 2), ids=["cat", "dog"])
    with pytest.raises(InvalidInput, match="words"):
        as_mteb(words)
    model = as_mteb(HashEncoder())
    with pytest.raises(InvalidParameter, match="int8"):
        model.encode([{"text": ["a"]}], **asked(precision="int8"))  # type: ignore[union-attr]
    with pytest.raises(NotApplicable, match="image"):
        model.encode([{"image": ["a"]}], **asked())  # type: ignore[union-attr]


def test_tasks_that_mteb_does_not_have() -> None:
    labelled = LabelledSet("toy", SENTENCES * 10, ["pets", "money"] * 30)
    with pytest.raises(NotApplicable, match="word_similarity"):
        to_mteb_task(WordSimilarityTask(pair_toy()))
    with pytest.raises(NotApplicable, match="r_precision"):
        to_mteb_task(RetrievalTask(search_toy(), main="r_precision"))
    with pytest.raises(NotApplicable, match="no test set"):
        to_mteb_task(ClassificationTask(labelled))


def test_tasks_of_mteb_that_kinspace_does_not_have() -> None:
    theirs = to_mteb_task(pair_toy())
    with pytest.raises(InvalidParameter, match="no split 'dev'"):
        from_mteb(theirs, split="dev")
    with pytest.raises(InvalidParameter, match="no subset 'de'"):
        from_mteb(theirs, subset="de")
    theirs.metadata = theirs.metadata.model_copy(update={"type": "Summarization"})
    with pytest.raises(NotApplicable, match="Summarization"):
        from_mteb(theirs)
