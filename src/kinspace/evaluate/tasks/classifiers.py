"""Two ways of telling a text's class from its vector: logistic regression, nearest neighbours."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from kinspace.evaluate.tasks.neighbours import nearest
from kinspace.metric import Metric

MAX_ITER = 100
"""As in MTEB; unit vectors converge in far fewer."""


@contextmanager
def quiet() -> Iterator[None]:
    """Without scikit-learn's warnings for a while; around threads, since filters are not theirs."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said by what `logistic` returns
        # Its advice on classes of few examples is meant for regressions taken for classes.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        yield


def logistic(
    train: NDArray[np.float32],
    labels: NDArray[np.int64],
    test: NDArray[np.float32],
    *,
    seed: int,
) -> tuple[NDArray[np.int64], bool]:
    """Classes of test rows by scikit-learn's logistic regression, as MTEB calls it.

    Parameters
    ----------
    train : ndarray of float32, shape (n, dim)
    labels : ndarray of int64, shape (n,)
    test : ndarray of float32, shape (m, dim)
    seed : int

    Returns
    -------
    predicted : ndarray of int64, shape (m,)
    converged : bool
        Whether it took fewer than :data:`MAX_ITER` steps.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=MAX_ITER, random_state=seed).fit(train, labels)
    return model.predict(test), int(np.max(model.n_iter_)) < MAX_ITER


def nearest_label(
    train: NDArray[np.float32],
    labels: NDArray[np.int64],
    test: NDArray[np.float32],
    *,
    k: int,
    metric: Metric,
) -> NDArray[np.int64]:
    """The class that most of the ``k`` nearest training rows have.

    Of classes with equally many, the one whose nearest row is nearest.
    """
    rows, _ = nearest(test, train, k, metric)
    votes = labels[rows]
    counts = (votes[:, :, None] == votes[:, None, :]).sum(2)
    best = np.argmax(counts, axis=1)  # the first of the most frequent: neighbours are in order
    return np.take_along_axis(votes, best[:, None], 1)[:, 0]
