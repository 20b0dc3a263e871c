"""What a file of Facebook's fastText holds, and the tree that goes without saying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.product import ProductTable
from kinspace.engines.sampling import Paths, huffman

MAGIC = 793712314
VERSION = 12
Loss = Literal["hs", "ns", "softmax", "ova"]
Kind = Literal["cbow", "sg", "sup"]
LOSSES: tuple[Loss, ...] = ("hs", "ns", "softmax", "ova")
"""By their numbers in the file, from 1."""
KINDS: tuple[Kind, ...] = ("cbow", "sg", "sup")


@dataclass(frozen=True)
class Options:
    """How the model was trained: numbers, in the order of the file.

    Attributes
    ----------
    dim, window, epochs, min_count, negative, word_ngrams, bucket, min_n, max_n : int
        Facebook's ``dim``, ``ws``, ``epoch``, ``minCount``, ``neg``, ``wordNgrams``, ``bucket``,
        ``minn`` and ``maxn``.
    loss : {"hs", "ns", "softmax", "ova"}
    kind : {"cbow", "sg", "sup"}
        Facebook's ``model``; ``sup`` is a classifier.
    update_rate : int
        ``lrUpdateRate``: after how many words their code sets the learning rate again.
    sample : float
        ``t``, the threshold of subsampling.
    """

    dim: int
    window: int
    epochs: int
    min_count: int
    negative: int
    word_ngrams: int
    loss: Loss
    kind: Kind
    bucket: int
    min_n: int
    max_n: int
    update_rate: int
    sample: float


@dataclass
class Content:
    """The file as arrays.

    Attributes
    ----------
    options : Options
    words, labels : list of str
        Labels have their prefix, ``__label__`` most often.
    counts, label_counts : ndarrays of int64
    tokens : int
        Words of the text that it was trained on.
    kept : ndarray of int32, shape (n, 2), optional
        Where buckets were pruned: those that are left, and their rows, counted after the words.
    inputs : ndarray of float32, shape (words + buckets, dim), or ProductTable
    outputs : ndarray of float32, or ProductTable
        A row for each word, each label, or each node of their tree.
    """

    options: Options
    words: list[str]
    counts: NDArray[np.int64]
    labels: list[str]
    label_counts: NDArray[np.int64]
    tokens: int
    kept: NDArray[np.int32] | None
    inputs: NDArray[np.float32] | ProductTable
    outputs: NDArray[np.float32] | ProductTable


def huffman_of(counts: NDArray[np.int64]) -> Paths:
    """The tree that Facebook's code builds from counts, which is not in the file.

    The same weights allow several optimal trees: this one takes an inner node before a leaf of the
    same weight, and of leaves the later one; and 1 stands for the right side.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        Falling.
    """
    n = len(counts)
    # Less by one, and the weights wide apart: a sum of two then comes before its equal.
    turned = huffman(counts[::-1] * (2 * n + 2) - 1)
    first, last = turned.starts[:-1][::-1], turned.starts[1:][::-1]
    starts = np.concatenate([[0], np.cumsum(last - first)])
    place = np.arange(starts[-1]) + np.repeat(first - starts[:-1], last - first)
    return Paths(turned.nodes[place], 1 - turned.labels[place], starts)
