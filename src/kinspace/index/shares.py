"""How the work on many rows is shared among threads."""

from __future__ import annotations

import os
from functools import cache


@cache
def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shares(count: int, threads: int | None = None) -> list[int]:
    """Where to cut so many rows, for :func:`kinspace.engines.compiled.in_threads`.

    Parameters
    ----------
    count : int
        Of a single one there is nothing to be shared.
    threads : int, optional
        By default one for each processor.

    Examples
    --------
    >>> shares(5, threads=2)
    [0, 2, 5]
    """
    parts = max(1, min(count, threads or processors()))
    return [part * count // parts for part in range(parts + 1)]
