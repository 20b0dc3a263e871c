"""Voyager: Spotify's HNSW, the successor of Annoy."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import MissingExtra, require_count
from kinspace.index.libraries.engine import EngineIndex
from kinspace.metric import Metric


class VoyagerIndex(EngineIndex):
    """A navigable small-world graph by Voyager.

    Removed rows are marked in the graph, which passes them over. Vectors are kept twice: in the
    graph, and beside it.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    M : int
        Links of a row on each level, twice as many on the lowest.
    ef_construction, ef_search : int
        How many of the best rows a walk keeps, when building and when searching.
    seed : int
        For the levels; graphs differ all the same where several threads build them.
    dtype, exact_below
        As in :class:`~kinspace.index.vector_index.VectorIndex`.

    Raises
    ------
    MissingExtra
        When vectors are added, if Voyager is not installed.
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = VoyagerIndex(dim=16)
    >>> index.add(vectors)  # doctest: +SKIP
    >>> index.search(vectors[42], k=1)[0].ids  # doctest: +SKIP
    [42]
    """

    SEARCH: ClassVar[tuple[str, ...]] = ("ef_search",)

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        M: int = 16,  # noqa: N803
        ef_construction: int = 200,
        ef_search: int = 64,
        seed: int = 0,
        dtype: str = "float32",
        exact_below: int = 0,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        for name, value in (("M", M), ("ef_construction", ef_construction)):
            require_count(name, value)
        require_count("ef_search", ef_search)
        self.M = M
        self.ef_construction = ef_construction
        self.ef_search = ef_search
        self.seed = seed
        self._engine: Any = None
        self._size = 0, 0

    def _package(self) -> Any:
        try:
            import voyager
        except ImportError as error:
            raise MissingExtra("VoyagerIndex", "voyager") from error
        return voyager

    def _learn(self, rows: NDArray[np.float32]) -> None:
        voyager = self._package()
        # Rows have length 1 for cosine, so that the order by distance is the same.
        space = voyager.Space.InnerProduct if self.metric == "dot" else voyager.Space.Euclidean
        self._engine = voyager.Index(
            space,
            num_dimensions=self.dim,
            M=self.M,
            ef_construction=self.ef_construction,
            random_seed=self.seed + 1,
            max_elements=max(1, len(rows)),
        )

    def _extend(self, rows: NDArray[np.float32], first: int) -> None:
        places = list(range(first, first + len(rows)))
        self._engine.add_items(rows, places, num_threads=self.threads or -1)

    def _forget(self, rows: NDArray[np.int64]) -> None:
        for row in rows[rows < self._covered].tolist():
            self._engine.mark_deleted(row)

    def _ask(
        self, queries: NDArray[np.float32], k: int, options: Mapping[str, Any]
    ) -> NDArray[np.int64]:
        ef = max(k, options["ef_search"])
        threads = self._threads(len(queries)) or -1
        try:
            found, _ = self._engine.query(queries, k, num_threads=threads, query_ef=ef)
        except self._package().RecallError:  # for one of them it found fewer than k
            return np.full((len(queries), 1), -1, np.int64)
        return np.asarray(found, np.int64)

    def _structure(self) -> dict[str, NDArray[Any]]:
        if self._engine is None:
            return {}
        return {"graph": np.frombuffer(self._engine.as_bytes(), np.uint8)}

    def _sizes(self) -> dict[str, int]:
        if not self._covered:
            return {}
        # Voyager does not say how large it is; what it writes is as large.
        if self._size[0] != self._covered:
            self._size = self._covered, sum(a.nbytes for a in self._structure().values())
        return {"graph": self._size[1]}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._engine = self._package().Index.load(io.BytesIO(arrays["graph"].tobytes()))
