"""What the other documents of a collection say as well: shared words and shared passages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import Document
from kinspace.evaluate.unlabelled.words import content_words, hashes, shingles, stems


class Postings:
    """Which documents hold a number (the hash of a word or of a shingle).

    Parameters
    ----------
    rows : iterable of ndarray of uint64
        The different numbers of each document.

    Examples
    --------
    >>> found = Postings([np.array([1, 2], np.uint64), np.array([2], np.uint64)])
    >>> found.counts(np.array([1, 2], np.uint64)).tolist()
    [2, 1]
    """

    def __init__(self, rows: Iterable[NDArray[np.uint64]]) -> None:
        listed = list(rows)
        keys = np.concatenate([*listed, np.empty(0, np.uint64)])
        documents = np.repeat(np.arange(len(listed)), [len(row) for row in listed])
        order = np.argsort(keys, kind="stable")
        self.size = len(listed)
        self._keys = keys[order]
        self._documents = documents[order]

    def counts(self, numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
        """How many of some different numbers each document holds, shape (documents,)."""
        starts = np.searchsorted(self._keys, numbers, "left")
        ends = np.searchsorted(self._keys, numbers, "right")
        found = [self._documents[a:b] for a, b in zip(starts, ends, strict=True)]
        joined = np.concatenate([*found, np.empty(0, np.int64)])
        return np.bincount(joined, minlength=self.size)


class Elsewhere:
    """Asks how much of a sentence other documents say.

    Parameters
    ----------
    documents : sequence of Document
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        texts = [document.whole for document in documents]
        self._words = Postings(np.unique(hashes(content_words(text))) for text in texts)
        self._shingles = Postings(shingles(stems(text)) for text in texts)

    def words(self, words: set[str], row: int) -> float:
        """The share of some words in the one other document that has most of them."""
        return _most(self._words.counts(hashes(words)), row, len(words))

    def passage(self, sentence: str, row: int) -> float:
        """The share of a sentence's shingles in the one other document that has most of them."""
        numbers = shingles(stems(sentence))
        return _most(self._shingles.counts(numbers), row, len(numbers))


def _most(counts: NDArray[np.int64], row: int, of: int) -> float:
    counts[row] = 0
    return float(counts.max(initial=0)) / of if of else 0.0
