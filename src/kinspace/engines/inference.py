"""Vectors of new documents, from word tables that stay as they are.

A new document's row learns what the document rows of :mod:`.sgns` learned in training, by the same
step of the same kernel. What must not move is not told so: the step is given copies. The output
rows that a word aims at are copied to scratch space, and so are the words that are near, since
one place of the kernel may be the sum of several rows.

Every document begins at zero and with the same random state: what comes out depends on
the document and the seed, not on what else is asked for, in which order, or by how many threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import sgns_kernel as kernel
from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.rows import Floats, fetch, give, table, take
from kinspace.engines.sgns import Plan, Text, Words, workspace
from kinspace.engines.sgns_kernel import aim, all_together, begin, below, sample, thin

_BEFORE, _AFTER, _OWN = 0, 1, 2
"""Places: the words before, the words after, and the document's own row."""
_AHEAD = 4


def falling(text: Any, plan: Any, begins: Any, ends: Any, epoch: Any, sentence: Any) -> Any:
    """The learning rate of a sentence: it falls along a line through a document's epochs."""
    start = text.starts[begins]
    tokens = np.float64(max(text.starts[ends] - start, 1))
    done = (epoch + (text.starts[sentence] - start) / tokens) / plan.epochs
    return np.float32(plan.rate + (plan.last_rate - plan.rate) * done)


def open_sentence(text: Any, words: Any, plan: Any, epoch: Any, s: Any, nth: Any, work: Any) -> Any:
    """Thin the ``nth`` sentence of a document and draw its noise; how many words are left."""
    begin(work.state, plan.seed, epoch, nth)
    n = thin(text, words, s, work)
    work.stretch[0] = -1
    sample(text, words, plan, epoch, 0, n, work)  # as if it were the first of the text
    return n


def copy_targets(outputs: Any, n: Any, i: Any, k: Any, copies: Any, work: Any, plan: Any) -> None:
    """Copy the output rows of a step, and aim at the copies; fetch noise of a later word."""
    one = np.float32(1)
    for j in range(k):
        take(outputs, work.onto, j, j + 1, one, copies, copies, j)
        work.onto[j] = j
    if i + _AHEAD < n:
        for r in range((i + _AHEAD) * plan.negative, (i + _AHEAD + 1) * plan.negative):
            fetch(outputs, work.noise[r])


def surround(inputs: Any, window: Any, work: Any, i: Any, n: Any) -> Any:
    """Read what is near word ``i`` of ``n``: how many places that is."""
    one, m = np.float32(1), 0
    if window > 0:
        reach = min(window, 1 + below(work.state, window))
        low, high = max(0, i - reach), min(n, i + reach + 1)
        take(inputs, work.kept, low, i, one, work.now, work.before, _BEFORE)
        take(inputs, work.kept, i + 1, high, one, work.now, work.before, _AFTER)
        work.sizes[_BEFORE], work.sizes[_AFTER] = i - low, high - i - 1
        work.near[0], work.near[1] = _BEFORE, _AFTER
        m = 2
    work.near[m], work.sizes[_OWN] = _OWN, 1
    return m + 1


def settle(text: Any, firsts: Any, words: Any, plan: Any, inputs: Any, outputs: Any,
           documents: Any, copies: Any, work: Any, first: Any, last: Any) -> None:  # fmt: skip
    """Learn the rows of documents ``first`` to ``last``."""
    one = np.float32(1)
    for d in range(first, last):
        begins, ends = firsts[d], firsts[d + 1]
        for epoch in range(plan.epochs):
            for s in range(begins, ends):
                rate = falling(text, plan, begins, ends, epoch, s)
                n = open_sentence(text, words, plan, epoch, s, s - begins, work)
                take(documents, text.tags, d, d + 1, one, work.now, work.before, _OWN)
                for i in range(n):
                    m = surround(inputs, plan.window, work, i, n)
                    low = i * plan.negative
                    k = aim(words, work.kept[i], low, low + plan.negative, rate, work)
                    copy_targets(outputs, n, i, k, copies, work, plan)
                    all_together(copies, m, k, plan.mean, False, work)
                give(documents, text.tags, d, d + 1, one, work.now, work.before, _OWN)


def infer(
    text: Text,
    firsts: NDArray[np.int64],
    words: Words,
    plan: Plan,
    inputs: Floats,
    outputs: Floats,
    *,
    workers: int = 1,
) -> Floats:
    """Vectors of documents, learned against tables that stay as they are.

    Parameters
    ----------
    text : Text
        Without tags.
    firsts : ndarray of int64, shape (documents + 1,)
        The sentences of document ``d`` are those from ``firsts[d]`` to ``firsts[d + 1]``.
    words : Words
        A word's only input row, where the window is not 0, has the word's number.
    plan : Plan
        As in training; ``window`` 0 for PV-DBOW. ``together`` is of no account, since one row
        learns.
    inputs, outputs : ndarrays of float32, shape (rows, columns)
    workers : int
        Threads; the vectors do not depend on them.

    Returns
    -------
    ndarray of float32, shape (documents, columns)
        Zeros for documents without words.
    """
    count = len(firsts) - 1
    documents = table(count, inputs.shape[1])
    text = text._replace(tags=np.arange(count, dtype=np.int32))
    roomy = plan._replace(window=max(plan.window, 1))
    run = machine_code()

    def work(first: int, last: int) -> None:
        scratch = workspace(text, words, roomy, inputs.shape[1])
        copies = table(len(scratch.onto), outputs.shape[1])
        run(
            text, firsts, words, plan, inputs, outputs, documents, copies, scratch, first, last
        )  # fmt: skip

    in_threads(work, cuts(text, firsts, workers))
    return documents


def cuts(text: Text, firsts: NDArray[np.int64], workers: int) -> list[int]:
    """Where to cut documents into ``workers`` parts of about as many words."""
    ends = text.starts[firsts[1:]]
    whole = int(ends[-1]) if len(ends) else 0
    inner = [int(np.searchsorted(ends, whole * w / workers)) for w in range(1, workers)]
    return [0, *inner, len(firsts) - 1]


FRAME: tuple[Callable[..., Any], ...] = (*kernel.INNER, falling, open_sentence, copy_targets)
"""What inference calls, whatever the step."""


@cache
def machine_code() -> Callable[..., None]:
    """:func:`settle`, compiled."""
    from kinspace.engines import lanes, rows

    lanes.teach()
    beside = (*lanes.FILES, rows.__file__, kernel.__file__)
    code: Callable[..., None] = compiled(settle, *FRAME, surround, exact=True, beside=beside)
    return code
