"""Latent semantic analysis: the exact decomposition, folding in, people's judgements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace import load
from kinspace.errors import EmptyInput, InvalidParameter
from kinspace.learn.documents.lsa import LSA
from kinspace.learn.documents.tfidf import TfidfEncoder


@pytest.fixture
def texts(rng: np.random.Generator) -> list[str]:
    topics = ["cat dog pet fur paw", "bank money loan rate gold", "sun rain wind snow cloud"]
    return [
        " ".join(rng.choice(f"{topics[i % 3]} the a of".split(), 12).tolist()) for i in range(60)
    ]


@pytest.mark.parametrize("weighting", ["tfidf", "log-entropy", "bm25", "counts"])
def test_the_exact_decomposition(texts: list[str], weighting: Any) -> None:
    model = LSA(5, weighting=weighting, iterations=10).fit(texts)
    terms = TfidfEncoder(weighting).fit(texts)
    rows = terms.encode(texts).vectors.toarray().astype(np.float64)
    _, values, right = np.linalg.svd(rows, full_matrices=False)
    np.testing.assert_allclose(model.singular_values_, values[:5], rtol=1e-3)
    wanted = rows @ right[:5].T
    np.testing.assert_allclose(
        np.abs(model.encode(texts).vectors), np.abs(wanted), rtol=0.02, atol=0.02 * wanted.max()
    )


def test_words_and_texts_share_a_space(texts: list[str]) -> None:
    model = LSA(3, stop_words="english").fit(texts)
    near = model.vectors.nearest("cat", k=4).ids
    assert set(near) == {"dog", "pet", "fur", "paw"}
    assert model.encode(["money"]).space == model.vectors.space
    assert {word for word, _ in model.vectors.nearest(model.encode(["rain"]).vectors[0], k=5)} == (
        {"sun", "rain", "wind", "snow", "cloud"}
    )


def test_topics_are_readable(texts: list[str]) -> None:
    model = LSA(3, stop_words="english").fit(texts)
    assert [len(topic) for topic in model.topics_] == [10, 10, 10]
    for topic, column in zip(model.topics_, model.components_.T, strict=True):
        sizes = [abs(weight) for _, weight in topic]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] == np.abs(column).max()


def test_the_folder(texts: list[str], tmp_path: Path) -> None:
    model = LSA(4, stop_words=["the", "of"], max_ngram=2).fit(texts)
    model.save(tmp_path / "m")
    found = load(tmp_path / "m")
    assert isinstance(found, LSA)
    assert found.space == model.space
    assert found.topics_ == model.topics_
    np.testing.assert_array_equal(found.encode(texts), model.encode(texts))


def test_bad_arguments(texts: list[str]) -> None:
    for options in ({"dim": 0}, {"dim": 61}, {"iterations": -1}, {"weighting": "x"}):
        with pytest.raises(InvalidParameter) as raised:
            LSA(**{"dim": 3, **options}).fit(texts)  # type: ignore[arg-type]
        assert raised.value.remedy
    with pytest.raises(EmptyInput):
        LSA(3).fit([])


def test_people_agree(data: Path) -> None:
    folder = data / "text" / "lee"
    background, texts = (
        (folder / name).read_text("latin-1").splitlines()
        for name in ("lee_background.cor", "lee.cor")
    )
    judged = np.loadtxt(folder / "similarities0-1.txt")
    upper = np.triu_indices(50, 1)
    for model, least in (
        (TfidfEncoder(stop_words="english"), 0.5),
        (LSA(200, weighting="log-entropy", stop_words="english"), 0.55),
    ):
        vectors = model.fit(background).encode(texts)
        found = vectors.similarity(vectors)
        assert np.corrcoef(found[upper], judged[upper])[0, 1] > least
