"""Texts made for these tests: topics with words of their own, so that it is known what is near."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.datasets.content import Document


def made_up_word(rng: np.random.Generator) -> str:
    consonants, vowels = list("bdfgklmnprtvz"), list("aiou")
    return "".join(
        str(rng.choice(consonants)) + str(rng.choice(vowels))
        for _ in range(int(rng.integers(3, 5)))
    )


def make_documents(count: int, *, topics: int = 12, sentences: int = 6) -> list[Document]:
    """Documents of some topics; each repeats words of its own besides those of its topic."""
    rng = np.random.default_rng(5)
    vocabulary = [[made_up_word(rng) for _ in range(40)] for _ in range(topics)]
    found = []
    for number in range(count):
        topic = vocabulary[number % topics]
        own = [made_up_word(rng) for _ in range(12)]
        lines = []
        for _ in range(sentences):
            words = [*rng.choice(topic, 5), *rng.choice(own, int(rng.integers(1, 5)))]
            words += [made_up_word(rng) for _ in range(int(rng.integers(0, 6)))]
            words = [words[place] for place in rng.permutation(len(words))]
            lines.append(f"{' '.join(words).capitalize()} of the {words[0]}.")
        found.append(Document(str(number), " ".join(lines), f"About {own[0]} and {topic[0]}"))
    return found


@pytest.fixture(scope="session")
def documents() -> list[Document]:
    return make_documents(150)
