"""Learning words, and going on: new words, the outputs that are there, and a tree that grows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import sampling
from kinspace.engines.rows import Floats, Rows
from kinspace.errors import InvalidParameter
from kinspace.learn.stages import Stages
from kinspace.learn.text import (
    Corpus,
    Tokenized,
    Tokenizer,
    Vocabulary,
    read_corpus,
    tokenize,
)
from kinspace.learn.words.checkpoint import Checkpoint
from kinspace.learn.words.prediction import (
    Outputs,
    WordOptions,
    learn,
    plan_of,
    require_neighbours,
    text_of,
    words_of,
)


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

    @classmethod
    def before(cls, counts: NDArray[np.int64], dim: int) -> Self:
        """When nothing is learned yet about words of these counts."""
        nothing = np.zeros((0, dim), np.float32)
        return cls(nothing, nothing, [len(counts)], counts)

    @classmethod
    def restored(cls, generations: list[int], state: dict[str, NDArray[Any]]) -> Self:
        """What :meth:`state` gave, among other arrays."""
        return cls(state["outputs"], state["nodes"], generations, state["tree_counts"])

    def state(self) -> dict[str, NDArray[Any]]:
        """The arrays, for the disk."""
        return {"outputs": self.outputs, "nodes": self.nodes, "tree_counts": self.tree_counts}

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


def learn_words(
    corpus: Corpus,
    counts: NDArray[np.int64],
    rest: Rest,
    inputs: Floats,
    options: WordOptions,
    tell: Stages,
    *,
    parts: tuple[Rows, NDArray[np.int64]] | None = None,
    huffman: Callable[[NDArray[np.int64]], sampling.Paths] = sampling.huffman,
) -> Rest:
    """Learn from a corpus: the input rows in place, and the rest.

    Parameters
    ----------
    corpus : Corpus
    counts : ndarray of int64, shape (vocabulary,)
        Of all texts so far; subsampling and noise go by them.
    rest : Rest
    inputs : ndarray of float32
        As :func:`~kinspace.learn.words.prediction.random_rows` makes it.
    options : WordOptions
        With a ``cache``, the tables are kept after each epoch.
    tell : callable
    parts : tuple of two arrays, optional
        The input rows of each word, as :func:`~kinspace.learn.words.prediction.words_of` has them.
    huffman : callable
        As for :meth:`Rest.tree`.
    """
    size = Outputs.of(len(counts), options)
    outputs = rest.begin(size, options.dim)
    tree = rest.tree(huffman) if size.nodes else None
    words = words_of(counts, options, *(parts or ()), tree=tree)
    together, mean = options.architecture != "skip-gram", options.architecture != "cbow-sum"
    plan = plan_of(options, together=together, mean=mean)
    folder = options.folder("epochs")
    learn(
        text_of(corpus), words, plan, inputs, outputs,
        workers=options.workers,
        tell=tell,
        checkpoint=None if folder is None else Checkpoint(folder),
    )  # fmt: skip
    return rest.learned(outputs, size, options.dim)


# -- new texts ---------------------------------------------------------------------------------


def require_unchanged(learner: object, learned: dict[str, Any]) -> None:
    """Raise :class:`InvalidParameter` if an argument is not what it was when it was learned."""
    for name, value in learned.items():
        if getattr(learner, name) != value:
            raise InvalidParameter(
                f"{name} is {getattr(learner, name)}, and what was learned has {value}.",
                "Leave it, or call fit for a new start.",
            )


def read_more(
    items: Iterable[str | Sequence[str]],
    tokenizer: Tokenizer,
    known: Vocabulary,
    options: WordOptions,
    tell: Stages,
) -> tuple[Corpus, Vocabulary]:
    """New texts, and all words: the known ones, then those that are new and frequent enough.

    Counts are those in the new texts in the corpus, and of all texts so far in the vocabulary.

    Raises
    ------
    EmptyInput, InvalidInput
    """
    texts = tokenize(items, tokenizer, folder=options.folder("more texts"), tell=tell)
    words = [*known.words, *new_words(texts, known, options.min_count, options.max_vocabulary)]
    unseen = Vocabulary(words, [0] * len(words))
    corpus = read_corpus(texts, tokenizer, vocabulary=unseen, tell=tell)
    require_neighbours(corpus)
    counts = corpus.vocabulary.counts.copy()
    counts[: len(known)] += known.counts
    return corpus, Vocabulary(words, counts)


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
