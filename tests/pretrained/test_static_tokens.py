"""Tokens and words of texts out of static tables, whatever the tokenizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.pretrained.static import StaticEncoder
from tests.pretrained.test_static import TEXTS, unigram, wordpiece, words

DIM = 6


def encoder(tokenizer: Any, rng: np.random.Generator, **options: Any) -> StaticEncoder:
    size = tokenizer.get_vocab_size()
    table = rng.standard_normal((size, DIM)).astype(np.float32)
    weights = rng.random(size).astype(np.float32) + 0.1
    return StaticEncoder(table, tokenizer, weights, **options)


@pytest.mark.parametrize("tokenizer", [wordpiece, words, unigram], ids=lambda one: one.__name__)
def test_tokens_add_up_to_the_text(tokenizer: Any, rng: np.random.Generator) -> None:
    made = encoder(tokenizer(), rng, normalize=False)
    whole = made.encode(TEXTS).vectors
    for text, vector, found in zip(TEXTS, whole, made.encode_tokens(TEXTS), strict=True):
        assert [piece for piece, _ in made.tokens(text)] == list(found.tokens.names)
        if len(found.tokens):
            np.testing.assert_allclose(found.tokens.vectors.mean(axis=0), vector, atol=1e-5)
        else:
            assert not vector.any()
        for (start, stop), name in zip(found.words.offsets, found.words.names, strict=True):
            assert text[start:stop] == name


def test_pieces_and_words(rng: np.random.Generator) -> None:
    made = encoder(wordpiece(), rng)
    found = made.encode_tokens("A cats undoable mat zzz")[0]
    assert found.tokens.names == ("a", "cat", "##s", "un", "##do", "##able", "mat")
    assert found.words.names == ("A", "cats", "undoable", "mat")  # unknown words are left out
    assert found.word_of.tolist() == [0, 1, 1, 2, 2, 2, 3]
    np.testing.assert_allclose(found.words["cats"], found.tokens.vectors[1:3].mean(axis=0))
    first = made.encode_tokens("cats", merge="first")[0]
    np.testing.assert_array_equal(first.words["cats"], found.tokens["cat"])
    assert found.space != made.space
    assert found.space == first.space


def test_what_is_not_read_is_counted(rng: np.random.Generator) -> None:
    made = encoder(wordpiece(), rng, max_length=10)
    text = "a cat sat on the mat " * 20
    found = made.encode_tokens([text, "a cat"])
    assert len(found[0].tokens) <= 10
    assert found[0].cut + len(found[0].tokens) == 120
    assert (len(found[1].tokens), found[1].cut) == (2, 0)
    assert [piece for piece, _ in made.tokens(text)] == list(found[0].tokens.names)


def test_one_layer(rng: np.random.Generator) -> None:
    made = encoder(words(), rng)
    expected = made.encode_tokens("a cat")[0].tokens.vectors
    for layers in ("last", "embedding", 0, -1, [0]):
        for combine in ("mean", "sum", "concat"):
            got = made.encode_tokens("a cat", layers, combine)[0]  # type: ignore[arg-type]
            np.testing.assert_array_equal(got.tokens.vectors, expected)
    bad: list[dict[str, Any]] = [{"layers": 1}, {"layers": "last-four"}, {"combine": "max"}]
    for options in [*bad, {"merge": "max"}]:
        with pytest.raises(InvalidParameter):
            made.encode_tokens(["a cat"], **options)
    assert made.encode_tokens([]) == []
    with pytest.raises(InvalidInput):
        made.encode_tokens([3])  # type: ignore[list-item]


def test_half_a_character(rng: np.random.Generator) -> None:
    found = encoder(words(), rng).encode_tokens("a \ud800 cat")[0]
    assert found.words.names == ("a", "cat")
    assert found.words.offsets.tolist() == [[0, 1], [4, 7]]
