"""Phrases: the score of the paper, longer phrases, words and numbers joined alike."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from itertools import chain, pairwise

import numpy as np
import pytest

from kinspace.errors import InvalidInput, InvalidParameter, NotFitted
from kinspace.learn.text import Phrases, as_tokenizer, pairs, read_corpus, tokenize, tokenized


def texts(count: int = 400) -> list[list[str]]:
    """Random words, among which some phrases are planted."""
    draw = random.Random(1)
    words = [f"w{i}" for i in range(60)]
    planted = [["new", "york"], ["new", "york", "times"], ["san", "jose"], ["w1", "w1"]]
    return [
        [w for _ in range(draw.randrange(1, 12)) for w in
         (draw.choice(planted) if draw.random() < 0.2 else [draw.choice(words)])]
        for _ in range(count)
    ]  # fmt: skip


def test_the_score_is_that_of_the_paper() -> None:
    items = texts()
    one, two = Counter(w for t in items for w in t), Counter(p for t in items for p in pairwise(t))
    total, found = sum(one.values()), {}
    for (a, b), n in two.items():
        score = (n - 5) * total / (one[a] * one[b])
        if min(n, one[a], one[b]) >= 5 and score > 4:
            found[f"{a}_{b}"] = pytest.approx(score)
    phrases = Phrases("whitespace", threshold=4).fit(items)
    assert phrases.phrases_ == found
    assert "new_york" in found
    assert list(phrases.phrases_.values()) == sorted(phrases.phrases_.values(), reverse=True)


def score(
    worda_count: int, wordb_count: int, bigram_count: int, corpus_word_count: int,
    min_count: int, len_vocab: int,
) -> float:  # fmt: skip
    return (bigram_count - min_count) * corpus_word_count / worda_count / wordb_count


def test_pairs_are_those_that_gensim_finds() -> None:
    models = pytest.importorskip("gensim.models.phrases")
    items = texts()

    theirs = models.Phrases(items, min_count=5, threshold=4.0, scoring=score, delimiter="_")
    ours = Phrases("whitespace", threshold=4).fit(items)
    assert ours.phrases_ == {k: pytest.approx(v) for k, v in theirs.export_phrases().items()}
    assert [ours.join(item) for item in items] == [theirs[item] for item in items]


def test_longer_phrases_come_with_more_passes() -> None:
    items = texts()
    phrases = Phrases("whitespace", threshold=4, passes=2).fit(iter(items))
    assert "new_york_times" in phrases.phrases_
    assert phrases.join(["the", "new", "york", "times", "of", "new", "york"]) == [
        "the", "new_york_times", "of", "new_york",
    ]  # fmt: skip
    assert len(phrases.pairs_) == 2
    assert Phrases("whitespace", threshold=1e9, passes=3).fit(items).phrases_ == {}


def test_the_threshold_falls() -> None:
    items = texts()
    scores = Phrases("whitespace", threshold=12, passes=2).fit(items)
    first = [scores.phrases_[name] for name in scores.pairs_[0].values()]
    second = [scores.phrases_[name] for name in scores.pairs_[1].values()]
    assert min(first) > 12 > min(second) > 6


@pytest.mark.parametrize("block", [50, 1 << 20])
def test_numbers_are_joined_as_words_are(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenized, "BLOCK", block)
    items = [*texts(), ["w1"] * 7, [], ["new_york", "new", "york"]]
    phrases = Phrases("whitespace", threshold=4, passes=2).fit(items)
    by_words = [phrases.join(item) for item in items]
    assert any("w1_w1" in item for item in by_words)
    cut = tokenize(items, "whitespace")
    for source in (items, [" ".join(item) for item in items], cut):
        assert list(tokenize(source, phrases)) == by_words
        corpus = read_corpus(source, phrases, min_count=1)
        assert [corpus.vocabulary.words[i] for i in corpus.ids] == [*chain(*by_words)]
    assert list(cut) == items, "what was given stays as it was"
    assert list(tokenize(tokenize(items, phrases), phrases)) == by_words
    assert Phrases("whitespace", threshold=4, passes=2).fit(cut).phrases_ == phrases.phrases_


def test_phrases_are_a_tokenizer_and_are_written_down() -> None:
    phrases = Phrases(threshold=2).fit(["New York is large", "I like New York"] * 10)
    assert phrases.words("Is New York new?") == ["is", "new_york", "new"]
    again = as_tokenizer(json.loads(json.dumps(phrases.to_dict())))
    assert isinstance(again, Phrases)
    assert again.words("Is New York new?") == phrases.words("Is New York new?")
    assert again.phrases_ == phrases.phrases_
    assert again.to_dict() == phrases.to_dict()
    assert repr(phrases) == "Phrases(threshold=2)"


def test_what_is_not_right() -> None:
    with pytest.raises(NotFitted):
        Phrases().words("a b")
    with pytest.raises(InvalidInput):
        Phrases().fit("one text")
    for wrong in ({"min_count": 0}, {"passes": 0}, {"threshold": -1.0}, {"threshold_decay": 0.0}):
        with pytest.raises(InvalidParameter):
            Phrases(**wrong).fit(["a"])  # type: ignore[arg-type]
    assert Phrases().fit([]).phrases_ == {}


def test_rare_pairs_are_forgotten_where_there_are_too_many() -> None:
    def blocks() -> Iterator[pairs.Block]:
        for start in range(10, 4000, 20):
            ids = np.array([1, 2, *range(start, start + 20)])
            yield ids, np.array([2, 20])

    keys, counts = pairs.pair_counts(blocks(), np.ones(5000, bool), most=100)
    assert len(keys) <= 100 + 25
    assert counts[keys == (1 << 32 | 2)].tolist() == [200]
    keys, counts = pairs.pair_counts(blocks(), np.ones(5000, bool))
    assert (len(keys), counts.sum()) == (1 + 19 * 200, 20 * 200)
