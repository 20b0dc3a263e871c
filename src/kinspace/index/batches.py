"""A batch of queries, shared among threads."""

from __future__ import annotations

import os
from collections.abc import Callable

from kinspace.engines.compiled import in_threads


def in_batches(queries: int, threads: int | None, work: Callable[[int, int], None]) -> None:
    """Run ``work(first, last)`` for all queries, some in each thread; one query in none.

    Parameters
    ----------
    queries : int
    threads : int, optional
        By default one for each processor that this process may use.
    work : callable
        Compiled code, or mostly: threads wait for each other in Python.
    """
    parts = min(queries, threads or _processors())
    in_threads(work, [queries * part // max(1, parts) for part in range(parts + 1)])


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
