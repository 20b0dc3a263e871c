"""From texts to counts of pairs: what the learners have in common that go by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from kinspace.engines.cooccurrence import FARTHEST, Cooccurrences, cooccurrences
from kinspace.errors import InvalidParameter
from kinspace.learn.stages import Stages
from kinspace.learn.text import Tokenizer, Vocabulary, read_corpus
from kinspace.learn.words.prediction import require_neighbours, require_number

WHOLE = {"dim": 1, "window": 1, "epochs": 1, "memory": 1, "workers": 1, "seed": 0}
"""The least of each argument that both learners have."""


def require_numbers(learner: object, whole: dict[str, int], above_zero: Sequence[str]) -> None:
    """Raise :class:`InvalidParameter` if an attribute is of the wrong type or out of its range.

    Parameters
    ----------
    learner : object
    whole : dict
        Names of integers, and the least that each may be.
    above_zero : sequence of str
        Names of numbers that must be above 0.
    """
    for name, least in whole.items():
        require_number(name, getattr(learner, name), least=least)
    for name in above_zero:
        value = getattr(learner, name)
        require_number(name, value, least=0, whole=False)
        if value == 0:
            raise InvalidParameter(f"{name} is 0.", "Give a number above 0.")
    window = getattr(learner, "window", 1)
    if window > FARTHEST:
        raise InvalidParameter(f"window is {window}.", f"Give {FARTHEST} at most.")


def count_pairs(
    items: Iterable[str | Sequence[str]],
    tokenizer: Tokenizer,
    *,
    window: int,
    min_count: int,
    max_vocabulary: int | None,
    memory: int,
    workers: int,
    tell: Stages,
) -> tuple[Vocabulary, Cooccurrences]:
    """Read texts, and count the pairs of words in them, each as the reciprocal of its distance.

    Parameters
    ----------
    items, tokenizer, min_count, max_vocabulary, tell
        As :func:`~kinspace.learn.text.read_corpus` takes them.
    window, memory, workers : int
        As :func:`~kinspace.engines.cooccurrence.cooccurrences` takes them.

    Raises
    ------
    EmptyInput, InvalidInput, InvalidParameter
    """
    corpus = read_corpus(
        items, tokenizer, min_count=min_count, max_vocabulary=max_vocabulary, tell=tell
    )
    require_neighbours(corpus)
    counted = cooccurrences(
        corpus.ids,
        corpus.starts,
        len(corpus.vocabulary),
        weights=1 / np.arange(1, window + 1),
        bits=tile_bits(len(corpus.vocabulary)),
        memory=memory,
        workers=workers,
        progress=lambda done, total: tell("count", done, total),
    )
    return corpus.vocabulary, counted


def told_loss(tell: Stages) -> Callable[[int, int, float], None]:
    """What an engine calls with tiles learned, tiles to learn and loss, to have it told."""
    return lambda done, total, loss: tell("learn", done, total, f"loss {loss:.4f}")


def tile_bits(size: int) -> int:
    """How large tiles are, in bits: 1,024 words fit the cache, and more keep tiles countable.

    Examples
    --------
    >>> tile_bits(50_000), tile_bits(1_000_000), tile_bits(10_000_000)
    (10, 10, 13)
    """
    return min(max(10, (size // 1024).bit_length() - 1), 16)
