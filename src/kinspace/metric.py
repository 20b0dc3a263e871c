"""How near two vectors are: the five metrics, and the only file that knows a sign.

A score is always higher-is-better. For a distance metric the score is the negative
distance, and :func:`distances` turns scores back into positive distances. Where vectors are
sparse (:mod:`kinspace.sparse`), so are both sides, and the scores are the same. Items of several
vectors each (:mod:`kinspace.multi`) are scored by MaxSim, with the metric between single vectors.
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace import multi, sparse
from kinspace.errors import DimensionMismatch, InvalidParameter, InvalidVectors

Metric = Literal["cosine", "dot", "euclidean", "manhattan", "hamming"]

METRICS: Final[tuple[Metric, ...]] = get_args(Metric)

_BLOCK = 1 << 22
"""Floats held at once by the metrics that need a difference per pair (16 MiB)."""


def check_metric(metric: str) -> Metric:
    """Return ``metric`` if it is one of :data:`METRICS`.

    Raises
    ------
    InvalidParameter
        If it is not.
    """
    for known in METRICS:
        if metric == known:
            return known
    raise InvalidParameter(f"Unknown metric {metric!r}.", f"Choose one of: {', '.join(METRICS)}.")


def as_matrix(vectors: ArrayLike, dim: int | None = None) -> NDArray[np.float32]:
    """Return ``vectors`` as a finite float32 matrix.

    Parameters
    ----------
    vectors : array_like, shape (n, dim) or (dim,)
        One vector is taken as a matrix of one row.
    dim : int, optional
        The length that every vector must have.

    Returns
    -------
    ndarray of float32, shape (n, dim)

    Raises
    ------
    InvalidVectors
        If it holds NaN or infinity, or has more than two axes.
    DimensionMismatch
        If the rows are not ``dim`` long.
    """
    matrix = vectors if type(vectors) is np.ndarray else None
    if matrix is None or matrix.dtype != np.float32:
        matrix = _as_numbers(vectors)
    if matrix.ndim == 1:
        matrix = matrix.reshape(1, -1) if matrix.size or dim is None else matrix.reshape(0, dim)
    if matrix.ndim != 2:
        raise InvalidVectors(
            f"Vectors have {matrix.ndim} axes; two are needed.", "Give an array of shape (n, dim)."
        )
    if dim is not None and matrix.shape[1] != dim:
        raise DimensionMismatch(
            f"Vectors have {matrix.shape[1]} dimensions; {dim} are needed here.",
            "Encode them with the model that this space belongs to.",
        )
    # The sum of squares needs one pass and no memory; it may overflow, so that it only acquits.
    if np.isfinite(np.vdot(matrix, matrix)):
        return matrix
    finite = np.isfinite(matrix)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise InvalidVectors(
            f"Vector {row} has {matrix[row, column]} at position {column}.",
            "Remove or replace vectors with NaN or infinity.",
        )
    return matrix


def _as_numbers(vectors: Any) -> NDArray[np.float32]:
    """An array of float32, of whatever shape."""
    if sparse.is_sparse(vectors):
        raise InvalidVectors(
            "These vectors are sparse; dense ones are needed here.",
            "Learn a dense space from them (LSA), or call toarray() where they are few.",
        )
    if multi.is_multi(vectors):
        raise InvalidVectors(
            "These are items of several vectors each; one vector an item is needed here.",
            "Encode them with a model that gives one vector a text.",
        )
    try:
        if np.iscomplexobj(vectors):
            raise ValueError("complex numbers")
        with np.errstate(over="ignore"):
            matrix = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidVectors(
            f"These are not vectors of numbers: {error}.", "Give an array of shape (n, dim)."
        ) from error
    return matrix


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``vectors`` with rows of length 1; a row of zeros stays as it is.

    Parameters
    ----------
    vectors : ndarray, csr_array or MultiVectors of float32, shape (n, dim)

    Returns
    -------
    ndarray, csr_array or MultiVectors of float32, shape (n, dim)
    """
    rows: Any = vectors
    if sparse.is_sparse(rows):
        return cast("NDArray[np.float32]", sparse.unit(rows))
    if multi.is_multi(rows):
        return cast("NDArray[np.float32]", rows.each(normalise))
    # The squares of a float32 can leave its range; those of a float64 cannot.
    if len(vectors) == 1:
        one = vectors[0].astype(np.float64)
        length = math.sqrt(one.dot(one)) or 1.0
        return np.asarray(one / length, np.float32)[None]
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
    lengths[lengths == 0] = 1
    unit = np.empty(vectors.shape, np.float32)
    np.divide(vectors, lengths, out=unit, casting="same_kind")
    return unit


