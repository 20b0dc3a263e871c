"""Phrases: pairs of words that stand together more often than chance would have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Parameters
from kinspace.errors import InvalidParameter, NotFitted
from kinspace.learn.stages import Stages, shown
from kinspace.learn.text.pairs import join, pair_counts
from kinspace.learn.text.token_files import TokenFiles
from kinspace.learn.text.tokenized import Tokenized, tokenize
from kinspace.learn.text.tokenizer import Tokenizer, tokenizer_of


class Phrases(Parameters):
    r"""Finds phrases of two words, and of more when it goes through the text again.

    Two neighbours a, b are a phrase if

    .. math:: \frac{(n_{ab} - \delta)\, N}{n_a\, n_b} > \text{threshold}

    where n counts words and pairs, N is the length of the text in words, and δ is ``min_count``,
    so that rare pairs do not pass by chance. The paper leaves N out; its authors' program has it,
    and with it a threshold means the same for a short and a long text: how many times more often
    than by chance.

    What has learned is a tokenizer that joins phrases: give it to any learner of words.

    Parameters
    ----------
    tokenizer : str, dict, path or tokenizer
        What cuts texts into words; see :func:`as_tokenizer`.
    min_count : int
        Words and pairs that come less often are no part of a phrase.
    threshold : float
        How many times more often than by chance: higher gives fewer phrases.
    passes : int
        How often the text is gone through; two passes find phrases of up to four words.
    threshold_decay : float
        After each pass the threshold is multiplied by it; the paper lets it fall for longer
        phrases.
    connector : str
        What stands between the words of a phrase.

    Attributes
    ----------
    phrases_ : dict of str to float
        The phrases and their scores, those of the first pass first, then by falling score.
    pairs_ : list of dict
        For each pass, pairs of words (of phrases, from the second on) and what they become.

    References
    ----------
    Mikolov et al. 2013, Distributed Representations of Words and Phrases and their
    Compositionality, equation 6.

    Examples
    --------
    >>> texts = ["new york is large", "I like new york", "a new car"] * 10
    >>> phrases = Phrases(threshold=2).fit(texts)
    >>> phrases.words("New York is new.")
    ['new_york', 'is', 'new']
    """

    def __init__(
        self,
        tokenizer: Any = "words",
        *,
        min_count: int = 5,
        threshold: float = 100.0,
        passes: int = 1,
        threshold_decay: float = 0.5,
        connector: str = "_",
    ) -> None:
        self.tokenizer = tokenizer
        self.min_count = min_count
        self.threshold = threshold
        self.passes = passes
        self.threshold_decay = threshold_decay
        self.connector = connector

    def fit(self, items: Iterable[str | Sequence[str]], *, progress: bool | Stages = False) -> Self:
        """Find the phrases of texts.

        Parameters
        ----------
        items : iterable of str, or of sequences of str; or Tokenized
            Gone through once; further passes go through the numbers of the words.
        progress : bool or callable

        Raises
        ------
        InvalidParameter
            If an argument is out of its range.
        InvalidInput
            If an item is neither a text nor a sequence of words.
        """
        self._check()
        with shown(progress) as tell:
            texts = tokenize(items, self.cutter, tell=tell)
            threshold = self.threshold
            self.pairs_: list[dict[tuple[str, str], str]] = []
            self.phrases_: dict[str, float] = {}
            for turn in range(self.passes):
                if self.pairs_:
                    texts = _joined(texts, self.pairs_[-1], texts.tokenizer)
                tell("phrases", turn, self.passes, f"{len(self.phrases_):,} phrases")
                self.pairs_.append(self._best(texts, threshold))
                threshold *= self.threshold_decay
            tell("phrases", self.passes, self.passes, f"{len(self.phrases_):,} phrases")
        return self

    def words(self, text: str) -> list[str]:
        """The words of a text, with those of a phrase joined.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """
        return self.join(self.cutter.words(text))

    def join(self, words: Sequence[str]) -> list[str]:
        """Join the phrases among words, from left to right, pass by pass.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """
        joined = list(words)
        for pairs in self._pairs():
            joined = list(_join_words(joined, pairs))
        return joined

    def joined(self, texts: Tokenized) -> Tokenized:
        """Texts that are cut already by the same tokenizer, with their phrases joined.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """
        tokenizer = self.to_dict()
        for pairs in self._pairs():
            texts = _joined(texts, pairs, tokenizer)
        return texts

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which :meth:`from_dict` makes the same phrases.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """
        params = {**self.get_params(deep=False), "tokenizer": self.cutter.to_dict()}
        pairs = [[list(pair) for pair in pairs] for pairs in self._pairs()]
        scores = list(self.phrases_.values())
        return {"kind": "phrases", "params": params, "pairs": pairs, "scores": scores}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """Phrases as :meth:`to_dict` wrote them down."""
        self = cls(**found["params"])
        self.pairs_ = [
            {(a, b): f"{a}{self.connector}{b}" for a, b in pairs} for pairs in found["pairs"]
        ]
        names = [name for pairs in self.pairs_ for name in pairs.values()]
        self.phrases_ = dict(zip(names, found["scores"], strict=True))
        return self

    @property
    def cutter(self) -> Tokenizer:
        """What cuts texts into words before phrases are joined."""
        return tokenizer_of(self)

    # -- inside --------------------------------------------------------------------------------

    def _check(self) -> None:
        for name, least in (("min_count", 1), ("passes", 1), ("threshold", 0)):
            if getattr(self, name) < least:
                raise InvalidParameter(
                    f"{name} is {getattr(self, name)}.", f"Give at least {least}."
                )
        if self.threshold_decay <= 0:
            raise InvalidParameter(
                f"threshold_decay is {self.threshold_decay}.", "Give more than 0."
            )

    def _pairs(self) -> list[dict[tuple[str, str], str]]:
        if not hasattr(self, "pairs_"):
            raise NotFitted(
                "These Phrases have not learned anything yet.", "Call fit(texts) first."
            )
        return self.pairs_

    def _best(self, texts: Tokenized, threshold: float) -> dict[tuple[str, str], str]:
        """The pairs whose score is above a threshold, by falling score."""
        names, counts = texts.names, texts.counts
        keys, found = pair_counts(_ids(texts), counts >= self.min_count)
        keys, found = keys[found >= self.min_count], found[found >= self.min_count]
        left, right = keys >> 32, keys & 0xFFFFFFFF
        score = (found - self.min_count) / counts[left] * (texts.words / counts[right])
        best = np.flatnonzero(score > threshold)
        best = best[np.argsort(-score[best], kind="stable")]
        pairs: dict[tuple[str, str], str] = {}
        for place in best.tolist():
            a, b = names[left[place]], names[right[place]]
            name = f"{a}{self.connector}{b}"
            if name not in self.phrases_:  # a_b + c and a + b_c are one phrase: the better one
                pairs[a, b] = name
                self.phrases_[name] = float(score[place])
        return pairs


