"""How well two columns of numbers go together: Pearson's and Spearman's correlation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.evaluate.metrics.columns import counts, places


def pearson(predicted: ArrayLike, gold: ArrayLike) -> Any:
    """Pearson's correlation.

    A column in which all values are equal goes with nothing. Where scipy gives NaN, this gives 0:
    a system that scores all pairs alike has said nothing about them.

    Parameters
    ----------
    predicted, gold : array_like, shape (n,) or (draws, n)

    Returns
    -------
    float or ndarray of float64, shape (draws,)
        From -1 to 1.

    Examples
    --------
    >>> round(float(pearson([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])), 4)
    0.982
    """
    left, right = _centred(predicted), _centred(gold)
    both = np.einsum("...i,...i->...", left, right)
    size = np.sqrt(np.einsum("...i,...i->...", left, left)) * np.sqrt(
        np.einsum("...i,...i->...", right, right)
    )
    return np.clip(np.divide(both, size, out=np.zeros_like(size), where=size > 0), -1.0, 1.0)


def spearman(predicted: ArrayLike, gold: ArrayLike) -> Any:
    """Spearman's correlation: Pearson's of the ranks, where ties share their average rank.

    Parameters and what is returned are those of :func:`pearson`.

    Examples
    --------
    >>> round(float(spearman([0.1, 0.2, 9.0], [1.0, 2.0, 3.0])), 4)
    1.0
    """
    return pearson(average_ranks(predicted), average_ranks(gold))


def average_ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks from 1 along the last axis; equal values share the average of theirs.

    Examples
    --------
    >>> average_ranks([10, 30, 20, 20])
    array([1. , 4. , 2.5, 2.5])
    """
    found, size = places(values)
    equal = counts(found, size)
    ranks = np.cumsum(equal, axis=-1) - (equal - 1) / 2
    return np.take_along_axis(ranks, found, axis=-1)


def _centred(values: ArrayLike) -> NDArray[np.float64]:
    """Less the mean; exactly 0 where all are equal, which rounding would otherwise hide."""
    given = np.asarray(values, np.float64)
    equal = (given == given[..., :1]).all(axis=-1, keepdims=True)
    return np.where(equal, 0.0, given - given.mean(axis=-1, keepdims=True))
