"""How well clusters follow classes: V-measure, normalised mutual information, adjusted Rand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.evaluate.metrics.columns import counts, names

Counts = NDArray[np.int64]


def v_measure(assigned: ArrayLike, gold: ArrayLike) -> Any:
    """The harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg 2007).

    Homogeneity: a cluster holds one class only. Completeness: a class lies in one cluster only.

    Parameters
    ----------
    assigned, gold : array_like of int, shape (n,) or (draws, n)
        Clusters and classes; the numbers themselves mean nothing.

    Returns
    -------
    float or ndarray of float64, shape (draws,)
        From 0 to 1.

    Examples
    --------
    >>> round(float(v_measure([0, 0, 1, 2], [0, 0, 1, 1])), 4)
    0.8
    """
    cells, clusters, classes, n = _contingency(assigned, gold)
    apart = _entropy(clusters, n) + _entropy(classes, n)
    shared = apart - _entropy(cells, n)
    found = np.divide(2.0 * shared, apart, out=np.ones_like(apart), where=apart > 0)
    return np.clip(found, 0.0, 1.0)


def nmi(assigned: ArrayLike, gold: ArrayLike) -> Any:
    """Mutual information over the mean of the two entropies.

    The same figure as :func:`v_measure` under its other name (Becker 2011).
    """
    return v_measure(assigned, gold)


def ari(assigned: ArrayLike, gold: ArrayLike) -> Any:
    """The share of pairs on which both agree, adjusted for chance (Hubert and Arabie 1985).

    Parameters are those of :func:`v_measure`.

    Returns
    -------
    float or ndarray of float64, shape (draws,)
        1 for the same partition, about 0 for an unrelated one, never under -0.5.

    Examples
    --------
    >>> round(float(ari([0, 0, 1, 2], [0, 0, 1, 1])), 4)
    0.5714
    """
    cells, clusters, classes, n = _contingency(assigned, gold)
    together, in_clusters, in_classes = _pairs(cells), _pairs(clusters), _pairs(classes)
    chance = in_clusters * in_classes / max(n * (n - 1) / 2, 1.0)
    room = (in_clusters + in_classes) / 2 - chance
    return np.divide(together - chance, room, out=np.ones_like(room), where=room > 0)


def _contingency(assigned: ArrayLike, gold: ArrayLike) -> tuple[Counts, Counts, Counts, int]:
    """How often clusters meet classes (only where they do), each by itself, and n."""
    left, clusters = names(assigned)
    right, classes = names(gold)
    cells, filled = _filled(left * classes + right, clusters * classes)
    return counts(cells, filled), counts(left, clusters), counts(right, classes), left.shape[-1]


def _filled(cells: NDArray[np.intp], size: int) -> tuple[NDArray[np.intp], int]:
    """Cells renumbered so that empty ones take no place."""
    if size > 4 * cells.size + 16:
        return names(cells)
    seen = np.zeros(size, bool)
    seen[cells] = True
    return (np.cumsum(seen) - 1)[cells], int(seen.sum())


def _entropy(table: Counts, n: int) -> Any:
    """In nats, shape (…, cells) → (…,)."""
    share = table / n
    logs = np.log(share, out=np.zeros(share.shape), where=share > 0)
    return -np.einsum("...i,...i->...", share, logs)


def _pairs(table: Counts) -> Any:
    """How many pairs of items lie in one cell together."""
    return (table * (table - 1.0) / 2).sum(axis=-1)
