"""One byte a number: each row scaled so that its largest number is 127."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quantise_rows(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round the rows of a table to int8.

    Parameters
    ----------
    table : array of float32, shape (rows, dim)

    Returns
    -------
    rounded : array of int8, shape (rows, dim)
        From -127 to 127; a row of zeros stays one.
    scales : array of float32, shape (rows,)
        ``rounded * scales[:, None]`` is within half a scale of the table.

    Examples
    --------
    >>> rounded, scales = quantise_rows(np.array([[0.5, -1.0]], np.float32))
    >>> rounded
    array([[  64, -127]], dtype=int8)
    """
    scales: NDArray[np.float32] = np.abs(table).max(axis=1, initial=0).astype(np.float32) / 127
    safe = np.where(scales == 0, 1, scales)
    return np.rint(table / safe[:, None]).astype(np.int8), scales
