"""The order in which the tiles of a matrix of counts are learned.

A round is a set of tiles of which no two share a band of words, so that they may be learned at the
same time and nothing depends on which is first. An epoch is as many rounds as reach each tile
once. This is the tournament of the round-robin: band ``a`` meets band ``b``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from kinspace.engines.compiled import in_threads
from kinspace.engines.cooccurrence import Cooccurrences


def rounds(bands: int, random: np.random.Generator) -> Iterator[list[tuple[int, int]]]:
    """Each pair a ≤ b of bands once, in rounds of pairs that share none; all in random order.

    Examples
    --------
    >>> sorted(tile for each in rounds(3, np.random.default_rng(0)) for tile in each)
    [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    """
    names = random.permutation(bands).tolist()
    even = bands + bands % 2
    names += [-1] * (even - bands)  # whoever meets this one waits
    turns = random.permutation(even).tolist()
    for turn in turns:
        if turn == even - 1:
            meetings = [(n, n) for n in range(even)]
        else:
            circle = even - 1
            meetings = [(turn, even - 1)]
            meetings += [((turn + k) % circle, (turn - k) % circle) for k in range(1, even // 2)]
        pairs = [(names[m], names[n]) for m, n in meetings]
        known = [(min(pair), max(pair)) for pair in pairs if min(pair) >= 0]
        if known:
            yield [known[n] for n in random.permutation(len(known))]


def in_rounds(
    counted: Cooccurrences,
    epochs: int,
    seed: int,
    learn: Callable[[int, int, int], tuple[float, int]],
    *,
    workers: int = 1,
    progress: Callable[[int, int, float], None] | None = None,
) -> None:
    """Learn every tile once an epoch.

    Parameters
    ----------
    counted : Cooccurrences
    epochs, seed : int
    learn : callable
        Given the epoch and the bands of a tile; returns the loss of it, and of how many pairs.
        It may change what belongs to the words of the two bands, and nothing else.
    workers : int
        Threads. The result does not depend on it.
    progress : callable, optional
        Called with tiles learned, tiles to learn, and the mean loss of a pair in the last round.
    """
    total = epochs * counted.bands * (counted.bands + 1) // 2
    done = 0
    for epoch in range(epochs):
        for tiles in rounds(counted.bands, np.random.default_rng((seed, epoch))):
            losses = _one_round(tiles, partial(learn, epoch), workers)
            done += len(tiles)
            if progress is not None:
                pairs = max(sum(n for _, n in losses), 1)
                progress(done, total, sum(loss for loss, _ in losses) / pairs)


def _one_round(
    tiles: list[tuple[int, int]],
    learn: Callable[[int, int], tuple[float, int]],
    workers: int,
) -> list[tuple[float, int]]:
    """What is told of each tile, in their order."""
    losses = [(0.0, 0)] * len(tiles)

    def some(first: int, last: int) -> None:
        for n in range(first, last):
            losses[n] = learn(*tiles[n])

    in_threads(some, np.linspace(0, len(tiles), workers + 1).astype(int).tolist())
    return losses
