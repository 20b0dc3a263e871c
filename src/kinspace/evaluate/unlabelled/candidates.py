"""Which sentences can stand for a query, and what their documents are without them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from kinspace.datasets.content import Document
from kinspace.evaluate.unlabelled.words import (
    letters,
    plain,
    runs,
    sentences,
    stems,
    word_counts,
)

FEWEST = 5
"""Different content words that a query must have; with fewer, too many documents answer it."""

LONGEST = 60
"""Words of the longest sentence that is taken; what is longer is a list or a table."""

REST = 10
"""Different content words that must be left of a document, for it to be found by."""

REPEATED = 0.5
"""The share of a sentence's shingles from which on it counts as said a second time."""

MOST_SENTENCES = 40
"""Sentences of a text that are looked at, spread over it: a book has enough of them."""

_POINTS_BACK = re.compile(
    r"\W*(this|these|those|that|it|its|they|their|he|she|his|her|such|here|there|however|thus|"
    r"therefore|hence|moreover|furthermore|also|finally|then|in contrast|in addition|"
    r"as a result)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence, and its document without it.

    Parameters
    ----------
    query : str
    words : frozenset of str
        Its content words, stemmed.
    rest : Document
        The document without the sentence.
    overlap : float
        The share of ``words`` that the rest has too.
    """

    query: str
    words: frozenset[str]
    rest: Document
    overlap: float


def candidates(document: Document, left_out: Counter[str]) -> list[Candidate]:
    """The sentences of a document that can stand for a query.

    Parameters
    ----------
    document : Document
    left_out : Counter
        Is told how many sentences were left out, by reason.
    """
    spans = sentences(document.text)
    whole = word_counts(document.whole)
    said = Counter(runs(stems(document.whole)).tolist())
    found = []
    for start, end in spans[:: 1 + len(spans) // MOST_SENTENCES]:
        query = plain(" ".join(document.text[start:end].split()))
        own = word_counts(query)
        if reason := _unfit(query, own):
            left_out[reason] += 1
            continue
        repeated = sum(whole[word] > count for word, count in own.items())
        if len(whole) - len(own) + repeated < REST:
            left_out["too little is left of its text"] += 1
        elif _said_again(query, said):
            left_out["said twice in its text"] += 1
        else:
            before, after = document.text[:start].rstrip(), document.text[end:].lstrip()
            rest = replace(document, text=f"{before} {after}".strip())
            found.append(Candidate(query, frozenset(own), rest, repeated / len(own)))
    return found


def _unfit(query: str, words: Collection[str]) -> str:
    """Why a sentence is no query, empty if it is one."""
    if len(words) < FEWEST:
        return "too short"
    if len(query.split()) > LONGEST:
        return "too long"
    if letters(query) < 0.7:
        return "mostly figures or signs"
    return "points back to what was said before" if _POINTS_BACK.match(query) else ""


def _said_again(query: str, said: Counter[int]) -> bool:
    own = Counter(runs(stems(query)).tolist())
    return sum(said[run] > count for run, count in own.items()) >= REPEATED * len(own)
