"""Near-duplicates by MinHash: which texts of a collection are nearly the same.

Broder, "On the resemblance and containment of documents" (1997). 128 hashes in 32 bands of 4:
a pair whose shingles agree by 0.7 is a candidate with probability 1 - (1 - 0.7⁴)³² ≈ 0.9998;
candidates are then counted exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kinspace.evaluate.unlabelled.words import shingles, stems

BANDS, ROWS = 32, 4
LIKENESS = 0.7
"""Jaccard likeness of the shingles from which on two texts are near-duplicates."""

_PART = 1 << 14
"""Numbers that are hashed together, for the sake of memory."""

_CROWD = 50
"""Texts of a bucket; of a larger one, each is compared to the first."""


def near_duplicates(
    texts: Sequence[str], *, likeness: float = LIKENESS, seed: int = 0
) -> list[tuple[int, int, float]]:
    """Pairs of texts that are nearly the same.

    Parameters
    ----------
    texts : sequence of str
    likeness : float
        The least share of word shingles in common: those of both over those of either.
    seed : int

    Returns
    -------
    list of (int, int, float)
        Positions of both texts and their likeness, the likest first.

    Examples
    --------
    >>> text = "the quick brown fox jumps over the lazy dog and runs into the deep dark wood"
    >>> near_duplicates([text, "something else altogether", text + " again"])
    [(0, 2, 0.92...)]
    """
    sets = [shingles(stems(text)) for text in texts]
    found = []
    for one, other in _candidates(sets, seed):
        both = len(np.intersect1d(sets[one], sets[other], assume_unique=True))
        like = both / (len(sets[one]) + len(sets[other]) - both)
        if like >= likeness:
            found.append((one, other, like))
    return sorted(found, key=lambda pair: (-pair[2], pair[:2]))


def _least(numbers: NDArray[np.uint64], odd: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The least of each hash over some numbers, shape (128,)."""
    mixed = (numbers[:, None] ^ (numbers[:, None] >> np.uint64(29))) * odd
    least: NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(32))).min(axis=0)
    return least


def _candidates(sets: Sequence[NDArray[np.uint64]], seed: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng([seed, 7])
    odd = rng.integers(1 << 63, size=BANDS * ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for row, numbers in enumerate(sets):
        if not len(numbers):
            continue
        parts = [_least(numbers[i : i + _PART], odd) for i in range(0, len(numbers), _PART)]
        least = np.min(parts, axis=0).reshape(BANDS, ROWS)
        for band, key in enumerate(least):
            buckets[band, key.tobytes()].append(row)
    pairs: set[tuple[int, int]] = set()
    for rows in buckets.values():
        if len(rows) > _CROWD:
            pairs |= {(rows[0], other) for other in rows[1:]}
        else:
            pairs |= set(combinations(rows, 2))
    return sorted(pairs)
