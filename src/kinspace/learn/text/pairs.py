"""Pairs of neighbouring numbers: how often each comes, and texts with some of them joined."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Block = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers below 2³¹ of some texts one after the other (-1: none), and the lengths of the texts."""

MOST_PAIRS = 16_000_000
"""Different pairs that are held at once (256 MB); beyond, the rarest are forgotten."""


def pair_counts(
    blocks: Iterable[Block], wanted: NDArray[np.bool_], most: int = MOST_PAIRS
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count neighbours in texts.

    Parameters
    ----------
    blocks : iterable of Block
    wanted : ndarray of bool
        For each number, whether its pairs count.
    most : int
        Different pairs that are held; beyond, those that came once so far are forgotten, then
        those that came twice, and so on, so that counts of rare pairs may be too low.

    Returns
    -------
    keys, counts : ndarray of int64
        ``left << 32 | right``, ascending, and how often each came.

    Examples
    --------
    >>> blocks = [(np.array([0, 1, 0, 1]), np.array([3, 1]))]
    >>> keys, counts = pair_counts(blocks, np.array([True, True]))
    >>> (keys >> 32).tolist(), (keys & 1).tolist(), counts.tolist()
    ([0, 1], [1, 0], [1, 1])
    """
    wanted = np.append(wanted, False)  # the last is for -1
    keys, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    waiting: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    size, least = 0, 0
    for ids, lengths in blocks:
        within = wanted[ids[:-1]] & wanted[ids[1:]] & _inside(lengths, len(ids))
        found, times = np.unique(ids[:-1][within] << 32 | ids[1:][within], return_counts=True)
        waiting.append((found, times))
        size += len(found)
        if size > max(len(keys), most // 4):
            keys, counts = _merged(keys, counts, waiting)
            waiting, size = [], 0
            while len(keys) > most:
                least += 1
                keys, counts = keys[counts > least], counts[counts > least]
    return _merged(keys, counts, waiting)


def join(
    ids: NDArray[np.int64],
    lengths: NDArray[np.int64],
    keys: NDArray[np.int64],
    becomes: NDArray[np.int64],
) -> Block:
    """Join pairs, from left to right: of ``a a a`` the first two.

    Parameters
    ----------
    ids, lengths
        As :data:`Block` says. Numbers of -1 are left out.
    keys : ndarray of int64
        The pairs, ``left << 32 | right``, ascending.
    becomes : ndarray of int64
        What each pair becomes.

    Examples
    --------
    >>> ids, lengths = join(np.array([1, 1, 1, 2]), np.array([4]), np.array([1 << 32 | 1]), [9])
    >>> ids.tolist(), lengths.tolist()
    ([9, 1, 2], [3])
    """
    if len(ids) < 2 or not len(keys):
        return _without_none(ids, lengths)
    pairs = ids[:-1] << 32 | ids[1:]
    place = np.minimum(np.searchsorted(keys, pairs), len(keys) - 1)
    hits = np.flatnonzero((keys[place] == pairs) & _inside(lengths, len(ids)))
    # In a row of hits that follow on each other, each second one has lost its left word.
    begins = np.diff(hits, prepend=-2) > 1
    since = np.arange(len(hits)) - np.maximum.accumulate(np.where(begins, np.arange(len(hits)), 0))
    taken = hits[since % 2 == 0]
    joined = ids.copy()
    joined[taken] = np.asarray(becomes)[place[taken]]
    joined[taken + 1] = -1
    return _without_none(joined, lengths)


def _inside(lengths: NDArray[np.int64], words: int) -> NDArray[np.bool_]:
    """For each word but the last, whether the next one is of the same text."""
    inside = np.ones(max(words - 1, 0), np.bool_)
    ends = np.cumsum(lengths)
    inside[ends[(ends > 0) & (ends < words)] - 1] = False
    return inside


def _without_none(ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> Block:
    known = np.concatenate([[0], np.cumsum(ids >= 0)])
    ends = known[np.concatenate([[0], np.cumsum(lengths)])]
    return ids[ids >= 0], np.diff(ends)


def _merged(
    keys: NDArray[np.int64], counts: NDArray[np.int64], more: list[Block]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    keys = np.concatenate([keys, *(each for each, _ in more)])
    counts = np.concatenate([counts, *(each for _, each in more)])
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[first], np.add.reduceat(counts, first) if len(first) else counts[:0]
