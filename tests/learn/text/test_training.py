"""Tokenizers that are trained here: sizes, pieces, the way back to the text, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter
from kinspace.learn.text import as_tokenizer, read_corpus, train_tokenizer

TEXTS = [
    "The lowest newer lower widest towers", "newest lower low new", "wide widest tower",
] * 20  # fmt: skip
KINDS = ["bpe", "wordpiece", "unigram"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_for_words(kind: Any, tmp_path: Path) -> None:
    told: list[tuple[Any, ...]] = []
    size = 300 if kind == "bpe" else 45
    tokenizer = train_tokenizer(
        (text for text in TEXTS), kind, vocabulary_size=size, special_tokens=["<x>"],
        progress=lambda *what: told.append(what),
    )  # fmt: skip
    assert 20 < tokenizer.get_vocab_size() <= size
    assert tokenizer.token_to_id("<x>") is not None
    encoded = tokenizer.encode("The newest tower", add_special_tokens=False)
    assert tokenizer.decode(encoded.ids) == "The newest tower"
    assert told[-1] == ("read", 60, 60)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    pieces = as_tokenizer(tmp_path)
    assert pieces.words("The newest tower") == encoded.tokens
    corpus = read_corpus(TEXTS, pieces, min_count=1)
    said = [corpus.vocabulary.words[i] for i in corpus.ids[: corpus.starts[1]]]
    assert said == pieces.words(TEXTS[0])


def test_bpe_joins_the_most_frequent_pairs_and_knows_all_bytes() -> None:
    tokenizer = train_tokenizer(["abab abab abab", "xyz"], "bpe", vocabulary_size=258)
    fresh = set(tokenizer.get_vocab()) - set(
        train_tokenizer(["q"], "bpe", vocabulary_size=257).get_vocab()
    )
    assert fresh == {"ab", "abab"}
    assert tokenizer.decode(tokenizer.encode("naïve 北京 😀").ids) == "naïve 北京 😀"
    assert as_tokenizer(tokenizer).words("abab") == ["abab"]


def test_lower_case_and_least_counts() -> None:
    lower = train_tokenizer(TEXTS, "wordpiece", vocabulary_size=60, lower=True)
    assert lower.encode("LOWER").tokens == lower.encode("lower").tokens != ["[UNK]"]
    pieces = [
        train_tokenizer(["ab cd ab"], "bpe", vocabulary_size=300, min_count=n).get_vocab_size()
        for n in (1, 2, 3)
    ]
    assert pieces[0] > pieces[1] > pieces[2] == 256
    unknown = train_tokenizer(TEXTS, "unigram", vocabulary_size=40)
    assert as_tokenizer(unknown).words("Ω") in ([], ["▁"])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_right(kind: Any) -> None:
    for empty in ([], [""], [" \n"]):
        with pytest.raises(EmptyInput):
            train_tokenizer(empty, kind)
    for wrong in ("one text", [3], ["\ud800"]):
        with pytest.raises(InvalidInput):
            train_tokenizer(wrong, kind)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter):
        train_tokenizer(["abcdefghijklmnop"] * 3, kind, vocabulary_size=12)
    for arguments in ({"kind": "other"}, {"vocabulary_size": 0}, {"min_count": -1}):
        with pytest.raises(InvalidParameter):
            train_tokenizer(["a"], **{"kind": kind, **arguments})
