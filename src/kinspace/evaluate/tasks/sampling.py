"""Which examples an experiment learns from, drawn as MTEB draws them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def class_codes(*labels: Sequence[str]) -> tuple[list[str], list[NDArray[np.int64]]]:
    """The classes in order, and each list of labels as positions among them.

    Whole numbers are ordered as numbers, other labels as texts: what scikit-learn does to labels
    of either type, on which the last digits of a classifier depend.

    Examples
    --------
    >>> names, (codes,) = class_codes(["10", "9", "10"])
    >>> names, codes.tolist()
    (['9', '10'], [1, 0, 1])
    """
    found = {label for some in labels for label in some}
    names = sorted(found, key=int) if all(map(_is_whole, found)) else sorted(found)
    places = {name: place for place, name in enumerate(names)}
    return names, [np.array([places[label] for label in some], np.int64) for some in labels]


def shuffles(n: int, times: int, seed: int) -> list[NDArray[np.int64]]:
    """Orders of ``n`` examples, one an experiment.

    MTEB shuffles one list again and again with generators of one seed, so that every order is
    the one before it under the same permutation.
    """
    step = np.arange(n)
    np.random.RandomState(seed).shuffle(step)
    orders = [step]
    while len(orders) < times:
        orders.append(orders[-1][step])
    return orders


def first_of_each(order: NDArray[np.int64], codes: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """The first ``k`` examples of each class in an order, in that order; fewer where there are.

    Examples
    --------
    >>> first_of_each(np.array([3, 1, 0, 2]), np.array([0, 0, 0, 1]), 1)
    array([3, 1])
    """
    classes = codes[order]
    grouped = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[grouped], classes[grouped])
    kept = np.sort(grouped[np.arange(len(order)) - starts < k])
    return order[kept]


def _is_whole(label: str) -> bool:
    return label.isdecimal() and str(int(label)) == label
