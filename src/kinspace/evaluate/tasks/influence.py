"""A figure that is no mean, as the mean of one value an item.

Macro F1, V-measure and the adjusted Rand index are computed from a table of counts, average
precision from a ranking; where such a figure is moreover averaged over several experiments, there
are no columns that could be resampled by item. But each item's influence on it can be had: how the
figure moves when that item counts a little more (the infinitesimal jackknife of Jaeckel 1972;
Efron 1982, chapter 6). The figure plus the influence of each item is a column whose mean is the
figure itself, and whose bootstrap gives an interval over items, and paired tests, as usual.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Figure = Callable[[Floats], tuple[float, Floats]]
"""From counts, shape (classes, assigned), to a figure and its gradient of the same shape."""


def spread(value: float, influence: Floats) -> Floats:
    """One value an item, whose mean is ``value``.

    Parameters
    ----------
    value : float
    influence : ndarray of float64, shape (n,)
        The derivative of the figure by each item's weight, where all weights are 1.

    Examples
    --------
    >>> spread(0.5, np.array([0.1, -0.1]))
    array([0.7, 0.3])
    """
    found: Floats = value + len(influence) * (influence - influence.mean())
    return found


def summed(influence: Floats, owners: NDArray[np.int64], n: int) -> Floats:
    """The influence of each of ``n`` items, from that of its parts, shape (n,)."""
    return np.bincount(owners, influence, n).astype(np.float64)


def contingency(
    gold: NDArray[np.int64], assigned: NDArray[np.int64], shape: tuple[int, int]
) -> Floats:
    """How many items of each class were assigned to each cluster (or class)."""
    cells = np.bincount(gold * shape[1] + assigned, minlength=shape[0] * shape[1])
    return cells.reshape(shape).astype(np.float64)


def macro_f1(table: Floats) -> tuple[float, Floats]:
    """The F1 of each class, averaged over the classes that are true or assigned.

    Parameters
    ----------
    table : ndarray of float64, shape (k, k)
        Rows are true classes, columns assigned ones.
    """
    hits, given = np.diag(table), table.sum(0) + table.sum(1)
    seen = given > 0
    size = np.where(seen, given, 1.0)
    # F1 = 2 hits / given; an item of cell (i, j) is given to i and to j.
    each = -2 * hits / size**2
    gradient = each[:, None] + each[None, :] + np.diag(2 / size)
    return float((2 * hits / size)[seen].mean()), gradient / seen.sum()


def v_measure(table: Floats) -> tuple[float, Floats]:
    """Mutual information over the mean of the entropies of classes and clusters."""
    total = table.sum()
    joint, rows, columns = (_entropy(part / total) for part in (table, table.sum(1), table.sum(0)))
    whole = rows[0] + columns[0]
    if whole <= 0:
        return 1.0, np.zeros_like(table)
    shared = rows[0] + columns[0] - joint[0]
    sides = rows[1][:, None] + columns[1][None, :]
    # d(2I/W) = (2 dI - V dW) / W, where dI = dW - d(joint entropy).
    value = 2 * shared / whole
    gradient = (2 * (sides - joint[1]) - value * sides) / whole / total
    return float(value), gradient


def adjusted_rand(table: Floats) -> tuple[float, Floats]:
    """The Rand index, adjusted for chance."""
    total, rows, columns = table.sum(), table.sum(1), table.sum(0)
    together, a, b = (float((part * (part - 1)).sum() / 2) for part in (table, rows, columns))
    pairs = max(total * (total - 1) / 2, 1.0)
    chance, most = a * b / pairs, (a + b) / 2
    if most == chance:
        return 1.0, np.zeros_like(table)
    value = (together - chance) / (most - chance)
    d_together = table - 0.5
    d_a, d_b = (rows - 0.5)[:, None], (columns - 0.5)[None, :]
    d_chance = (d_a * b + a * d_b) / pairs - a * b / pairs**2 * (total - 0.5)
    d_most = (d_a + d_b) / 2
    gradient = (d_together - d_chance - value * (d_most - d_chance)) / (most - chance)
    return float(value), gradient


def average_precision(scores: Floats, labels: NDArray[np.int64]) -> tuple[float, Floats]:
    """Average precision of scored pairs, and how each pair's weight moves it.

    Pairs of equal score count as found together, as in scikit-learn. Pairs of the score minus
    infinity were never found: they are right at no rank.

    Returns
    -------
    value : float
        0 where no pair is true.
    gradient : ndarray of float64, shape (n,)
    """
    n = len(scores)
    order = np.argsort(-scores, kind="stable")
    ordered, true = scores[order], labels[order].astype(np.float64)
    total = true.sum()
    if total == 0:
        return 0.0, np.zeros(n)
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), n - 1)
    group = np.searchsorted(ends, np.arange(n))
    taken = (ends + 1).astype(np.float64)
    precision = np.where(np.isfinite(ordered[ends]), true.cumsum()[ends] / taken, 0.0)
    hits = np.bincount(group, true)
    value = float((hits * precision).sum() / total)
    # A pair counts in the precision of its own group and of all below it.
    share = np.where(precision > 0, hits / taken, 0.0)
    below_taken = share[::-1].cumsum()[::-1]
    below_precision = (share * precision)[::-1].cumsum()[::-1]
    moved = true * (precision[group] - value + below_taken[group]) - below_precision[group]
    gradient = np.empty(n)
    gradient[order] = moved / total
    return value, gradient


def best_f1(scores: Floats, labels: NDArray[np.int64]) -> tuple[float, Floats]:
    """The best F1 of any threshold, and how each pair's weight moves it.

    The threshold stays where it is: at its best, moving it a little changes nothing. Pairs of the
    score minus infinity are never taken.
    """
    true = labels.astype(np.float64)
    taken = scores >= best_threshold(scores, labels)
    given = taken.sum() + true.sum()
    value = float(2 * (taken * true).sum() / given)
    return value, (2 * taken * true - value * (taken + true)) / given


def best_threshold(scores: Floats, labels: NDArray[np.int64]) -> float:
    """The lowest score that is taken where the F1 is best."""
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], labels[order].cumsum()
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(scores) - 1)
    ends = ends[np.isfinite(ordered[ends])]
    return float(ordered[ends[np.argmax(hits[ends] / (ends + 1 + hits[-1]))]])


def _entropy(share: Floats) -> tuple[float, Floats]:
    """The entropy in nats, and its derivative by a cell's count times the total, cell by cell."""
    logs = np.log(share, out=np.zeros(share.shape), where=share > 0)
    value = float(-(share * logs).sum())
    return value, -logs - value
