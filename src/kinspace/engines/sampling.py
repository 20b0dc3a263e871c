"""Which words are left out, which are drawn as noise, and the tree of hierarchical softmax."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled

_FULL = 2**32


class Paths(NamedTuple):
    """The way of each word through a binary tree, from the root.

    Attributes
    ----------
    nodes : ndarray of int32
        Inner nodes, 0 to n − 2 for n words; the last is the root.
    labels : ndarray of float32
        1 where the path goes left at a node, 0 where it goes right.
    starts : ndarray of int64, shape (n + 1,)
        The path of word ``w`` is ``nodes[starts[w]:starts[w + 1]]``.
    """

    nodes: NDArray[np.int32]
    labels: NDArray[np.float32]
    starts: NDArray[np.int64]


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
    rest = weights / weights.sum() * n
    limits, others = np.full(n, _FULL - 1, np.uint64), np.arange(n, dtype=np.uint64)
    waiting = np.empty(n, np.int64)
    small, large = np.flatnonzero(rest < 1), np.flatnonzero(rest >= 1)
    waiting[: len(small)], waiting[len(small) :] = small, large[::-1]
    compiled(share_out, exact=True)(rest, limits, others, waiting, len(small))
    return limits << np.uint64(32) | others


def share_out(rest: Any, limits: Any, others: Any, waiting: Any, poor: Any) -> None:
    """Fill places of less than 1 from one of more, until all hold 1.

    ``waiting`` is two stacks: the first ``poor`` are places of less than 1, with the top last;
    behind them are those of more, with the top first.
    """
    rich = poor
    while poor > 0 and rich < len(waiting):
        poor -= 1
        place, giver = waiting[poor], waiting[rich]
        limits[place] = np.uint64(min(np.rint(rest[place] * 4294967296.0), 4294967295.0))
        others[place] = np.uint64(giver)
        rest[giver] -= 1 - rest[place]
        if rest[giver] < 1:
            waiting[poor] = giver
            poor += 1
            rich += 1


def huffman(counts: NDArray[np.int64]) -> Paths:
    """The path of each word through a Huffman tree: the more frequent, the shorter.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        At least one; the only word has no path.
    """
    n = len(counts)
    order = np.argsort(counts, kind="stable")
    weights, parents, sides, depths = (np.zeros(2 * n - 1, np.int64) for _ in range(4))
    weights[:n] = counts[order]
    compiled(join, exact=True)(weights, parents, sides, depths)
    lengths = np.empty(n, np.int64)
    lengths[order] = depths[:n]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    paths = Paths(np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32), starts)
    compiled(climb, exact=True)(order, parents, sides, paths)
    return paths


def join(weights: Any, parents: Any, sides: Any, depths: Any) -> None:
    """Join the two lightest nodes, until one is left.

    Leaves come first, by rising weight, then inner nodes, which come by rising weight of
    themselves: the two lightest are at the front of one or the other (van Leeuwen 1976).
    """
    n = (len(weights) + 1) // 2
    leaf, inner = 0, n
    for new in range(n, 2 * n - 1):
        for side in range(2):
            if leaf < n and (inner >= new or weights[leaf] <= weights[inner]):
                lightest = leaf
                leaf += 1
            else:
                lightest = inner
                inner += 1
            parents[lightest], sides[lightest] = new, side
            weights[new] += weights[lightest]
    for node in range(2 * n - 3, -1, -1):
        depths[node] = depths[parents[node]] + 1


def climb(order: Any, parents: Any, sides: Any, paths: Any) -> None:
    """Write down each leaf's path, from its end."""
    n = len(order)
    for leaf in range(n):
        node = leaf
        for place in range(paths.starts[order[leaf] + 1] - 1, paths.starts[order[leaf]] - 1, -1):
            paths.nodes[place], paths.labels[place] = parents[node] - n, 1 - sides[node]
            node = parents[node]


def grown(tree: Paths, counts: NDArray[np.int64]) -> Paths:
    """A tree with new words, in which every node that was there keeps its number and its words.

    A new root has the old tree on its left, and a Huffman tree of the new words on its right.

    Parameters
    ----------
    tree : Paths
    counts : ndarray of int64, shape (new words,)
    """
    if not len(counts):
        return tree
    young = huffman(counts)
    old = len(tree.starts) - 1
    root = np.int32(old - 1 + len(counts) - 1)
    nodes = np.concatenate([tree.nodes, young.nodes + np.int32(old - 1)])
    labels = np.concatenate([tree.labels, young.labels])
    starts = np.concatenate([tree.starts, tree.starts[-1] + young.starts[1:]])
    left = (np.arange(len(starts) - 1) < old).astype(np.float32)
    return Paths(
        np.insert(nodes, starts[:-1], root),
        np.insert(labels, starts[:-1], left),
        starts + np.arange(len(starts)),
    )
