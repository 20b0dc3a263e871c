"""hnswlib: HNSW as its authors wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import MissingExtra, require_count
from kinspace.index.libraries.engine import EngineIndex, file_of, from_file
from kinspace.metric import Metric


class HnswlibIndex(EngineIndex):
    """A navigable small-world graph by hnswlib.

    Removed rows are marked in the graph, which passes them over. Vectors are kept twice: in the
    graph, as hnswlib does, and beside it.

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
        When vectors are added, if hnswlib is not installed.
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = HnswlibIndex(dim=16)
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

    def _package(self) -> Any:
        try:
            import hnswlib
        except ImportError as error:
            raise MissingExtra("HnswlibIndex", "hnswlib") from error
        return hnswlib

    def _new(self) -> Any:
        space = "l2" if self._is_by_distance else "ip"  # rows have length 1 for cosine
        return self._package().Index(space, self.dim)

    def _learn(self, rows: NDArray[np.float32]) -> None:
        self._engine = self._new()
        self._engine.init_index(len(rows), self.M, self.ef_construction, self.seed)

    def _extend(self, rows: NDArray[np.float32], first: int) -> None:
        room, needed = self._engine.get_max_elements(), first + len(rows)
        if needed > room:
            self._engine.resize_index(max(needed, room + room // 2))
        labels = np.arange(first, needed)
        self._engine.add_items(rows, labels, num_threads=self.threads or -1)

    def _forget(self, rows: NDArray[np.int64]) -> None:
        for row in rows[rows < self._covered].tolist():
            self._engine.mark_deleted(row)

    def _ask(
        self, queries: NDArray[np.float32], k: int, options: Mapping[str, Any]
    ) -> NDArray[np.int64]:
        ef = max(k, options["ef_search"])
        if self._engine.ef != ef:  # for all searches at once: hnswlib knows no other way
            self._engine.set_ef(ef)
        try:
            found = self._engine.knn_query(
                queries, k, num_threads=self._threads(len(queries)) or -1
            )
        except RuntimeError:  # for one of them it found fewer than k; all are compared then
            return np.full((len(queries), 1), -1, np.int64)
        return np.asarray(found[0], np.int64)

    def _structure(self) -> dict[str, NDArray[Any]]:
        return {} if self._engine is None else {"graph": file_of(self._engine.save_index)}

    def _sizes(self) -> dict[str, int]:
        return {} if not self._covered else {"graph": int(self._engine.index_file_size())}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        engine = self._new()
        from_file(arrays["graph"], engine.load_index)
        self._engine = engine
