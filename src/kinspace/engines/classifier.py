"""A linear classifier of texts over rows of words and n-grams: fastText's supervised mode.

A text is the mean of the input rows of its words and n-grams; a label is a row of the output
table, or a path through a tree of such rows. One step is one text: its mean is compared with the
outputs, both sides move towards each other, and each input row takes its share (Joulin et al.
2016, "Bag of Tricks for Efficient Text Classification"). The row operations are those of the word
kernel (:mod:`.rows`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.blocks import Run, in_blocks
from kinspace.engines.classifier_kernel import INNER, blend, collect, gather, train
from kinspace.engines.compiled import compiled, in_threads, plain_will_do
from kinspace.engines.rows import GROUP, Floats, Rows, table
from kinspace.engines.sampling import Paths


class Lines(NamedTuple):
    """Texts and their labels.

    Attributes
    ----------
    ids : ndarray of uint32, shape (words of text,)
    starts : ndarray of int64, shape (texts + 1,)
        The words of text ``i`` are ``ids[starts[i]:starts[i + 1]]``.
    labels, label_starts : ndarrays of int32 and int64
        Its labels, likewise; a text without any is passed over.
    """

    ids: NDArray[np.uint32]
    starts: NDArray[np.int64]
    labels: Rows
    label_starts: NDArray[np.int64]


class Makeup(NamedTuple):
    """The input rows that words and word n-grams are made of.

    Attributes
    ----------
    rows, row_starts : ndarrays of int32 and int64
        Those of word ``w`` are ``rows[row_starts[w]:row_starts[w + 1]]``; there may be none.
    hashes : ndarray of uint64, shape (words,)
        Of 32 bits, as a signed number is widened to 64.
    word_ngrams : int
        The most words that follow one another and have a row together.
    buckets : ndarray of int32
        The row of each bucket of word n-grams, below 0: none. Empty: no word n-grams.
    """

    rows: Rows
    row_starts: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    word_ngrams: int
    buckets: Rows


class Plan(NamedTuple):
    """How it is learned.

    Attributes
    ----------
    loss : int
        ``SOFTMAX``, ``TREE`` or ``EACH`` of :mod:`.classifier_kernel`.
    labels : int
        How many there are.
    epochs : int
    rate : float
        The learning rate at the beginning; it falls to 0 along a line.
    seed : int
    """

    loss: int
    labels: int
    epochs: int
    rate: float
    seed: int


class Work(NamedTuple):
    """Scratch space of one worker; compiled code cannot allocate."""

    rows: Rows
    """The input rows of a text."""
    near: Rows
    """The place of its mean: 0."""
    onto: Rows
    labels: Floats
    weights: Floats
    """The output rows, what is wanted of them, and the learning rate of each."""
    scores: Floats
    now: Floats
    before: Floats
    change: Floats
    """The mean, zeros, and what the mean should change by: (1, columns)."""
    state: NDArray[np.uint64]
    loss: NDArray[np.float64]
    """The loss of all texts that were looked at, and their number."""


def workspace(longest: int, plan: Plan, columns: int) -> Work:
    """Scratch space for texts of at most ``longest`` rows, for one worker."""
    aims = plan.labels + 2 * GROUP
    labels, weights, scores = (np.zeros(aims, np.float32) for _ in range(3))
    now, before, change = (table(1, columns) for _ in range(3))
    return Work(
        np.zeros(max(longest, 1), np.int32), np.zeros(1, np.int32), np.arange(aims, dtype=np.int32),
        labels, weights, scores, now, before, change, np.zeros(1, np.uint64), np.zeros(2),
    )  # fmt: skip


def fit(
    lines: Lines,
    makeup: Makeup,
    plan: Plan,
    paths: Paths,
    inputs: Floats,
    outputs: Floats,
    *,
    workers: int = 1,
    progress: Callable[[int, int, float], None] | None = None,
) -> None:
    """Learn: all epochs, into the two tables, in the order of the texts.

    Parameters
    ----------
    lines, makeup, plan
    paths : Paths
        Of the labels, for ``TREE``.
    inputs, outputs : ndarrays of float32, shape (rows, columns)
        Changed in place. As :func:`.rows.table` makes them.
    workers : int
        Threads. With one, the same arguments give the same tables.
    progress : callable, optional
        Called with words seen, words to see, and the loss a text of what was seen last.
    """
    code = machine_code()
    ends = np.zeros(len(lines.starts), np.int64)
    compiled(gather, collect, exact=True)(lines, makeup, ends, np.empty(0, np.int32))
    longest = int(np.diff(ends).max(initial=0))

    def make() -> Run:
        work = workspace(longest, plan, inputs.shape[1])

        def run(first: int, last: int, epoch: int) -> float:
            work.loss[:] = 0
            code(lines, makeup, plan, paths, inputs, outputs, work, first, last, epoch)
            return float(work.loss[0] / max(work.loss[1], 1))

        return run

    in_blocks(lines.starts, plan.epochs, make, workers=workers, progress=progress)


def rows_of(lines: Lines, makeup: Makeup) -> tuple[Rows, NDArray[np.int64]]:
    """The input rows of each text, one after the other, and where those of each begin and end."""
    run = compiled(gather, collect, exact=True)
    ends = np.zeros(len(lines.starts), np.int64)
    run(lines, makeup, ends, np.empty(0, np.int32))
    rows = np.empty(ends[-1], np.int32)
    run(lines, makeup, ends, rows)
    return rows, ends


def means(
    inputs: Floats, rows: Rows, starts: NDArray[np.int64], *, workers: int = 1
) -> NDArray[np.float32]:
    """The mean of some input rows for each text (or word), shape (texts, columns).

    Parameters
    ----------
    inputs : ndarray of float32, shape (rows, columns)
        As :func:`.rows.table` makes them.
    rows, starts : ndarrays of int32 and int64
        As :func:`rows_of` gives them. Zeros where there are none.
    workers : int
    """
    code = blend if plain_will_do(len(rows)) else _blending()
    out = table(len(starts) - 1, inputs.shape[1])
    cuts = np.linspace(0, len(out), workers + 1).astype(int).tolist()
    in_threads(lambda first, last: code(inputs, rows, starts, first, last, out), cuts)
    return out


@cache
def _blending() -> Callable[..., None]:
    """:func:`blend`, compiled likewise."""
    from kinspace.engines import lanes, rows

    lanes.teach()
    code: Callable[..., None] = compiled(blend, exact=True, beside=(*lanes.FILES, rows.__file__))
    return code


@cache
def machine_code() -> Callable[..., None]:
    """:func:`train`, compiled, with the vector code of :mod:`.lanes` for the functions of rows."""
    from kinspace.engines import lanes, rows, sgns_kernel

    lanes.teach()
    beside = (*lanes.FILES, rows.__file__, sgns_kernel.__file__)
    code: Callable[..., None] = compiled(train, *INNER, exact=True, beside=beside)
    return code
