"""Topic coherence: whether the words of a topic are found together in texts, more than by chance.

The normalised pointwise mutual information of two words (Bouma 2009) is

    NPMI = log(p(a, b) / (p(a) p(b))) / -log p(a, b)

where the probabilities are shares of texts, or of windows that slide over them, in which the words
occur. It is 1 for words that occur only together, 0 for words that know nothing of each other,
-1 for words that are never together. The coherence of a topic is the mean over all pairs of its
words (Aletras and Stevenson 2013; Lau, Newman and Baldwin 2014, who found it closest to people's
judgement).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import EmptyInput, InvalidParameter

Floats = NDArray[np.float64]
Topics = Sequence[Sequence[str]]
Texts = Iterable[Sequence[str]]

ROWS = 4096  # windows that are counted at a time


def npmi(topics: Topics, texts: Texts, *, window: int | None = None) -> Floats:
    """The coherence of each topic by NPMI.

    Parameters
    ----------
    topics : sequence of sequence of str
        Words of each topic; a word that is there twice counts once.
    texts : iterable of sequence of str
        The reference corpus, as words.
    window : int, optional
        So many words slide over each text, one by one (Lau et al. take 20); a shorter text is one
        window. Without it, a whole text is one.

    Returns
    -------
    ndarray of float64, shape (topics,)
        From -1 to 1. A word that is nowhere in the texts goes with none: -1.

    Raises
    ------
    EmptyInput
        If there are no texts or no topics, or a topic has fewer than two words.
    InvalidParameter
        If the window is shorter than two words.

    Examples
    --------
    >>> texts = [["cat", "purrs"], ["cat", "purrs"], ["dog", "barks"], ["dog", "purrs"]]
    >>> npmi([["cat", "purrs"], ["cat", "dog"]], texts).round(4)
    array([ 0.415, -1.   ])
    """
    words = _words(topics)
    together, total = _counts(words, texts, window)
    share, single = together / total, np.diag(together) / total
    chance = np.outer(single, single)
    found = np.full(share.shape, -1.0)
    some = (share > 0) & (share < 1)
    found[some] = np.log(share[some] / chance[some]) / -np.log(share[some])
    found[share == 1] = 1.0  # the limit for words that are only ever together
    return _by_topic(found, topics, words)


def c_npmi(topics: Topics, texts: Texts, *, window: int = 10, epsilon: float = 1e-12) -> Floats:
    """The coherence of each topic as gensim and Palmetto compute C_NPMI (Röder et al. 2015).

    They add a small number to p(a, b), so that words that are never together have about -1 and
    not exactly that, and slide a window of 10 words. Otherwise it is :func:`npmi`, and so are
    parameters, what is returned and what is raised. (gensim 4.4 takes a word that leaves the window
    for gone, even if the window has it a second time; without such words both agree.)

    Examples
    --------
    >>> texts = [["cat", "purrs"], ["cat", "purrs"], ["dog", "barks"], ["dog", "purrs"]]
    >>> c_npmi([["cat", "purrs"], ["cat", "dog"]], texts).round(4)
    array([ 0.415 , -0.9498])
    """
    words = _words(topics)
    together, total = _counts(words, texts, window)
    share, single = together / total + epsilon, np.diag(together) / total
    chance = np.outer(single, single)
    found = np.full(share.shape, -1.0)
    some = (chance > 0) & (share < 1)
    found[some] = np.log(share[some] / chance[some]) / -np.log(share[some])
    found[share >= 1] = 1.0
    return _by_topic(found, topics, words)


def _words(topics: Topics) -> dict[str, int]:
    """The words of all topics, numbered."""
    if not topics:
        raise EmptyInput("There are no topics.", "Give at least one.")
    for number, topic in enumerate(topics):
        if len(set(topic)) < 2:
            raise EmptyInput(
                f"Topic {number} has {len(set(topic))} words: nothing can go together.",
                "Give at least two different words for each topic.",
            )
    return {word: i for i, word in enumerate(dict.fromkeys(w for topic in topics for w in topic))}


def _counts(
    words: Mapping[str, int], texts: Texts, window: int | None
) -> tuple[NDArray[np.int64], int]:
    """In how many windows two words are (in the diagonal: one), and how many windows there are."""
    if window is not None and window < 2:
        raise InvalidParameter(f"A window of {window} words.", "Give at least 2.")
    together = np.zeros((len(words), len(words)), np.int64)
    seen = np.zeros((ROWS, len(words)), np.float32)
    total = used = 0
    for text in texts:
        places = [(place, words[word]) for place, word in enumerate(text) if word in words]
        wide = max(1, len(text)) if window is None else window
        rows = max(1, len(text) - wide + 1)
        total += rows
        for start in range(0, rows, ROWS):
            end = min(rows, start + ROWS)
            if used + end - start > ROWS:
                _add(together, seen, used)
                used = 0
            base = used - start
            for place, word in places:
                # the windows that hold this place, of those from start to end
                first, last = max(start, place - wide + 1), min(end, place + 1)
                if first < last:
                    seen[base + first : base + last, word] = 1
            used += end - start
    if not total:
        raise EmptyInput("There are no texts.", "Give the texts in which topics are judged.")
    _add(together, seen, used)
    return together, total


def _add(together: NDArray[np.int64], seen: NDArray[np.float32], used: int) -> None:
    part = seen[:used]
    together += (part.T @ part).astype(np.int64)  # exact: no count is over 4,096
    part[:] = 0


def _by_topic(pairs: Floats, topics: Topics, words: Mapping[str, int]) -> Floats:
    """The mean over the pairs of each topic."""
    found = np.empty(len(topics))
    for number, topic in enumerate(topics):
        own = np.array([words[word] for word in dict.fromkeys(topic)])
        first, second = np.triu_indices(len(own), 1)
        found[number] = pairs[own[first], own[second]].mean()
    return found
