"""Where words are, whatever a tokenizer makes of a text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspace.pretrained.words import located, owners, stripped, words


def split(text: str, *tokens: tuple[int, int]) -> list[str]:
    return [text[start:stop] for start, stop in words(text, tokens)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n", []),
        ("The river bank.", ["The", "river", "bank", "."]),
        ("don't  stop—now", ["don't", "stop", "—", "now"]),
        ("'tis the cats' toy", ["'", "tis", "the", "cats", "'", "toy"]),
        ("snake_case 3.14 x2", ["snake_case", "3", ".", "14", "x2"]),
        ("naïve cafe\u0301s", ["naïve", "cafe\u0301s"]),  # a letter with a mark of its own
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs belong to their letters
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("東京 is big", ["東", "京", "is", "big"]),
        ("\u0301a", ["\u0301", "a"]),  # a mark on nothing
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_a_token_that_holds_several_words_joins_them() -> None:
    assert split("東京に住む", (0, 2), (2, 3), (3, 5)) == ["東京", "に", "住む"]
    assert split("New York City", (0, 8), (9, 13)) == ["New York", "City"]
    assert split("it is", (1, 4)) == ["it is"]
    assert split("it is", (0, 2), (2, 2), (3, 4), (4, 5)) == ["it", "is"]


def test_owners_of_pieces() -> None:
    text = "unbelievably so"
    tokens = np.array([[0, 0], [0, 2], [2, 12], [13, 15], [15, 15]])
    assert owners(tokens, words(text)).tolist() == [-1, 0, 0, 1, -1]
    assert owners(tokens[:1], words("")).tolist() == [-1]


def test_white_space_that_a_tokenizer_counts_to_a_token_is_taken_off() -> None:
    assert stripped("a  b ", np.array([[0, 1], [1, 5], [1, 3]])).tolist() == [
        [0, 1],
        [3, 4],
        [1, 1],
    ]


@given(
    st.text(max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5)
)
def test_every_sign_is_in_one_word(text: str, tokens: list[tuple[int, int]]) -> None:
    spans = [(min(a, b, len(text)), min(max(a, b), len(text))) for a, b in tokens]
    found = words(text, spans).tolist()
    seen = [i for start, stop in found for i in range(start, stop)]
    assert seen == sorted(set(seen))
    assert {i for i, sign in enumerate(text) if not sign.isspace()} <= set(seen)
    for start, stop in found:
        assert text[start:stop] == text[start:stop].strip() != ""
    # A token lies in one word.
    for start, stop in stripped(text, np.array(spans, np.int64).reshape(-1, 2)).tolist():
        assert start == stop or any(a <= start and stop <= b for a, b in found)


def test_tokens_are_located_by_their_names() -> None:
    text = "Café, the RIVER banks 日本"
    names = ["[CLS]", "[D]", "cafe", "the", "Ġriver", "bank", "##s", "▁日本", "[MASK]"]
    found = located(text, names).tolist()
    assert [text[a:b] for a, b in found] == [
        "",
        "",
        "Café",
        "the",
        "RIVER",
        "bank",
        "s",
        "日本",
        "",
    ]
    assert located("a dog", ["a", "Ġ", "d", "o", "g"]).tolist()[1:3] == [[1, 1], [2, 3]]
    assert located("", ["a"]).tolist() == [[0, 0]]
    assert located("a" + " " * 500 + "b", ["b"]).tolist() == [[0, 0]]  # too far to be the next one
