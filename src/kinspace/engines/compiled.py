"""The one place that knows numba: plain Python over arrays in, machine code out.

An engine is written as plain functions, which are the oracle of its tests. The same
functions are compiled when they are first needed, never on import, because importing
numba takes half a second, and kept on disk, because compiling takes seconds.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

_FEW = 10_000
"""Steps of plain Python that take no longer than importing numba."""
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@cache
def compiled(
    function: FunctionT,
    *inner: Callable[..., Any],
    exact: bool = False,
    beside: tuple[str, ...] = (),
) -> FunctionT:
    """Compile a function once per process; it releases the interpreter's lock while it runs.

    Sums may be reordered and multiply-adds fused, so floats can differ from the plain
    function's in the last digits; NaN and infinity keep their meaning.

    Parameters
    ----------
    function : callable
        Plain Python over numpy arrays.
    *inner : callables
        The functions that it calls, of the same file, so that a change in one of them
        is seen by numba's cache on disk.
    exact : bool
        Keep the order of sums and all roundings: floats are those of the plain function.
    beside : tuple of str
        Other files that the code is made from, so that a change in them is seen too.

    Returns
    -------
    callable
        Takes the same arguments.

    Examples
    --------
    >>> def double(x):
    ...     return x + x
    >>> compiled(double)(21)
    42
    """
    from numba import njit
    from numba.extending import register_jitable

    # Without numba's reference counts, of which a call with array arguments pays dozens:
    # measured, they are two thirds of the tokenizer's time. Compiled code cannot allocate
    # arrays then, and takes its scratch space as arguments.
    options: dict[str, Any] = {"_nrt": False, "forceinline": True}
    for each in inner:
        register_jitable(**options)(each)
    options |= {
        "nogil": True,
        "error_model": "numpy",
    }
    if not exact:
        options["fastmath"] = {"reassoc", "contract", "nsz"}
    try:
        kept = njit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to keep it: a read-only install without a home folder
        return cast("FunctionT", njit(**options)(function))
    _forgive(kept)
    if beside:  # numba asks only whether the function's own file has changed
        file = kept._cache._cache_file
        times = [(stat.st_mtime, stat.st_size) for stat in map(os.stat, beside)]
        file._source_stamp = (file._source_stamp, *times)
    return cast("FunctionT", kept)


def _forgive(kept: Any) -> None:
    """Compile again where what was kept cannot be read.

    Another version of Kinspace may have left it, with types by names that are gone.
    """
    cache_of = kept._cache
    load = cache_of.load_overload

    def load_or_forget(signature: Any, target: Any) -> Any:
        try:
            return load(signature, target)
        except Exception:  # noqa: BLE001 - whatever unpickling the library's own file brings
            cache_of.flush()
            return None

    cache_of.load_overload = load_or_forget


def plain_will_do(steps: int) -> bool:
    """Whether to run a function as it is: so little is asked that numba's import takes longer.

    Once numba is there, it is always the compiled one. Both give the same.

    Parameters
    ----------
    steps : int
        Turns of the innermost loop, of some microseconds each.
    """
    return steps < _FEW and "numba" not in sys.modules


def in_threads(work: Callable[[int, int], None], cuts: list[int]) -> None:
    """Run ``work(cuts[i], cuts[i + 1])`` for each ``i``, each in a thread of its own.

    The first error is raised, after all have ended.
    """
    pairs = [(a, b) for a, b in itertools.pairwise(cuts) if a < b]
    if len(pairs) < 2:
        for a, b in pairs:
            work(a, b)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(pairs) - 1) as pool:
        others = [pool.submit(work, a, b) for a, b in pairs[1:]]
        work(*pairs[0])
        for other in others:
            other.result()
