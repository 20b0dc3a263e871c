"""A text in blocks, epoch after epoch, and threads that take one after the other."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import in_threads

BLOCK = 1 << 14
"""Words that a worker takes at a time."""

Run = Callable[[int, int, int], float]
"""Learns from sentences ``first`` to ``last`` of an epoch; gives the loss of what it looked at."""


def in_blocks(
    starts: NDArray[np.int64],
    epochs: int,
    make: Callable[[], Run],
    *,
    only: range | None = None,
    workers: int = 1,
    progress: Callable[[int, int, float], None] | None = None,
) -> None:
    """Go through a text, block by block, epoch by epoch.

    Parameters
    ----------
    starts : ndarray of int64, shape (sentences + 1,)
        Where sentences begin and end, in words.
    epochs : int
    make : callable
        Called once by each thread, for a function with scratch space of its own.
    only : range, optional
        Only these of the epochs, to go on after others.
    workers : int
        Threads.
    progress : callable, optional
        Called with words seen, words to see, and the loss that the last block gave. If it raises,
        as Ctrl-C does, all workers stop after the block that they are at.
    """
    tokens, sentences = int(starts[-1]), len(starts) - 1
    cuts = np.searchsorted(starts[:-1], np.arange(0, tokens, BLOCK)).tolist()
    cuts = sorted({*cuts, 0, sentences})
    only = range(epochs) if only is None else only
    blocks = itertools.product(only, itertools.pairwise(cuts))
    lock, seen, stopped = threading.Lock(), tokens * only.start, False

    def work(_: int, __: int) -> None:
        nonlocal seen, stopped
        try:
            run = make()
            while True:
                with lock:
                    block = None if stopped else next(blocks, None)
                if block is None:
                    return
                epoch, (first, last) = block
                loss = run(first, last, epoch)
                with lock:
                    seen += int(starts[last] - starts[first])
                    if progress is not None:
                        progress(seen, tokens * epochs, loss)
        finally:
            stopped = True  # there is nothing left, or something went wrong

    in_threads(work, list(range(workers + 1)))
