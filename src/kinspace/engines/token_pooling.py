"""Token pooling: the vectors of a text joined where they are alike, so that indexes are smaller."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import normalise
from kinspace.multi import MultiVectors


def pooled(items: MultiVectors, factor: float, *, first: int = 1) -> MultiVectors:
    """Leave about one vector in ``factor`` of each item.

    The vectors of an item are clustered by Ward's method on their cosine distances, and each
    cluster becomes its mean, of length 1 (Clavié, Chaffin and Adams, 2024: Reducing the Footprint
    of Multi-Vector Retrieval with Minimal Performance Impact via Token Pooling). At 2 their
    retrieval loses next to nothing; it takes the square of an item's vectors in time and memory.

    Parameters
    ----------
    items : MultiVectors
        Of length 1, as late interaction has them.
    factor : float
        At least 1.
    first : int
        So many vectors at the beginning stay as they are: that of ``[CLS]``, which stands for the
        whole text.

    Examples
    --------
    >>> items = MultiVectors.of([[[0, 1], [1, 0], [0.6, 0.8], [0.8, 0.6], [1, 0]]])
    >>> pooled(items, 2).lengths.tolist()  # the first, and two clusters of the others
    [3]
    """
    return MultiVectors.of([_pooled(item, factor, first) for item in items], items.shape[1])


def _pooled(vectors: NDArray[np.float32], factor: float, first: int) -> NDArray[np.float32]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    kept, rest = vectors[:first], vectors[first:]
    count = max(int(len(rest) // factor), 1)
    if count >= len(rest):
        return normalise(vectors)
    distances = np.clip(1 - rest @ rest.T, 0, 2)
    labels = fcluster(linkage(squareform(distances, checks=False), "ward"), count, "maxclust")
    _, cluster = np.unique(labels, return_inverse=True)
    sums = np.zeros((cluster.max() + 1, rest.shape[1]), np.float32)
    np.add.at(sums, cluster, rest)  # of length 1 afterwards, so that it need not be divided
    return normalise(np.concatenate([kept, sums]))
