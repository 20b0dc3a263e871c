"""Where the words of a text are, the same for every model, whatever its tokenizer makes of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

_UNSPACED: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x9FFF),  # Chinese characters, here and below
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Scripts without blanks between words: there, the model's own tokens are taken as words."""

_APOSTROPHES: Final = "'’"
_JOINERS: Final = "\u200c\u200d"


_NEAR: Final = 40
"""Characters between two tokens at most: a model may leave punctuation out."""


def words(text: str, tokens: Sequence[tuple[int, int]] = ()) -> NDArray[np.int64]:
    """Where the words of a text begin and end, in characters.

    A word is a run of letters, digits, marks and underscores, with apostrophes inside it; any
    other sign but white space is one by itself. In scripts that are written without blanks
    (Chinese, Japanese, Thai …), each character is one, unless a token holds several.

    Parameters
    ----------
    text : str
    tokens : sequence of (int, int)
        Where a model's tokens begin and end. Words that one token reaches across cannot be told
        apart by that model, and become one.

    Returns
    -------
    array of int64, shape (words, 2)

    Examples
    --------
    >>> text = "Don't sit (here)."
    >>> [text[start:stop] for start, stop in words(text)]
    ["Don't", 'sit', '(', 'here', ')', '.']
    """
    kinds = [_kind(sign) for sign in text]
    for i in range(1, len(text) - 1):
        if text[i] in _APOSTROPHES and kinds[i - 1] == kinds[i + 1] == "letter":
            kinds[i] = "mark"
    begins = [
        kind != "mark" and not (kind == before == "letter")
        for before, kind in zip(["blank", *_carried(kinds)], kinds, strict=False)
    ]
    begins[:1] = [True] * len(begins[:1])  # also where a text begins with a mark
    for start, stop in tokens:
        begins[start + 1 : stop] = [False] * max(stop - start - 1, 0)
    bounds = [i for i, begin in enumerate(begins) if begin] + [len(text)]
    found = [_stripped(text, start, stop) for start, stop in pairwise(bounds)]
    return np.array([one for one in found if one[0] < one[1]], np.int64).reshape(-1, 2)


def owners(tokens: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which word each token is a piece of, shape (tokens,); -1 for tokens without characters.

    Parameters
    ----------
    tokens, found : array of int64, shape (n, 2)
        Where tokens and words begin and end; no token reaches across two words.
    """
    if not len(found):
        return np.full(len(tokens), -1, np.int64)
    owner = np.searchsorted(found[:, 0], tokens[:, 0], side="right") - 1
    return np.where(tokens[:, 0] < tokens[:, 1], owner, -1)


def stripped(text: str, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Offsets without the white space that some tokenizers count to a token, shape (n, 2)."""
    return np.array([_stripped(text, *pair) for pair in offsets.tolist()], np.int64).reshape(-1, 2)


def located(text: str, tokens: Sequence[str]) -> NDArray[np.int64]:
    """Where tokens stand in a text, found by their names alone; shape (tokens, 2).

    For models that name their tokens and do not say where they are. Case, accents, and the marks
    that tokenizers put on pieces of words do not count. What is not found is where the one
    before it ends.

    Examples
    --------
    >>> located("River banks!", ["[CLS]", "river", "bank", "##s", "[MASK]"]).tolist()
    [[0, 0], [0, 5], [6, 10], [10, 11], [11, 11]]
    """
    signs = [(plain, i) for i, sign in enumerate(text) for plain in _plain(sign)]
    whole = "".join(plain for plain, _ in signs)
    places = [i for _, i in signs] + [len(text)]
    found, at = [], 0
    for token in tokens:
        name = _plain(token.removeprefix("##").strip("\u0120\u2581 "))
        start = whole.find(name, at, at + len(name) + _NEAR)
        if start < 0 or not name:
            stop = places[at - 1] + 1 if at else 0
            found.append((stop, stop))
            continue
        at = start + len(name)
        found.append((places[start], places[at - 1] + 1))
    return np.array(found, np.int64).reshape(-1, 2)


def _plain(text: str) -> str:
    """Small letters without accents."""
    apart = unicodedata.normalize("NFKD", text).lower()
    return "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")


def _stripped(text: str, start: int, stop: int) -> tuple[int, int]:
    while start < stop and text[stop - 1].isspace():
        stop -= 1
    while start < stop and text[start].isspace():
        start += 1
    return start, stop


def _carried(kinds: list[str]) -> list[str]:
    """Each kind; a mark has that of what it stands on."""
    held, before = [], "blank"
    for kind in kinds:
        before = before if kind == "mark" else kind
        held.append(before)
    return held


@lru_cache(maxsize=1 << 14)
def _kind(sign: str) -> str:
    """letter, mark (belongs to what stands before it), blank, or alone."""
    if sign.isspace():
        return "blank"
    category = unicodedata.category(sign)
    if category[0] == "M" or sign in _JOINERS:
        return "mark"
    code = ord(sign)
    if any(first <= code <= last for first, last in _UNSPACED):
        return "alone"
    return "letter" if category[0] in "LN" or category == "Pc" else "alone"
