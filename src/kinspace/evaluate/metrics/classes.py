"""How well classes were told apart: accuracy and macro F1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kinspace.evaluate.metrics.columns import counts, names


def mean(values: ArrayLike) -> Any:
    """The mean along the last axis; of 1 for right and 0 for wrong, it is the accuracy.

    Examples
    --------
    >>> float(mean([1, 0, 1, 1]))
    0.75
    """
    return np.asarray(values, np.float64).mean(axis=-1)


def accuracy(assigned: ArrayLike, gold: ArrayLike) -> Any:
    """The share of items that were assigned their own class.

    Examples
    --------
    >>> float(accuracy([1, 2, 2, 1], [1, 2, 1, 1]))
    0.75
    """
    return mean(np.asarray(assigned) == np.asarray(gold))


def f1(assigned: ArrayLike, gold: ArrayLike) -> Any:
    """The harmonic mean of precision and recall of the class 1; 0 where there is none of it.

    Parameters
    ----------
    assigned, gold : array_like of {0, 1}, shape (n,) or (draws, n)

    Examples
    --------
    >>> float(f1([1, 1, 0, 0], [1, 0, 1, 0]))
    0.5
    """
    left, right = np.asarray(assigned) > 0, np.asarray(gold) > 0
    given = left.sum(axis=-1) + right.sum(axis=-1)
    hits = (left & right).sum(axis=-1)
    return np.divide(2.0 * hits, given, out=np.zeros(given.shape), where=given > 0)


def f1_macro(assigned: ArrayLike, gold: ArrayLike) -> Any:
    """The F1 of each class, averaged over the classes that were assigned or are true.

    Parameters
    ----------
    assigned, gold : array_like of int, shape (n,) or (draws, n)
        A class has the same number on both sides.

    Returns
    -------
    float or ndarray of float64, shape (draws,)
        From 0 to 1.

    Examples
    --------
    >>> round(float(f1_macro([0, 0, 1, 1], [0, 1, 1, 1])), 4)
    0.7333
    """
    (left, right), classes = names(np.stack([np.asarray(assigned), np.asarray(gold)]))
    hits = counts(np.where(left == right, left, classes), classes + 1)[..., :classes]
    given = counts(left, classes) + counts(right, classes)
    scores = np.divide(2.0 * hits, given, out=np.zeros(given.shape), where=given > 0)
    return scores.sum(axis=-1) / (given > 0).sum(axis=-1)
