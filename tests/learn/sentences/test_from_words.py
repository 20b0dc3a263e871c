"""Sentence vectors from words: each weighting by its formula, directions removed, the folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import SafetensorError
from tokenizers import Tokenizer, models, pre_tokenizers

from kinspace import load
from kinspace.embeddings import Embeddings
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter, NotFitted
from kinspace.learn.sentences.from_words import SentenceVectors
from kinspace.learn.text import as_tokenizer
from kinspace.learn.words.word2vec import Word2Vec
from kinspace.pretrained.static import StaticEncoder
from kinspace.space import Space

WORDS = [*"the a cat dog car road money bank".split(), "naïve", "o'clock"]
TEXTS = [
    "the cat, the dog", "A car on the road!", "money money bank", "the bank", "naïve cat",
    "five o'clock, a dog", "the the the", "unknown only", "a dog and a cat on the road", "car",
]  # fmt: skip
DIM = 6


def table() -> Embeddings:
    vectors = np.random.default_rng(3).standard_normal((len(WORDS), DIM)).astype(np.float32)
    return Embeddings(vectors, Space("by hand", "0" * 16, DIM), ids=WORDS)


def cut() -> list[list[str]]:
    return [[w for w in as_tokenizer("words").words(text) if w in WORDS] for text in TEXTS]


def means(weight: dict[str, float]) -> NDArray[np.float64]:
    rows = dict(zip(WORDS, table().vectors.astype(np.float64), strict=True))
    found = np.zeros((len(TEXTS), DIM))
    for line, words in zip(found, cut(), strict=True):
        if words:
            line[:] = np.mean([weight[w] * rows[w] for w in words], axis=0)
    return found


def without(vectors: NDArray[np.float64], count: int, by_energy: bool) -> NDArray[np.float64]:
    """Less the main directions, by their share of the energy or whole, one after the other."""
    _, values, directions = np.linalg.svd(vectors, full_matrices=False)
    shares = values[:count] ** 2 / (values[:count] ** 2).sum() if by_energy else np.ones(count)
    for share, direction in zip(shares, directions, strict=False):
        vectors = vectors - share * (vectors @ direction)[:, None] * direction
    return vectors


def probabilities() -> dict[str, float]:
    counts = Counter(w for words in cut() for w in words)
    return {w: counts[w] / counts.total() for w in WORDS}


def test_sif_by_its_formula() -> None:
    weight = {w: 0.05 / (0.05 + p) for w, p in probabilities().items()}
    made = SentenceVectors(table(), smoothing=0.05, normalize=False).fit(TEXTS)
    wanted = without(means(weight), 1, by_energy=False)
    np.testing.assert_allclose(made.encode(TEXTS), wanted, rtol=1e-4, atol=1e-5)


def test_usif_by_its_formula() -> None:
    p = probabilities()
    length = sum(map(len, cut())) / len(TEXTS)
    likely = 1 - (1 - 1 / len(WORDS)) ** length
    alpha = sum(each > likely for each in p.values()) / len(WORDS)
    alpha = max(alpha, 1 / len(WORDS))
    a = (1 - alpha) / (alpha * len(WORDS) / 2)
    made = SentenceVectors(table(), weighting="usif", components=3, normalize=False).fit(TEXTS)
    weight = {w: a / (a / 2 + each) for w, each in p.items()}
    wanted = without(means(weight), 3, by_energy=True)
    np.testing.assert_allclose(made.encode(TEXTS), wanted, rtol=1e-4, atol=1e-5)


def test_tf_idf_by_its_formula() -> None:
    held = Counter(w for words in cut() for w in set(words))
    weight = {w: np.log((1 + len(TEXTS)) / (1 + held[w])) + 1 for w in WORDS}
    made = SentenceVectors(table(), weighting="tf-idf", normalize=False).fit(TEXTS)
    np.testing.assert_allclose(made.encode(TEXTS), means(weight), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "max", "min-max"])
def test_without_weights_by_definition(pooling: Any) -> None:
    made = SentenceVectors(table(), weighting="none", pooling=pooling, normalize=False).fit(TEXTS)
    found = made.encode(TEXTS).vectors
    rows = dict(zip(WORDS, table().vectors, strict=True))
    for line, words in zip(found, cut(), strict=True):
        parts = np.array([rows[w] for w in words]) if words else np.zeros((1, DIM))
        ends = {
            "mean": [parts.mean(0)],
            "max": [parts.max(0)],
            "min-max": [parts.min(0), parts.max(0)],
        }
        np.testing.assert_allclose(line, np.concatenate(ends[pooling]), rtol=1e-5, atol=1e-6)


def test_a_word_learner_brings_its_counts_and_tokenizer(tmp_path: Path) -> None:
    learner = Word2Vec(dim=8, min_count=1, sample=0, tokenizer="cased words").fit(TEXTS * 5)
    made = SentenceVectors(learner).fit(TEXTS[:3])  # little text: the corpus's counts matter
    p = learner.vocabulary_.counts / learner.vocabulary_.counts.sum()
    weights = made.model_.weights
    assert weights is not None
    np.testing.assert_allclose(weights[1:], 1e-3 / (1e-3 + p), rtol=1e-5)
    assert [word for word, _ in made.model_.tokens("A car")] == ["A", "car"]
    learner.save(tmp_path / "words")
    by_path = SentenceVectors(tmp_path / "words").fit(TEXTS[:3])
    assert by_path.space == made.space


@pytest.mark.parametrize("weighting", ["none", "sif", "usif", "tf-idf"])
@pytest.mark.parametrize("pooling", ["mean", "max", "min-max"])
def test_the_folder_and_model2vec(tmp_path: Path, weighting: Any, pooling: Any) -> None:
    from model2vec import StaticModel

    made = SentenceVectors(table(), weighting=weighting, pooling=pooling).fit(TEXTS)
    made.save(tmp_path / "m")
    found = load(tmp_path / "m")
    assert isinstance(found, StaticEncoder)
    assert found.space.agrees(made.space)
    assert found.space.dim == DIM * (2 if pooling == "min-max" else 1)
    np.testing.assert_array_equal(found.encode(TEXTS), made.encode(TEXTS))
    if pooling == "mean":
        theirs = StaticModel.from_pretrained(tmp_path / "m").encode(TEXTS)
        np.testing.assert_allclose(theirs, made.encode(TEXTS), atol=1e-5)
    else:  # it could only take the mean: it refuses
        with pytest.raises(SafetensorError, match="embeddings"):
            StaticModel.from_pretrained(tmp_path / "m")


@pytest.mark.parametrize("pooling", ["mean", "max", "min-max"])
def test_what_words_add_to_a_similarity(pooling: Any) -> None:
    made = SentenceVectors(table(), weighting="tf-idf", pooling=pooling).fit(TEXTS)
    vectors = made.encode(TEXTS[:2])
    parts = made.model_.contributions(TEXTS[0], TEXTS[1])
    assert [word for word, _ in parts] == ["a", "car", "the", "road"]
    total = sum(part for _, part in parts)
    assert total == pytest.approx(float(vectors.similarity(vectors)[0, 1]), abs=1e-5)
    assert made.model_.contributions("unknown", "only") == []


def test_the_words_of_the_tokenizers_agree() -> None:
    texts = [
        "Don’t stop at 5 o'clock!", "Ελλάδα ΣΟΦΟΣ, नमस्ते दुनिया; 北京 naïve re-do", "ß Straße",
        "x_y 3.14 e\u0301te\u0301 'quoted'", "می\u200cخواهم",
    ]  # fmt: skip
    for name in ("words", "cased words", "whitespace"):
        cutter = as_tokenizer(name)
        words = sorted({word for text in texts for word in cutter.words(text)})
        vectors = np.random.default_rng(0).standard_normal((len(words), 4))
        names = Embeddings(vectors, Space("w", "0" * 16, 4), ids=words)
        made = SentenceVectors(names, weighting="none", tokenizer=name).fit(texts)
        for text in texts:
            assert [word for word, _ in made.model_.tokens(text)] == cutter.words(text)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_a_tokenizer_of_pieces(tmp_path: Path, pooling: Any) -> None:
    pieces = Tokenizer(models.WordLevel({"?": 0, "cat": 1, "lost": 2, "the": 3}, unk_token="?"))
    pieces.pre_tokenizer = pre_tokenizers.Whitespace()
    made = SentenceVectors(
        table(), weighting="none", pooling=pooling, tokenizer=pieces, normalize=False  # type: ignore[arg-type]
    ).fit(["the cat"])  # fmt: skip
    rows = table().vectors[[WORDS.index("cat"), WORDS.index("the")]]
    wanted = rows.mean(0) if pooling == "mean" else rows.max(0)
    texts = ["lost the ? cat dog"]  # "lost" is a piece without a vector, "dog" none at all
    np.testing.assert_allclose(made.encode(texts).vectors[0], wanted, rtol=1e-5)
    made.save(tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").encode(texts), made.encode(texts))


@pytest.mark.parametrize(
    "options",
    [
        {"weighting": "idf"}, {"pooling": "sum"}, {"smoothing": 0.0}, {"components": -1},
        {"components": 1, "pooling": "max"}, {"tokenizer": "nothing"}, {"components": DIM + 1},
    ],
)  # fmt: skip
def test_arguments_outside_their_range(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as raised:
        SentenceVectors(table(), **options).fit(TEXTS)
    assert raised.value.remedy


@pytest.mark.parametrize("name", ["table.safetensors", "glove.txt"])
def test_a_table_from_a_file(tmp_path: Path, name: str) -> None:
    if name == "glove.txt":
        lines = [f"{w} {' '.join(map(str, v))}" for w, v in zip(WORDS, table(), strict=True)]
        (tmp_path / name).write_text("\n".join(lines) + "\n", "utf-8")
    else:
        table().save(tmp_path / name)
    found = SentenceVectors(tmp_path / name).fit(TEXTS).encode(TEXTS)
    wanted = SentenceVectors(table()).fit(TEXTS).encode(TEXTS)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_what_cannot_be_learned_from(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput):
        SentenceVectors(table()).fit(["nothing known here"])
    nameless = Embeddings(table().vectors, table().space)
    for words in (nameless, 3):
        with pytest.raises(InvalidInput):
            SentenceVectors(words).fit(TEXTS)  # type: ignore[arg-type]
    with pytest.raises(NotFitted):
        SentenceVectors(table()).save(tmp_path / "m")
