"""A corpus: texts as numbers of words, read once and gone through many times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import EmptyInput, InvalidParameter
from kinspace.learn.stages import Stages, silent
from kinspace.learn.text.growing import Growing
from kinspace.learn.text.tokenized import Tokenized, tokenize
from kinspace.learn.text.tokenizer import Tokenizer
from kinspace.learn.text.vocabulary import Vocabulary

LONGEST = 10_000
"""Words of a sentence; what is longer is cut into several."""


@dataclass(frozen=True)
class Corpus:
    """Texts as numbers of words.

    Arrays that are long are mapped from files that go when the arrays go.

    Attributes
    ----------
    vocabulary : Vocabulary
    ids : ndarray of uint32, shape (words of text,)
        Words that are not in the vocabulary are left out.
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

    def __repr__(self) -> str:
        return (
            f"Corpus({self.items:,} texts, {len(self.ids):,} words in {len(self.documents):,} "
            f"sentences, {len(self.vocabulary):,} different)"
        )


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

    Memory holds the different words and some 100 MB, however long the texts are.

    Parameters
    ----------
    items : iterable of str, or of sequences of str; or Tokenized
        A text each, or its words. What :func:`tokenize` gave is not cut again.
    tokenizer : Tokenizer
        For texts. :class:`Phrases` are joined in lists of words, too.
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
        Told of ``("read", items read, items, words a second)``; 0 items: unknown.

    Raises
    ------
    EmptyInput
        If there is no text, or no word often enough.
    InvalidInput
        If an item is neither a text nor a sequence of words.
    InvalidParameter
        If ``min_count``, ``max_vocabulary`` or ``longest`` is out of its range, or the texts were
        cut by another tokenizer.

    Examples
    --------
    >>> from kinspace.learn.text import as_tokenizer
    >>> corpus = read_corpus(["a cat", "a dog, a cat"], as_tokenizer("words"), min_count=2)
    >>> corpus.vocabulary.words, corpus.ids.tolist(), corpus.starts.tolist()
    (['a', 'cat'], [0, 1, 0, 0, 1], [0, 2, 5])
    """
    for name, value, least in (
        ("min_count", min_count, 0), ("max_vocabulary", max_vocabulary, 1), ("longest", longest, 1)
    ):  # fmt: skip
        if value is not None and value < least:
            raise InvalidParameter(f"{name} is {value}.", f"Give at least {least}.")
    texts = tokenize(items, tokenizer, tell=tell)
    if not texts.words:
        raise EmptyInput("There are no words to learn from.", "Give some texts.")
    if vocabulary is None:
        vocabulary = _frequent(texts, min_count, max_vocabulary)
        known = "no word"  # cannot be: each is in the texts
    else:
        vocabulary = _counted(texts, vocabulary)
        known = f"none of the {len(vocabulary):,} words of the vocabulary"
    corpus = _numbered(texts, vocabulary, longest)
    if not len(corpus.ids):
        raise EmptyInput(f"The texts have {known}.", "Give texts of the same language and form.")
    return corpus


def _frequent(texts: Tokenized, min_count: int, most: int | None) -> Vocabulary:
    """The words that come often enough, by falling count; of equals, the one that came first."""
    names, counts = texts.names, texts.counts
    order = np.argsort(-counts, kind="stable")
    kept = order[counts[order] >= min_count][:most]
    if not len(kept):
        raise EmptyInput(
            f"No word comes {min_count} times; the most frequent comes {counts.max()} times.",
            "Give more text, or a smaller min_count.",
        )
    return Vocabulary([names[i] for i in kept.tolist()], counts[kept])


def _counted(texts: Tokenized, vocabulary: Vocabulary) -> Vocabulary:
    """The same words with their counts in other texts."""
    counts = dict(zip(texts.names, texts.counts.tolist(), strict=True))
    return Vocabulary(vocabulary.words, [counts.get(word, 0) for word in vocabulary.words])


def _numbered(texts: Tokenized, vocabulary: Vocabulary, longest: int) -> Corpus:
    """Texts as places in a vocabulary."""
    places = vocabulary.places
    place = np.array([*(places.get(name, -1) for name in texts.names), -1], np.int64)
    number_to_id = place[texts.kinds]  # the last place is for kind -1: forgotten
    ids, starts, documents = Growing(np.uint32), Growing(np.int64), Growing(np.int64)
    item = 0
    for numbers, lengths in texts.blocks():
        found = number_to_id[numbers]
        known = np.concatenate([[0], np.cumsum(found >= 0)])
        bounds = known[np.concatenate([[0], np.cumsum(lengths)])]
        sizes = np.diff(bounds)
        parts = -(-sizes // longest)
        of = np.repeat(np.arange(len(lengths)), parts)  # the text of each sentence
        part = np.arange(len(of)) - (np.cumsum(parts) - parts)[of]
        starts.append(len(ids) + bounds[of] + part * longest)
        documents.append(item + of)
        ids.append(found[found >= 0])
        item += len(lengths)
    starts.append(np.array([len(ids)]))
    return Corpus(vocabulary, ids.whole(), starts.whole(), documents.whole(), item)
