"""Texts to tokens: cut, in pieces or refused; batches of like length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspace.errors import InvalidInput
from kinspace.pretrained.neural.running import tokens as module
from kinspace.pretrained.neural.running.batches import batches
from kinspace.pretrained.neural.running.tokens import Tokenizer, Tokens

pytest.importorskip("transformers")

from tests.pretrained.neural import tiny

LONG = "the cat sat on the river bank and the dog runs to the car in the city by the sea"


@pytest.fixture(scope="module")
def hf(tmp_path_factory):
    return tiny.wordpiece(tmp_path_factory.mktemp("wordpiece"))


def words(hf, ids):
    return hf.convert_ids_to_tokens(list(ids))


def test_ids_are_those_of_transformers(hf):
    found = Tokenizer(hf, 64)(tiny.TEXTS)
    theirs = hf(tiny.TEXTS, truncation=True, max_length=64)["input_ids"]
    assert [found.piece(i).tolist() for i in range(len(tiny.TEXTS))] == theirs
    assert found.owner.tolist() == list(range(len(tiny.TEXTS)))


def test_long_texts_are_cut_as_transformers_cuts_them_and_counted(hf):
    found = Tokenizer(hf, 8)([LONG, "a dog"], "query: ")
    theirs = hf(["query: " + LONG], truncation=True, max_length=8)["input_ids"][0]
    assert found.piece(0).tolist() == theirs
    assert found.cut.tolist() == [len(hf("query: " + LONG)["input_ids"]) - 8, 0]


def test_long_texts_may_be_refused(hf):
    with pytest.raises(InvalidInput, match=r"22 tokens; the model reads 8.*long="):
        Tokenizer(hf, 8, "error")(["a dog", LONG])


def test_long_texts_in_pieces_lose_nothing(hf):
    found = Tokenizer(hf, 8, "mean")(["a dog", LONG, "the sun"], "query: ")
    assert not found.cut.any()
    assert found.owner.tolist() == [0, *[1] * (len(found.owner) - 2), 2]
    body = []
    for place in np.flatnonzero(found.owner == 1):
        piece = words(hf, found.piece(place))
        assert len(piece) <= 8
        assert piece[:3] == ["[CLS]", "query", ":"]
        assert piece[-1] == "[SEP]"
        body += piece[3:-1]
    assert body == hf.tokenize(LONG)


def test_pieces_are_averaged_by_their_tokens():
    tokens = Tokens(
        np.zeros(13, int), np.array([3, 4, 2, 4]), np.array([0, 1, 1, 2]), np.zeros(3, int)
    )
    rows = np.array([[1, 0], [0, 3], [6, 0], [0, 1]], np.float32)
    np.testing.assert_allclose(tokens.averaged(rows), [[1, 0], [2, 2], [0, 1]], rtol=1e-6)
    whole = Tokens(tokens.ids, tokens.lengths, np.arange(4), np.zeros(4, int))
    assert whole.averaged(rows) is rows


def test_a_text_without_end_is_read_in_parts(hf, monkeypatch):
    monkeypatch.setattr(module, "_SLICE", 50)
    text = " ".join([LONG] * 20)
    found = Tokenizer(hf, 8)([text, "a dog"])
    assert found.piece(0).tolist() == hf(text, truncation=True, max_length=8)["input_ids"]
    assert found.lengths.tolist() == [8, 4]
    assert found.cut[0] >= 19 * len(LONG.split())
    blank = " " * 500 + "the sun"
    assert words(hf, Tokenizer(hf, 8)([blank]).piece(0)) == ["[CLS]", "the", "sun", "[SEP]"]


def test_ten_megabytes(hf):
    found = Tokenizer(hf, 64)(["the cat " * 1_250_000])
    assert found.lengths.tolist() == [64]
    assert found.cut[0] > 2_000_000


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 200)
)  # fmt: skip
def test_batches_hold_every_token_once(lengths, budget):
    lengths = np.array(lengths)
    ids = np.arange(lengths.sum())
    tokens = Tokens(ids, lengths, np.arange(len(lengths)), np.zeros(len(lengths), int), ids % 2)
    seen = []
    for batch in batches(tokens, budget):
        assert len(batch.ids) <= budget or len(batch.pieces) == 1
        assert (np.diff(batch.lengths) <= 0).all()
        np.testing.assert_array_equal(batch.types, batch.ids % 2)
        start = 0
        for piece, length in zip(batch.pieces, batch.lengths, strict=True):
            np.testing.assert_array_equal(batch.ids[start : start + length], tokens.piece(piece))
            np.testing.assert_array_equal(batch.positions[start : start + length], range(length))
            start += length
        assert sum(count * length for _, count, length in batch.groups()) == len(batch.ids)
        seen += batch.pieces.tolist()
    assert sorted(seen) == list(range(len(lengths)))
