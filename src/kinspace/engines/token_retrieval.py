"""XTR: documents scored by those of their vectors alone that a search for vectors brought up.

What was not brought up is not looked at: a query's vector of which no neighbour lies in a document
takes the least score that it retrieved, which the missing one cannot exceed (Lee et al., 2023:
Rethinking the Role of Token Retrieval in Multi-Vector Retrieval, equations 4 and 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.late_interaction import Score
from kinspace.metric import top_k
from kinspace.multi import MultiVectors, blocks

Part = tuple[NDArray[np.int64], MultiVectors]
"""Some documents: their positions, and their vectors."""

Found = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Positions of documents, ascending, and their scores."""

_TOGETHER: Final = 128
"""Vectors of queries whose neighbours are looked for together."""


def imputed_sums(
    queries: MultiVectors,
    documents: Callable[[], Iterable[Part]],
    score: Score,
    retrieved: int,
) -> list[Found]:
    """Score the documents that have a vector among the nearest of a query's vectors.

    Parameters
    ----------
    queries : MultiVectors
    documents : callable
        Gives parts of what is searched, (positions, MultiVectors), as often as it is called.
    score : callable
        Between single vectors.
    retrieved : int
        How many vectors each vector of a query retrieves, of all documents together (the paper's
        k'). If these are all, the scores are those of MaxSim.

    Returns
    -------
    list of (positions, scores)
        For each query its candidates. The scores are sums over the query's vectors, as those of
        MaxSim; the paper divides them by how many there are.
    """
    found: list[Found] = []
    for first, last in blocks(queries, _TOGETHER):
        asked = queries[first:last]
        near, owners = _nearest(asked.values, documents(), score, retrieved)
        found += [
            _of_one(near[start:stop], owners[start:stop])
            for start, stop in zip(asked.starts[:-1], asked.starts[1:], strict=True)
        ]
    return found


def _nearest(
    vectors: NDArray[np.float32], documents: Iterable[Part], score: Score, retrieved: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The best scores of each vector, (t, retrieved), and the documents that they lie in."""
    near = np.empty((len(vectors), 0), np.float32)
    owners = np.empty((len(vectors), 0), np.int64)
    for positions, part in documents:
        owner = np.repeat(positions, part.lengths)
        places, values = top_k(score(vectors, part.values), retrieved)
        near, owners = np.hstack([near, values]), np.hstack([owners, owner[places]])
        kept, near = top_k(near, retrieved)
        owners = np.take_along_axis(owners, kept, 1)
    return near, owners


def _of_one(near: NDArray[np.float32], owners: NDArray[np.int64]) -> Found:
    """The candidates of one query, from what each of its vectors retrieved, (t, retrieved)."""
    positions, columns = np.unique(owners, return_inverse=True)
    if not len(positions):
        return positions, np.empty(0, np.float32)
    table = np.repeat(near.min(axis=1)[:, None], len(positions), axis=1)  # imputed
    rows = np.repeat(np.arange(len(near)), near.shape[1])
    np.maximum.at(table, (rows, columns.ravel()), near.ravel())
    return positions, table.sum(axis=0)
