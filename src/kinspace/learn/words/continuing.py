"""Going on with what was learned: new words, the outputs that are there, and a tree that grows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import sampling
from kinspace.engines.rows import Floats
from kinspace.learn.text import Tokenized, Vocabulary
from kinspace.learn.words.prediction import Outputs


@dataclass(frozen=True)
class Rest:
    """What is learned beside the vectors: with it, learning can go on.

    Attributes
    ----------
    outputs : ndarray of float32, shape (words or 0, dim)
        What negative sampling learned to point at.
    nodes : ndarray of float32, shape (words − 1 or 0, dim)
        The inner nodes of the Huffman tree.
    generations : list of int
        How many words came with ``fit`` and with each ``fit_more``.
    tree_counts : ndarray of int64, shape (words,)
        Their counts in the texts with which they came: these make the tree.
    """

    outputs: NDArray[np.float32]
    nodes: NDArray[np.float32]
    generations: list[int]
    tree_counts: NDArray[np.int64]

    def grown(self, counts: NDArray[np.int64]) -> Rest:
        """The same with new words, of which nothing is learned."""
        return replace(
            self,
            generations=[*self.generations, len(counts)],
            tree_counts=np.concatenate([self.tree_counts, counts]),
        )

    def tree(
        self, huffman: Callable[[NDArray[np.int64]], sampling.Paths] = sampling.huffman
    ) -> sampling.Paths:
        """The Huffman tree of the first words, with a branch for those of each later time.

        ``huffman`` says which of the optimal trees is meant.
        """
        tree, start = huffman(self.tree_counts[: self.generations[0]]), 0
        for before, size in itertools.pairwise(self.generations):
            start += before
            tree = sampling.grown(tree, self.tree_counts[start : start + size])
        return tree

    def begin(self, size: Outputs, dim: int) -> Floats:
        """The output table to go on with; rows that are not there yet are zeros."""
        table = size.table(dim)
        for first, rows in (
            (0, self.outputs[: size.words]),
            (size.words, self.nodes[: size.nodes]),
        ):
            table[first : first + len(rows), :dim] = rows
        return table

    def learned(self, table: Floats, size: Outputs, dim: int) -> Rest:
        """The same with the rows of an output table; of what was not learned, the old ones."""
        words, nodes = table[: size.words, :dim], table[size.words :, :dim]
        return replace(
            self,
            outputs=words if size.words else self.outputs,
            nodes=nodes if size.nodes else self.nodes,
        )


def new_words(texts: Tokenized, known: Vocabulary, min_count: int, most: int | None) -> list[str]:
    """Words of new texts that are not known and come often enough, by falling count.

    Parameters
    ----------
    texts : Tokenized
    known : Vocabulary
    min_count : int
    most : int, optional
        Words of which there may be, with those that are known.
    """
    names, counts = texts.names, texts.counts
    order = np.argsort(-counts, kind="stable")
    often = [names[i] for i in order[counts[order] >= min_count].tolist()]
    new = [name for name in often if name not in known]
    return new if most is None else new[: max(most - len(known), 0)]
