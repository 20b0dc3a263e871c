"""Paragraph vectors: kin are near, names are kept, and a new document depends on itself alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.errors import (
    EmptyInput,
    InvalidInput,
    InvalidParameter,
    NotApplicable,
    NotFitted,
    ReadError,
)
from kinspace.learn.documents import paragraph_vectors
from kinspace.learn.documents.doc2vec import Doc2Vec
from kinspace.learn.text import tokenize

TOPICS = {
    "sea": "ship sail harbour wave anchor captain sailor fish".split(),
    "food": "bread butter oven flour cook soup salt kitchen".split(),
}
ARCHITECTURES: list[Any] = ["dbow", "dbow-words", "dm-mean", "dm-sum", "dm-concatenated"]
each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
FILLERS = "the a of and with in on very".split()
QUICK: dict[str, Any] = {"dim": 12, "min_count": 1, "sample": 0, "seed": 3}


def texts(
    each: int = 60, words: int = 12, seed: int = 0, fillers: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Texts of two topics in turn, and where each is from."""
    chance = random.Random(seed)
    names = list(TOPICS) * each
    return [(name, " ".join(chance.choices([*TOPICS[name], *fillers], k=words))) for name in names]


def only_texts(**options: Any) -> list[str]:
    return [text for _, text in texts(**options)]


def apart(vectors: Any, family: Any) -> float:
    """How much nearer kin are than others, in cosine."""
    vectors = np.asarray(vectors, np.float64)
    vectors = vectors - vectors.mean(axis=0)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike, kin = unit @ unit.T, np.equal.outer(family, family)
    return float(alike[kin].mean() - alike[~kin].mean())


