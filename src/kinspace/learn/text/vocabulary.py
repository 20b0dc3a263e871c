"""The words that are known, and how often each came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


class Vocabulary:
    """Words by falling count; a word's number is its place.

    Parameters
    ----------
    words : sequence of str
    counts : array_like of int, shape (n,)

    Examples
    --------
    >>> vocabulary = Vocabulary(["the", "cat"], [10, 2])
    >>> vocabulary["cat"], len(vocabulary), "dog" in vocabulary
    (1, 2, False)
    """

    def __init__(self, words: Sequence[str], counts: Iterable[int] | NDArray[np.int64]) -> None:
        self.words = list(words)
        given = counts if isinstance(counts, np.ndarray) else list(counts)
        self.counts: NDArray[np.int64] = np.asarray(given, np.int64)

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each word."""
        return {word: place for place, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.places

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} words, {self.counts.sum():,} times)"

    def __getitem__(self, word: str) -> int:
        return self.places[word]
