"""Cross-domain similarity local scaling: cosines less how crowded it is around both sides.

Conneau et al. 2017, Word Translation Without Parallel Data, equation 2:
``CSLS(x, y) = 2 cos(x, y) - r(x) - r(y)``, where ``r`` is the mean cosine of a vector with its
nearest neighbours on the other side. Vectors that are near to everything (hubs) step back.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import top_k

_BLOCK = 1 << 23
"""Cosines held at once (32 MiB)."""


def density(
    vectors: NDArray[np.float32], others: NDArray[np.float32], neighbours: int
) -> NDArray[np.float32]:
    """The mean cosine of each vector with its nearest of the other side.

    Parameters
    ----------
    vectors, others : ndarray of float32, shapes (n, dim) and (m, dim)
        Of length 1.
    neighbours : int
        How many of the nearest; 10 in the paper. More than ``m`` takes all.

    Returns
    -------
    ndarray of float32, shape (n,)
    """
    count = min(neighbours, len(others))
    found = np.empty(len(vectors), np.float32)
    for start, block in cosines(vectors, others):
        nearest = np.partition(block, len(others) - count, axis=1)[:, len(others) - count :]
        found[start : start + len(block)] = nearest.mean(axis=1)
    return found


def nearest(
    sources: NDArray[np.float32],
    targets: NDArray[np.float32],
    k: int,
    *,
    around_sources: NDArray[np.float32] | None = None,
    around_targets: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` targets that score highest for each source, by CSLS or by cosine.

    Parameters
    ----------
    sources, targets : ndarray of float32, shapes (n, dim) and (m, dim)
        Of length 1.
    k : int
        More than ``m`` gives all.
    around_sources, around_targets : ndarray of float32, shapes (n,) and (m,), optional
        Densities; without both, scores are cosines.

    Returns
    -------
    rows : ndarray of int64, shape (n, k)
    scores : ndarray of float32, shape (n, k)

    Examples
    --------
    >>> here = np.eye(2, dtype=np.float32)
    >>> nearest(here, here[::-1], 1)[0].tolist()
    [[1], [0]]
    """
    k = min(k, len(targets))
    rows = np.empty((len(sources), k), np.int64)
    values = np.empty((len(sources), k), np.float32)
    for start, block in cosines(sources, targets):
        stop, line = start + len(block), block
        if around_sources is not None and around_targets is not None:
            line = 2 * block - around_targets - around_sources[start:stop, None]
        if k == 1:
            rows[start:stop, 0] = line.argmax(axis=1)
            values[start:stop] = np.take_along_axis(line, rows[start:stop], 1)
        else:
            rows[start:stop], values[start:stop] = top_k(line, k)
    return rows, values


def cosines(
    vectors: NDArray[np.float32], others: NDArray[np.float32]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Where each block of rows starts, and its cosines with all others."""
    step = max(1, _BLOCK // max(1, len(others)))
    for start in range(0, len(vectors), step):
        yield start, vectors[start : start + step] @ others.T
