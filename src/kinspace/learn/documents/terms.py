"""The terms of texts, and how often each stands in each: words, and runs of several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import require_texts
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter
from kinspace.learn.stages import Stages, silent
from kinspace.learn.text import Tokenizer, Vocabulary, as_tokenizer

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_HELD = 1 << 20
"""Terms of text whose numbers are held before they are counted."""
_TOLD = 1000
"""Items between two tellings."""

Item = str | Sequence[str]


@dataclass(frozen=True)
class Terms:
    """What counts as a term, with the meaning that scikit-learn's ``CountVectorizer`` gives it.

    Attributes
    ----------
    tokenizer : Tokenizer
    stop_words : frozenset of str
        Words that are left out, before runs are made.
    min_ngram, max_ngram : int
        The words of a run, which are joined by a space.
    min_df, max_df : int or float
        Terms of fewer, or more, texts are left out: a number of texts (int), or a share (float).
    max_vocabulary : int or None
        Only so many, the most frequent, are kept.
    """

    tokenizer: Tokenizer
    stop_words: frozenset[str]
    min_ngram: int
    max_ngram: int
    min_df: int | float
    max_df: int | float
    max_vocabulary: int | None

    @classmethod
    def of(cls, learner: Any) -> Self:
        """Take the settings of a learner that has attributes of these names.

        Raises
        ------
        InvalidParameter
            If one is outside its range.
        """
        low, high = learner.min_ngram, learner.max_ngram
        if not 1 <= low <= high:
            raise InvalidParameter(
                f"There are no runs of {low} to {high} words.", "Give 1 ≤ min_ngram ≤ max_ngram."
            )
        for name in ("min_df", "max_df"):
            value = getattr(learner, name)
            if not (0 <= value <= 1 if isinstance(value, float) else value >= 0):
                raise InvalidParameter(
                    f"{name}={value!r} is outside its range.",
                    "Give a number of texts, such as 5, or a share of them, such as 0.5.",
                )
        if learner.max_vocabulary is not None and learner.max_vocabulary < 1:
            raise InvalidParameter(
                f"max_vocabulary={learner.max_vocabulary} leaves no term.", "Give 1 or more."
            )
        return cls(
            as_tokenizer(learner.tokenizer), stop_words(learner.stop_words), low, high,
            learner.min_df, learner.max_df, learner.max_vocabulary,
        )  # fmt: skip

    def cut(self, item: Item) -> list[str]:
        """The terms of a text, or of a list of words, in order and as often as they come."""
        words = self.tokenizer.words(item) if isinstance(item, str) else list(item)
        if self.stop_words:
            words = [word for word in words if word not in self.stop_words]
        if self.max_ngram == 1:
            return words
        found = words if self.min_ngram == 1 else []
        for length in range(max(2, self.min_ngram), self.max_ngram + 1):
            shifted = [words[i:] for i in range(length)]
            found = found + [" ".join(run) for run in zip(*shifted, strict=False)]
        return found

    def learn(self, items: Iterable[Item], tell: Stages = silent) -> tuple[csr_array, Vocabulary]:
        """Find the terms of texts, and count them.

        Parameters
        ----------
        items : iterable of str, or of sequences of str
            Gone through once.
        tell : callable

        Returns
        -------
        counts : csr_array of float32, shape (texts, terms)
        vocabulary : Vocabulary
            The terms by falling count.

        Raises
        ------
        EmptyInput
            If there are no texts, or no term is left.
        InvalidInput
            If an item is no text.
        """
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        counts = _counted(map(self.cut, _checked(items, tell)), numbers.__getitem__, numbers)
        if not counts.shape[0] or not numbers:
            raise EmptyInput("There are no words to learn from.", "Give some texts.")
        texts = counts.shape[0]
        held, total = documents_with(counts), np.asarray(counts.sum(axis=0), np.int64)
        least = self.min_df * texts if isinstance(self.min_df, float) else self.min_df
        most = self.max_df * texts if isinstance(self.max_df, float) else self.max_df
        order = np.argsort(-total, kind="stable")
        kept = order[(held[order] >= least) & (held[order] <= most)][: self.max_vocabulary]
        if not len(kept):
            raise EmptyInput(
                f"None of {len(held)} terms is in {self.min_df} to {self.max_df} of {texts} texts.",
                "Give more texts, a smaller min_df or a greater max_df.",
            )
        names = list(numbers)
        terms = [names[i] for i in kept.tolist()]
        return _columns(counts, kept), Vocabulary(terms, total[kept])

    def count(self, items: Sequence[Item], vocabulary: Vocabulary) -> csr_array:
        """Count the terms of a vocabulary in texts: float32, shape (texts, terms)."""
        places = vocabulary.places
        texts = ([t for t in self.cut(item) if t in places] for item in items)
        return _counted(texts, places.__getitem__, vocabulary)


def stop_words(given: str | Iterable[str] | None) -> frozenset[str]:
    """The words that are meant.

    Raises
    ------
    InvalidParameter
        If there is no list of that name.
    """
    if given is None:
        return frozenset()
    if isinstance(given, str):
        if given != "english":
            raise InvalidParameter(
                f"There is no list of stop words named {given!r}.",
                'Give "english", or the words themselves.',
            )
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return frozenset(ENGLISH_STOP_WORDS)
    return frozenset(given)


def documents_with(counts: csr_array) -> NDArray[np.int64]:
    """How many texts hold each term, shape (terms,)."""
    return np.bincount(counts.indices, minlength=counts.shape[1])


def _checked(items: Iterable[Item], tell: Stages) -> Iterable[Item]:
    if isinstance(items, str):
        items = [items]
    done = 0
    for done, item in enumerate(items, 1):
        if isinstance(item, str):
            require_texts([item])
        elif not isinstance(item, Sequence) or not all(isinstance(word, str) for word in item):
            raise InvalidInput(f"{item!r:.80} is no text.", "Give strings, or lists of words.")
        if done % _TOLD == 0:
            tell("read", done, 0)
        yield item
    tell("read", done, done)


def _counted(texts: Iterable[list[str]], number: Any, numbers: Any) -> csr_array:
    """Counts of terms in texts; ``number`` gives a term's column, of ``len(numbers)``."""
    from scipy.sparse import csr_array, vstack

    blocks: list[tuple[Any, Any, Any]] = []
    flat: list[int] = []
    ends = [0]

    def close() -> None:
        # Built with a column for each term seen so far; the last block has them all.
        ones = np.ones(len(flat), np.float32)
        block = csr_array(
            (ones, np.array(flat, np.int32), ends), shape=(len(ends) - 1, len(numbers))
        )
        block.sum_duplicates()
        blocks.append((block.data, block.indices, block.indptr))
        flat.clear()
        ends[:] = [0]

    for terms in texts:
        flat.extend(map(number, terms))
        ends.append(len(flat))
        if len(flat) > _HELD:
            close()
    close()
    parts = [csr_array(part, shape=(len(part[2]) - 1, len(numbers))) for part in blocks]
    return parts[0] if len(parts) == 1 else csr_array(vstack(parts, format="csr"))


def _columns(counts: csr_array, kept: NDArray[np.int64]) -> csr_array:
    """The columns ``kept``, in that order, without the zeros that selecting might leave."""
    from scipy.sparse import csr_array

    place = np.full(counts.shape[1], -1, np.int32)
    place[kept] = np.arange(len(kept))
    columns = place[counts.indices]
    stay = columns >= 0
    ends = np.concatenate([[0], np.cumsum(stay)])[counts.indptr]
    chosen = csr_array((counts.data[stay], columns[stay], ends), shape=(counts.shape[0], len(kept)))
    chosen.sort_indices()
    return chosen
