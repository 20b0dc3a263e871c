"""Sentences and words: what a text says that another says as well."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kinspace.read.boundaries import boundaries

SHINGLE = 4
"""Words of a shingle: enough that two texts seldom share one by chance."""

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_STOP_ALONE = re.compile(r"(?<=\s)[.!?]\s+")
_COMMAND = re.compile(r"(?<!\S)[+-]+(?=\S)")
_LETTERS = re.compile(r"[^\W\d_]")


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence, without the white space around it.

    A paragraph's end also ends a sentence, and so does a full stop that stands alone, as it does
    in texts that were split into words once.

    Examples
    --------
    >>> text = "Cats purr. Dr. No sleeps!  Dogs bark."
    >>> [text[start:end] for start, end in sentences(text)]
    ['Cats purr.', 'Dr. No sleeps!', 'Dogs bark.']
    """
    alone = [match.end() for match in _STOP_ALONE.finditer(text)]
    cuts = sorted({0, *boundaries(text, "prose")[-1], *alone, len(text)})
    found = []
    for start, end in pairwise(cuts):
        piece = text[start:end]
        if piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            found.append((first, start + len(piece.rstrip())))
    return found


@lru_cache(1 << 17)
def _stem(word: str) -> tuple[str, ...]:
    from kinspace.search.keyword import words_of

    return tuple(words_of(word))


@lru_cache(1 << 17)
def carries_meaning(word: str) -> bool:
    """Whether a word is not one of the common words (English) that keyword search leaves out."""
    from kinspace.search.keyword import analyser

    return bool(analyser(without_stopwords=True).analyze(word))


_WORD = re.compile(r"[^\W_]+")


def stems(text: str) -> list[str]:
    """The words of a text as keyword search sees them, common words too."""
    return [stem for word in _WORD.findall(text) for stem in _stem(word)]


def word_counts(text: str) -> Counter[str]:
    """The words of a text that are not common words (English), stemmed and counted.

    Examples
    --------
    >>> word_counts("The cats are in the garden, the garden of cats")
    Counter({'cat': 2, 'garden': 2})
    """
    return Counter(
        stem for word in _WORD.findall(text) if carries_meaning(word) for stem in _stem(word)
    )


def content_words(text: str) -> set[str]:
    """The different words of :func:`word_counts`."""
    return set(word_counts(text))


def plain(text: str) -> str:
    """A text as a query, without the signs by which keyword search demands or forbids a word.

    Examples
    --------
    >>> plain("kept at -20 degrees in +4 groups, dose-dependent")
    'kept at 20 degrees in 4 groups, dose-dependent'
    """
    return _COMMAND.sub("", text)


def share(part: set[str], whole: Iterable[str]) -> float:
    """How much of ``part`` is in ``whole``, 0 to 1; 0 where there is nothing to share.

    Examples
    --------
    >>> share({"cat", "garden"}, ["cat", "dog"])
    0.5
    """
    return len(part.intersection(whole)) / len(part) if part else 0.0


@lru_cache(1 << 17)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def hashes(words: Iterable[str]) -> NDArray[np.uint64]:
    """A number for each word, the same in every process; shape (n,)."""
    return np.fromiter((_hash(word) for word in words), np.uint64)


def shingles(words: Sequence[str], size: int = SHINGLE) -> NDArray[np.uint64]:
    """Hashes of the different runs of ``size`` words, shape (m,); a shorter text is one run.

    Examples
    --------
    >>> len(shingles("a b c d e a b c d".split()))
    5
    """
    return np.unique(runs(words, size))


def runs(words: Sequence[str], size: int = SHINGLE) -> NDArray[np.uint64]:
    """Hashes of all runs of ``size`` words, in their order, shape (n - size + 1,)."""
    numbers = hashes(words)
    size = min(size, len(numbers))
    if not size:
        return numbers
    rolled = np.zeros(len(numbers) - size + 1, np.uint64)
    for place in range(size):
        rolled = rolled * _PRIME + numbers[place : place + len(rolled)]
    return rolled


def letters(text: str) -> float:
    """The share of letters among the characters that are not white space."""
    solid = "".join(text.split())
    return len(_LETTERS.findall(solid)) / len(solid) if solid else 0.0
