"""Topics: known coherence, class-based TF-IDF by its formula, and topics found by an encoder."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from kinspace.datasets.content import TextSet
from kinspace.errors import EmptyInput, InvalidParameter, NotApplicable
from kinspace.evaluate.system import Meter, System
from kinspace.evaluate.tasks.topics import TopicTask, diversity, topic_words, words_in
from tests.toys import HashEncoder

PETS = "cats dogs purr bark whiskers paws".split()
MONEY = "bank money loan interest credit debt".split()


def corpus(rng: np.random.Generator, n: int = 60) -> TextSet:
    """Texts of four words each on pets, then as many on money."""
    texts = [" ".join(rng.choice(PETS, 4, replace=False)) for _ in range(n)]
    return TextSet("c", texts + [" ".join(rng.choice(MONEY, 4, replace=False)) for _ in range(n)])


def test_words_that_go_together_are_coherent(rng: np.random.Generator) -> None:
    task = TopicTask(corpus(rng), n_topics=2)
    good = task.run(System("good", "0", topics=[PETS, MONEY])).samples["npmi"]
    mixed = [PETS[:3] + MONEY[:3], MONEY[3:] + PETS[3:]]
    bad = task.run(System("bad", "1", topics=mixed)).samples["npmi"]
    assert good.value() > 0.2 > 0 > bad.value()
    assert len(good) == 2


def test_an_encoder_finds_topics(rng: np.random.Generator) -> None:
    encoder = Meter(HashEncoder(dim=64))
    outcome = TopicTask(corpus(rng), n_topics=2).run(System("hash", "0", encoder=encoder))
    assert outcome.samples["npmi"].value() > 0.2
    assert outcome.samples["diversity"].value() == 1
    assert encoder.texts == 120
    assert "2 topics were found by k-means" in outcome.notes[0]
    heads = {frozenset(item.split(", ")) for item in outcome.items}
    assert {len(head & set(PETS)) for head in heads} == {0, 4}


def test_words_of_topics_by_the_formula() -> None:
    texts = ["cats purr", "cats bark bark", "loan debt debt", "loan cats bank", "bank loan loan"]
    clusters = np.array([0, 0, 1, 1, 1])
    found = topic_words(texts, clusters, 10, least=1)
    everywhere = Counter(word for text in texts for word in words_in(text))
    average = sum(everywhere.values()) / 2
    for cluster, words in enumerate(found):
        here = Counter(
            word
            for text, own in zip(texts, clusters, strict=True)
            if own == cluster
            for word in words_in(text)
        )
        weights = {word: n * math.log(1 + average / everywhere[word]) for word, n in here.items()}
        allowed = {word for word in weights if sum(word in text for text in texts) <= 2}
        expected = sorted((weights[word] for word in allowed), reverse=True)
        assert [weights[word] for word in words] == pytest.approx(expected)
        assert set(words) == allowed


def test_common_words_are_no_topic() -> None:
    texts = [f"the of and with about {word} thing" for word in ["cats", "loan"] * 10]
    found = topic_words(texts, np.array([0, 1] * 10), 5)
    assert found == [["cats"], ["loan"]]  # "thing" is in all of them


def test_diversity_is_the_share_of_different_words(rng: np.random.Generator) -> None:
    words = [f"w{i}" for i in range(40)]
    topics = [rng.permutation(words)[:10].tolist() for _ in range(6)]
    different = len({word for topic in topics for word in topic})
    assert diversity(topics).mean() == pytest.approx(different / 60)


def test_topics_of_too_few_words_are_left_out(rng: np.random.Generator) -> None:
    task = TopicTask(corpus(rng), n_topics=2)
    outcome = task.run(System("own", "0", topics=[PETS, ["cats", "Cats"], []]))
    assert len(outcome.samples["npmi"]) == len(outcome.items) == 1
    assert "2 topics have fewer than two words" in outcome.notes[-1]
    with pytest.raises(EmptyInput, match="no topic"):
        task.run(System("none", "0", topics=[["cats"]]))


def test_bad_input() -> None:
    texts = TextSet("c", ["cats purr", "dogs bark", "loans cost"])
    with pytest.raises(InvalidParameter, match="4 topics of 3 texts"):
        TopicTask(texts, n_topics=4)
    with pytest.raises(InvalidParameter, match="no coherence"):
        TopicTask(texts, n_topics=2, n_words=1)
    with pytest.raises(NotApplicable):
        TopicTask(texts, n_topics=2).run(System("bm25", "0"))
    with pytest.raises(EmptyInput, match="No word"):
        TopicTask(texts, n_topics=2).run(System("hash", "0", encoder=Meter(HashEncoder())))


def test_settings_are_part_of_the_fingerprint() -> None:
    texts = TextSet("c", ["cats purr", "dogs bark", "loans cost"])
    prints = {TopicTask(texts, n_topics=n, seed=s).fingerprint for n in (2, 3) for s in (0, 1)}
    assert len(prints) == 4
