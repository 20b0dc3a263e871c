"""Columns of numbers as places, and how often each place occurs: what counting needs.

All work along the last axis, so that (draws, n) is as good as (n,).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def places(values: ArrayLike) -> tuple[NDArray[np.intp], int]:
    """Each value's place among the different values of its row, from 0, smallest first.

    Small non-negative integers are taken for places as they are, whether or not each occurs: so
    columns can be prepared once and drawn from often without being sorted again.

    Returns
    -------
    (ndarray of intp of the given shape, int)
        The places, and a number that is above all of them.

    Examples
    --------
    >>> places([0.5, -1.0, 0.5])
    (array([1, 0, 1]), 2)
    """
    given = np.asarray(values)
    if given.dtype.kind in "iu":
        size = int(given.max()) + 1
        if given.min() >= 0 and size <= 4 * given.shape[-1] + 16:
            return given.astype(np.intp, copy=False), size
    order = np.argsort(given, axis=-1)
    ordered = np.take_along_axis(given, order, axis=-1)
    steps = np.zeros(given.shape, np.intp)
    np.cumsum(ordered[..., 1:] != ordered[..., :-1], axis=-1, out=steps[..., 1:])
    found = np.empty(given.shape, np.intp)
    np.put_along_axis(found, order, steps, axis=-1)
    return found, int(steps[..., -1].max()) + 1


def names(values: ArrayLike) -> tuple[NDArray[np.intp], int]:
    """Numbers from 0 for the values of an array: equal ones wherever the values are equal."""
    given = np.asarray(values)
    found, numbers = places(given.reshape(-1))
    return found.reshape(given.shape), numbers


def counts(numbered: NDArray[np.intp], size: int) -> NDArray[np.int64]:
    """How often each number below ``size`` occurs in a row, shape (…, n) → (…, size).

    Examples
    --------
    >>> counts(np.array([[0, 2, 2], [1, 1, 1]]), 3)
    array([[1, 0, 2],
           [0, 3, 0]])
    """
    rows = numbered.reshape(-1, numbered.shape[-1])
    shifted = rows + size * np.arange(len(rows))[:, None]
    found = np.bincount(shifted.ravel(), minlength=size * len(rows))
    return found.reshape(*numbered.shape[:-1], size)
