"""A corpus: texts as numbers of words, read once and gone through many times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import EmptyInput
from kinspace.learn.stages import Stages, silent
from kinspace.learn.text.tokenizer import Tokenizer
from kinspace.learn.text.vocabulary import Vocabulary

LONGEST = 10_000
"""Words of a sentence; what is longer is cut into several."""


@dataclass(frozen=True)
class Corpus:
    """Texts as numbers of words.

    Attributes
    ----------
    vocabulary : Vocabulary
    ids : ndarray of uint32, shape (words of text,)
        Words that are not in the vocabulary are left out. Mapped from a file where it is long.
    starts : ndarray of int64, shape (sentences + 1,)
        The words of sentence ``i`` are ``ids[starts[i]:starts[i + 1]]``.
    documents : ndarray of int64, shape (sentences,)
        The item, counted from 0, that each sentence is of, or is a part of. Items of which no
        word is known have no sentence.
    items : int
        How many items were read.
    """

    vocabulary: Vocabulary
    ids: NDArray[np.uint32]
    starts: NDArray[np.int64]
    documents: NDArray[np.int64]
    items: int


def read_corpus(
    items: Iterable[str | Sequence[str]],
    tokenizer: Tokenizer,
    *,
    min_count: int = 5,
    max_vocabulary: int | None = None,
    vocabulary: Vocabulary | None = None,
    longest: int = LONGEST,
    tell: Stages = silent,
) -> Corpus:
    """Read texts once, count their words, and write them down as numbers.

    Parameters
    ----------
    items : iterable of str, or of sequences of str
        A text each, or its words.
    tokenizer : Tokenizer
        For texts.
    min_count : int
        Words that come less often are left out.
    max_vocabulary : int, optional
        Only so many, the most frequent, are kept.
    vocabulary : Vocabulary, optional
        Only these words are kept, under their numbers, with their counts in the new texts;
        ``min_count`` and ``max_vocabulary`` do not apply.
    longest : int
        Words of a sentence.
    tell : callable
        Told of ``("read", items read, 0)``.

    Raises
    ------
    EmptyInput
        If there is no text, or no word often enough.
    """
    seen: dict[str, int] = {}
    flat: list[int] = []
    lengths: list[int] = []
    count = 0
    for item in items:
        words = tokenizer.words(item) if isinstance(item, str) else list(item)
        flat += [seen.setdefault(word, len(seen)) for word in words]
        lengths.append(len(words))
        count += 1
    if not flat:
        raise EmptyInput("There are no words to learn from.", "Give some texts.")
    ids = np.array(flat, np.int64)
    if vocabulary is None:
        counts = np.bincount(ids, minlength=len(seen))
        order = np.argsort(-counts, kind="stable")
        kept = order[counts[order] >= min_count][:max_vocabulary]
        names = list(seen)
        vocabulary = Vocabulary([names[i] for i in kept.tolist()], counts[kept])
        if not len(kept):
            raise EmptyInput(
                f"No word comes {min_count} times; the most frequent comes {counts.max()} times.",
                "Give more text, or a smaller min_count.",
            )
    place = np.array([vocabulary.places.get(word, -1) for word in seen], np.int64)
    ids = place[ids]
    item_of = np.repeat(np.arange(count), lengths)[ids >= 0]
    numbers = ids[ids >= 0].astype(np.uint32)
    within = np.arange(len(numbers)) - np.searchsorted(item_of, item_of)
    first = np.flatnonzero(within % longest == 0)
    tell("read", count, count)
    return Corpus(vocabulary, numbers, np.append(first, len(numbers)), item_of[first], count)
