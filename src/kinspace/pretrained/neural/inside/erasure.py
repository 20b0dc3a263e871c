"""What each word gives to the vector of its text, found by taking words away.

A text's words are players who make its vector together. The share of a word is its Shapley value
(Shapley 1953): what the vector gains when the word is put back, averaged over the orders in which
all are put back, as Štrumbelj and Kononenko (2014, "Explaining prediction models and individual
predictions with feature contributions") sample it; each order is used backwards as well, which
makes the average settle sooner (Mitchell et al. 2022, "Sampling Permutations for Shapley Value
Estimation"). Taking words out of the text itself is erasure (Li et al. 2016, "Understanding Neural
Networks through Representation Erasure"). The shares are vectors here: along each order the gains
add up to the text's vector, so that their averages do, however few orders there are. A text
without words counts as zeros.

A similarity that is a dot product is linear in both vectors. So the dot product of two words'
shares is what the two give to the similarity together, averaged over the orders of both texts,
and all of them add up to it. The encoder is asked for vectors and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import permutations
from math import factorial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side
from kinspace.errors import InvalidInput
from kinspace.metric import normalise
from kinspace.pretrained.words import words

MOST_WORDS: Final = 256
"""Of a text: the number of encoded texts, and their length, grow with it."""

_BLANKS: Final = re.compile(r"\s+")


def shares(
    encoder: Encoder[str], text: str, spans: NDArray[np.int64], side: Side, orders: int
) -> Any:
    """The share of each word in the vector of its text.

    Parameters
    ----------
    encoder : Encoder
    text : str
    spans : array of int64, shape (n, 2)
        Where the words begin and end.
    side : {"document", "query"}
    orders : int
        In how many orders words are put back; all of them where there are no more.

    Returns
    -------
    array of float64, shape (n, dim), or csr_array from a sparse encoder
        The rows add up to the text's vector; to the unit vector, where the metric is cosine.

    Raises
    ------
    InvalidInput
        If there are too many words.
    """
    from scipy.sparse import csr_array

    if len(spans) > MOST_WORDS:
        raise InvalidInput(
            f"{text[:60]!r}… has {len(spans):,} words; {MOST_WORDS} at most can be taken away "
            "one by one.",
            'Give a passage of the text, or method="tokens".',
        )
    places: dict[bytes, int] = {}
    gains: list[tuple[float, int, int]] = []  # how often, for which word, the vector of what
    every = list(_orders(len(spans), orders))
    for order in every:
        held = np.zeros(len(spans), bool)
        before = None
        for word in order:
            held[word] = True
            now = places.setdefault(held.tobytes(), len(places))
            gains.append((1.0, word, now))
            if before is not None:
                gains.append((-1.0, word, before))
            before = now
    texts = [_kept(text, spans, np.frombuffer(held, bool)) for held in places]
    found = encoder.encode_query(texts) if side == "query" else encoder.encode(texts)
    vectors: Any = found.vectors
    if encoder.space.metric == "cosine":
        vectors = normalise(vectors)
    counts, rows, columns = np.array(gains).T
    mean = csr_array(
        (counts / len(every), (rows.astype(int), columns.astype(int))),
        shape=(len(spans), len(places)),
    )
    return mean @ vectors.astype(np.float64)


def contributions(
    encoder: Encoder[str], query: str, text: str, *, most: int = 64
) -> list[tuple[str, float]]:
    """What each word of a text adds to its similarity with a query, in one order and its reverse.

    Parameters
    ----------
    encoder : Encoder
    query, text : str
    most : int
        Into how many parts the text is taken apart at most: neighbouring words of longer texts are
        taken together, so that it takes a moment for a passage of any length.

    Returns
    -------
    list of (str, float)
        In the text's order; the numbers add up to the similarity. Empty if the text has no words.

    Examples
    --------
    >>> import kinspace as ks
    >>> found = contributions(ks.load(), "a small cat", "the kitten sleeps")
    >>> max(found, key=lambda one: one[1])[0]
    'kitten'
    """
    found = words(text)
    if not len(found):
        return []
    size = -(-len(found) // most)
    runs = np.array([[part[0, 0], part[-1, 1]] for part in _runs(found, size)], np.int64)
    asked: Any = encoder.encode_query([query]).vectors
    if encoder.space.metric == "cosine":
        asked = normalise(asked)
    added = shares(encoder, text, runs, "document", 2) @ asked.T
    values = np.asarray(added.toarray() if hasattr(added, "toarray") else added)[:, 0]
    names = [text[start:stop] for start, stop in runs.tolist()]
    return list(zip(names, values.tolist(), strict=True))


def _runs(found: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(found), size):
        yield found[start : start + size]


def _orders(count: int, wanted: int) -> Iterator[tuple[int, ...]]:
    """Orders of so many words, each followed by its reverse; the same on every call."""
    if count <= 12 and factorial(count) <= wanted:
        yield from permutations(range(count))
        return
    rng = np.random.default_rng(0)
    for _ in range((wanted + 1) // 2):
        order = tuple(rng.permutation(count).tolist())
        yield order
        yield order[::-1]


def _kept(text: str, spans: NDArray[np.int64], held: NDArray[np.bool_]) -> str:
    """The text with some of its words only."""
    if held.all():
        return text
    parts, at = [], 0
    for (start, stop), stays in zip(spans.tolist(), held.tolist(), strict=True):
        parts.append(text[at : stop if stays else start])
        at = stop
    return _BLANKS.sub(" ", "".join([*parts, text[at:]])).strip()
