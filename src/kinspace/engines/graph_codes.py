"""Codes for :mod:`.graph`: rows in 8 bits each number, with what is needed to score them.

A row is kept as ``mean + scale · code``, with a scale of its own, as in LVQ (Aguerrebere et al.,
"Similarity search in the blink of an eye with compressed indices", 2023).
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.graph import OFFSET, SCALE

LINE: Final = 64
"""Codes begin and end where a line of the machine's memory does."""
_LARGEST: Final = 127


def code_width(dim: int) -> int:
    """Bytes of a row's code."""
    return -(-dim // LINE) * LINE


def empty_codes(rows: int, width: int) -> NDArray[np.int8]:
    """Room for codes, zeros, that begins with a line of memory."""
    room = np.zeros(rows * width + LINE, np.int8)
    start = -room.ctypes.data % LINE
    return room[start : start + rows * width].reshape(rows, width)


def encode(rows: Any, mean: Any, by_distance: int, codes: Any, sides: Any) -> None:
    """Write the codes, scales and offsets of rows, in whose scores the order is the metric's.

    That is ``⟨q, x⟩`` or ``-|q - x|²/2``, without what depends on ``q`` alone.

    Parameters
    ----------
    rows : array of float32, shape (n, dim)
    mean : array of float32, shape (dim,)
    by_distance : int
    codes : array of int8, shape (n, dim or more)
    sides : array of float32, shape (n, 2)
    """
    dim = rows.shape[1]
    for row in range(len(rows)):
        largest, product, squares = np.float32(0), np.float32(0), np.float32(0)
        for j in range(dim):
            largest = max(largest, abs(rows[row, j] - mean[j]))
            product += rows[row, j] * mean[j]
        scale = largest / np.float32(_LARGEST)
        one = np.float32(1) / scale if scale > 0 else np.float32(0)
        for j in range(dim):
            code = np.rint((rows[row, j] - mean[j]) * one)
            codes[row, j] = np.int8(code)
            squares += code * code
        sides[row, SCALE] = scale
        # The length of the code, not of the row: what rounding does to both sides cancels.
        sides[row, OFFSET] = np.float32(-0.5) * scale * scale * squares if by_distance else product


@cache
def encoder() -> Any:
    """:func:`encode`, compiled."""
    from kinspace.engines.compiled import compiled

    return compiled(encode)
