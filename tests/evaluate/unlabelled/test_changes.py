"""Changes that leave a text its meaning."""

from __future__ import annotations

import pytest

from kinspace.evaluate.unlabelled.changes import CHANGES, changed

TEXT = (
    "We saw Cats, dogs and birds in the garden. The model's size (large) is 3.5 GB. "
    "It will not fit on the old machine that stands here."
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_changes_something_and_always_the_same_thing(change: str) -> None:
    assert changed(TEXT, change) != TEXT
    assert changed(TEXT, change) == changed(TEXT, change)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("text", ["", " ", "word", "?!", "猫", "a\n\nb", "x" * 5000, "the of and"])
def test_odd_texts_are_no_trouble(change: str, text: str) -> None:
    assert isinstance(changed(text, change), str)


def test_what_each_change_does() -> None:
    assert changed("A Cat.", "case") == "a cat."
    assert changed("a-b, c. (d)", "punctuation") == "a-b c d"
    assert changed("Cats of the night.", "common_words") in ("Cats the night.", "Cats of night.")
    assert sorted(changed("abcd", "typos")) == list("abcd") and changed("abcd", "typos") != "abcd"
    assert changed("One is. Two is.", "last_sentence") == "One is."
    assert changed(TEXT, "white_space").split() == TEXT.split()
    assert changed(TEXT, "list_order").startswith("We saw dogs, Cats and birds in")
    assert changed("One is. Two is.", "sentence") in ("One is.", "Two is.")
    assert changed("a b c d e f g h", "half") == "c d e f"


def test_seeds_differ() -> None:
    assert len({changed(TEXT, "many_typos", seed) for seed in range(5)}) > 1
