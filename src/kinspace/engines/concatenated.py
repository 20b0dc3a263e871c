"""PV-DM with concatenation: a word is predicted by its document and the words around it, in order.

What predicts is one long vector: the document's row (the mean of them, where it has several), then
the rows of the ``window`` words before and of the ``window`` words after. Before the first and
after the last word stands a row of its own for what is outside. So an output row is as wide as
``1 + 2 window`` input rows, the same word counts differently at each distance, and the window is
always whole (Le & Mikolov 2014).

The same operations as in :mod:`.sgns`, on the same terms: groups of 8 targets, whose rows are as
they were before; one worker repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import inference, sgns
from kinspace.engines import sgns_kernel as kernel
from kinspace.engines.blocks import Run, in_blocks
from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.inference import FRAME, copy_targets, falling, open_sentence
from kinspace.engines.rows import GROUP, Floats, Rows, errors, exchange, give, products, table, take
from kinspace.engines.sgns import Plan, Text, Words
from kinspace.engines.sgns_kernel import aim, begin, look, sample, thin

_LOOK = 128


class Side(NamedTuple):
    """Scratch space of one worker, beside that of :mod:`.sgns`."""

    near: Rows
    """The input rows of the words around."""
    whole: Floats
    parts: Floats
    """What predicts, as one row and as ``1 + 2 window`` rows of the same memory."""
    whole_change: Floats
    change: Floats
    """What it learned, in the same two ways."""
    nothing: Floats
    """Zeros, as ``parts``."""
    alone: Rows
    """A list of one: row 0."""


def parts_of(window: int) -> int:
    """How many rows stand side by side in what predicts."""
    return 1 + 2 * window


def beside(plan: Plan, columns: int) -> Side:
    """Scratch space for one worker."""
    parts, change, nothing = (table(parts_of(plan.window), columns) for _ in range(3))
    near = np.zeros(2 * plan.window, np.int32)
    flat = parts.reshape(1, -1), change.reshape(1, -1)
    return Side(near, flat[0], parts, flat[1], change, nothing, np.zeros(1, np.int32))


# -- the kernel ------------------------------------------------------------------------------------


def gather(inputs: Any, outside: Any, window: Any, work: Any, side: Any, i: Any, n: Any) -> None:
    """Read the words around word ``i`` of ``n``, in order."""
    for j in range(window):
        before, after = i - window + j, i + 1 + j
        side.near[j] = work.kept[before] if before >= 0 else outside
        side.near[window + j] = work.kept[after] if after < n else outside
    for j in range(2 * window):
        take(inputs, side.near, j, j + 1, np.float32(1), side.parts, side.parts, 1 + j)


def predict(outputs: Any, k: Any, looked: Any, work: Any, side: Any) -> None:
    """Move the output rows and note what the parts have to change, 8 targets at a time."""
    one = np.float32(1)
    take(side.whole, side.alone, 0, 0, one, side.whole_change, side.whole_change, 0)
    for start in range(0, k, GROUP):
        size = min(GROUP, k - start)
        products(side.whole, side.alone, 1, outputs, work.onto, start, size, work.scores)
        errors(work.scores, 1, work.labels, work.weights, start)
        if looked:
            look(1, start, size, work)
        exchange(
            side.whole, side.alone, 1, side.whole_change, outputs, work.onto, start, size,
            work.scores,
        )  # fmt: skip


def train(text: Any, words: Any, plan: Any, outside: Any, inputs: Any, outputs: Any, work: Any,
          side: Any, first: Any, last: Any, epoch: Any) -> None:  # fmt: skip
    """Learn from sentences ``first`` to ``last`` of an epoch."""
    one, tokens, steps = np.float32(1), np.float64(text.ids.size), 0
    work.stretch[0] = -1
    for s in range(first, last):
        done = (tokens * epoch + text.starts[s]) / (tokens * plan.epochs)
        rate = np.float32(plan.rate + (plan.last_rate - plan.rate) * done)
        begin(work.state, plan.seed, epoch, s)
        n = thin(text, words, s, work)
        sample(text, words, plan, epoch, s, n, work)
        tag, end = text.tag_starts[s], text.tag_starts[s + 1]
        share = one / np.float32(max(end - tag, 1))
        for i in range(n):
            take(inputs, text.tags, tag, end, share, side.parts, side.parts, 0)
            gather(inputs, outside, plan.window, work, side, i, n)
            low = i * plan.negative
            k = aim(words, work.kept[i], low, low + plan.negative, rate, work)
            predict(outputs, k, steps % _LOOK == 0, work, side)
            steps += 1
            give(inputs, text.tags, tag, end, one, side.change, side.nothing, 0)
            for j in range(2 * plan.window):
                give(inputs, side.near, j, j + 1, one, side.change, side.nothing, 1 + j)


def settle(text: Any, firsts: Any, words: Any, plan: Any, outside: Any, inputs: Any,
           outputs: Any, documents: Any, copies: Any, work: Any, side: Any,
           first: Any, last: Any) -> None:  # fmt: skip
    """Learn the rows of new documents ``first`` to ``last``, onto copies of the output rows."""
    one = np.float32(1)
    for d in range(first, last):
        begins, ends = firsts[d], firsts[d + 1]
        for epoch in range(plan.epochs):
            for s in range(begins, ends):
                rate = falling(text, plan, begins, ends, epoch, s)
                n = open_sentence(text, words, plan, epoch, s, s - begins, work)
                for i in range(n):
                    take(documents, text.tags, d, d + 1, one, side.parts, side.parts, 0)
                    gather(inputs, outside, plan.window, work, side, i, n)
                    low = i * plan.negative
                    k = aim(words, work.kept[i], low, low + plan.negative, rate, work)
                    copy_targets(outputs, n, i, k, copies, work, plan)
                    predict(copies, k, False, work, side)
                    give(documents, text.tags, d, d + 1, one, side.change, side.nothing, 0)


# -- for others ------------------------------------------------------------------------------------


def fit(
    text: Text,
    words: Words,
    plan: Plan,
    outside: int,
    inputs: Floats,
    outputs: Floats,
    *,
    workers: int = 1,
    progress: Callable[[int, int, float], None] | None = None,
) -> None:
    """Learn: all epochs, into the two tables.

    Parameters
    ----------
    text, words
        As for :func:`.sgns.fit`; a word's only input row has the word's number.
    plan : Plan
        ``together`` and ``mean`` are of no account.
    outside : int
        The input row that stands for what is before the first and after the last word.
    inputs : ndarray of float32, shape (rows, columns)
    outputs : ndarray of float32, shape (output rows, parts_of(window) · columns)
        Both are changed in place.
    workers : int
        Threads. With one, the same arguments give the same tables.
    progress : callable, optional
        Called with words seen, words to see, and the loss a target of what was seen last.
    """
    code = machine_code(train)

    def make() -> Run:
        work = sgns.workspace(text, words, plan, inputs.shape[1])
        side = beside(plan, inputs.shape[1])

        def run(first: int, last: int, epoch: int) -> float:
            work.loss[:] = 0
            code(text, words, plan, outside, inputs, outputs, work, side, first, last, epoch)
            return float(work.loss[0] / max(work.loss[1], 1))

        return run

    in_blocks(text.starts, plan.epochs, make, workers=workers, progress=progress)


def infer(
    text: Text,
    firsts: NDArray[np.int64],
    words: Words,
    plan: Plan,
    outside: int,
    inputs: Floats,
    outputs: Floats,
    *,
    workers: int = 1,
) -> Floats:
    """Vectors of new documents, as :func:`.inference.infer` gives them."""
    documents = table(len(firsts) - 1, inputs.shape[1])
    text = text._replace(tags=np.arange(len(documents), dtype=np.int32))
    code = machine_code(settle)

    def run(first: int, last: int) -> None:
        work = sgns.workspace(text, words, plan, inputs.shape[1])
        side = beside(plan, inputs.shape[1])
        copies = table(len(work.onto), outputs.shape[1])
        code(
            text, firsts, words, plan, outside, inputs, outputs, documents, copies, work, side,
            first, last,
        )  # fmt: skip

    in_threads(run, inference.cuts(text, firsts, workers))
    return documents


@cache
def machine_code(function: Callable[..., None]) -> Callable[..., None]:
    """:func:`train` or :func:`settle`, compiled."""
    from kinspace.engines import lanes, rows

    lanes.teach()
    files = (*lanes.FILES, rows.__file__, kernel.__file__, inference.__file__)
    code: Callable[..., None] = compiled(
        function, *FRAME, gather, predict, exact=True, beside=files
    )
    return code
