"""Inverted files: codes of vectors in cells around centroids, and only the nearest cells looked at.

Sivic and Zisserman, "Video Google" (2003); Jégou, Douze and Schmid, "Product quantization for
nearest neighbor search" (2011), section 4. Cells and codes are FAISS's.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled
from kinspace.engines.marking import mark_cells
from kinspace.errors import require_count
from kinspace.index.library import (
    leave_cells,
    metric_kind,
    packed,
    sample,
    selector,
    threads_for,
    unpacked,
)
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import Metric

_VECTORS_A_CELL: Final = 20
"""Cells are no smaller than this on average, where their number is not given."""
_TRAINING: Final = 10_000
_TRAINING_A_CELL: Final = 32
_ITERATIONS: Final = 8
_VALUES_OF_A_CODE: Final = 16
"""A code of four bits has so many values, each of which needs a vector to learn from."""
_PROBED: Final = 16
"""By default one cell of so many is looked at, and never fewer cells than this."""
_FEW: Final = 0.005
"""A share of usable vectors that is sooner compared one and all."""
_WIDENING: Final = 1 / 2
"""So many times as many cells, as a power of one over the share that is usable; measured."""
_DEAD_SHARE: Final = 0.01
"""Removed vectors leave their cells together, once they are this share."""


class InvertedFile(VectorIndex):
    """What all indexes with cells share: learning them, probing them, filters and removal.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    nlist : int, optional
        How many cells.
    nprobe : int, optional
        How many are looked at.
    candidates : int, optional
        How many vectors, the best by their codes, are scored exactly.
    seed : int
    dtype, exact_below
        As for every index.
    """

    SEARCH: ClassVar[tuple[str, ...]] = ("nprobe", "candidates")
    GROWTH: ClassVar[float | None] = 4

    def __init__(
        self,
        dim: int,
        metric: Metric,
        *,
        nlist: int | None,
        nprobe: int | None,
        candidates: int | None,
        seed: int,
        dtype: str,
        exact_below: int,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        for name, value in (("nlist", nlist), ("nprobe", nprobe), ("candidates", candidates)):
            if value is not None:
                require_count(name, value)
        self.nlist = nlist
        self.nprobe = nprobe
        self.candidates = candidates
        self.seed = seed
        self._faiss: Any = None
        self._rotation: NDArray[np.float32] | None = None
        self._cells: NDArray[np.int32] | None = None  # the cell of each row, once it is asked for

    # -- what an implementer writes --------------------------------------------------------------

    @abstractmethod
    def _empty(self, nlist: int, kind: int) -> Any:
        """An untrained ``IndexIVF`` of FAISS."""

    @abstractmethod
    def _wanted(self, k: int) -> int:
        """How many candidates there are for ``k`` neighbours, where their number is not given."""

    def _learn_rotation(self, rows: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """How vectors are turned before they are coded, if they are."""
        return None

    def _turned(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors as they are coded."""
        return rows if self._rotation is None else rows @ self._rotation

    def _parameters(self, nprobe: int, **selectors: Any) -> Any:
        import faiss

        return faiss.SearchParametersIVF(nprobe=nprobe, **selectors)

    # -- the structure ---------------------------------------------------------------------------

    def _learn(self, rows: NDArray[np.float32]) -> None:
        import faiss

        nlist = self.nlist or min(2 * math.isqrt(len(rows)), len(rows) // _VECTORS_A_CELL)
        nlist = max(1, min(nlist, len(rows)))
        drawn = sample(rows, max(_TRAINING_A_CELL * nlist, _TRAINING), self.seed)
        if len(drawn) < _VALUES_OF_A_CODE:
            drawn = np.tile(drawn, (_VALUES_OF_A_CODE, 1))
        with threads_for(drawn, self.threads):
            self._rotation = self._learn_rotation(drawn)
            made = self._empty(nlist, metric_kind(self.metric))
            set_clustering(made.cp, self.seed)
            by_distance = faiss.IndexFlatL2(made.d)
            if self.metric == "dot":
                made.cp.spherical, made.clustering_index = False, by_distance
            made.train(self._turned(drawn))
            made.clustering_index = None
        self._faiss, self._cells = made, None

    def _extend(self, rows: NDArray[np.float32], first: int) -> None:
        with threads_for(rows, self.threads), self._joining():
            self._faiss.add_with_ids(self._turned(rows), np.arange(first, first + len(rows)))
        self._cells = None

    @contextmanager
    def _joining(self) -> Iterator[None]:
        """By dot product, a vector joins the cell whose centroid is nearest by distance.

        The centroid with the largest product would be a long one for most, and the vectors of a
        cell would have little in common. A query still asks for the largest product.
        """
        if self.metric != "dot":
            yield
            return
        import faiss

        made = self._faiss
        by_product, by_distance = faiss.downcast_index(made.quantizer), faiss.IndexFlatL2(made.d)
        by_distance.add(by_product.reconstruct_n(0, made.nlist))
        made.quantizer = by_distance
        try:
            yield
        finally:
            made.quantizer = by_product

    def _forget(self, rows: NDArray[np.int64]) -> None:
        """Take all dead rows out at once, since that goes through all cells."""
        if self._faiss is None:
            return
        import faiss

        alive = self._ids.alive[: self._covered]
        dead = self._faiss.ntotal - int(np.count_nonzero(alive))
        if dead > _DEAD_SHARE * self._faiss.ntotal:
            leave_cells(self._faiss, faiss.IDSelectorNot(selector(alive)))

    def _structure(self) -> dict[str, NDArray[Any]]:
        if self._faiss is None:
            return {}
        turned = {} if self._rotation is None else {"rotation": self._rotation}
        return turned | {"cells": packed(self._faiss)}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._faiss = unpacked(arrays["cells"], "IndexIVF")
        self._rotation = arrays.get("rotation")

    def _sizes(self) -> dict[str, int]:
        made = self._faiss
        if made is None:
            return {}
        import faiss

        lists = faiss.downcast_InvertedLists(made.invlists)
        sizes = np.array([lists.list_size(cell) for cell in range(made.nlist)])
        # Codes that are compared in registers lie in blocks, the last of which is filled up.
        in_blocks = isinstance(lists, faiss.BlockInvertedLists)
        together, size = (lists.n_per_block, lists.block_size) if in_blocks else (1, made.code_size)
        return {
            "centroids": 4 * made.nlist * made.d,
            "codes": int((-(-sizes // together) * size).sum()),
            "rows of codes": 8 * int(sizes.sum()),
            "rotation": 0 if self._rotation is None else self._rotation.nbytes,
        }

    # -- the search ------------------------------------------------------------------------------

    def _candidates(
        self,
        queries: NDArray[np.float32],
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:
        nlist = self._faiss.nlist
        nprobe = min(_count_of("nprobe", options) or max(_PROBED, nlist // _PROBED), nlist)
        wanted = max(k, _count_of("candidates", options) or self._wanted(k))
        with threads_for(queries, self.threads):
            found: NDArray[np.int64] = self._faiss.search(
                self._turned(queries), wanted, params=self._filtered(nprobe, usable)
            )[1]
        return found

    def _exact_pays(self, usable: int) -> bool:
        return usable <= max(self.exact_below, _FEW * self._covered)

    def _filtered(self, nprobe: int, usable: NDArray[np.bool_] | None) -> Any:
        """Parameters of a search among usable rows, in the cells that hold any of them.

        The nearest ``k`` of a share are as far as the nearest ``k / share`` of all, so they lie in
        more cells.
        """
        count = self._faiss.ntotal if usable is None else int(np.count_nonzero(usable))
        if usable is None or count == self._faiss.ntotal:
            return self._parameters(nprobe)
        if self._faiss.nlist == 1:
            return self._parameters(1, sel=selector(usable))
        import faiss

        cells = np.zeros(self._faiss.nlist, np.bool_)
        compiled(mark_cells)(self._cell_of_rows(), usable, cells)
        widened = math.ceil(nprobe * (self._faiss.ntotal / max(1, count)) ** _WIDENING)
        return self._parameters(
            min(widened, int(np.count_nonzero(cells))),
            sel=selector(usable),
            quantizer_params=faiss.SearchParameters(sel=selector(cells)),
        )

    def _cell_of_rows(self) -> NDArray[np.int32]:
        """The cell of each row, shape (covered,); of rows that left their cell, any."""
        cells = self._cells
        if cells is None:
            import faiss

            lists = self._faiss.invlists
            cells = np.zeros(self._covered, np.int32)
            for cell in range(self._faiss.nlist):
                if size := lists.list_size(cell):
                    cells[faiss.rev_swig_ptr(lists.get_ids(cell), size)] = cell
            self._cells = cells
        return cells


def set_clustering(parameters: Any, seed: int) -> None:
    """Few iterations suffice for cells and codes; a small sample is no reason for a warning."""
    parameters.niter = _ITERATIONS
    parameters.min_points_per_centroid = 1
    parameters.seed = seed


def _count_of(name: str, options: Mapping[str, Any]) -> int | None:
    value = options.get(name)
    if value is not None:
        require_count(name, value)
    return None if value is None else int(value)