def _ids(texts: Tokenized) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The places of words in ``names``, and the lengths of texts, block by block."""
    kinds = texts.kinds
    return ((kinds[numbers], lengths) for numbers, lengths in texts.blocks())


def _joined(
    texts: Tokenized, pairs: dict[tuple[str, str], str], tokenizer: dict[str, Any]
) -> Tokenized:
    """The same texts after one pass."""
    names = list(texts.names)
    places = {name: place for place, name in enumerate(names)}
    keys, values = [], []
    for (a, b), name in pairs.items():
        if a in places and b in places:
            keys.append(places[a] << 32 | places[b])
            values.append(places.setdefault(name, len(places)))
    order = np.argsort(np.array(keys, np.int64))
    sorted_keys, becomes = np.array(keys, np.int64)[order], np.array(values, np.int64)[order]
    files = TokenFiles(None, tokenizer, None)
    unwritten = list(places)
    for ids, lengths in _ids(texts):
        files.append(*join(ids, lengths, sorted_keys, becomes), unwritten)
        unwritten = []
    files.finish()
    return Tokenized(files)


def _join_words(words: list[str], pairs: dict[tuple[str, str], str]) -> Iterator[str]:
    place = 0
    while place < len(words):
        name = pairs.get((words[place], words[place + 1])) if place + 1 < len(words) else None
        yield words[place] if name is None else name
        place += 1 if name is None else 2
