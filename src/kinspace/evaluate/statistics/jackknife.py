"""The jackknife: what each item contributes to a statistic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics import MEANS
from kinspace.evaluate.metrics.columns import names
from kinspace.evaluate.metrics.pairs import best_accuracy_threshold, best_f1_threshold

BATCH = 50_000  # numbers that are worked on at a time: they stay in the processor's cache
LEFT_OUT = 2_000  # by default, at most so many parts of a sample are left out, one after the other,
ELEMENTS = 10_000_000  # and fewer where that would be too many numbers, but at least 100


def pseudo_values(sample: Sample, most: int = LEFT_OUT) -> NDArray[np.float64]:
    """What each item contributes to a statistic: its pseudo-value (Tukey 1958).

    That is n times the statistic, less n - 1 times the statistic without the item. The
    pseudo-values of a mean are its values. Those of any other smooth statistic behave like values
    of which it is the mean: their spread tells how sure it is, and two systems can be compared
    item by item.

    A figure at its best threshold is taken at that threshold, whichever item is left out: else
    most items would contribute nothing, and a few that move the threshold everything.

    Where more than ``most`` items differ, they are left out in groups, and there is one value for
    each group.

    Parameters
    ----------
    sample : Sample
    most : int
        How many groups there may be.

    Returns
    -------
    ndarray of float64, shape (n,) or (groups,)
        The item ``i`` belongs to the group ``i % groups``, so that a group has items from
        everywhere: neighbours are often of one kind.

    Examples
    --------
    >>> sample = Sample("pearson", {"predicted": np.array([1.0, 2.0, 3.0, 3.0]),
    ...                             "gold": np.array([1.0, 2.0, 3.0, 0.0])})
    >>> pseudo_values(sample).round(2)
    array([ 1.11, -0.03,  2.04, -2.46])
    """
    sample = _at_its_threshold(sample)
    if sample.statistic in MEANS:
        return np.asarray(sample.columns["values"], np.float64)
    kinds = np.zeros(len(sample), np.intp)
    for column in sample.columns.values():
        numbers, size = names(column)
        kinds = names(kinds * size + numbers)[0]
    _, first, kind = np.unique(kinds, return_index=True, return_inverse=True)
    most = min(most, max(100, ELEMENTS // len(sample)))
    if len(first) <= most:
        return leave_one_out(sample, first)[kind]
    size = -(-len(sample) // most)
    return _leave_groups_out(sample, -(-len(sample) // size))


def leave_one_out(sample: Sample, items: NDArray[np.intp]) -> NDArray[np.float64]:
    """The pseudo-values of the given items."""
    sample = _at_its_threshold(sample)
    if sample.statistic in MEANS:
        return np.asarray(sample.columns["values"], np.float64)[items]
    n, whole = len(sample), sample.value()
    if n == 1:
        return np.full(len(items), whole)
    found = np.empty(len(items))
    for part in _batches(0, len(items), n):
        places = np.arange(n - 1)
        found[part] = sample.resampled(places + (places >= items[part, None]))
    return n * whole - (n - 1) * found


def _at_its_threshold(sample: Sample) -> Sample:
    """What a figure at the best threshold is there; any other as it is."""
    if sample.statistic not in ("best_f1", "best_accuracy"):
        return sample
    scores, labels = sample.columns["scores"], sample.columns["labels"]
    best = best_f1_threshold if sample.statistic == "best_f1" else best_accuracy_threshold
    taken = (scores >= best(scores, labels)[1]).astype(np.int64)
    if sample.statistic == "best_f1":
        return Sample("f1", {"assigned": taken, "gold": labels})
    return Sample("mean", {"values": (taken == labels).astype(np.float64)})


def _leave_groups_out(sample: Sample, groups: int) -> NDArray[np.float64]:
    n, whole = len(sample), sample.value()
    found = np.empty(groups)
    larger = n % groups  # so many groups have one item more than the others
    for first, last in ((0, larger), (larger, groups)):
        for part in _batches(first, last, n):
            kept = np.arange(n) % groups != part[:, None]
            rows = np.nonzero(kept)[1].reshape(len(part), -1)
            left = rows.shape[1]
            found[part] = whole + left / (n - left) * (whole - sample.resampled(rows))
    return found


def _batches(first: int, last: int, n: int) -> Iterator[NDArray[np.intp]]:
    step = max(1, BATCH // n)
    for start in range(first, last, step):
        yield np.arange(start, min(last, start + step))
