"""Skip-gram and CBOW, by negative sampling, hierarchical softmax or both: one kernel.

word2vec, fastText, doc2vec and the walks of a graph differ only in what they put in:

- a word is one row of the input table, or several (fastText's n-grams), or none;
- a sentence may carry rows of its own, its *tags*, which are near each of its words (doc2vec);
- a word aims at one row of the output table (negative sampling), at the nodes of its Huffman path
  (hierarchical softmax), or at both;
- the inputs that are near a word predict it each for itself (skip-gram, PV-DBOW), or together,
  through their mean or sum (CBOW, PV-DM). A window of 0 leaves the tags alone (PV-DBOW).

What makes it fast: while a word is in reach of the window its input row lies in a small ring,
which fits the first cache, and is read from the table and written back once (for fastText, its
n-grams are summed once, not once a pair); the noise words of a position are shared by the inputs
that are near it (Ji et al. 2016, "Parallelizing word2vec in shared and distributed memory"), so
that a window is three small matrix products (:mod:`.rows`); they are taken from a pool that is
drawn anew for each 256 words, so that most are in the cache; and rows are fetched ahead.

The random state belongs to the sentence, and so does the learning rate: one worker gives the same
tables always, whatever the blocks. Several workers write to the same tables without locks
(Recht et al. 2011, "Hogwild!"), but for the nodes near the root of a tree, where they would wait
for each other at every word: of those each worker has a copy, and the copies are brought together
after each block.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.blocks import Run, in_blocks
from kinspace.engines.compiled import compiled
from kinspace.engines.rows import GROUP, LANES, Floats, Rows, table
from kinspace.engines.sgns_kernel import INNER, POOL, ring, train

_BUSY = 1 << 8
"""Nodes near the root of which each of several workers has a copy."""
_NOWHERE = 1 << 62
_ALONE_IN_TREE = 1
"""Inputs that predict at once where words aim through a tree: every input of a window moves the
nodes near the root, and all by their old place would move them too far (measured: bench/LOG.md)."""


class Text(NamedTuple):
    """What is learned from.

    Attributes
    ----------
    ids : ndarray of uint32, shape (tokens,)
    starts : ndarray of int64, shape (sentences + 1,)
        The words of sentence ``i`` are ``ids[starts[i]:starts[i + 1]]``.
    tags : ndarray of int32
        Input rows of whole sentences.
    tag_starts : ndarray of int64, shape (sentences + 1,)
        Where those of each sentence begin and end.
    """

    ids: NDArray[np.uint32]
    starts: NDArray[np.int64]
    tags: Rows
    tag_starts: NDArray[np.int64]


class Words(NamedTuple):
    """What a word is, on both sides.

    Attributes
    ----------
    rows, row_starts : ndarrays of int32 and int64
        The input rows of word ``w`` are ``rows[row_starts[w]:row_starts[w + 1]]``.
    targets, labels, target_starts : ndarrays of int32, float32 and int64
        The output rows that it aims at, and what is wanted of each: 1 or 0. Nodes of a tree are the
        last rows, with its root the very last.
    keep : ndarray of uint32, shape (vocabulary,)
        It is kept with probability ``keep / 2³²``, and always at 2³² − 1.
    noise : ndarray of uint64, shape (noise words,)
        Alias table (:func:`.sampling.alias`), one word after the other. A noise word's output row
        has its own number.
    """

    rows: Rows
    row_starts: NDArray[np.int64]
    targets: Rows
    labels: Floats
    target_starts: NDArray[np.int64]
    keep: NDArray[np.uint32]
    noise: NDArray[np.uint64]


class Plan(NamedTuple):
    """How it is learned.

    Attributes
    ----------
    window : int
        The most words to each side; how many it is, is drawn anew for each word, from 1.
    negative : int
        Noise words for each position.
    together : bool
        Whether near inputs predict a word through their mean or sum, not each for itself.
    mean : bool
        Mean or sum, where ``together``.
    epochs : int
    rate, last_rate : float
        Learning rate at the beginning and the end; it falls along a line.
    seed : int
    stretch : int
        Words of text for which a pool of :data:`.sgns_kernel.POOL` noise words serves. With
        ``POOL // negative`` or fewer no noise word is used twice.
    """

    window: int
    negative: int
    together: bool
    mean: bool
    epochs: int
    rate: float
    last_rate: float
    seed: int
    stretch: int = POOL


class Work(NamedTuple):
    """Scratch space of one worker; compiled code cannot allocate."""

    kept: Rows
    """The words of the sentence that subsampling leaves."""
    noise: Rows
    """``negative`` for each of them."""
    near: Rows
    """Places of the inputs that are near."""
    sizes: Rows
    """How many rows of the table each place is made of."""
    onto: Rows
    labels: Floats
    weights: Floats
    """The output rows of a step, what is wanted of them, and the learning rate of each."""
    scores: Floats
    now: Floats
    before: Floats
    change: Floats
    """The ring of words, then the tags, then the mean of what is near: (places, columns)."""
    pool: Rows
    """Noise words that were drawn for this stretch of the text."""
    stretch: NDArray[np.int64]
    pool_state: NDArray[np.uint64]
    state: NDArray[np.uint64]
    at_once: NDArray[np.int64]
    """How many inputs predict, each for itself, before output rows change."""
    busy: NDArray[np.int64]
    """Output rows from the first of these two numbers on are found so many rows further."""
    loss: NDArray[np.float64]
    """The loss of all pairs that were looked at, and their number."""


def has_tree(words: Words) -> bool:
    """Whether words aim at the nodes of a tree."""
    return len(words.targets) >= 2 * len(words.keep)


def workspace(text: Text, words: Words, plan: Plan, columns: int) -> Work:
    """Scratch space for this text, for one worker."""
    longest = int(np.diff(text.starts).max(initial=0))
    tags = int(np.diff(text.tag_starts).max(initial=0))
    aims = int(np.diff(words.target_starts).max(initial=0)) + plan.negative + GROUP
    places = ring(plan.window) + tags + 1
    kept, noise, *places_of, onto = (
        np.zeros(n, np.int32) for n in (longest, longest * plan.negative, places, places, aims)
    )
    labels, weights, scores = (
        np.zeros(n, np.float32) for n in (aims, aims, places * GROUP + LANES)
    )
    now, before, change = (table(places, columns) for _ in range(3))
    near, sizes = places_of
    at_once = _ALONE_IN_TREE if has_tree(words) else places
    return Work(
        kept, noise, near, sizes, onto, labels, weights, scores, now, before, change,
        np.zeros(POOL, np.int32), np.zeros(1, np.int64), np.zeros(1, np.uint64),
        state=np.zeros(1, np.uint64), at_once=np.array([at_once]),
        busy=np.array([_NOWHERE, 0]), loss=np.zeros(2),
    )  # fmt: skip


def fit(
    text: Text,
    words: Words,
    plan: Plan,
    inputs: Floats,
    outputs: Floats,
    *,
    workers: int = 1,
    epochs: range | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> None:
    """Learn: all epochs, into the two tables.

    Parameters
    ----------
    text, words, plan
    inputs, outputs : ndarrays of float32, shape (rows, columns)
        Changed in place. As :func:`.rows.table` makes them: columns a multiple of 16, those that
        are not needed zero.
    workers : int
        Threads. With one, the same arguments give the same tables.
    epochs : range, optional
        Only these of the plan's epochs, to go on with what was learned before.
    progress : callable, optional
        Called with words seen, words to see, and the loss a pair of what was seen last.
    """
    code, copies = machine_code(), _Copies(words, outputs, workers)

    def make() -> Run:
        scratch = workspace(text, words, plan, inputs.shape[1])
        learned = copies.one_more(scratch)

        def run(first: int, last: int, epoch: int) -> float:
            scratch.loss[:] = 0
            code(text, words, plan, inputs, copies.outputs, scratch, first, last, epoch)
            learned()
            return float(scratch.loss[0] / max(scratch.loss[1], 1))

        return run

    in_blocks(text.starts, plan.epochs, make, only=epochs, workers=workers, progress=progress)
    copies.close()


class _Copies:
    """The output table, with the rows that several workers would fight for once more for each.

    What the workers learned about them goes into the shared rows by its mean, not its sum: each
    sees enough text between two times to learn what all have to learn about such rows.
    """

    def __init__(self, words: Words, outputs: Floats, workers: int) -> None:
        busy = min(_BUSY, len(outputs) // 2) if has_tree(words) and workers > 1 else 0
        self.given, self.outputs, self.busy, self.workers = outputs, outputs, busy, workers
        self.lock, self.copies = threading.Lock(), 0
        if busy:
            self.outputs = table(len(outputs) + busy * workers, outputs.shape[1])
            self.outputs[: len(outputs)] = outputs

    def one_more(self, scratch: Work) -> Callable[[], None]:
        """Let a worker have a copy; gives what brings it together with the others."""
        if not self.busy:
            return lambda: None
        first, end = len(self.given) - self.busy, len(self.given)
        with self.lock:
            self.copies += 1
            far = self.busy * self.copies
        scratch.busy[:] = first, far
        shared, copy = self.outputs[first:end], self.outputs[first + far : end + far]

        def learned() -> None:
            with self.lock:
                shared[:] += (copy - before) / np.float32(self.workers)
                copy[:] = before[:] = shared

        with self.lock:
            before = shared.copy()
            copy[:] = before
        return learned

    def close(self) -> None:
        """Put what was learned into the table that was given."""
        if self.busy:
            self.given[:] = self.outputs[: len(self.given)]


@cache
def machine_code() -> Callable[..., None]:
    """:func:`train`, compiled, with the vector code of :mod:`.lanes` for the functions of rows."""
    from kinspace.engines import lanes, rows

    lanes.teach()
    code: Callable[..., None] = compiled(
        train, *INNER, exact=True, beside=(*lanes.FILES, rows.__file__)
    )
    return code