def scores(a: NDArray[np.float32], b: NDArray[np.float32], metric: Metric) -> NDArray[np.float32]:
    """Score every row of ``a`` against every row of ``b``; higher is nearer.

    Parameters
    ----------
    a : ndarray, csr_array or MultiVectors of float32, shape (n, dim)
        Of items of several vectors each, these are the queries.
    b : ndarray, csr_array or MultiVectors of float32, shape (m, dim)
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
        ``cosine`` and ``dot`` are similarities; the other three give the negative
        distance. ``hamming`` counts the positions that differ.

    Returns
    -------
    ndarray of float32, shape (n, m)

    Raises
    ------
    DimensionMismatch
        If the two sides have vectors of different length.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.array([[0.0, 0.0]], np.float32)
    >>> b = np.array([[3.0, 4.0], [0.0, 1.0]], np.float32)
    >>> scores(a, b, "euclidean")
    array([[-5., -1.]], dtype=float32)
    """
    if a.shape[1] != b.shape[1]:
        raise DimensionMismatch(
            f"Vectors of {a.shape[1]} and of {b.shape[1]} dimensions cannot be compared.",
            "Encode both with the same model.",
        )
    if multi.is_multi(a) or multi.is_multi(b):
        return _max_sums(a, b, metric)
    a, b = _alike(a, b)
    if metric == "cosine":
        return _products(normalise(a), normalise(b))
    if metric == "dot":
        return _products(a, b)
    if metric == "euclidean":
        return -_euclidean(a, b)
    return -_by_difference(a, b, metric)


def paired_scores(
    a: NDArray[np.float32], b: NDArray[np.float32], metric: Metric
) -> NDArray[np.float64]:
    """Score each row of ``a`` against the same row of ``b``; higher is nearer.

    The same figures as the diagonal of :func:`scores`, held in float64, since rank correlations
    tell apart what float32 would round to a tie.

    Parameters
    ----------
    a, b : ndarray, csr_array or MultiVectors of float32, shape (n, dim)
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    DimensionMismatch
        If the two sides differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)
    >>> paired_scores(a, np.array([[3.0, 4.0], [1.0, 0.0]], np.float32), "euclidean")
    array([-5.,  0.])
    """
    if a.shape != b.shape:
        raise DimensionMismatch(
            f"Vectors of shapes {a.shape} and {b.shape} cannot be compared row by row.",
            "Give as many of one side as of the other, by the same model.",
        )
    if multi.is_multi(a) and multi.is_multi(b):
        pairs = [_max_sums(a[i : i + 1], b[i : i + 1], metric)[0] for i in range(len(a))]
        return np.array(pairs, np.float64).reshape(len(a))
    a, b = _alike(a, b)
    left, right = a.astype(np.float64), b.astype(np.float64)
    found: NDArray[np.float64]
    if sparse.is_sparse(left):
        found = _paired_sparse(left, right, metric)
    elif metric == "hamming":
        found = 0.0 - (left != right).sum(1)
    elif metric == "manhattan":
        found = 0.0 - np.abs(left - right).sum(1)
    elif metric == "euclidean":
        found = 0.0 - np.sqrt(((left - right) ** 2).sum(1))
    else:
        found = np.einsum("ij,ij->i", left, right)
    if metric == "cosine":
        lengths = np.sqrt((left**2).sum(1) * (right**2).sum(1))
        found = np.divide(found, lengths, out=np.zeros(len(found)), where=lengths > 0)
    return found


def _max_sums(a: Any, b: Any, metric: Metric) -> NDArray[np.float32]:
    a, b = (multi.as_multi(side, side.shape[1]) for side in (a, b))
    return multi.max_sums(a, b, lambda t, u: scores(t, u, metric))


def metric_of_scores(metric: Metric, form: str) -> Metric:
    """What scores in a space are: the sum of several cosines (MaxSim) is a ``dot``, no cosine."""
    return "dot" if form == "multi" and metric == "cosine" else metric


