"""The catalogue: every record holds, and names, paths and content become tasks."""

from __future__ import annotations

import inspect
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace import datasets
from kinspace.datasets.content import (
    AnalogySet,
    BitextSet,
    DictionarySet,
    Document,
    LabelledSet,
    OutlierSet,
    PairSet,
    RetrievalSet,
    TaggedSet,
    TextSet,
    WordListSet,
)
from kinspace.embeddings import Embeddings
from kinspace.errors import InvalidParameter, TaskNotFound
from kinspace.evaluate import catalogue
from kinspace.evaluate.catalogue import (
    RecordedTask,
    TaskRecord,
    describe_task,
    groups,
    task,
    task_names,
    tasks,
)
from kinspace.evaluate.kinds import KINDS, kind_of, made
from kinspace.evaluate.system import Meter, System
from kinspace.evaluate.systems import Dense
from kinspace.evaluate.task import Task
from kinspace.metric import normalise
from kinspace.space import Space
from tests.toys import HashEncoder

each_record = pytest.mark.parametrize("name", task_names())

METER = Meter(HashEncoder())
ENCODER = System("hash", "0", encoder=METER, retriever=Dense(METER))

TEXTS = ["a cat sleeps", "the cat sleeps", "a dog barks", "the dog barks", "stocks fell", "rain"]
LABELS = ["cat", "cat", "dog", "dog", "rest", "rest"]
DOCUMENTS = {str(i): Document(str(i), text) for i, text in enumerate(TEXTS)}

CONTENTS: dict[str, Any] = {
    "retrieval": RetrievalSet("r", DOCUMENTS, {"q": "cat sleeps"}, {"q": {"0": 1, "2": 0}}),
    "reranking": RetrievalSet(
        "k", DOCUMENTS, {"q": "cat sleeps"}, {"q": {"0": 1}}, {"q": ["2", "0"]}
    ),
    "similarity": PairSet("s", TEXTS[:3], TEXTS[1:4], np.array([3.0, 1.0, 2.0])),
    "word_similarity": PairSet("w", ["cat"] * 3, ["cat", "dog", "car"], np.array([3.0, 1.0, 2.0])),
    "pair_classification": PairSet("p", TEXTS[:3], TEXTS[1:4], np.array([1.0, 0.0, 1.0])),
    "classification": LabelledSet("c", TEXTS * 10, LABELS * 10),
    "bitext": BitextSet("b", TEXTS, TEXTS[::-1]),
    "analogies": AnalogySet("a", {"s": [("man", "king", "woman", "queen")]}),
    "outliers": OutlierSet("o", {"g": (["cat", "dog"], ["car"])}),
    "word_translation": DictionarySet("d", {"cat": ["chat"], "dog": ["chien"]}),
    "topics": TextSet("t", TEXTS * 5),
}


def example(kind: str) -> Any:
    """Content that a kind of task can be judged on."""
    return CONTENTS.get(kind, CONTENTS["classification"])


# -- records -----------------------------------------------------------------------------------


@each_record
def test_a_record_names_what_exists(name: str) -> None:
    record = describe_task(name)
    assert record.name == name
    assert record.kind in KINDS
    splits = datasets.describe(record.dataset).splits
    assert set(record.split.split("+")) <= set(splits)
    assert record.train in ("", *splits) and record.train != record.split
    assert record.description.endswith(".")
    assert len(record.description) < 100 and "\n" not in record.description


@each_record
def test_the_settings_of_a_record_are_arguments_of_its_task(name: str) -> None:
    record = describe_task(name)
    content = KINDS[record.kind].content
    held = datasets.describe(record.dataset).content
    converted = {("OutlierSet", "WordListSet"), ("TextSet", "LabelledSet")}
    assert held == content.__name__ or (content.__name__, held) in converted
    settings = {"n_topics": 2} if record.kind == "topics" else {}
    judge = type(made(record.kind, example(record.kind), settings))
    assert {"name", "main", *record.settings} <= set(inspect.signature(judge).parameters)


@pytest.mark.parametrize("kind", KINDS)
def test_the_main_metric_is_one_that_the_task_gives(kind: str) -> None:
    mains = {describe_task(name).main for name in task_names() if describe_task(name).kind == kind}
    settings = {"n_topics": 2, "least": 1} if kind == "topics" else {}
    judged = made(kind, example(kind), settings)
    assert judged.kind == kind
    assert judged.main == KINDS[kind].main
    outcome = judged.run(ENCODER)
    assert {judged.main, *mains} <= set(outcome.samples)
    assert len(outcome.items) == len(outcome.samples[judged.main])


def test_every_kind_is_in_the_catalogue() -> None:
    assert {describe_task(name).kind for name in task_names()} == set(KINDS)


