"""What is said of a name that is not known."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.embeddings import Embeddings
from kinspace.embeddings.spelling import closest, errors_between
from kinspace.errors import IdNotFound
from kinspace.space import Space

WORDS = ["king", "queen", "kitten", "kittens", "mitten", "Paris", "apple", "naïve", "7", "a"]
KNOWN = {word: row for row, word in enumerate(WORDS)}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("kign", "king"), ("King", "king"), ("KING", "king"), ("paris", "Paris"),
        ("quen", "queen"), ("queeen", "queen"), ("kiten", "kitten"), ("aple", "apple"),
        ("naive", "naïve"), ("kittens ", "kittens"), ("A", "a"),
    ],
)  # fmt: skip
def test_what_was_meant_comes_first(typed: str, meant: str) -> None:
    assert closest(typed, KNOWN)[0] == meant


@pytest.mark.parametrize(
    ("a", "b", "errors"),
    [
        ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 1),
        ("ca", "abc", 3), ("a", "a", 0), ("saturday", "sunday", 3), ("kign", "king", 1),
    ],
)  # fmt: skip
def test_errors_are_counted(a: str, b: str, errors: int) -> None:
    assert errors_between(a, b) == errors_between(b, a) == errors


def test_the_likest_come_first_and_the_earlier_of_equals() -> None:
    known = {"bitte": 0, "mitten": 1, "kittens": 2, "bitten": 3}
    assert closest("kitten", known) == ["mitten", "kittens", "bitten"]
    assert closest("kitten", known, count=9) == ["mitten", "kittens", "bitten", "bitte"]


@pytest.mark.parametrize(
    "typed", ["xyzzy", "", "国王", "\ud800", "q" * 1000, "7" * 5000, ("a", 1), None, 2.5]
)
def test_nothing_is_like_it(typed: object) -> None:
    assert closest(typed, {"king": 0, "queen": 1}) == []  # type: ignore[arg-type]


def test_numbers_and_texts_of_numbers() -> None:
    assert closest("7", {7: 0, 70: 1}) == [7]
    assert closest(7, KNOWN)[0] == "7"


def test_the_error_names_them() -> None:
    e = Embeddings(np.eye(3), Space("s", "f", 3), ["king", "queen", "car"])
    for use in (
        lambda: e["kign"],
        lambda: e.nearest("kign"),
        lambda: e.nearest(positive=["queen"], negative=["kign"]),
        lambda: e.analogy("car", "kign", "queen"),
        lambda: e.similarity("kign", "car"),
        lambda: e.rank("car", "kign"),
        lambda: e.odd_one_out(["car", "queen", "kign"]),
    ):
        with pytest.raises(IdNotFound) as raised:
            use()
        assert "'kign'" in raised.value.message
        assert raised.value.remedy == "Did you mean 'king'?"
    with pytest.raises(IdNotFound) as raised:
        e["zebra"]
    assert raised.value.remedy and "mean" not in raised.value.remedy


def test_many_names_are_looked_through_quickly_enough_to_be_an_error() -> None:
    known = {f"word{i}": i for i in range(100_000)} | {"kangaroo": -1}
    assert closest("kangoroo", known)[0] == "kangaroo"
