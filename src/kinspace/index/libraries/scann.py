"""ScaNN: cells, 4-bit codes that are most exact in the direction that matters, and rescoring.

Guo et al., "Accelerating large-scale inference with anisotropic vector quantization" (2020).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import MissingExtra, require_count
from kinspace.index.batches import in_batches
from kinspace.index.libraries.engine import RebuiltIndex
from kinspace.metric import Metric

_FEWEST: Final = 256
"""Below, ScaNN compares all: its codes are learned from no fewer rows."""
_THRESHOLD: Final = 0.2
"""Of anisotropic quantisation: the paper's."""
_SAMPLE: Final = 100_000
_DIMS_PER_BLOCK: Final = 2


class ScannIndex(RebuiltIndex):
    """Partitions and anisotropic codes by ScaNN, and rescoring by the vectors.

    ScaNN is made of all rows at once: those that come later are compared one and all, until there
    are so many that it is made anew. The same goes for removed rows.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    num_leaves : int, optional
        How many cells; by default twice the square root of the number of rows.
    leaves_to_search : int
        How many cells are looked at.
    candidates : int
        How many are scored exactly.
    dtype, exact_below
        As in :class:`~kinspace.index.vector_index.VectorIndex`.

    Raises
    ------
    MissingExtra
        When vectors are added, if ScaNN is not installed.
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = ScannIndex(dim=16)
    >>> index.add(vectors)  # doctest: +SKIP
    >>> index.search(vectors[42], k=1)[0].ids  # doctest: +SKIP
    [42]
    """

    SEARCH: ClassVar[tuple[str, ...]] = ("leaves_to_search", "candidates")

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        num_leaves: int | None = None,
        leaves_to_search: int = 40,
        candidates: int = 100,
        dtype: str = "float32",
        exact_below: int = 0,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        if num_leaves is not None:
            require_count("num_leaves", num_leaves)
        require_count("leaves_to_search", leaves_to_search)
        require_count("candidates", candidates)
        self.num_leaves = num_leaves
        self.leaves_to_search = leaves_to_search
        self.candidates = candidates

    def _package(self) -> Any:
        try:
            from scann import scann_ops_pybind
        except ImportError as error:
            raise MissingExtra("ScannIndex", "scann") from error
        return scann_ops_pybind

    def _build(self, rows: NDArray[np.float32]) -> None:
        measure = "squared_l2" if self._is_by_distance else "dot_product"
        # The neighbours that a searcher is made for are not those that are asked for later.
        builder = self._package().builder(rows, 10, measure)
        builder.set_n_training_threads(self.threads or 0)
        if len(rows) < _FEWEST:
            self._engine = builder.score_brute_force().build()
            return
        leaves = min(self.num_leaves or 2 * math.isqrt(len(rows)), len(rows) // 4)
        sample = min(len(rows), _SAMPLE)
        builder.tree(leaves, min(self.leaves_to_search, leaves), training_sample_size=sample)
        threshold = math.nan if self._is_by_distance else _THRESHOLD
        builder.score_ah(
            _DIMS_PER_BLOCK,
            anisotropic_quantization_threshold=threshold,
            training_sample_size=sample,
        )
        self._engine = builder.build()

    def _ask(
        self, queries: NDArray[np.float32], k: int, options: Mapping[str, Any]
    ) -> NDArray[np.int64]:
        asked = min(max(k, options["candidates"]), self._built)
        rows = np.empty((len(queries), asked), np.int64)

        def some(first: int, last: int) -> None:
            found, distances = self._engine.search_batched(
                queries[first:last],
                final_num_neighbors=asked,
                leaves_to_search=options["leaves_to_search"],
            )
            # Where there are fewer, ScaNN says so in the distances.
            rows[first:last] = np.where(np.isfinite(distances), found.astype(np.int64), -1)

        in_batches(len(queries), self.threads, some)
        return rows

    def _structure(self) -> dict[str, NDArray[Any]]:
        if self._engine is None:
            return {}
        with tempfile.TemporaryDirectory(prefix="kinspace-") as folder:
            self._engine.serialize(folder, relative_path=True)
            return {f.name: np.fromfile(f, np.uint8) for f in sorted(Path(folder).iterdir())}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        with tempfile.TemporaryDirectory(prefix="kinspace-") as folder:
            for name, content in arrays.items():
                if Path(name).name != name or name.endswith(".pkl"):
                    raise ValueError(f"{name} is no file of ScaNN's")
                content.tofile(Path(folder, name))
            self._engine = self._package().load_searcher(folder)
        self._built = int(self._engine.size())
