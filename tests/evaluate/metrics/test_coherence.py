"""Topic coherence on corpora small enough to count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kinspace.errors import EmptyInput, InvalidParameter
from kinspace.evaluate.metrics.coherence import c_npmi, npmi

TEXTS = [["cat", "purrs"], ["cat", "purrs"], ["cat", "sleeps"], ["dog", "sleeps"], ["dog"]]


def test_by_hand() -> None:
    # p(cat) = 3/5, p(purrs) = 2/5, together 2/5; p(sleeps) = 2/5, with cat 1/5
    purring = math.log((2 / 5) / (3 / 5 * 2 / 5)) / -math.log(2 / 5)
    sleeping = math.log((1 / 5) / (3 / 5 * 2 / 5)) / -math.log(1 / 5)
    found = npmi([["cat", "purrs"], ["cat", "sleeps"], ["cat", "purrs", "sleeps"]], TEXTS)
    assert found == pytest.approx([purring, sleeping, (purring + sleeping - 1) / 3], abs=1e-12)


def test_the_ends_of_the_scale() -> None:
    texts = [["a", "b", "e"], ["a", "b", "e"], ["c", "e"], ["e"]]
    assert npmi([["a", "b"], ["a", "c"]], texts) == pytest.approx([1, -1])
    assert npmi([["a", "nowhere"]], texts) == pytest.approx([-1])
    assert npmi([["e", "f"]], [["e", "f"]] * 3) == pytest.approx([1])
    assert c_npmi([["e", "f"]], [["e", "f"]] * 3) == pytest.approx([1])
    independent = [["a", "b"], ["a"], ["b"], []]
    assert npmi([["a", "b"]], independent) == pytest.approx([0], abs=1e-12)


def test_gensim_s_c_npmi_by_hand() -> None:
    """What gensim 4.4's CoherenceModel(coherence="c_npmi", window_size=2) computes.

    Windows: (a b) (b c) (c a), (a b), (c): five. p(a) = 3/5, p(b) = 3/5, p(c) = 3/5; a and b are
    together in 2, b and c in 1, c and a in 1.
    """
    texts = [["a", "b", "c", "a"], ["a", "b"], ["c"]]

    def pair(together: int) -> float:
        share = together / 5 + 1e-12
        return math.log(share / (9 / 25)) / -math.log(share)

    found = c_npmi([["a", "b", "c"], ["a", "b"]], texts, window=2)
    assert found == pytest.approx([(pair(2) + 2 * pair(1)) / 3, pair(2)], abs=1e-12)
    assert found == pytest.approx([-0.20514629, 0.1149859], abs=1e-8)  # as gensim 4.4 printed


def test_never_together_is_nearly_minus_1_with_an_epsilon() -> None:
    found = c_npmi([["a", "c"]], [["a"], ["c"]])
    assert found == pytest.approx([math.log(1e-12 / 0.25) / -math.log(1e-12)])
    assert -0.96 < found[0] < -0.94


def test_windows_are_counted_one_by_one(rng: np.random.Generator) -> None:
    """Against windows that are cut out, over more of them than are counted at a time."""
    letters = np.array(list("abcdefgh"))
    texts = [list(letters[rng.integers(0, 8, n)]) for n in (0, 1, 3, 9000, 250)]
    for window in (2, 10):
        cut = [
            text[start : start + window]
            for text in texts
            for start in range(max(1, len(text) - window + 1))
        ]
        topics = [["a", "b", "c"], ["g", "h"]]
        np.testing.assert_allclose(
            npmi(topics, texts, window=window), npmi(topics, cut), rtol=0, atol=1e-12
        )


def test_a_word_counts_once() -> None:
    assert npmi([["cat", "cat", "purrs"]], TEXTS) == npmi([["cat", "purrs"]], TEXTS)


def test_bad_input() -> None:
    with pytest.raises(EmptyInput, match="no topics"):
        npmi([], TEXTS)
    with pytest.raises(EmptyInput, match="Topic 1 has 1 words"):
        npmi([["cat", "dog"], ["cat", "cat"]], TEXTS)
    with pytest.raises(EmptyInput, match="no texts"):
        npmi([["cat", "dog"]], [])
    with pytest.raises(InvalidParameter, match="window of 1"):
        npmi([["cat", "dog"]], TEXTS, window=1)
