"""Vectors of tokens and words from inside a transformer, beside what transformers itself gives."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.errors import IdNotFound, InvalidInput, InvalidParameter
from kinspace.pretrained.spans import TokenVectors
from tests.pretrained.neural import tiny

EVERY = [tiny.bert, tiny.roberta, tiny.distilbert, tiny.gpt2, tiny.qwen, tiny.t5]


def opened(make: Any = tiny.bert, **options: Any) -> ks.TransformerEncoder:
    return ks.TransformerEncoder(tiny.made(make), precision="float32", device="cpu", **options)


@functools.cache
def by_transformers(folder: Path) -> tuple[Any, Any]:
    """A tokenizer and a model."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer, T5EncoderModel

    kind = T5EncoderModel if AutoConfig.from_pretrained(folder).model_type == "t5" else AutoModel
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    return AutoTokenizer.from_pretrained(folder), model


def every_layer(folder: Path, text: str) -> tuple[list[str], list[Any], Any]:
    """What transformers gives: tokens, offsets, states of shape (layers + 1, tokens, hidden)."""
    import torch

    tokenizer, model = by_transformers(folder)
    encoding = tokenizer(text, return_offsets_mapping=True)
    ids = encoding["input_ids"]
    with torch.no_grad():
        found = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    states = np.stack([one[0].numpy() for one in found.hidden_states])
    return tokenizer.convert_ids_to_tokens(ids), encoding["offset_mapping"], states


@pytest.mark.parametrize("make", EVERY, ids=lambda one: one.__name__)
def test_every_layer_is_that_of_transformers(make: Any) -> None:
    encoder = opened(make, batch_tokens=40)  # several batches
    for number in (0, 1, 2):
        found = encoder.encode_tokens(tiny.TEXTS, layers=number, special=True)
        for text, one in zip(tiny.TEXTS, found, strict=True):
            if one.cut or not len(one.tokens):
                continue
            names, offsets, states = every_layer(encoder.folder, text)
            assert list(one.tokens.names) == names
            np.testing.assert_allclose(one.tokens.vectors, states[number], atol=2e-5)
            given = [text[a:b].strip() for a, b in offsets]
            assert [text[a:b] for a, b in one.tokens.offsets] == given


def test_layers_are_combined() -> None:
    encoder = opened()
    text = tiny.TEXTS[0]
    states = every_layer(encoder.folder, text)[2][:, 1:-1]

    def vectors(*arguments: Any) -> Any:
        return encoder.encode_tokens([text], *arguments)[0].tokens.vectors

    close = np.testing.assert_allclose
    close(vectors(), states[2], atol=1e-5)
    close(vectors("second-to-last"), states[1], atol=1e-5)
    close(vectors("embedding"), states[0], atol=1e-5)
    close(vectors([0, -1]), (states[0] + states[2]) / 2, atol=1e-5)
    close(vectors((1, 2), "sum"), states[1] + states[2], atol=1e-5)
    close(vectors([2, 0], "concat"), np.concatenate([states[2], states[0]], axis=1), atol=1e-5)
    assert vectors(range(3)).shape == (len(states[0]), 32)
    spaces = [encoder.encode_tokens(text, layer)[0].space for layer in (0, 1, [0, 1])]
    assert len({one.fingerprint for one in [*spaces, encoder.space]}) == 4
    assert encoder.encode_tokens(text, -1)[0].space == encoder.encode_tokens(text, 2)[0].space


def test_pieces_are_merged_to_words() -> None:
    encoder = opened()
    text = "Unreadable houses' walls, cats!"
    mean = encoder.encode_tokens(text)[0]
    first = encoder.encode_tokens(text, merge="first")[0]
    assert mean.words.names == ("Unreadable", "houses", "'", "walls", ",", "cats", "!")
    assert [text[a:b] for a, b in mean.words.offsets] == list(mean.words.names)
    assert "house" in mean.tokens.names
    for place, name in enumerate(mean.words.names):
        own = mean.tokens.vectors[mean.word_of == place]
        assert len(own) >= 1
        np.testing.assert_allclose(mean.words[name], own.mean(axis=0), atol=1e-6)
        np.testing.assert_array_equal(first.words[place], own[0])
    # In English text, the tokenizer's own words of a piece agree.
    backend: Any = encoder.tokenizer
    assert mean.word_of.tolist() == [
        one for one in backend.encode(text).word_ids if one is not None
    ]


