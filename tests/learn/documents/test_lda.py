"""Latent Dirichlet allocation: planted topics come back, the folder, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace import load
from kinspace.errors import EmptyInput, InvalidParameter, NotFitted
from kinspace.learn.documents.lda import LDA

PETS, MONEY = "cat dog pet fur paw".split(), "bank money loan rate gold".split()


@pytest.fixture
def texts(rng: np.random.Generator) -> list[str]:
    return [" ".join(rng.choice((PETS, MONEY)[i % 2], 15).tolist()) for i in range(80)]


def test_planted_topics(texts: list[str]) -> None:
    model = LDA(2, epochs=10).fit(texts)
    first = [{word for word, _ in topic[:5]} for topic in model.topics_]
    assert sorted(first, key=min) == [set(MONEY), set(PETS)]
    for topic in model.topics_:
        assert sum(share for _, share in topic) == pytest.approx(1, abs=1e-5)
    found = model.encode(["cat fur paw dog", "gold", "cat gold cat gold", "unknown words", ""])
    np.testing.assert_allclose(found.vectors.sum(axis=1), [1, 1, 1, 0, 0], atol=1e-6)
    assert found.vectors[0].max() > 0.85
    assert found.vectors[1].argmax() != found.vectors[0].argmax()
    np.testing.assert_allclose(found.vectors[2], 0.5, atol=0.05)


def test_perplexity_tells_what_is_foretold(texts: list[str]) -> None:
    model = LDA(2, epochs=10).fit(texts)
    assert 4.5 < model.perplexity(texts) < 7  # five words, all alike
    mixed = [" ".join(PETS + MONEY)] * 10
    assert model.perplexity(mixed) > model.perplexity(texts)
    assert LDA(2, epochs=1).fit(texts).perplexity(texts) > model.perplexity(texts)
    with pytest.raises(EmptyInput):
        model.perplexity(["nothing known"])


@pytest.mark.parametrize("workers", [1, 2])
def test_repeats(texts: list[str], workers: int) -> None:
    made = [LDA(4, workers=workers, seed=3).fit(texts) for _ in range(2)]
    assert made[0].space == made[1].space
    assert LDA(4, workers=workers, seed=4).fit(texts).space != made[0].space


def test_the_folder(texts: list[str], tmp_path: Path) -> None:
    model = LDA(3, min_df=2, max_df=0.9).fit(texts)
    model.save(tmp_path / "m")
    found = load(tmp_path / "m")
    assert isinstance(found, LDA)
    assert found.space == model.space
    assert found.topics_ == model.topics_
    np.testing.assert_array_equal(found.encode(texts), model.encode(texts))


@pytest.mark.parametrize(
    "options",
    [
        {"topics": 0}, {"alpha": 0.0}, {"eta": -1.0}, {"epochs": 0}, {"batch_size": 0},
        {"decay": 0.5}, {"decay": 1.1}, {"offset": 0.0}, {"iterations": 0}, {"tolerance": 0.0},
        {"workers": 0}, {"max_ngram": 0}, {"alpha": float("nan")},
    ],
)  # fmt: skip
def test_arguments_outside_their_range(texts: list[str], options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as raised:
        LDA(**options).fit(texts)
    assert raised.value.remedy


def test_nothing_learned(tmp_path: Path) -> None:
    for attempt in (
        lambda: LDA().topics_, lambda: LDA().save(tmp_path / "m"), lambda: LDA().perplexity(["a"])
    ):  # fmt: skip
        with pytest.raises(NotFitted):
            attempt()
