"""Sentences, shared words and shared passages."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.datasets.content import Document
from kinspace.evaluate.unlabelled.elsewhere import Elsewhere
from kinspace.evaluate.unlabelled.minhash import near_duplicates
from kinspace.evaluate.unlabelled.words import content_words, sentences, share, shingles, stems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("   \n ", []),
        ("One line", ["One line"]),
        ("See Fig. 3 by J. Doe. It is new!", ["See Fig. 3 by J. Doe.", "It is new!"]),
        ("the flow . the wing was thin .", ["the flow .", "the wing was thin ."]),
        ("A heading\n\nA paragraph.", ["A heading", "A paragraph."]),
        ("猫が寝る。犬が走る。", ["猫が寝る。", "犬が走る。"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


def test_content_words_are_stemmed_and_without_common_words() -> None:
    assert content_words("The running of the cats") == {"run", "cat"}
    assert share(content_words("running cats"), content_words("a cat")) == 0.5
    assert share(set(), {"a"}) == 0.0


def test_shingles_are_the_same_for_the_same_runs_of_words() -> None:
    one, other = stems("the cat sat on the old mat"), stems("and the cat sat on")
    assert len(np.intersect1d(shingles(one), shingles(other))) == 1  # the cat sat on
    assert len(shingles(["one"])) == 1
    assert len(shingles([])) == 0


def test_elsewhere_looks_at_the_other_documents_only() -> None:
    documents = [
        Document("1", "red green blue yellow violet"),
        Document("2", "red green blue. Something else altogether."),
        Document("3", "nothing of that"),
    ]
    elsewhere = Elsewhere(documents)
    words = content_words(documents[0].text)
    assert elsewhere.words(words, 0) == pytest.approx(3 / 5)
    assert elsewhere.words(words, 1) == 1.0
    assert elsewhere.passage("red green blue yellow violet", 0) == 0.0
    assert elsewhere.passage("red green blue yellow violet", 2) == 1.0


def test_near_duplicates_are_those_of_counting_all_pairs() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in range(300)]
    texts = []
    for _ in range(40):
        text = list(rng.choice(words, 40))
        texts.append(" ".join(text))
        for swapped in (1, 2, 4, 12):
            copy = list(text)
            for place in rng.choice(40, swapped, replace=False):
                copy[place] = "other"
            texts.append(" ".join(copy))
    sets = [set(shingles(stems(text)).tolist()) for text in texts]
    expected = {
        (one, other)
        for one in range(len(texts))
        for other in range(one + 1, len(texts))
        if len(sets[one] & sets[other]) / len(sets[one] | sets[other]) >= 0.7
    }
    found = near_duplicates(texts)
    assert len(expected) > 40
    assert {(one, other) for one, other, _ in found} == expected
    likeness = [like for *_, like in found]
    assert likeness == sorted(likeness, reverse=True)


def test_a_text_over_and_over_is_found_without_looking_at_all_pairs() -> None:
    texts = ["the same old song again and again and again"] * 2_000
    assert len(near_duplicates(texts)) == 1_999
