"""Searches among buckets, compiled: see :mod:`.hashing` and :mod:`.trees`."""

from __future__ import annotations

from collections.abc import Callable

from kinspace.engines import bits, bits_code, buckets, vector_code
from kinspace.engines.compiled import compiled

_INNER = (
    bits.select, bits.refine, buckets.note, buckets.look_into, buckets.tell, buckets.push,
    buckets.pop,
)  # fmt: skip


def fast_search(search: Callable[..., None], *inner: Callable[..., None]) -> Callable[..., None]:
    """A search that looks into buckets and ranks what it finds by bits, compiled.

    Parameters
    ----------
    search : callable
    *inner : callables
        What it calls, of its own file.
    """
    bits_code.teach()
    files = (__file__, bits.__file__, bits_code.__file__, buckets.__file__, vector_code.__file__)
    code: Callable[..., None] = compiled(search, *inner, *_INNER, beside=files)
    return code