@pytest.mark.parametrize("make", [tiny.gpt2, tiny.roberta], ids=lambda one: one.__name__)
def test_blanks_that_a_tokenizer_counts_to_a_token_are_not_of_the_word(make: Any) -> None:
    found = opened(make).encode_tokens("the  river bank 日本")[0]
    assert found.words.names[:3] == ("the", "river", "bank")
    assert "日" in "".join(found.words.names)
    np.testing.assert_array_equal(
        found.words["bank"], found.tokens.vectors[found.word_of == 2].mean(axis=0)
    )


def test_special_tokens_belong_to_no_word() -> None:
    encoder = opened()
    found = encoder.encode_tokens("the cat", special=True)[0]
    assert found.tokens.names == ("[CLS]", "the", "cat", "[SEP]")
    assert found.word_of.tolist() == [-1, 0, 1, -1]
    np.testing.assert_array_equal(
        found.tokens.vectors[1:-1], encoder.encode_tokens("the cat")[0].tokens.vectors
    )
    pooled = encoder.encode(["the cat"]).vectors[0]
    mean = found.tokens.vectors.mean(axis=0)
    assert pooled @ mean == pytest.approx(np.linalg.norm(pooled) * np.linalg.norm(mean), rel=1e-5)


def test_prompts_are_read_and_not_returned() -> None:
    plain, prompted = opened(), opened(prompt="query : ")
    text = "sea at night"
    found = prompted.encode_tokens(text)[0]
    assert found.tokens.names == plain.encode_tokens(text)[0].tokens.names
    assert [text[a:b] for a, b in found.tokens.offsets] == ["sea", "at", "night"]
    states = every_layer(plain.folder, "query : " + text)[2][-1]
    np.testing.assert_allclose(found.tokens.vectors, states[3:-1], atol=1e-5)
    joined = opened(prompt="the").encode_tokens("sea")[0]  # read as one word
    assert joined.tokens.names == ("##s", "##e", "##a")
    assert joined.words.names == ("sea",)
    both = opened(prompt={"query": "what ", "document": ""})
    query = both.encode_tokens(text, side="query")[0]
    np.testing.assert_allclose(
        query.tokens.vectors, every_layer(plain.folder, f"what {text}")[2][-1][2:-1], atol=1e-5
    )
    np.testing.assert_array_equal(
        both.encode_tokens(text)[0].tokens.vectors, plain.encode_tokens(text)[0].tokens.vectors
    )


def test_long_texts() -> None:
    text = " ".join(["the cat sat on the river bank ."] * 4)
    short = opened(max_length=12).encode_tokens(text, special=True)[0]
    assert len(short.tokens) == 12
    assert short.cut == 32 + 2 - 12
    assert short.tokens.names[-1] == "[SEP]"
    assert short.words.names == tuple(text.split()[:10])
    whole = opened(max_length=12, long="mean", prompt="what ").encode_tokens(text)[0]
    assert whole.words.names == tuple(text.split())
    assert [text[a:b] for a, b in whole.words.offsets] == text.split()
    parts = text.split()  # 12 tokens less [CLS], what, [SEP]: 9 a piece
    for start in range(0, 32, 9):
        piece = "what " + " ".join(parts[start : start + 9])
        states = every_layer(tiny.made(tiny.bert), piece)[2][-1][2:-1]
        got = whole.tokens.vectors[start : start + 9]
        np.testing.assert_allclose(got, states, atol=1e-5)
    with pytest.raises(InvalidInput, match="tokens"):
        opened(max_length=12, long="error").encode_tokens([text])