def _paired_sparse(left: Any, right: Any, metric: Metric) -> NDArray[np.float64]:
    apart = left - right
    if metric == "hamming":
        found = (apart != 0).sum(1)
    elif metric == "manhattan":
        found = abs(apart).sum(1)
    elif metric == "euclidean":
        found = np.sqrt((apart**2).sum(1))
    else:
        found = left.multiply(right).sum(1)
    found = np.asarray(found, np.float64).ravel()
    return 0.0 - found if is_distance(metric) else found


def _alike(a: Any, b: Any) -> tuple[Any, Any]:
    """Both sides as they are, or sparse as soon as one of them is."""
    if sparse.is_sparse(a) != sparse.is_sparse(b):
        return sparse.as_sparse(a, a.shape[1]), sparse.as_sparse(b, b.shape[1])
    return a, b


def _products(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return sparse.products(a, b) if sparse.is_sparse(a) else a @ b.T


def _euclidean(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    # |a-b|² = |a|² - 2ab + |b|² cancels badly in float32 for near vectors: float64 holds it.
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    cross = sparse.products(wide_a, wide_b) if sparse.is_sparse(a) else wide_a @ wide_b.T
    squares = (wide_a**2).sum(1)[:, None] + (wide_b**2).sum(1)[None, :] - 2 * cross
    roots: NDArray[np.float32] = np.sqrt(np.maximum(squares, 0)).astype(np.float32)
    return roots


def _by_difference(
    a: NDArray[np.float32], b: NDArray[np.float32], metric: Metric
) -> NDArray[np.float32]:
    if sparse.is_sparse(a):
        return sparse.manhattan(a, b) if metric == "manhattan" else sparse.hamming(a, b)
    result = np.empty((len(a), len(b)), np.float32)
    step = max(1, _BLOCK // max(1, b.size))
    for start in range(0, len(a), step):
        pairs = a[start : start + step, None, :], b[None, :, :]
        if metric == "manhattan":
            result[start : start + step] = np.abs(pairs[0] - pairs[1]).sum(-1)
        else:
            result[start : start + step] = (pairs[0] != pairs[1]).sum(-1)
    return result


def is_distance(metric: Metric) -> bool:
    """Whether the metric is a distance, whose scores are therefore negative."""
    return metric in ("euclidean", "manhattan", "hamming")


def distances(scores: NDArray[np.float32], metric: Metric) -> NDArray[np.float32]:
    """Turn scores into positive distances: ``1 - score`` for cosine, ``-score`` for the others.

    Raises
    ------
    InvalidParameter
        For ``dot``, which has no distance.
    """
    if metric == "dot":
        raise InvalidParameter("A dot product has no distance.", "Use the scores themselves.")
    return np.asarray(1 - scores if metric == "cosine" else -scores + 0.0, dtype=np.float32)


def score_of_distance(distance: float, metric: Metric) -> float:
    """The score of a positive distance: what :func:`distances` turns back.

    Raises
    ------
    InvalidParameter
        For ``dot``, which has no distance.
    """
    if metric == "dot":
        raise InvalidParameter("A dot product has no distance.", "Use the scores themselves.")
    return 1 - distance if metric == "cosine" else -distance


def top_k(scores: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Positions and values of the ``k`` highest scores of each row, best first.

    Equal scores keep the order of their positions, so that results repeat.

    Parameters
    ----------
    scores : ndarray of float32, shape (n, m)
    k : int
        More than ``m`` gives ``m``.

    Returns
    -------
    positions : ndarray of int64, shape (n, min(k, m))
    values : ndarray of float32, shape (n, min(k, m))
    """
    count = scores.shape[1]
    k = min(k, count)
    if k == 0:
        return np.empty((len(scores), 0), np.int64), np.empty((len(scores), 0), np.float32)
    if k < count:
        # The k-th score is found first, so that a tie across it goes to the lower position.
        floor = np.partition(scores, count - k, axis=1)[:, count - k]
        positions = np.empty((len(scores), k), np.int64)
        for row, (line, least) in enumerate(zip(scores, floor, strict=True)):
            above = np.flatnonzero(line > least)
            level = np.flatnonzero(line == least)[: k - len(above)]
            positions[row] = np.sort(np.concatenate([above, level]))
    else:
        positions = np.broadcast_to(np.arange(count), scores.shape)
    values = np.take_along_axis(scores, positions, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(positions, order, 1), np.take_along_axis(values, order, 1)
