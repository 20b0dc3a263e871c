"""USearch: HNSW in one small library, with vectors of several precisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import MissingExtra, require_choice, require_count
from kinspace.index.libraries.engine import EngineIndex
from kinspace.metric import Metric

Codes = Literal["float32", "float16", "bfloat16"]
_NAMES: dict[str, str] = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}


class UsearchIndex(EngineIndex):
    """A navigable small-world graph by USearch, which takes removed rows out itself.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    M : int
        Links of a row on each level (USearch's ``connectivity``), twice as many on the lowest.
    ef_construction, ef_search : int
        How many of the best rows a walk keeps (``expansion_add`` and ``expansion_search``).
    codes : {"float32", "float16", "bfloat16"}
        What the walk reads, kept inside the graph beside the vectors themselves.
    dtype, exact_below
        As in :class:`~kinspace.index.vector_index.VectorIndex`.

    Raises
    ------
    MissingExtra
        When vectors are added, if USearch is not installed.
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = UsearchIndex(dim=16)
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]
    """

    SEARCH: ClassVar[tuple[str, ...]] = ("ef_search",)

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        M: int = 16,  # noqa: N803
        ef_construction: int = 128,
        ef_search: int = 64,
        codes: Codes = "bfloat16",
        dtype: str = "float32",
        exact_below: int = 0,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        for name, value in (("M", M), ("ef_construction", ef_construction)):
            require_count(name, value)
        require_count("ef_search", ef_search)
        require_choice("codes", codes, Codes)
        self.M = M
        self.ef_construction = ef_construction
        self.ef_search = ef_search
        self.codes = codes
        self._engine: Any = None

    def _package(self) -> Any:
        try:
            import usearch.index
        except ImportError as error:
            raise MissingExtra("UsearchIndex", "usearch") from error
        return usearch.index

    def _learn(self, rows: NDArray[np.float32]) -> None:
        self._engine = self._package().Index(
            ndim=self.dim,
            metric="l2sq" if self._is_by_distance else "ip",
            dtype=_NAMES[self.codes],
            connectivity=self.M,
            expansion_add=self.ef_construction,
        )

    def _extend(self, rows: NDArray[np.float32], first: int) -> None:
        places = np.arange(first, first + len(rows), dtype=np.uint64)
        self._engine.add(places, np.ascontiguousarray(rows), threads=self.threads or 0)

    def _forget(self, rows: NDArray[np.int64]) -> None:
        inside = rows[rows < self._covered]
        if len(inside):
            self._engine.remove(inside.astype(np.uint64))

    def _ask(
        self, queries: NDArray[np.float32], k: int, options: Mapping[str, Any]
    ) -> NDArray[np.int64]:
        engine, ef = self._engine, max(k, options["ef_search"])
        if engine.expansion_search != ef:  # for all searches at once: USearch knows no other way
            engine.expansion_search = ef
        found = engine.search(queries, k, threads=self._threads(len(queries)))
        rows = np.asarray(found.keys, np.int64).reshape(len(queries), -1)
        counts = np.atleast_1d(getattr(found, "counts", rows.shape[1]))
        return np.where(np.arange(rows.shape[1]) < counts[:, None], rows, -1)

    def _structure(self) -> dict[str, NDArray[Any]]:
        if self._engine is None:
            return {}
        return {"graph": np.frombuffer(self._engine.save(), np.uint8)}

    def _sizes(self) -> dict[str, int]:
        return {} if not self._covered else {"graph": int(self._engine.serialized_length)}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._engine = self._package().Index.restore(arrays["graph"].tobytes())
        if self._engine is None:
            raise ValueError("USearch does not know its format")
        self._engine.expansion_add = self.ef_construction