@pytest.mark.parametrize("make", [tiny.bert, tiny.gpt2], ids=lambda one: one.__name__)
def test_texts_without_tokens(make: Any) -> None:
    encoder = opened(make)
    for texts in (["", " "], [""], ["", "the cat"]):
        for found in encoder.encode_tokens(texts)[: texts.count("")]:
            assert found.tokens.vectors.shape == found.words.vectors.shape == (0, 32)
            assert found.tokens.names == found.words.names == ()
    assert encoder.encode_tokens([]) == []


def test_a_very_long_text() -> None:
    text = "the cat sat on the mat . " * 30_000  # 750,000 characters
    found = opened().encode_tokens(text, special=True)[0]
    assert len(found.tokens) == 64
    assert found.words.names[:3] == ("the", "cat", "sat")
    assert found.cut > 200_000
    one = opened().encode_tokens("x" * 300_000)[0]
    assert len(one.tokens) >= 1
    assert len(one.words) == 1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"layers": 3}, "no layer 3"),
        ({"layers": -4}, "no layer -4"),
        ({"layers": "last-four"}, "no layer -4"),  # two layers and the embeddings
        ({"layers": "first"}, "Unknown layers"),
        ({"layers": []}, "No layers"),
        ({"layers": [0.5]}, "no layer 0.5"),
        ({"combine": "max"}, "combine"),
        ({"merge": "last"}, "merge"),
    ],
)
def test_what_cannot_be_asked(options: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidParameter, match=match):
        opened().encode_tokens(["a cat"], **options)


@pytest.mark.parametrize("bad", [[1], ["a", None], ["\ud800"]])
def test_bad_texts(bad: Any) -> None:
    with pytest.raises(InvalidInput):
        opened().encode_tokens(bad)


def test_parts_by_name_and_place() -> None:
    found = opened().encode_tokens("the cat and the dog")[0]
    assert found.words.find("the") == [0, 3]
    np.testing.assert_array_equal(found.words["the"], found.words[0])
    np.testing.assert_array_equal(found.words[-1], found.words["dog"])
    assert (found.words["the"] != found.words[3]).any()
    for missing in ("bird", 5, -6):
        with pytest.raises(IdNotFound):
            found.words[missing]
    assert "the cat and the dog" in repr(found.words)
    assert "5 words" in repr(found)


# -- the real model --------------------------------------------------------------------------------


def between(a: TokenVectors, b: TokenVectors, word: str) -> float:
    x, y = a.words[word], b.words[word]
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


RIVER = ["the river bank", "we sat on the grassy bank of the stream"]
MONEY = ["a bank account", "the bank lends money at low interest"]


def test_bank_of_a_river_and_bank_of_money() -> None:
    model = ks.load("all-MiniLM-L6-v2")
    assert isinstance(model, ks.TransformerEncoder)
    for layers in ("last", "second-to-last", "last-four"):
        r1, r2, m1, m2 = model.encode_tokens([*RIVER, *MONEY], layers=layers)
        across = [between(r, m, "bank") for r in (r1, r2) for m in (m1, m2)]
        assert max(across) < 0.9
        assert between(r1, r2, "bank") > max(across)  # one sense is nearer to itself
        assert between(m1, m2, "bank") > max(across)
    r1, _, m1, _ = model.encode_tokens([*RIVER, *MONEY], layers="embedding")
    assert between(r1, m1, "bank") > 0.95  # but for the places, the table's row


def test_a_static_table_has_one_bank() -> None:
    model = ks.load()
    r1, r2, m1, m2 = model.encode_tokens([*RIVER, *MONEY])  # type: ignore[attr-defined]
    for other in (r2, m1, m2):
        np.testing.assert_array_equal(r1.words["bank"], other.words["bank"])
    # The vector of a text points where the mean of its tokens does.
    whole = model.encode([RIVER[1]]).vectors[0]
    mean = r2.tokens.vectors.mean(axis=0)
    assert whole @ mean == pytest.approx(np.linalg.norm(mean), rel=1e-5)
    assert between(r1, m1, "bank") == pytest.approx(1)
