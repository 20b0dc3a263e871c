"""Texts that a service refuses as too long, without its tokenizer: sizes to try, and cutting.

Tokens are not known here, but a token is a byte or more: a text of no more bytes than the model
takes tokens is never too long. Above that the service decides; what it refuses costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import normalise

UNKNOWN = 512
"""Bytes that any model is expected to take as a whole."""

_MOST = 8
"""Bytes of a token of the most repetitive text that is tried."""

_PICTURE = 1 << 12
"""About what a picture costs, in bytes of text."""


def size_of(item: Any) -> int:
    """Bytes of a text in UTF-8; of a picture, about what it costs."""
    if not isinstance(item, str):
        return _PICTURE
    return len(item) if item.isascii() else len(item.encode("utf-8", "replace"))


def sizes(size: int, longest: int) -> Iterator[int]:
    """Bytes to try for a text that was refused, each three quarters of the one before.

    Examples
    --------
    >>> list(sizes(50_000, 8192))
    [37500, 28125, 21093, 15819, 11864, 8898, 8192]
    """
    size = min(size * 3 // 4, _MOST * longest)
    while size > longest:
        yield size
        size = size * 3 // 4
    yield longest


def beginning(text: str, size: int) -> str:
    """The first ``size`` bytes of a text, without half a character at the end.

    Examples
    --------
    >>> beginning("naïve", 3)
    'na'
    """
    return text[:size].encode()[:size].decode("utf-8", "ignore")


def pieces(text: str, size: int) -> list[str]:
    """A text in pieces of at most ``size`` bytes, about equally long, cut at blanks if possible.

    Examples
    --------
    >>> pieces("one two three four", 12)
    ['one two', 'three four']
    """
    found = []
    at, left = 0, len(text.encode())
    while left > size:
        even = -(-left // -(-left // size))
        piece = beginning(text[at : at + even], even)
        blank = piece.rfind(" ", len(piece) // 2)
        if blank > 0:
            piece = piece[:blank]
        found.append(piece)
        at += len(piece)
        left -= len(piece.encode())
    return [piece for piece in (part.strip() for part in [*found, text[at:]]) if piece]


def mean(rows: NDArray[np.float32], sizes: NDArray[np.int64]) -> NDArray[np.float32]:
    """The mean of the pieces' unit vectors, weighted by their sizes, of length 1.

    Examples
    --------
    >>> mean(np.array([[2, 0], [0, 1]], np.float32), np.array([30, 40])).round(3).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    weighted = (normalise(rows) * sizes[:, None]).sum(axis=0, keepdims=True)
    whole: NDArray[np.float32] = normalise(weighted.astype(np.float32))[0]
    return whole
