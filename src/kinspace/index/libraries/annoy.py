"""Annoy: a forest of random splits, each halfway between two rows."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import MissingExtra, require_count
from kinspace.index.libraries.engine import RebuiltIndex, from_file
from kinspace.metric import Metric


class AnnoyIndex(RebuiltIndex):
    """A forest of random-projection trees by Annoy.

    Annoy's trees take no more rows once they are grown: rows that come later are compared one and
    all, until there are so many that the forest is grown anew. The same goes for removed rows.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    n_trees : int
        More find more, and take more time to build and more memory.
    search_k : int
        How many rows are looked at, in all trees together; at the least ``n_trees`` for each
        neighbour that is asked for.
    seed : int
    dtype, exact_below
        As in :class:`~kinspace.index.vector_index.VectorIndex`.

    Raises
    ------
    MissingExtra
        When vectors are added, if Annoy is not installed.
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = AnnoyIndex(dim=16)
    >>> index.add(vectors)  # doctest: +SKIP
    >>> index.search(vectors[42], k=1)[0].ids  # doctest: +SKIP
    [42]
    """

    SEARCH: ClassVar[tuple[str, ...]] = ("search_k",)

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        n_trees: int = 50,
        search_k: int = 2000,
        seed: int = 0,
        dtype: str = "float32",
        exact_below: int = 0,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        require_count("n_trees", n_trees)
        require_count("search_k", search_k)
        self.n_trees = n_trees
        self.search_k = search_k
        self.seed = seed
        self._written: NDArray[np.uint8] = np.empty(0, np.uint8)

    def _new(self) -> Any:
        try:
            import annoy
        except ImportError as error:
            raise MissingExtra("AnnoyIndex", "annoy") from error
        # Rows have length 1 for cosine, so that the order by distance is the same.
        return annoy.AnnoyIndex(self.dim, "dot" if self.metric == "dot" else "euclidean")

    def _build(self, rows: NDArray[np.float32]) -> None:
        engine = self._new()
        engine.set_seed(self.seed)
        for place, row in enumerate(rows):
            engine.add_item(place, row)
        engine.build(self.n_trees, self.threads or -1)
        with tempfile.TemporaryDirectory(prefix="kinspace-") as folder:
            path = Path(folder, "forest")
            engine.save(str(path))  # from here on Annoy reads the file, which both keep mapped
            self._written = np.memmap(path, np.uint8, "r")
        self._engine = engine

    def _ask(
        self, queries: NDArray[np.float32], k: int, options: Mapping[str, Any]
    ) -> NDArray[np.int64]:
        look = max(k * self.n_trees, options["search_k"])
        rows = np.full((len(queries), k), -1, np.int64)
        for line, query in zip(rows, queries, strict=True):
            found = self._engine.get_nns_by_vector(query, k, look)
            line[: len(found)] = found
        return rows

    def _structure(self) -> dict[str, NDArray[Any]]:
        return {} if self._engine is None else {"forest": self._written}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        engine = self._new()
        from_file(arrays["forest"], engine.load)
        self._engine, self._built = engine, engine.get_n_items()
        self._written = arrays["forest"]
