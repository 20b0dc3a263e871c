"""What is lost by compressing vectors, measured on the vectors themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.compress.quantizer import Quantizer
from kinspace.compress.search import OVERSAMPLING, nearest
from kinspace.errors import EmptyInput, require_count
from kinspace.metric import Metric, as_matrix, normalise, scores, top_k

_NUMBERS: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Loss:
    """What of the nearest neighbours is left.

    Parameters
    ----------
    vectors, queries, k : int
    metric : str
    recall : float
        The mean share of the ``k`` nearest by the original vectors that are among the ``k``
        nearest by the codes.
    rescored : float
        The same where ``oversampling · k`` candidates by the codes are scored again by the original
        vectors.
    oversampling : int
    bytes_before, bytes_after : int
        Of a vector: as float32, and its code.
    error : float
        The mean squared error of what is brought back, as a share of the mean squared length.
    """

    vectors: int
    queries: int
    k: int
    metric: Metric
    recall: float
    rescored: float
    oversampling: int
    bytes_before: int
    bytes_after: int
    error: float

    def of(self, *, rescored: bool = False) -> float:
        """The share of neighbours that is lost, with the original vectors at hand or without."""
        return 1 - (self.rescored if rescored else self.recall)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.bytes_before:,} → {self.bytes_after:,} bytes a vector, "
            f"recall@{self.k} {self.recall:.3f}; with {self.oversampling * self.k} candidates "
            f"scored again {self.rescored:.3f}"
        )


def measure(
    vectors: NDArray[Any],
    quantizer: Quantizer,
    metric: Metric = "cosine",
    *,
    queries: ArrayLike | None = None,
    codes: NDArray[Any] | None = None,
    k: int = 10,
    oversampling: int = OVERSAMPLING,
    n_queries: int = 300,
    seed: int = 0,
) -> Loss:
    """Search by the original vectors and by their codes, and compare what is found.

    Parameters
    ----------
    vectors : ndarray of float32 or float16, shape (n, dim)
        May lie on disk.
    quantizer : Quantizer
        Fitted.
    metric : str
    queries : array_like, shape (q, dim), optional
        By default some of the vectors, each of which is not to find itself.
    codes : ndarray, optional
        Those of the vectors, if they are there already.
    k : int
    oversampling : int
        Candidates for each neighbour, where the original vectors score again.
    n_queries : int
        How many of the vectors are taken as queries.
    seed : int
        Of which ones.

    Returns
    -------
    Loss

    Raises
    ------
    EmptyInput
        If there are fewer than two vectors, or no queries.
    NotFitted, InvalidVectors, DimensionMismatch, InvalidParameter

    Examples
    --------
    >>> from kinspace.compress import Int8
    >>> rows = np.random.default_rng(0).standard_normal((1000, 32)).astype(np.float32)
    >>> found = measure(rows, Int8().fit(rows))
    >>> found.recall > 0.95, found.rescored, found.bytes_before, found.bytes_after
    (True, 1.0, 128, 32)
    """
    require_count("k", k)
    require_count("n_queries", n_queries)
    own = None
    if queries is None:
        chosen = np.random.default_rng(seed).permutation(len(vectors))[:n_queries]
        own = np.sort(chosen)
        asked = as_matrix(vectors[own], quantizer.dim_)
    else:
        asked = as_matrix(queries, quantizer.dim_)
    if not len(asked) or len(vectors) < 1 + (own is not None):
        raise EmptyInput("There is nothing to compare.", "Give two vectors or more, and queries.")
    if codes is None:
        codes = _encoded(quantizer, vectors)
    depth = k + (own is not None)
    truth = _without(_exact(asked, vectors, depth, metric), own, k)
    plain = nearest(quantizer, codes, asked, depth, metric).ids
    scored = nearest(
        quantizer, codes, asked, depth, metric, rescore=vectors, oversampling=oversampling
    ).ids
    return Loss(
        vectors=len(vectors), queries=len(asked), k=k, metric=metric,
        recall=_shared(truth, _without(plain, own, k)),
        rescored=_shared(truth, _without(scored, own, k)),
        oversampling=oversampling,
        bytes_before=4 * quantizer.dim_, bytes_after=quantizer.bytes_per_vector,
        error=_error(quantizer, asked),
    )  # fmt: skip


def _encoded(quantizer: Quantizer, vectors: NDArray[Any]) -> NDArray[Any]:
    parts = [quantizer.encode(vectors[part]) for part in _blocks(vectors)]
    return np.concatenate(parts)


def _exact(
    queries: NDArray[np.float32], vectors: NDArray[Any], k: int, metric: Metric
) -> NDArray[np.int64]:
    """Positions of the ``k`` nearest, best first, by a look at every vector."""
    places = np.empty((len(queries), 0), np.int64)
    best = np.empty((len(queries), 0), np.float32)
    for part in _blocks(vectors):
        found, values = top_k(scores(queries, as_matrix(vectors[part]), metric), k)
        places = np.concatenate([places, found + part.start], axis=1)
        kept, best = top_k(np.concatenate([best, values], axis=1), k)
        places = np.take_along_axis(places, kept, 1)
    return places


def _without(found: NDArray[np.int64], own: NDArray[np.int64] | None, k: int) -> NDArray[np.int64]:
    """What each query found but itself, ``k`` at most."""
    if own is None:
        return found[:, :k]
    other = found != own[:, None]
    other[other.all(axis=1), -1] = False  # who did not find itself lets the last one go
    return np.asarray(found[other].reshape(len(found), -1)[:, :k])


def _shared(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    return float(np.mean([np.isin(one, other).mean() for one, other in zip(a, b, strict=True)]))


def _error(quantizer: Quantizer, rows: NDArray[np.float32]) -> float:
    back = quantizer.decode(quantizer.encode(rows)).astype(np.float64)
    if quantizer.METRICS == ("cosine",):  # of what keeps directions only
        rows, back = normalise(rows), normalise(back.astype(np.float32)).astype(np.float64)
    total = float((rows.astype(np.float64) ** 2).sum())
    return float(((back - rows) ** 2).sum() / total) if total else 0.0


def _blocks(vectors: NDArray[Any]) -> Iterator[slice]:
    step = max(1, _NUMBERS // vectors.shape[1])
    for start in range(0, len(vectors), step):
        yield slice(start, min(start + step, len(vectors)))
