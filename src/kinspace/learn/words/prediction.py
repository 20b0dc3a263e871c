"""What all methods that learn by prediction put into the kernel of :mod:`kinspace.engines.sgns`.

word2vec, fastText and doc2vec differ in the rows that a word or a document is made of. The rest is
here: their common options, tables to begin with, what words aim at, and the run itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import sampling, sgns
from kinspace.engines.rows import Floats, Rows, padded, table
from kinspace.errors import InvalidInput, InvalidParameter, require_choice
from kinspace.learn.stages import Stages
from kinspace.learn.text import Corpus, Vocabulary
from kinspace.learn.words.checkpoint import Checkpoint

Architecture = Literal["skip-gram", "cbow-mean", "cbow-sum"]
_CHUNK = 1 << 16
"""Rows of random numbers that are made at a time."""


@dataclass(frozen=True)
class Options:
    """The options that these methods share; :meth:`of` takes them from a learner and checks them.

    Attributes
    ----------
    dim, window, negative, epochs, workers, seed : int
    ns_exponent, sample, learning_rate, min_learning_rate : float
    hierarchical_softmax : bool
    """

    dim: int
    window: int
    negative: int
    hierarchical_softmax: bool
    ns_exponent: float
    sample: float
    learning_rate: float
    min_learning_rate: float
    epochs: int
    workers: int
    seed: int

    @classmethod
    def of(cls, learner: Any) -> Self:
        """The attributes of these names.

        Raises
        ------
        InvalidParameter
            If one is of the wrong type or outside its range, or if a word has nothing to aim at:
            ``negative=0`` without hierarchical softmax.
        """
        options = cls(**{field.name: getattr(learner, field.name) for field in fields(cls)})
        for name, least in _LEAST.items():
            require_number(name, getattr(options, name), least=least)
        for name in ("ns_exponent", "sample", "learning_rate", "min_learning_rate"):
            require_number(name, getattr(options, name), whole=False)
        if options.sample < 0:
            raise InvalidParameter(f"sample is {options.sample}.", "Give 0 or more; 0 keeps all.")
        if not 0 <= options.min_learning_rate <= options.learning_rate:
            raise InvalidParameter(
                f"The learning rate cannot fall from {options.learning_rate} to "
                f"{options.min_learning_rate}.",
                "Give a learning_rate above 0, and a min_learning_rate from 0 to that.",
            )
        if not isinstance(options.hierarchical_softmax, bool | np.bool_):
            raise InvalidParameter(
                f"hierarchical_softmax is {options.hierarchical_softmax!r:.80}.", "Give a bool."
            )
        if not options.negative and not options.hierarchical_softmax:
            raise InvalidParameter(
                "Words have nothing to predict: negative=0 and no hierarchical softmax.",
                "Give negative=5, or hierarchical_softmax=True, or both.",
            )
        return options


@dataclass(frozen=True)
class WordOptions(Options):
    """Those of word2vec and fastText, which learn words alone.

    Attributes
    ----------
    architecture : {"skip-gram", "cbow-mean", "cbow-sum"}
    min_count : int
    max_vocabulary : int, optional
    cache : path, optional
    """

    architecture: Architecture
    min_count: int
    max_vocabulary: int | None
    cache: str | Path | None

    @classmethod
    def of(cls, learner: Any) -> Self:
        """The attributes of these names.

        Raises
        ------
        InvalidParameter
            As :meth:`Options.of`.
        """
        options = super().of(learner)
        require_choice("architecture", options.architecture, Architecture)
        require_number("min_count", options.min_count, least=0)
        if options.max_vocabulary is not None:
            require_number("max_vocabulary", options.max_vocabulary, least=1)
        return options

    def folder(self, name: str) -> Path | None:
        """A folder of this name for what is made on the way, or None if nothing is kept."""
        return None if self.cache is None else Path(self.cache) / name


_LEAST = {"dim": 1, "window": 1, "negative": 0, "epochs": 1, "workers": 1, "seed": 0}


def require_number(
    name: str, value: Any, *, least: float | None = None, whole: bool = True
) -> None:
    """Raise :class:`InvalidParameter` unless a value is a finite number, and large enough.

    Parameters
    ----------
    name : str
        The parameter's, for the message.
    value : object
    least : float, optional
    whole : bool
        Whether only integers will do.
    """
    kind = Integral if whole else Real
    good = isinstance(value, kind) and not isinstance(value, bool | np.bool_)
    if not good or not math.isfinite(value) or (least is not None and value < least):
        what = "an integer" if whole else "a number"
        raise InvalidParameter(
            f"{name} is {value!r:.80}.",
            f"Give {what}{'' if least is None else f' of {least} or more'}.",
        )


def require_neighbours(corpus: Corpus) -> None:
    """Raise :class:`InvalidInput` unless there are two words, and some word has a neighbour."""
    require_two_words(corpus.vocabulary)
    if np.diff(corpus.starts).max(initial=0) < 2:
        raise InvalidInput(
            "No word has a neighbour: no text has two words that are known.",
            "Give longer texts, or a smaller min_count.",
        )


def require_two_words(vocabulary: Vocabulary) -> None:
    """Raise :class:`InvalidInput` if there is only one word: it has nothing to differ from."""
    if len(vocabulary) < 2:
        raise InvalidInput(
            f"There is only one word to learn: {vocabulary.words[0]!r:.80}.",
            "Give texts of several different words, or a smaller min_count.",
        )


# -- tables ------------------------------------------------------------------------------------


def random_rows(rows: int, dim: int, seed: int | tuple[int, ...]) -> Floats:
    """A table to begin with, for inputs: uniform in ±1/dim, shape (rows, padded dim).

    Parameters
    ----------
    rows, dim : int
    seed : int or tuple of int
    """
    random = np.random.default_rng(seed)
    out = table(rows, padded(dim))
    for start in range(0, rows, _CHUNK):
        part = out[start : start + _CHUNK, :dim]
        part[:] = (random.random(part.shape, np.float32) * 2 - 1) / np.float32(dim)
    return out


@dataclass(frozen=True)
class Outputs:
    """Rows of the output table: one for each word if there is noise, then the tree's nodes.

    Attributes
    ----------
    words, nodes : int
        How many there are of each; either may be 0.
    """

    words: int
    nodes: int

    @classmethod
    def of(cls, vocabulary: int, options: Options) -> Self:
        """What a vocabulary of so many words needs."""
        return cls(
            vocabulary if options.negative else 0,
            vocabulary - 1 if options.hierarchical_softmax else 0,
        )

    def table(self, dim: int) -> Floats:
        """Zeros, shape (words + nodes, padded dim): outputs to begin with."""
        return table(self.words + self.nodes, padded(dim))


# -- what the kernel takes ---------------------------------------------------------------------


def words_of(
    counts: NDArray[np.int64],
    options: Options,
    rows: Rows | None = None,
    row_starts: NDArray[np.int64] | None = None,
    *,
    tree: sampling.Paths | None = None,
) -> sgns.Words:
    """What each word is, and what it aims at in a table of :class:`Outputs`.

    Parameters
    ----------
    counts : ndarray of int64, shape (vocabulary,)
    options : Options
    rows, row_starts : ndarrays of int32 and int64, optional
        The input rows of each word (fastText's n-grams); by default the one of its number.
    tree : Paths, optional
        For hierarchical softmax; by default the Huffman tree of the counts.
    """
    n = len(counts)
    own, each = np.arange(n, dtype=np.int32), np.arange(n + 1)
    targets, labels, starts = own[:0], np.zeros(0, np.float32), np.zeros(n + 1, np.int64)
    if options.negative:
        targets, labels, starts = own, np.ones(n, np.float32), each
    if options.hierarchical_softmax:
        nodes, sides, node_starts = sampling.huffman(counts) if tree is None else tree
        nodes = nodes + np.int32(len(targets))
        if len(targets):  # both: the word's own row goes before its path
            nodes = np.insert(nodes, node_starts[:-1], targets)
            sides = np.insert(sides, node_starts[:-1], labels)
        targets, labels, starts = nodes, sides, starts + node_starts
    return sgns.Words(
        own if rows is None else rows,
        each if row_starts is None else row_starts,
        targets,
        labels,
        starts,
        sampling.keep_limits(counts, options.sample),
        sampling.alias(counts.astype(np.float64) ** options.ns_exponent),
    )


def text_of(
    corpus: Corpus, tags: Rows | None = None, tag_starts: NDArray[np.int64] | None = None
) -> sgns.Text:
    """A corpus as the kernel takes it.

    Parameters
    ----------
    corpus : Corpus
    tags, tag_starts : ndarrays of int32 and int64, optional
        The input rows of whole sentences (doc2vec's documents): those of sentence ``i`` are
        ``tags[tag_starts[i]:tag_starts[i + 1]]``. By default there are none.
    """
    none = np.zeros(len(corpus.starts), np.int64)
    return sgns.Text(
        corpus.ids,
        corpus.starts,
        np.zeros(0, np.int32) if tags is None else tags,
        none if tag_starts is None else tag_starts,
    )


def plan_of(options: Options, *, together: bool, mean: bool = True) -> sgns.Plan:
    """How it is learned.

    Parameters
    ----------
    options : Options
    together : bool
        Whether the inputs near a word predict it together (CBOW), not each for itself (skip-gram).
    mean : bool
        Whether through their mean, not their sum.
    """
    return sgns.Plan(
        options.window,
        options.negative,
        together,
        mean,
        options.epochs,
        options.learning_rate,
        options.min_learning_rate,
        options.seed,
    )


def told(tell: Stages, rate: float, last_rate: float) -> Callable[[int, int, float], None]:
    """What an engine calls with words seen, words to see and loss, to have it told.

    It is told as ``("learn", words seen, words to see, "loss 2.310, learning rate 0.0210")``.
    """

    def progress(seen: int, total: int, loss: float) -> None:
        now = rate + (last_rate - rate) * seen / max(total, 1)
        tell("learn", seen, total, f"loss {loss:.3f}, learning rate {now:.4f}")

    return progress


def learn(
    text: sgns.Text,
    words: sgns.Words,
    plan: sgns.Plan,
    inputs: Floats,
    outputs: Floats,
    *,
    workers: int,
    tell: Stages,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Run the kernel, and tell how it goes: words done, loss, learning rate.

    Parameters
    ----------
    text, words, plan
    inputs, outputs : ndarrays of float32, of padded columns
        Changed in place.
    workers : int
        Threads.
    tell : callable
        Told as :func:`told` says.
    checkpoint : Checkpoint, optional
        Where the tables are kept after each epoch, and taken from if the same run was stopped.
    """
    progress = told(tell, plan.rate, plan.last_rate)

    def run(epochs: range) -> None:
        sgns.fit(
            text, words, plan, inputs, outputs, workers=workers, epochs=epochs, progress=progress
        )

    if checkpoint is None:
        run(range(plan.epochs))
        return
    for epoch in range(checkpoint.resume(text, words, plan, inputs, outputs), plan.epochs):
        run(range(epoch, epoch + 1))
        checkpoint.keep(epoch + 1, inputs, outputs)
    checkpoint.clear()
