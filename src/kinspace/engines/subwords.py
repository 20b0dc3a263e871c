"""Character n-grams and hashes of words, number for number as Facebook's fastText has them.

Words come as bytes of UTF-8, one after the other; what comes out are 32-bit hashes (FNV-1a).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, plain_will_do

_BASIS, _PRIME, _LOW = 2166136261, 16777619, 0xFFFFFFFF


def hashes_of(words: Sequence[str]) -> NDArray[np.uint32]:
    """The hash of each word.

    Examples
    --------
    >>> hashes_of(["", "cat"]).tolist()
    [2166136261, 108289031]
    """
    data, starts = as_bytes(words)
    out = np.empty(len(words), np.uint32)
    compiled(hash_all, mix, exact=True)(data, starts, out)
    return out


def ngrams_of(
    words: Sequence[str], min_n: int, max_n: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The hashes of all n-grams of characters of each word, taken between ``<`` and ``>``.

    Parameters
    ----------
    words : sequence of str
    min_n, max_n : int
        The fewest and the most characters. ``<`` and ``>`` alone are none.

    Returns
    -------
    hashes : ndarray of uint32
    starts : ndarray of int64, shape (words + 1,)
        Those of word ``i`` are ``hashes[starts[i]:starts[i + 1]]``; an n-gram that comes twice is
        there twice.

    Examples
    --------
    >>> grams, starts = ngrams_of(["cat", "a"], 3, 4)  # <ca <cat cat cat> at>, <a>
    >>> starts.tolist(), bool((grams[[0, 2]] == hashes_of(["<ca", "cat"])).all())
    ([0, 5, 6], True)
    """
    data, starts = as_bytes([f"<{word}>" for word in words])
    few = plain_will_do(len(data) * max_n)
    run = spell if few else compiled(spell, mix, exact=True)
    ends = np.zeros(len(words) + 1, np.int64)
    run(data, starts, min_n, max_n, ends, np.empty(0, np.uint32))
    out = np.empty(ends[-1], np.uint32)
    run(data, starts, min_n, max_n, ends, out)
    return out, ends


def as_bytes(words: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Words as bytes of UTF-8, one after the other, and where each begins and ends.

    Half characters (lone surrogates) are written as UTF-8 would if it could.
    """
    parts = [word.encode("utf-8", "surrogatepass") for word in words]
    starts = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=starts[1:])
    return np.frombuffer(b"".join(parts), np.uint8), starts


# -- plain, to be compiled -----------------------------------------------------------------------


def mix(value: Any, byte: Any) -> Any:
    """The hash with one more byte, which Facebook's code takes as a signed number."""
    signed = np.uint64(byte) | (np.uint64(0xFFFFFF00) * np.uint64(byte >= 128))
    return ((value ^ signed) * np.uint64(_PRIME)) & np.uint64(_LOW)


def hash_all(data: Any, starts: Any, out: Any) -> None:
    """Write the hash of each word."""
    for w in range(out.size):
        value = np.uint64(_BASIS)
        for i in range(starts[w], starts[w + 1]):
            value = mix(value, data[i])
        out[w] = value


def spell(data: Any, starts: Any, min_n: Any, max_n: Any, ends: Any, out: Any) -> None:
    """Count the n-grams of each word in ``ends``, and write their hashes if ``out`` has room."""
    k = 0
    for w in range(starts.size - 1):
        last = starts[w + 1]
        for i in range(starts[w], last):
            if data[i] & 0xC0 == 0x80:  # inside a character
                continue
            value, j, n = np.uint64(_BASIS), i, 0
            while j < last and n < max_n:
                value = mix(value, data[j])
                j += 1
                while j < last and data[j] & 0xC0 == 0x80:
                    value = mix(value, data[j])
                    j += 1
                n += 1
                if n >= min_n and not (n == 1 and (i == starts[w] or j == last)):
                    if k < out.size:
                        out[k] = value
                    k += 1
        ends[w + 1] = k
