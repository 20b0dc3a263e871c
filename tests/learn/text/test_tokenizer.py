"""Tokenizers: what they cut, and that what is written down cuts likewise."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kinspace.errors import InvalidParameter, PathNotFound, ReadError
from kinspace.learn.text import as_tokenizer
from kinspace.learn.text.tokenizer import Whitespace, Words, tokenizer_of

TEXTS = ["The cats sat on the mat.", "A cat; the mats!", "cats and mats and a hat"]


@pytest.fixture
def trained() -> Any:
    """A WordPiece tokenizer of the package tokenizers, with truncation and a postprocessor."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordPieceTrainer(vocab_size=40, special_tokens=["[UNK]", "[CLS]"])
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A", None, [("[CLS]", 1)])
    tokenizer.enable_truncation(2)
    return tokenizer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, it’s 3,000!", ["don't", "stop", "it’s", "3", "000"]),
        ("'quoted' words' ''", ["quoted", "words"]),
        ("snake_case and a-b", ["snake", "case", "and", "a", "b"]),
        ("cafe\u0301 naïve", ["cafe\u0301", "naïve"]),  # a mark that stands by itself
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("می‌خواهم", ["می‌خواهم"]),  # a joiner that is not seen
        ("ÉCOLE ÖL", ["école", "öl"]),
        ("— … 😀", []),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert Words().words(text) == words


def test_ascii_and_other_texts_are_cut_by_the_same_rule() -> None:
    text = "It's 'a' test_of b2b, O'Neill's 9-5''s end'"
    assert Words().words(f"{text} é")[:-1] == Words().words(text)


@pytest.mark.parametrize("name", ["words", "cased words", "whitespace"])
def test_names_are_written_down(name: str) -> None:
    tokenizer = as_tokenizer(name)
    again = as_tokenizer(json.loads(json.dumps(tokenizer.to_dict())))
    text = "The Cat's  new_hat, na\u00efve\n"
    assert again.words(text) == tokenizer.words(text)
    assert as_tokenizer(tokenizer) is tokenizer
    assert repr(again) == repr(tokenizer)


def test_case_is_kept_where_it_is_wanted() -> None:
    assert Words(lower=False).words("The Cat") == ["The", "Cat"]
    assert Whitespace().words(" The  Cat. ") == ["The", "Cat."]


def test_any_tokenizer_of_the_package(trained: Any, tmp_path: Path) -> None:
    pieces = as_tokenizer(trained)
    text = "The cats and the hats!"
    whole = type(trained).from_str(trained.to_str())
    whole.no_truncation()
    expected = [p for p in whole.encode(text, add_special_tokens=False).tokens if p != "[UNK]"]
    assert len(expected) > 2  # more than the truncation leaves
    assert "!" in pieces.words("mats !")
    assert "[UNK]" in whole.encode("Ω").tokens
    assert pieces.words("Ω cat") == pieces.words("cat")
    file = tmp_path / "tokenizer.json"
    trained.save(str(file))
    ways = [
        file,
        str(file),
        tmp_path,
        file.read_text(),
        json.loads(file.read_text()),
        pieces.to_dict(),
    ]
    for way in ways:
        assert as_tokenizer(way).words(text) == expected, way
    assert trained.truncation is not None, "what was given stays as it was"
    assert "WordPiece" in repr(pieces)


def test_unigram_leaves_out_what_it_does_not_know() -> None:
    from tokenizers import Tokenizer, models

    model = models.Unigram([("<unk>", 0.0), ("a", -1.0), ("b", -2.0), ("ab", -1.5)], unk_id=0)
    assert as_tokenizer(Tokenizer(model)).words("abΩa") == ["ab", "a"]


def test_transformers_tokenizers_are_taken(trained: Any) -> None:
    class Fast:  # as PreTrainedTokenizerFast has it
        backend_tokenizer = trained

    assert as_tokenizer(Fast()).words("cat") == as_tokenizer(trained).words("cat")


@pytest.mark.parametrize("wrong", ["worts", 3, None, {"kind": "other"}, {}])
def test_what_is_no_tokenizer(wrong: Any) -> None:
    with pytest.raises(InvalidParameter):
        as_tokenizer(wrong)


def test_files_that_hold_no_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        as_tokenizer(tmp_path / "nowhere.json")
    (tmp_path / "a.json").write_text('{"version": 1}')
    with pytest.raises(ReadError, match=r"a\.json"):
        as_tokenizer(tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xff")
    with pytest.raises(ReadError):
        as_tokenizer(str(tmp_path / "b.json"))


def test_a_learners_tokenizer_is_made_once_from_plain_values() -> None:
    learner = SimpleNamespace(tokenizer={"kind": "whitespace"})
    first = tokenizer_of(learner)
    assert tokenizer_of(learner) is first
    learner.tokenizer = {"kind": "cased words"}
    assert tokenizer_of(learner).words("A b, C") == ["A", "b", "C"]
    learner.tokenizer = "words"
    assert tokenizer_of(learner).words("A b, C") == ["a", "b", "c"]