@each_architecture
@pytest.mark.parametrize("tree", [False, True])
def test_kin_are_near(architecture: Any, tree: bool) -> None:
    model = Doc2Vec(
        **QUICK, architecture=architecture, epochs=60, learning_rate=0.2, negative=0 if tree else 5,
        hierarchical_softmax=tree, window=2,
    ).fit(only_texts(words=60, fillers=FILLERS))  # fmt: skip
    assert model.documents.vectors.shape == (120, 12)
    assert model.documents.ids is None
    assert apart(model.documents, np.arange(120) % 2) > 0.4
    new = model.encode(only_texts(each=20, seed=1, words=60, fillers=FILLERS))
    assert apart(new, np.arange(40) % 2) > 0.4
    if architecture != "dbow":
        words = [word for topic in TOPICS.values() for word in topic]
        assert apart([model.vectors[word] for word in words], np.arange(16) // 8) > 0.05


@each_architecture
def test_a_new_document_depends_on_itself_alone(architecture: Any) -> None:
    model = Doc2Vec(**QUICK | {"sample": 1e-2}, architecture=architecture).fit(only_texts(each=30))
    asked = [*only_texts(each=10, words=30, seed=1), "ship", "ship sail", "", "unknown"]
    found = model.encode(asked).vectors
    tables = model.tables_.inputs.copy(), model.tables_.outputs.copy()
    for order in (slice(None, None, -1), slice(3, 4), slice(5, 9)):
        np.testing.assert_array_equal(model.encode(asked[order]).vectors, found[order])
    model.set_params(workers=3)
    np.testing.assert_array_equal(model.encode(asked).vectors, found)
    for now, before in zip((model.tables_.inputs, model.tables_.outputs), tables, strict=True):
        np.testing.assert_array_equal(now, before)  # what was learned about words stays
    assert not found[-2:].any()  # nothing is known about them
    assert found[:-2].any(axis=1).all()


def test_one_worker_repeats_and_the_seed_counts() -> None:
    items = only_texts(each=20)
    first, second, other = (
        Doc2Vec(**QUICK | {"seed": seed}).fit(items).encode(items) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert first.space == second.space
    assert not first.space.agrees(other.space)


def test_long_documents_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Doc2Vec(**QUICK).fit(only_texts(each=30))
    long = " ".join(only_texts(each=4, words=30))
    whole = model.encode([long]).vectors[0]
    monkeypatch.setattr(paragraph_vectors, "LONGEST", 50)
    parts = model.encode(["ship", long, "bread", ""]).vectors[1]
    cosine = whole @ parts / np.linalg.norm(whole) / np.linalg.norm(parts)
    assert cosine > 0.8
    assert (whole != parts).any()


# -- names -----------------------------------------------------------------------------------------


def test_a_text_has_an_id_or_several() -> None:
    pairs: list[Any] = [([name, number], text) for number, (name, text) in enumerate(texts())]
    model = Doc2Vec(**QUICK, epochs=30, learning_rate=0.1).fit(pairs)
    documents = model.documents
    assert documents.ids is not None
    assert documents.ids[:4] == ["sea", 0, "food", 1]
    assert len(documents) == 122
    # The topics' own vectors learned from all their texts, beside those of the texts.
    to_sea = np.dot(documents["sea"], model.vectors["sailor"])
    assert to_sea > np.dot(documents["food"], model.vectors["sailor"])
    family = np.array([name == "sea" for name, _ in texts()])
    assert apart([documents[number] for number in range(120)], family) > 0.3


def test_an_id_that_comes_often_learns_from_all_its_texts() -> None:
    model = Doc2Vec(**QUICK, epochs=20, learning_rate=0.1).fit(texts())
    assert model.documents.ids == ["sea", "food"]
    for topic, words in TOPICS.items():
        assert set(model.vectors.nearest(model.documents[topic], k=6).ids) <= set(words)


def test_items_may_be_words() -> None:
    as_text, as_words = only_texts(each=10), [text.split() for text in only_texts(each=10)]
    first = Doc2Vec(**QUICK, tokenizer="whitespace").fit(as_text)
    second = Doc2Vec(**QUICK, tokenizer="whitespace").fit(as_words)
    third = Doc2Vec(**QUICK, tokenizer="whitespace").fit(list(enumerate(as_words)))
    np.testing.assert_array_equal(first.documents.vectors, second.documents.vectors)
    np.testing.assert_array_equal(first.documents.vectors, third.documents.vectors)


def test_texts_that_are_numbers_already() -> None:
    items = only_texts(each=10)
    first, second = (Doc2Vec(**QUICK).fit(given) for given in (items, tokenize(items)))
    np.testing.assert_array_equal(first.documents.vectors, second.documents.vectors)


def test_what_cannot_be_known_is_zero_and_keeps_its_place() -> None:
    pairs = [("first", ""), *texts(each=5), ("rare", "zebra"), ("last", "ship")]
    model = Doc2Vec(**QUICK | {"min_count": 2}).fit(pairs)
    assert model.documents.ids == ["first", "sea", "food", "rare", "last"]
    assert model.documents.vectors.any(axis=1).tolist() == [False, True, True, False, True]


@pytest.mark.parametrize(
    "items",
    [
        [("a", "x y"), "x y"],
        ["x y", ("a", "x y")],
        [("a", "x y", "z")],
        [(None, "x y")],
        [([], "x y")],
        [(("a", 1), "x y")],
        [("a", None)],
        ["x y", None],
        [3],
        [b"bytes"],
    ],
)
def test_items_that_are_refused(items: Any) -> None:
    with pytest.raises(InvalidInput, match=r"Item \d") as raised:
        Doc2Vec(min_count=1).fit(items)
    assert raised.value.remedy


# -- what is refused -------------------------------------------------------------------------------


def test_nothing_to_learn_from() -> None:
    for items in ([], [""], ["..."]):
        with pytest.raises(EmptyInput):
            Doc2Vec(min_count=1).fit(items)
    with pytest.raises(EmptyInput):
        Doc2Vec(min_count=5).fit(["each word comes once"])
    with pytest.raises(InvalidInput, match="one word"):
        Doc2Vec(min_count=1).fit(["alone alone", "alone"])


@pytest.mark.parametrize(
    "bad",
    [
        {"architecture": "pv-dm"},
        {"dim": 0},
        {"window": 0},
        {"negative": 0},
        {"epochs": 0},
        {"infer_epochs": 0},
        {"min_count": 0},
        {"max_vocabulary": 1},
        {"learning_rate": float("nan")},
        {"workers": 0},
    ],
    ids=str,
)
def test_parameters_outside_their_range(bad: Any) -> None:
    with pytest.raises(InvalidParameter) as raised:
        Doc2Vec(**{"min_count": 1} | bad).fit(["a b", "b a"])
    assert raised.value.remedy


def test_learning_that_goes_wild_is_found_out() -> None:
    with pytest.raises(InvalidParameter, match="learning_rate") as raised:
        Doc2Vec(**QUICK, learning_rate=1e30, min_learning_rate=1e30).fit(only_texts())
    assert raised.value.remedy


def test_words_where_there_are_none() -> None:
    model = Doc2Vec(**QUICK, architecture="dbow")
    with pytest.raises(NotFitted):
        model.vectors  # noqa: B018
    model.fit(only_texts(each=4))
    with pytest.raises(NotApplicable, match="no vectors of words"):
        model.vectors  # noqa: B018


def test_words_live_with_documents_where_both_mix() -> None:
    items = only_texts(each=4)
    mixed = Doc2Vec(**QUICK, architecture="dm-mean").fit(items)
    assert mixed.vectors.space.agrees(mixed.documents.space)
    beside = Doc2Vec(**QUICK, architecture="dm-concatenated").fit(items)
    assert not beside.vectors.space.agrees(beside.documents.space)


# -- on disk and elsewhere -------------------------------------------------------------------------


@each_architecture
def test_saved_and_loaded(architecture: Any, tmp_path: Path) -> None:
    model = Doc2Vec(**QUICK, architecture=architecture, window=2, infer_epochs=7)
    with pytest.raises(NotFitted):
        model.save(tmp_path / "model")
    items = only_texts(each=5)
    model.fit(texts(each=5)).save(tmp_path / "model")
    again = ks.load(tmp_path / "model")
    assert isinstance(again, Doc2Vec)
    assert again.get_params() == model.get_params() | {"tokenizer": {"kind": "words"}}
    assert again.space == model.space
    assert again.documents.ids == ["sea", "food"]
    np.testing.assert_array_equal(again.documents.vectors, model.documents.vectors)
    np.testing.assert_array_equal(again.encode(items).vectors, model.encode(items).vectors)
    if architecture != "dbow":
        np.testing.assert_array_equal(again.vectors.vectors, model.vectors.vectors)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    from kinspace.learn import saved

    saved.write(tmp_path / "m", saved.Saved("doc2vec", {}))
    with pytest.raises(ReadError):
        Doc2Vec.load(tmp_path / "m")
    model = Doc2Vec(**QUICK | {"dim": np.int64(4)}).fit(only_texts(each=4))
    saved.write(tmp_path / "m", saved.Saved("doc2vec", {"dim": 4}, {}, model.documents))
    with pytest.raises(ReadError, match="does not hold"):
        Doc2Vec.load(tmp_path / "m")
    model.save(tmp_path / "m")
    assert Doc2Vec.load(tmp_path / "m").dim == 4
    saved.write(tmp_path / "m", saved.Saved("word2vec", {}))
    with pytest.raises(ReadError, match="word2vec"):
        Doc2Vec.load(tmp_path / "m")


@pytest.mark.parametrize("architecture", ["dm-mean", "dm-concatenated"])
def test_progress_is_told(architecture: Any) -> None:
    told: list[tuple[Any, ...]] = []
    Doc2Vec(**QUICK, architecture=architecture).fit(
        only_texts(each=5), progress=lambda *now: told.append(now)
    )
    stage, done, total, detail = told[-1]
    assert (stage, done, total) == ("learn", 1200, 1200)
    assert "loss" in detail


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["dbow", "dm-mean"])
def test_classes_are_told_as_well_as_by_gensim(data: Path, architecture: Any) -> None:
    pytest.importorskip("gensim")
    from gensim.models.doc2vec import Doc2Vec as Peer
    from gensim.models.doc2vec import TaggedDocument
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    content = ks.datasets.load("subj")
    assert isinstance(content, ks.datasets.LabelledSet)
    words = [text.split() for text in content.texts[::4]]
    options = {"window": 5, "negative": 5, "min_count": 2, "epochs": 20, "workers": 1, "seed": 1}
    ours = Doc2Vec(50, architecture=architecture, **options).fit(words).documents.vectors
    dm = int(architecture == "dm-mean")
    documents = [TaggedDocument(each, [i]) for i, each in enumerate(words)]
    theirs = Peer(documents, vector_size=50, dm=dm, dm_mean=dm, **options).dv.vectors
    judge = make_pipeline(StandardScaler(), LogisticRegression())
    ours, theirs = (
        cross_val_score(judge, each, content.labels[::4], cv=5).mean() for each in (ours, theirs)
    )
    assert ours > theirs - 0.02
