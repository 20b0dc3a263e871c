"""Layer normalisation of sums, row by row, to bfloat16 (Ba et al. 2016, equation 4).

(x - mean) / √(variance + ε) · weight + bias, in float32, of a sum that is never rounded and never
written to memory. Plain Python, the oracle of the tests; :mod:`.normalisation_code` replaces the
small functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.bfloat16 import narrowed, widened


def normalise_sums(
    rows: NDArray[np.uint16],
    others: NDArray[np.uint16],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    epsilon: float,
    total: NDArray[np.float32],
) -> None:
    """Normalise the sum of each row and another, in place of the row.

    Parameters
    ----------
    rows, others : array of uint16, shape (n, width)
        As bfloat16; the width is a multiple of 16.
    weight, bias : array of float32, shape (1, width)
    epsilon : float
    total : array of float32, shape (1, width)
        To work in.
    """
    for i in range(len(rows)):
        add_two(rows, others, i, total)
        finish(total, weight, bias, epsilon, rows, i)


def normalise_embeddings(
    words: NDArray[np.float32],
    ids: NDArray[np.int64],
    positions: NDArray[np.float32],
    places: NDArray[np.int64],
    types: NDArray[np.float32],
    kinds: NDArray[np.int64],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    epsilon: float,
    total: NDArray[np.float32],
    out: NDArray[np.uint16],
) -> None:
    """Normalise the sums of three rows, one from each table, as bfloat16.

    Parameters
    ----------
    words, positions, types : array of float32, shapes (…, width)
    ids, places, kinds : array of int64, shape (n,)
        The rows of each.
    weight, bias, epsilon, total
        As for :func:`normalise_sums`.
    out : array of uint16, shape (n, width)
        Written to.
    """
    for i in range(len(ids)):
        add_three(words, ids[i], positions, places[i], types, kinds[i], total)
        finish(total, weight, bias, epsilon, out, i)


def add_two(rows: Any, others: Any, i: int, total: Any) -> None:
    """The sum of two rows of bfloat16."""
    total[0] = widened(rows[i]) + widened(others[i])


def add_three(words: Any, a: int, positions: Any, b: int, types: Any, c: int, total: Any) -> None:
    """The sum of three rows of float32."""
    total[0] = words[a] + positions[b] + types[c]


def finish(total: Any, weight: Any, bias: Any, epsilon: float, out: Any, i: int) -> None:
    """Normalise one row."""
    away = total[0] - total[0].mean()
    scale = 1 / np.sqrt((away * away).mean() + epsilon)
    out[i] = narrowed(away * scale * weight[0] + bias[0])
