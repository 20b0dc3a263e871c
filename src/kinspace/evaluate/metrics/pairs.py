"""How well scores tell pairs that belong together from those that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.evaluate.metrics.columns import counts, places

Floats = NDArray[np.float64]


def average_precision(scores: ArrayLike, labels: ArrayLike) -> Any:
    """The mean, over the true pairs, of the precision among all that score as high or higher.

    Pairs of equal score are found together, as in scikit-learn. Without a true pair it is 0.

    Parameters
    ----------
    scores : array_like, shape (n,) or (draws, n)
        Higher is more alike.
    labels : array_like of {0, 1}, same shape

    Returns
    -------
    float or ndarray of float64, shape (draws,)
        From 0 to 1.

    Examples
    --------
    >>> round(float(average_precision([0.9, 0.8, 0.7], [1, 0, 1])), 4)
    0.8333
    """
    true, hits, taken = _thresholds(scores, labels)
    precision = np.divide(hits, taken, out=np.zeros(hits.shape), where=taken > 0)
    return np.einsum("...i,...i->...", true, precision) / np.maximum(hits[..., 0], 1)


def best_f1(scores: ArrayLike, labels: ArrayLike) -> Any:
    """The F1 at the threshold that is best for it, in the manner of :func:`average_precision`.

    Examples
    --------
    >>> float(best_f1([0.9, 0.8, 0.7], [1, 0, 1]))
    0.8
    """
    return _f1(*_thresholds(scores, labels)[1:]).max(axis=-1)


def best_accuracy(scores: ArrayLike, labels: ArrayLike) -> Any:
    """The accuracy at the threshold that is best for it; to take no pair is one of them.

    Examples
    --------
    >>> float(best_accuracy([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 0]))
    1.0
    """
    _, hits, taken = _thresholds(scores, labels)
    return np.maximum(_accuracy(hits, taken).max(axis=-1), 1 - hits[..., 0] / taken[..., 0])


def best_f1_threshold(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """The best F1, and the threshold that gives it: pairs of at least that score are taken.

    The threshold lies halfway between the last score that is taken and the next lower one.

    Parameters
    ----------
    scores, labels : array_like, shape (n,)

    Examples
    --------
    >>> best, threshold = best_f1_threshold([0.9, 0.5, 0.3], [1, 1, 0])
    >>> best, round(threshold, 4)
    (1.0, 0.4)
    """
    _, hits, taken = _thresholds(np.unique(scores, return_inverse=True)[1], labels)
    return _best(_f1(hits, taken), np.unique(scores))


def best_accuracy_threshold(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """The best accuracy and its threshold, infinite where it is best to take no pair."""
    _, hits, taken = _thresholds(np.unique(scores, return_inverse=True)[1], labels)
    none = 1 - hits[0] / taken[0]
    found = _accuracy(hits, taken)
    if none > found.max():
        return float(none), float("inf")
    return _best(found, np.unique(scores))


def _thresholds(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """By score, lowest first: true pairs of that score; true pairs and pairs of at least that."""
    found, size = places(scores)
    true = np.asarray(labels) > 0
    table = counts(2 * found + true, 2 * size).reshape(*found.shape[:-1], size, 2)
    above = np.cumsum(table[..., ::-1, :], axis=-2, dtype=np.float64)[..., ::-1, :]
    return table[..., 1].astype(np.float64), above[..., 1], above.sum(axis=-1)


def _f1(hits: Floats, taken: Floats) -> Floats:
    most = taken + hits[..., :1]
    return np.divide(2 * hits, most, out=np.zeros(hits.shape), where=most > 0)


def _accuracy(hits: Floats, taken: Floats) -> Floats:
    wrong = (taken - hits) + (hits[..., :1] - hits)
    found: Floats = 1 - wrong / taken[..., :1]
    return found


def _best(found: Floats, scores: NDArray[Any]) -> tuple[float, float]:
    place = len(found) - 1 - int(found[::-1].argmax())  # of equal ones, the strictest
    return float(found[place]), float(scores[max(place - 1, 0) : place + 1].mean())
