"""In how many directions vectors really spread around a point."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import Metric


def intrinsic_dimension(scores: NDArray[np.float32], metric: Metric) -> float:
    """The dimension of data near its points, from how fast neighbours become more with distance.

    Levina and Bickel, "Maximum likelihood estimation of intrinsic dimension" (2004), the median
    of all queries.

    Parameters
    ----------
    scores : ndarray of float32, shape (n, k)
        Of the nearest neighbours of n queries, best first.
    metric : str

    Returns
    -------
    float
        Infinity where there is no telling: fewer than three neighbours, duplicates, or ``dot``.

    Examples
    --------
    >>> distances = np.sqrt(np.arange(1, 101) / 100)  # a disc: twice as far, four times as many
    >>> round(intrinsic_dimension(-distances[None].astype(np.float32), "euclidean"), 1)
    2.0
    """
    if metric == "dot" or scores.shape[1] < 3:
        return math.inf
    distances = -scores.astype(np.float64)
    if metric == "cosine":
        distances = np.sqrt(np.maximum(0, 2 + 2 * distances))
    last = distances[:, -1:]
    usable = (distances > 0).all(axis=1) & np.isfinite(last[:, 0])
    if not usable.any():
        return math.inf
    logs = np.log(last[usable] / distances[usable, :-1]).mean(axis=1)
    middle = float(np.median(logs))
    return 1 / middle if middle > 0 else math.inf
