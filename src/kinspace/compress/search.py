"""The nearest of compressed vectors, and of those the nearest by the original ones."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.compress.quantizer import Quantizer
from kinspace.errors import DimensionMismatch, require_count
from kinspace.metric import Metric, as_matrix, scores, top_k
from kinspace.results import BatchNeighbours

_SCORES: Final = 1 << 23
"""Scores that are held at once (32 MiB)."""
OVERSAMPLING: Final = 4
"""Candidates for each neighbour that is wanted, which the original vectors decide on."""


def nearest(
    quantizer: Quantizer,
    codes: NDArray[Any],
    queries: ArrayLike,
    k: int,
    metric: Metric = "cosine",
    *,
    rescore: NDArray[Any] | None = None,
    oversampling: int = OVERSAMPLING,
) -> BatchNeighbours:
    """The ``k`` nearest of each query among vectors of which there are codes.

    Parameters
    ----------
    quantizer : Quantizer
    codes : ndarray, shape (n, width)
    queries : array_like, shape (q, dim) or (dim,)
    k : int
    metric : str
    rescore : ndarray of float32 or float16, shape (n, dim), optional
        The original vectors, which may lie on disk: few are looked at.
    oversampling : int
        With them, so many times ``k`` candidates are taken by their codes.

    Returns
    -------
    BatchNeighbours
        Positions, shape (q, min(k, n)), best first. Scores are those by the original vectors where
        they are given, else by the codes.

    Raises
    ------
    NotFitted, InvalidVectors, DimensionMismatch, InvalidParameter
    """
    require_count("k", k)
    require_count("oversampling", oversampling)
    wanted = k if rescore is None else k * oversampling
    asked = quantizer.checked(queries)
    if rescore is not None and rescore.shape != (len(codes), quantizer.dim_):
        raise DimensionMismatch(
            f"Original vectors of shape {rescore.shape} for {len(codes):,} codes of vectors of "
            f"{quantizer.dim_}.",
            "Give those that the codes were made from, in the same order.",
        )
    step = max(1, _SCORES // max(1, len(codes)))
    parts = []
    for start in range(0, asked.shape[0], step):
        some = asked[start : start + step]
        places, values = top_k(quantizer.scores(some, codes, metric), wanted)
        if rescore is not None:
            places, values = _rescored(some, places, rescore, k, metric)
        parts.append((places, values))
    if not parts:
        parts = [(np.empty((0, 0), np.int64), np.empty((0, 0), np.float32))]
    return BatchNeighbours(
        np.concatenate([places for places, _ in parts]),
        np.concatenate([values for _, values in parts]),
        metric,
    )


def _rescored(
    queries: Any, places: NDArray[np.int64], vectors: NDArray[Any], k: int, metric: Metric
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The best ``k`` of the candidates of each query, by the original vectors."""
    found = np.empty((len(places), min(k, places.shape[1])), np.int64)
    best = np.empty(found.shape, np.float32)
    for row, line in enumerate(places):
        near = np.sort(line)  # in the order of the file
        exact = scores(queries[row : row + 1], as_matrix(vectors[near]), metric)
        kept, best[row : row + 1] = top_k(exact, k)
        found[row] = near[kept[0]]
    return found, best
