"""Weighted counts: scikit-learn's weights, BM25 by its formula and beside bm25s, the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace import load
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter, NotFitted, ReadError
from kinspace.learn.documents.lsa import LSA
from kinspace.learn.documents.tfidf import TfidfEncoder

TEXTS = [
    "the cat sat on the mat",
    "the dog sat on the log",
    "cats and dogs and mats",
    "the cat, the cat, the cat",
    "a bank lends money and the bank keeps money",
    "!!!",
]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"sublinear": True, "norm": "l1"}, {"sublinear_tf": True, "norm": "l1"}),
        ({"smooth": False, "norm": "none"}, {"smooth_idf": False, "norm": None}),
        ({"max_ngram": 3}, {"ngram_range": (1, 3)}),
        ({"min_ngram": 2, "max_ngram": 2}, {"ngram_range": (2, 2)}),
        ({"min_df": 2}, {"min_df": 2}),
        ({"min_df": 0.3, "max_df": 0.5}, {"min_df": 0.3, "max_df": 0.5}),
        ({"max_df": 2}, {"max_df": 2}),
        ({"max_vocabulary": 2}, {"max_features": 2}),
        ({"stop_words": "english"}, {"stop_words": "english"}),
        (
            {"stop_words": ["cat", "the"], "max_ngram": 2},
            {"stop_words": ["cat", "the"], "ngram_range": (1, 2)},
        ),
    ],
)  # fmt: skip
def test_the_weights_of_scikit_learn(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    peer = TfidfVectorizer(token_pattern=r"[a-z]+", **theirs).fit(TEXTS)
    encoder = TfidfEncoder(**ours).fit(TEXTS)
    assert set(encoder.vocabulary_.words) == set(peer.vocabulary_)
    columns = [peer.vocabulary_[word] for word in encoder.vocabulary_.words]
    wanted = peer.transform([*TEXTS, "a new cat"]).toarray()[:, columns]
    found = encoder.encode([*TEXTS, "a new cat"])
    np.testing.assert_allclose(found.vectors.toarray(), wanted, rtol=1e-5, atol=1e-7)
    assert found.space.form == "sparse"


def test_terms_come_by_falling_count() -> None:
    encoder = TfidfEncoder().fit(TEXTS)
    assert encoder.vocabulary_.words[:3] == ["the", "cat", "and"]
    assert encoder.vocabulary_.counts[:3].tolist() == [8, 4, 3]


def test_bm25_by_its_formula() -> None:
    encoder = TfidfEncoder("bm25", k1=1.2, b=0.6).fit(TEXTS)
    words = [text.replace(",", "").replace("!", "").split() for text in TEXTS]
    mean = np.mean([len(each) for each in words])
    query = "the cat bank"

    def score(text: list[str]) -> float:
        total = 0.0
        for term in query.split():
            held, count = sum(term in each for each in words), text.count(term)
            rarity = np.log(1 + (len(words) - held + 0.5) / (held + 0.5))
            total += rarity * count * 2.2 / (count + 1.2 * (1 - 0.6 + 0.6 * len(text) / mean))
        return total

    found = encoder.encode_query([query]).similarity(encoder.encode(TEXTS))[0]
    np.testing.assert_allclose(found, [score(text) for text in words], rtol=1e-5)


def test_log_entropy_by_its_formula() -> None:
    texts = ["a a b", "a c", "a b b b"]
    found = TfidfEncoder("log-entropy", norm="none").fit(texts).encode(texts).vectors.toarray()
    shares = {"a": [2 / 4, 1 / 4, 1 / 4], "b": [1 / 4, 3 / 4], "c": [1]}
    weight = {w: 1 + sum(p * np.log(p) for p in of) / np.log(3) for w, of in shares.items()}
    wanted = [[np.log(1 + text.split().count(w)) * weight[w] for w in "abc"] for text in texts]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_words_instead_of_texts() -> None:
    cut = [["New York", "is", "big"], ["is", "it"]]
    assert set(TfidfEncoder().fit(cut).vocabulary_.words) == {"New York", "is", "big", "it"}


def test_many_texts_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TfidfEncoder().fit(TEXTS)
    monkeypatch.setattr("kinspace.learn.documents.terms._HELD", 3)
    parts = TfidfEncoder().fit(iter(TEXTS))
    assert parts.space == whole.space
    difference = parts.encode(TEXTS).vectors - whole.encode(TEXTS).vectors
    assert not difference.toarray().any()


@pytest.mark.parametrize("options", [{}, {"weighting": "bm25"}, {"stop_words": ["the"]}])
def test_the_folder(tmp_path: Path, options: dict[str, Any]) -> None:
    encoder = TfidfEncoder(max_ngram=2, **options).fit(TEXTS)
    encoder.save(tmp_path / "m")
    for found in (TfidfEncoder.load(tmp_path / "m"), load(tmp_path / "m")):
        assert found.space == encoder.space
        wanted = encoder.encode(TEXTS).vectors.toarray()
        np.testing.assert_array_equal(found.encode(TEXTS).vectors.toarray(), wanted)
    with pytest.raises(ReadError, match="tfidf"):
        LSA.load(tmp_path / "m")


@pytest.mark.parametrize(
    "options",
    [
        {"weighting": "idf"}, {"norm": "max"}, {"min_ngram": 0}, {"min_ngram": 3, "max_ngram": 2},
        {"min_df": 1.5}, {"max_df": -1}, {"max_vocabulary": 0}, {"stop_words": "klingon"},
        {"weighting": "bm25", "sublinear": True}, {"weighting": "bm25", "b": 2.0}, {"k1": -1.0},
        {"tokenizer": "none"},
    ],
)  # fmt: skip
def test_arguments_outside_their_range(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as raised:
        TfidfEncoder(**options).fit(TEXTS)
    assert raised.value.remedy


@pytest.mark.parametrize("texts", [[], ["", "!!"], ["cat", "dog"]])
def test_no_terms(texts: list[str]) -> None:
    with pytest.raises(EmptyInput) as raised:
        TfidfEncoder(min_df=2).fit(texts)
    assert raised.value.remedy


@pytest.mark.parametrize("odd", [None, 3, b"bytes", ["a", 1], "a \ud800"])
def test_what_is_no_text(odd: Any) -> None:
    with pytest.raises(InvalidInput):
        TfidfEncoder().fit(["a cat", odd])


def test_not_fitted(tmp_path: Path) -> None:
    with pytest.raises(NotFitted):
        TfidfEncoder().save(tmp_path / "m")