@pytest.mark.parametrize(
    "name",
    """scifact scifact-train cranfield cacm cosqa stsb stsb-dev lee msrp mr cr subj mpqa trec sst2
    sst5 banking77 20newsgroups 20newsgroups-clustering banking77-clustering multi30k-en-de
    multi30k-en-fr multi30k-en-cs multi30k-duplicates google-analogies weat-outliers muse-en-es
    muse-en-fr muse-en-de lee-topics 20newsgroups-topics scifact-reranking
    cranfield-reranking""".split(),
)
def test_what_must_be_there_is_there(name: str) -> None:
    assert name in task_names()


def test_all_sets_of_word_similarity_have_a_task() -> None:
    sets = {n for n in datasets.names() if datasets.describe(n).kind == "word-similarity"}
    assert {describe_task(name).dataset for name in task_names("word_similarity")} == sets
    assert len(sets) == 13


def test_groups_name_tasks() -> None:
    known = set(task_names())
    for name, listed in groups().items():
        assert name not in known
        assert listed and set(listed) <= known and len(set(listed)) == len(listed), name
    assert groups()["all"] == task_names()
    assert {"words", "retrieval", "quick"} <= set(groups())
    assert "google-analogies" in groups()["words"] and "ws353" in groups()["words"]


# -- names -------------------------------------------------------------------------------------


def test_nothing_is_read_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, split: str | None = None) -> Any:
        asked.append((name, split))
        return CONTENTS["word_similarity"]

    monkeypatch.setattr(catalogue.datasets, "load", load)
    found = task("ws353")
    assert (found.name, found.kind, found.main) == ("ws353", "word_similarity", "spearman")
    assert not asked
    outcome = found.run(ENCODER)
    assert found.fingerprint == task(CONTENTS["word_similarity"]).fingerprint
    assert asked == [("ws353", "all")]
    assert "spearman" in outcome.samples


def test_both_splits_are_read_where_a_task_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, split: str | None = None) -> Any:
        asked.append(split)
        return LabelledSet(f"trec-{split}", TEXTS * 4, LABELS * 4)

    monkeypatch.setattr(catalogue.datasets, "load", load)
    found = task("trec")
    assert isinstance(found, RecordedTask)
    inner: Any = found.task
    assert sorted(asked) == ["test", "train"]
    assert inner.train.name == "trec-train" and inner.test.name == "trec-test"
    assert inner.name == "trec"


def test_outliers_are_made_of_several_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, split: str | None = None) -> Any:
        return WordListSet(f"weat-{split}", {"A": ["a", split, "c"], "B": ["d", "e", "f"]})

    monkeypatch.setattr(catalogue.datasets, "load", load)
    found = task("weat-outliers", outliers=2)
    assert isinstance(found, RecordedTask)
    inner: Any = found.task
    assert len(inner.content.groups) == 12
    assert inner.content.groups["A (2)"][0] == ["a", "weat2", "c"]
    assert all(len(strange) == 2 for _, strange in inner.content.groups.values())


def test_settings_of_a_task_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue.datasets, "load", lambda *_: CONTENTS["analogies"])
    found: Any = task("google-analogies", method="3cosmul", name="mine", main="accuracy_all")
    assert (found.name, found.main) == ("mine", "accuracy_all")
    assert found.task.method == "3cosmul"
    assert found.fingerprint != task("google-analogies").fingerprint


@pytest.mark.parametrize(
    ("wrong", "close"), [("scifct", "scifact"), ("STSB", "stsb"), ("word", "words")]
)
def test_an_unknown_name_is_told_the_closest(wrong: str, close: str) -> None:
    for ask in (task, describe_task):
        with pytest.raises(TaskNotFound) as caught:
            ask(wrong)
        assert close in caught.value.remedy
    with pytest.raises(TaskNotFound, match="no group"):
        task_names(wrong)


def test_several_at_once_and_groups() -> None:
    found = tasks(["stsb", "word_similarity", "ws353", CONTENTS["bitext"]])
    assert [one.name for one in found] == ["stsb", *task_names("word_similarity"), "b"]
    assert [one.name for one in tasks("analogies")] == ["google-analogies"]
    assert [one.name for one in tasks(CONTENTS["bitext"])] == ["b"]


def test_another_kind_of_a_name_is_refused() -> None:
    assert task("stsb", kind="similarity").name == "stsb"
    with pytest.raises(InvalidParameter, match="is of the kind similarity"):
        task("stsb", kind="clustering")


# -- content and paths -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CONTENTS)
def test_the_kind_follows_from_the_content(kind: str) -> None:
    assert kind_of(CONTENTS[kind]) == kind


