"""The vectors that an index is to be made of, of any form, and their true neighbours."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace import multi, sparse
from kinspace.embeddings import Embeddings
from kinspace.errors import InvalidParameter, SpaceMismatch
from kinspace.index.exact_search import nearest_rows, prepare_queries
from kinspace.index.forms import exact_index
from kinspace.index.tuning.recall import Trial, trial_of
from kinspace.metric import Metric, check_metric
from kinspace.space import Space

_ALONE: Final = 5


@dataclass(eq=False)
class Data:
    """Vectors, ready to be compared.

    Parameters
    ----------
    rows : prepared vectors, (n, dim)
        Of length 1 for cosine.
    metric : str
    form : {"dense", "sparse", "multi"}
    """

    rows: Any
    metric: Metric
    form: str = "dense"
    _exact: Any = field(default=None, repr=False)

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    @property
    def dim(self) -> int:
        """The length of the vectors."""
        return int(self.rows.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors in memory: none where they are a file that is mapped."""
        if isinstance(self.rows, np.memmap):
            return 0
        return int(sparse.nbytes(self.rows) if self.form == "sparse" else self.rows.nbytes)

    @property
    def dtype(self) -> str | None:
        """How numbers are kept, where that can be chosen."""
        return str(self.rows.dtype) if self.form == "dense" else None

    def into(self, index: Any) -> None:
        """Put all vectors into an empty index; dense ones without a copy."""
        if self.form == "dense" and index.dtype == self.dtype:
            index.refer(self.rows)
        else:
            index.add(self.rows)

    def as_half(self) -> Data:
        """The same in half the bytes."""
        return Data(self.rows.astype(np.float16), self.metric)

    def take(self, places: NDArray[np.int64]) -> Any:
        """Some of the vectors, as queries are compared."""
        rows = self.rows[places]
        return np.asarray(rows, np.float32) if self.form == "dense" else rows

    def names(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """What an index calls some of the vectors."""
        return places

    def part(self, places: NDArray[np.int64]) -> Data:
        """Some of the vectors, to make an index of; all are no copy."""
        if len(places) == len(self):
            return self
        return Data(self.rows[places], self.metric, self.form)

    def nearest(self, queries: Any, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The places of the true neighbours of prepared queries, and their scores."""
        if self.form == "dense":
            found = nearest_rows(queries, self.rows, np.arange(len(self)), k, self.metric)
        else:
            if self._exact is None:
                space = Space("vectors", "0", self.dim, self.metric, self.form)  # type: ignore[arg-type]
                self._exact = exact_index(space)
                self._exact.add(self.rows)
            found = self._exact.search(queries, k)
        return found.ids, found.scores


@dataclass(eq=False)
class Questions:
    """Queries that were not asked yet: those that were given, or vectors of the data themselves.

    Parameters
    ----------
    data : Data, or what an index holds
    given : prepared vectors, (n, dim), optional
    seed : int
    places : ndarray of int64, optional
        Which vectors of the data may be asked for; by default all.
    """

    data: Any
    given: Any
    seed: int
    places: NDArray[np.int64] | None = None
    seconds: float = 0.0
    """What exact search took for a query, in a batch."""

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self._order = rng.permutation(len(self.data) if self.places is None else self.places)
        self.used = 0
        if self.given is not None:
            self.given = self.given[rng.permutation(int(self.given.shape[0]))]

    @property
    def left(self) -> int:
        """How many queries there are that were not asked yet."""
        if self.given is not None:
            return int(self.given.shape[0]) - self.used
        return len(self._order) - self.used

    def draw(self, count: int, k: int) -> Trial:
        """So many more queries, with their ``k`` nearest, or as many as are left."""
        which = slice(self.used, self.used + count)
        self.used += count
        own, queries = None, None
        if self.given is not None:
            queries = self.given[which]
        else:
            places = np.sort(self._order[which])
            own, queries = self.data.names(places), self.data.take(places)
        start = time.perf_counter()
        ids, scores = self.data.nearest(queries, k if own is None else k + 1)
        self.seconds = (time.perf_counter() - start) / max(1, len(ids))
        metric = self.data.metric if self.data.form == "dense" else None
        return trial_of(queries, ids, scores, own, metric)

    def seconds_alone(self, k: int) -> float:
        """What exact search takes for one query alone, in seconds: the median of a few."""
        rows = self.data.take(np.arange(min(_ALONE, len(self.data))))
        times = []
        for query in range(int(rows.shape[0])):
            start = time.perf_counter()
            self.data.nearest(rows[query : query + 1], k)
            times.append(time.perf_counter() - start)
        return float(np.median(times))


def data_of(vectors: Any, metric: Metric | None, queries: Any, *, copy: bool) -> tuple[Data, Any]:
    """Vectors and queries, checked and ready to be compared.

    Raises
    ------
    InvalidVectors, DimensionMismatch, InvalidParameter, SpaceMismatch
    """
    if isinstance(vectors, Embeddings):
        if isinstance(queries, Embeddings) and queries.space != vectors.space:
            raise SpaceMismatch(
                f"The vectors are of {vectors.space}, the queries of {queries.space}.",
                "Encode both with the same model.",
            )
        metric, vectors = metric or vectors.space.metric, vectors.vectors
    if isinstance(queries, Embeddings):
        queries = queries.vectors
    metric = check_metric(metric or "cosine")
    if sparse.is_sparse(vectors) or multi.is_multi(vectors):
        return _of_another_form(vectors, metric, queries)
    given = vectors if isinstance(vectors, np.ndarray) else np.asarray(vectors, np.float32)
    if given.ndim != 2:
        raise InvalidParameter(
            f"Vectors of shape {given.shape}.", "Give an array of shape (n, dim)."
        )
    if not copy:
        if given.dtype not in (np.float32, np.float16):
            raise InvalidParameter(
                f"Vectors of {given.dtype} cannot be referred to.", "Give float32 or float16."
            )
        rows = given
    else:
        rows = prepare_queries(given, given.shape[1], metric)
        rows = rows.copy() if np.shares_memory(rows, given) else rows
    asked = None if queries is None else prepare_queries(queries, given.shape[1], metric)
    return Data(rows, metric), asked


def _of_another_form(vectors: Any, metric: Metric, queries: Any) -> tuple[Data, Any]:
    form = "sparse" if sparse.is_sparse(vectors) else "multi"
    dim = int(vectors.shape[1])

    def prepared(given: Any) -> Any:
        return sparse.as_sparse(given, dim) if form == "sparse" else multi.as_multi(given, dim)

    return Data(prepared(vectors), metric, form), None if queries is None else prepared(queries)


def enough_queries(recall: float, count: int, least: int) -> int:
    """How many queries can prove a recall among so many vectors.

    Where n queries find all there is, the interval of 95 % ends at about 1 - 2.7 / n.
    """
    wanted = max(least, math.ceil(3 / max(1e-9, 1 - recall)))
    return min(wanted, max(1, count // 4))
