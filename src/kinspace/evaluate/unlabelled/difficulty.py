"""Which questions are too easy: those that keyword search answers without any doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kinspace.datasets.content import Document
from kinspace.evaluate.unlabelled.words import content_words, share

MARGIN = 1.5
"""How many times the score of the second the first has, where it is found with ease."""

OVERLAP = 0.8
"""The share of a question's content words in its text from which on it is a quotation."""

Pair = tuple[Document, str]


def balanced(
    pairs: Sequence[Pair], documents: Sequence[Document], easy_share: float, seed: int
) -> tuple[list[Pair], int]:
    """Questions of which the easy ones make up a share at most, and how many had to go.

    A question is easy if its text repeats most of its words, or if BM25 puts the text first and
    far before the second.

    Parameters
    ----------
    pairs : sequence of (Document, str)
        Texts, and a question that each answers.
    documents : sequence of Document
        All that are searched in.
    easy_share : float
        From 0 to 1.
    seed : int
    """
    if not pairs:
        return [], 0
    easy = _easy(pairs, documents)
    rows = np.flatnonzero(easy)
    hard = len(pairs) - len(rows)
    most = len(rows) if easy_share >= 1 else math.floor(hard * easy_share / (1 - easy_share) + 1e-9)
    if len(rows) <= most:
        return list(pairs), 0
    stay = set(np.random.default_rng([seed, 5]).choice(rows, most, replace=False).tolist())
    kept = [pair for row, pair in enumerate(pairs) if not easy[row] or row in stay]
    return kept, len(rows) - most


def _easy(pairs: Sequence[Pair], documents: Sequence[Document]) -> list[bool]:
    from kinspace.evaluate.systems import Keyword

    words = Keyword()
    words.index(documents)
    try:
        found = words.search([question for _, question in pairs], 2)
    finally:
        words.close()
    easy = []
    for near, (document, question) in zip(found, pairs, strict=True):
        first = bool(near.ids) and near.ids[0] == document.id
        alone = first and (len(near) < 2 or near.scores[0] >= MARGIN * near.scores[1])
        repeated = share(content_words(question), content_words(document.whole)) >= OVERLAP
        easy.append(bool(alone or (first and repeated)))
    return easy
