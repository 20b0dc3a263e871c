"""Hashes and n-grams: what Facebook's code gives, and plain and compiled alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspace.engines import subwords
from kinspace.engines.subwords import as_bytes, hashes_of, ngrams_of


def fnv(text: str) -> int:
    """FNV-1a over signed bytes, as in Facebook's dictionary.cc."""
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ (byte - 256 if byte > 127 else byte) & 0xFFFFFFFF) * 16777619) % 2**32
    return value


def by_hand(word: str, min_n: int, max_n: int) -> list[str]:
    full = f"<{word}>"
    spans = [
        (i, i + n)
        for i in range(len(full))
        for n in range(min_n, max_n + 1)
        if i + n <= len(full) and not (n == 1 and i in (0, len(full) - 1))
    ]
    return [full[i:j] for i, j in spans]


@given(st.lists(st.text(max_size=12), max_size=5), st.integers(1, 3), st.integers(0, 4))
def test_n_grams_by_hand(words: list[str], min_n: int, more: int) -> None:
    words = [word for word in words if word.encode("utf-8", "ignore").decode() == word]
    found, starts = ngrams_of(words, min_n, min_n + more)
    for i, word in enumerate(words):
        expected = [fnv(gram) for gram in by_hand(word, min_n, min_n + more)]
        assert found[starts[i] : starts[i + 1]].tolist() == expected


def test_known_hashes() -> None:
    words = ["", "a", "cat", "naïve", "北京"]
    assert hashes_of(words).tolist() == [fnv(word) for word in words]
    assert hashes_of(["a"])[0] == 0xE40C292C  # from the tables of FNV's authors


def test_the_same_as_gensim() -> None:
    inner = pytest.importorskip("gensim.models.fasttext_inner")
    for word in ("cat", "naïve", "北京", "Ελλάδα"):
        expected = [inner.ft_hash_bytes(g) for g in inner.compute_ngrams_bytes(word, 3, 6)]
        assert sorted(ngrams_of([word], 3, 6)[0].tolist()) == sorted(expected)


def test_plain_and_compiled_agree() -> None:
    words = ["<cat>", "<naïve>", "<北京>", "<>"]
    data, starts = as_bytes(words)
    for min_n, max_n in ((1, 1), (1, 4), (3, 6)):
        native, native_ends = ngrams_of([word[1:-1] for word in words], min_n, max_n)
        ends, plain = np.zeros(5, np.int64), np.zeros(len(native), np.uint32)
        subwords.spell(data, starts, min_n, max_n, ends, plain)
        np.testing.assert_array_equal(ends, native_ends)
        np.testing.assert_array_equal(plain, native)
    out = np.zeros(4, np.uint32)
    subwords.hash_all(data, starts, out)
    np.testing.assert_array_equal(out, hashes_of(words))


def test_half_a_character_has_a_hash_too() -> None:
    assert len(ngrams_of(["a\ud800b"], 3, 6)[0]) > 0
