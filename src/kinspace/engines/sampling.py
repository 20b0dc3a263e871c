"""Which words are left out, which are drawn as noise, and the tree of hierarchical softmax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FULL = 2**32


def keep_limits(counts: NDArray[np.int64], sample: float) -> NDArray[np.uint32]:
    """How often a word survives subsampling: with probability ``√(t/f) + t/f``, in 2³²-nds.

    As word2vec's code has it (Mikolov et al. 2013b print ``√(t/f)`` alone).

    Parameters
    ----------
    counts : ndarray of int64, shape (vocabulary,)
    sample : float
        The threshold ``t``; ``f`` is the word's share of the text. At 0 all are kept.

    Returns
    -------
    ndarray of uint32, shape (vocabulary,)
        2³² − 1 for words that are always kept.
    """
    share = counts / max(int(counts.sum()), 1)
    if sample <= 0:
        return np.full(len(counts), _FULL - 1, np.uint32)
    ratio = sample / np.maximum(share, 1e-300)
    chance = np.minimum(np.sqrt(ratio) + ratio, 1)
    return np.where(chance < 1, np.rint(chance * (_FULL - 2)), _FULL - 1).astype(np.uint32)


def alias(weights: NDArray[np.float64]) -> NDArray[np.uint64]:
    """A table from which a number is drawn, in proportion to its weight, in constant time.

    Parameters
    ----------
    weights : ndarray, shape (n,)
        Not negative, and not all zero. For noise words: counts to the power of ¾.

    Returns
    -------
    ndarray of uint64, shape (n,)
        ``limit · 2³² + other``. Draw a place ``i`` of n; it gives ``i`` with probability
        ``limit / 2³²``, else ``other``. Both in one number, so that memory is read once.

    References
    ----------
    Vose 1991, "A linear algorithm for generating random numbers with a given distribution".
    """
    n = len(weights)
    rest = (weights / weights.sum() * n).tolist()
    limits = np.full(n, _FULL - 1, np.uint64)
    others = np.arange(n, dtype=np.uint64)
    small = [i for i in range(n) if rest[i] < 1]
    large = [i for i in range(n) if rest[i] >= 1]
    while small and large:
        poor, rich = small.pop(), large[-1]
        limits[poor] = min(round(rest[poor] * _FULL), _FULL - 1)
        others[poor] = rich
        rest[rich] -= 1 - rest[poor]
        if rest[rich] < 1:
            small.append(large.pop())
    return limits << np.uint64(32) | others


def huffman(
    counts: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]:
    """The path of each word through a Huffman tree, from the root.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        At least two.

    Returns
    -------
    nodes : ndarray of int32
        Inner nodes, 0 to n − 2; the last is the root.
    labels : ndarray of float32
        1 where the path goes left at a node, 0 where it goes right.
    starts : ndarray of int64, shape (n + 1,)
        Where the path of each word begins and ends in them.
    """
    n = len(counts)
    order = np.argsort(counts, kind="stable")
    parents, sides = _tree(counts[order].tolist())
    parent, side = np.array(parents), np.array(sides)
    depth = np.zeros(2 * n - 1, np.int64)
    for below in range(2 * n - 3, -1, -1):
        depth[below] = depth[parents[below]] + 1
    lengths = np.empty(n, np.int64)
    lengths[order] = depth[:n]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    nodes, labels = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    node, place = np.arange(n), starts[order + 1] - 1
    while len(node):  # all paths at once, from the leaves up
        nodes[place], labels[place] = parent[node] - n, 1 - side[node]
        node, place = parent[node], place - 1
        unfinished = node < 2 * n - 2
        node, place = node[unfinished], place[unfinished]
    return nodes, labels, starts


def _tree(weights: list[int]) -> tuple[list[int], list[int]]:
    """The parent of each node and its side there, from leaves by rising weight, then the root.

    Both leaves and inner nodes come in rising weight, so the two lightest are at the front of one
    or the other (van Leeuwen 1976).
    """
    n = len(weights)
    weights = weights + [0] * (n - 1)
    parent, side = [0] * (2 * n - 1), [0] * (2 * n - 1)
    leaf, inner = 0, n
    for new in range(n, 2 * n - 1):
        for one in (0, 1):
            if leaf < n and (inner >= new or weights[leaf] <= weights[inner]):
                lightest, leaf = leaf, leaf + 1
            else:
                lightest, inner = inner, inner + 1
            parent[lightest], side[lightest] = new, one
            weights[new] += weights[lightest]
    return parent, side
