"""Where to put a few levels so that numbers lie near one: Lloyd's rule, for each dimension."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_ROUNDS: Final = 30


def lloyd(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Levels of least squared error, each dimension's own (Lloyd 1982; Max 1960).

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim)
    count : int

    Returns
    -------
    ndarray of float32, shape (dim, count), ascending
    """
    ordered = np.sort(rows.T, axis=1)
    shares = (np.arange(count) + 0.5) / count
    return np.stack([_of_one(column.astype(np.float64), shares) for column in ordered])


def _of_one(column: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float32]:
    """The levels of one dimension, of which the numbers are in order."""
    # Between even shares and even steps: sharper in the middle, and the ends are not lost.
    even = column[0] + shares * (column[-1] - column[0])
    levels = (np.quantile(column, shares) + even) / 2
    summed = np.concatenate([[0.0], np.cumsum(column)])
    for _ in range(_ROUNDS):
        cuts = np.searchsorted(column, (levels[1:] + levels[:-1]) / 2)
        ends = np.concatenate([[0], cuts, [len(column)]])
        counts = np.diff(ends)
        means = np.diff(summed[ends]) / np.maximum(counts, 1)
        moved = np.where(counts > 0, means, levels)
        if np.array_equal(moved, levels):
            break
        levels = np.sort(moved)
    return np.asarray(levels, np.float32)
