"""Batches of about as many tokens each, of texts of like length, so that little is padded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import require_count
from kinspace.pretrained.neural.running.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that go through the model together, the longest first, without padding.

    Attributes
    ----------
    pieces : array of int64, shape (n,)
        Their places among the pieces of :class:`~kinspace.pretrained.neural.running.tokens.Tokens`.
    ids : array of int64, shape (total,)
    lengths : array of int64, shape (n,)
        Descending.
    types : array of int64, shape (total,), or None
        Which part of a pair each token is of; None where all are of the first.
    seen : array of int64, shape (n,), or None
        How many tokens of each text, from its first, attention looks at; the rest look without
        being looked at, as the masks that ColBERT puts behind a query. None where all are seen.
    """

    pieces: NDArray[np.int64]
    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    types: NDArray[np.int64] | None = None
    seen: NDArray[np.int64] | None = None

    @property
    def positions(self) -> NDArray[np.int64]:
        """The place of each token in its text, shape (total,)."""
        starts = np.cumsum(self.lengths) - self.lengths
        return np.arange(len(self.ids)) - np.repeat(starts, self.lengths)

    def groups(self) -> Iterator[tuple[int, int, int]]:
        """Runs of texts of one length: where the tokens start, how many texts, how long."""
        start = first = 0
        for last in [*np.flatnonzero(np.diff(self.lengths)) + 1, len(self.lengths)]:
            length = int(self.lengths[first])
            yield start, int(last) - first, length
            start += (int(last) - first) * length
            first = int(last)


def batches(tokens: Tokens, budget: int) -> Iterator[Batch]:
    """Cut pieces into batches, the longest first.

    Parameters
    ----------
    tokens : Tokens
    budget : int
        The most tokens of a batch; a longer piece is a batch by itself.
    """
    order = np.argsort(-tokens.lengths, kind="stable")
    starts = np.cumsum(tokens.lengths) - tokens.lengths
    ends = np.cumsum(tokens.lengths[order])
    first, spent = 0, 0
    while first < len(order):
        last = max(first + 1, int(np.searchsorted(ends, spent + budget, side="right")))
        rows = order[first:last]
        lengths = tokens.lengths[rows]
        places = np.repeat(starts[rows] - (np.cumsum(lengths) - lengths), lengths)
        places += np.arange(len(places))
        types = None if tokens.types is None else tokens.types[places]
        seen = None if tokens.seen is None else tokens.seen[rows]
        yield Batch(rows, tokens.ids[places], lengths, types, seen)
        first, spent = last, int(ends[last - 1])


def check_budget(batch_tokens: int) -> None:
    """Raise :class:`InvalidParameter` unless a batch may hold a token."""
    require_count("batch_tokens", batch_tokens)