def test_another_kind_can_be_chosen() -> None:
    found = task(CONTENTS["classification"], kind="clustering", name="other")
    assert (found.kind, found.name) == ("clustering", "other")
    assert task(CONTENTS["pair_classification"], kind="similarity").kind == "similarity"
    found = task(CONTENTS["pair_classification"], kind="pair-classification")
    assert found.kind == "pair_classification"
    lists = WordListSet("l", {"a": ["a", "b"], "b": ["c", "d"]})
    assert task(lists, members=2).kind == "outliers"
    assert task(CONTENTS["classification"], kind="topics").kind == "topics"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="needs a RetrievalSet"):
        task(CONTENTS["bitext"], kind="retrieval")
    with pytest.raises(InvalidParameter, match="no kind of task 'sorting'"):
        task(CONTENTS["bitext"], kind="sorting")
    with pytest.raises(InvalidParameter, match="'colour'"):
        task(CONTENTS["bitext"], colour="blue")
    with pytest.raises(InvalidParameter, match="no task on a TaggedSet"):
        task(TaggedSet("t", [["a"]], [["b"]]))


def test_a_config_may_be_a_table() -> None:
    found: Any = task(CONTENTS["classification"], kind="clustering", clusterings={"documents": 9})
    whole: Any = task(CONTENTS["classification"], kind="clustering")
    assert found.clusterings == replace(whole.clusterings, documents=9)
    assert found.fingerprint != whole.fingerprint
    learns: Any = task(CONTENTS["classification"], training={"folds": 5, "shots": [1, 2]})
    assert (learns.training.folds, learns.training.experiments) == (5, 10)
    with pytest.raises(InvalidParameter, match=r"Clusterings: .*'texts'.*It takes: documents, "):
        task(CONTENTS["classification"], kind="clustering", clusterings={"texts": 9})
    with pytest.raises(InvalidParameter, match="folds is 1"):
        task(CONTENTS["classification"], training={"folds": 1})


def test_a_record_may_hold_a_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue.datasets, "load", lambda *_: CONTENTS["classification"])
    table = tomllib.loads("settings = { clusterings = { documents = 20, experiments = 2 } }")
    record = TaskRecord("some", "clustering", "any", "all", "v_measure", "Some.", **table)
    found: Any = RecordedTask(record).task
    assert (found.clusterings.documents, found.clusterings.experiments) == (20, 2)


def test_a_task_stays_as_it_is() -> None:
    found = task(CONTENTS["bitext"])
    assert task(found) is found
    with pytest.raises(InvalidParameter, match="settings already"):
        task(found, main="accuracy")


def test_files_of_ones_own(tmp_path: Path) -> None:
    words = tmp_path / "words.tsv"
    words.write_text("cat\tdog\t7\ncat\tcar\t1\ndog\tcar\t1.5\n", "utf-8")
    found = task(words)
    assert (found.kind, found.name) == ("word_similarity", "words")
    assert task(f"{words}:similarity").kind == "similarity"
    assert task(str(words), kind="similarity", name="mine").name == "mine"
    labelled = tmp_path / "labelled.jsonl"
    rows = [f'{{"text": "{t}", "label": "{k}"}}' for t, k in zip(TEXTS, LABELS, strict=True)]
    labelled.write_text("\n".join(rows * 5), "utf-8")
    assert task(labelled).kind == "classification"
    assert task(f"{labelled}:clustering").kind == "clustering"
    with pytest.raises(InvalidParameter, match="disagree"):
        task(f"{labelled}:clustering", kind="duplicates")
    with pytest.raises(TaskNotFound):
        task(f"{tmp_path}/nothing.tsv:clustering")


# -- the real sets -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rg65", "ws353", "google-analogies", "weat-outliers"])
def test_word_tasks_run_on_the_real_sets(name: str, data: Path) -> None:
    found = task(name)
    outcome = found.run(ENCODER)
    values = {metric: sample.value() for metric, sample in outcome.samples.items()}
    assert abs(values[found.main]) < 0.35  # random vectors know nothing
    if name == "google-analogies":
        assert len(outcome.items) == 19_544
        assert len([metric for metric in values if metric.startswith("section_")]) == 14
        assert {"accuracy_semantic", "accuracy_syntactic"} <= set(values)


def test_a_table_that_holds_the_answers_is_right(data: Path, rng: np.random.Generator) -> None:
    asked = datasets.load("google-analogies")
    assert isinstance(asked, AnalogySet)
    sides = {word: rng.normal(size=64) for four in asked.sections["family"] for word in four[::2]}
    offset = rng.normal(size=64)
    other = {d: sides[c] + offset for _, _, c, d in asked.sections["family"]}
    vectors = normalise(np.array([*sides.values(), *other.values()], np.float32))
    table = Embeddings(vectors, Space("answers", "0", 64), [*sides, *other])
    outcome = task("google-analogies").run(System("answers", "0", words=table))
    assert outcome.samples["section_family"].value() > 0.9
    assert "left out" in outcome.notes[1]


def test_tasks_are_tasks() -> None:
    assert all(isinstance(one, Task) for one in tasks("all"))
