"""fastText: what a word is made of, words that never came, and going on."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.engines.subwords import hashes_of
from kinspace.errors import EmptyInput, IdNotFound, InvalidInput, InvalidParameter, NotFitted
from kinspace.learn.words.fasttext import FastText
from kinspace.learn.words.ngrams import Buckets, word_rows

TEXTS = [
    "the singer sings a song", "the dancer dances a dance", "the painter paints a painting",
    "a singer was singing songs", "a dancer was dancing dances", "a painter was painting paint",
] * 12  # fmt: skip


def model(**params: Any) -> FastText:
    return FastText(
        **{"dim": 20, "min_count": 2, "epochs": 3, "bucket": 5000, "sample": 0.0, "seed": 3}
        | params
    )


@pytest.fixture(scope="module")
def learned() -> FastText:
    return model().fit(TEXTS)


def test_a_word_is_the_mean_of_its_rows(learned: FastText) -> None:
    buckets, table = learned.buckets_, learned.inputs_[:, :20]
    for word in ("singer", "singers", "北京"):
        full = f"<{word}>"
        spans = [full[i : i + n] for i in range(len(full)) for n in range(3, 7)]
        grams = sorted({g for g in spans if len(g) >= 3})
        rows = [int(buckets.rows[h % 5000]) for h in hashes_of(grams)]
        rows += [learned.vocabulary_[word]] if word in learned.vectors else []
        found = learned.vectors_of([word]).vectors[0]
        np.testing.assert_allclose(found, table[rows].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(
        learned.vectors["singer"], learned.vectors_of(["singer"])["singer"], atol=1e-6
    )


def test_only_used_buckets_have_rows(learned: FastText) -> None:
    buckets = learned.buckets_
    assert len(learned.inputs_) == len(learned.vocabulary_) + len(buckets.used) + 1
    assert len(buckets.used) < 400
    assert not learned.inputs_[buckets.others].any()
    unused = np.setdiff1d(np.arange(5000), buckets.used)
    assert (buckets.rows[unused] == buckets.others).all()


def test_unknown_words_are_near_their_relatives(learned: FastText) -> None:
    unknown = ["singerly", "dancerly", "painterly"]
    assert not any(word in learned.vectors for word in unknown)
    found = learned.vectors_of(unknown)
    near = [learned.vectors.nearest(found[word], k=1).ids[0] for word in unknown]
    assert [word[:4] for word in near] == ["sing", "danc", "pain"]
    assert learned.encode(["singerly"]).vectors.any()  # texts know them too


def test_too_short_for_an_n_gram() -> None:
    short = model(min_n=5, max_n=6).fit(TEXTS)
    assert short.vectors_of(["a"]).shape == (1, 20)  # known
    with pytest.raises(IdNotFound, match="'x'"):
        short.vectors_of(["x"])
    assert not short.encode(["x y z"]).vectors.any()


def test_without_n_grams_it_is_word2vec() -> None:
    from kinspace.learn.words.word2vec import Word2Vec

    plain = Word2Vec(20, min_count=2, epochs=3, sample=0.0, seed=3).fit(TEXTS)
    found = model(max_n=0, min_n=0).fit(TEXTS)
    np.testing.assert_allclose(found.vectors.vectors, plain.vectors.vectors, atol=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {"architecture": "cbow-mean"},
        {"architecture": "cbow-sum"},
        {"hierarchical_softmax": True, "negative": 0},
        {"hierarchical_softmax": True, "min_n": 2, "max_n": 4},
    ],
)
def test_every_kind_learns_saves_and_goes_on(params: dict[str, Any], tmp_path: Path) -> None:
    first, second = model(**params).fit(TEXTS), model(**params).fit(TEXTS)
    np.testing.assert_array_equal(first.vectors.vectors, second.vectors.vectors)
    first.save(tmp_path / "m")
    loaded: Any = ks.load(tmp_path / "m")
    more = ["the swimmer swims a swim"] * 8
    first.fit_more(more)
    loaded.fit_more(more)  # all that learning needs was kept
    assert first.space == loaded.space
    np.testing.assert_array_equal(first.vectors.vectors, loaded.vectors.vectors)
    assert first.vectors.ids is not None
    assert first.vectors.ids[: len(second.vocabulary_)] == second.vectors.ids
    assert {"swimmer", "swims", "swim"} < set(first.vectors.ids)


def test_going_on_keeps_what_was_known(learned: FastText) -> None:
    grown = model().fit(TEXTS)
    before = grown.vectors_of(["singerly", "unrelated"]).vectors
    grown.set_params(learning_rate=1e-6, min_learning_rate=1e-6, epochs=1)
    grown.fit_more(["the swimmer swims"] * 3)
    np.testing.assert_allclose(
        grown.vectors_of(["singerly", "unrelated"]).vectors[0], before[0], atol=1e-3
    )
    with pytest.raises(InvalidParameter, match="bucket"):
        grown.set_params(bucket=7).fit_more(TEXTS)


def test_buckets_grow() -> None:
    one = Buckets.of([np.array([3, 5, 103], np.uint32)], 100, 10)
    assert one.used.tolist() == [3, 5]
    two = one.grown([np.array([5, 9], np.uint32)], 20)
    assert two.used.tolist() == [3, 5, 9]
    assert [two.rows[i] for i in (3, 5, 9, 0)] == [20, 21, 22, 23]
    assert two.end == 24


def test_rows_of_words() -> None:
    pruned = Buckets(1, np.array([0], np.int32), 7)  # one bucket for all
    rows, starts = word_rows(["ab", "</s>", "zz"], {"ab": 0, "</s>": 1}, 3, 3, pruned)
    assert [rows[a:b].tolist() for a, b in itertools.pairwise(starts)] == [
        [0, 7, 7], [1], [7, 7],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"min_n": 4, "max_n": 3}, "n-grams"),
        ({"min_n": 0}, "n-grams"),
        ({"bucket": 0}, "buckets"),
        ({"bucket": 2.5}, "bucket"),
        ({"max_n": -1}, "max_n"),
        ({"architecture": "cbow"}, "architecture"),
        ({"dim": 0}, "dim"),
        ({"max_vocabulary": 0}, "max_vocabulary"),
    ],
)
def test_bad_parameters(params: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidParameter, match=name) as raised:
        model(**params).fit(TEXTS)
    assert raised.value.remedy


def test_bad_input() -> None:
    with pytest.raises(NotFitted):
        model().vectors_of(["a"])
    with pytest.raises(NotFitted):
        model().fit_more(TEXTS)
    for texts in ([], ["", " "], ["each word once"]):
        with pytest.raises(EmptyInput):
            model().fit(texts)
    with pytest.raises(InvalidInput):
        model().fit(["word word word"])
