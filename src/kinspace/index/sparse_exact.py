"""Exact search among sparse vectors: a list of rows for each dimension, as for words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.base import Found, IndexStats, merged, padded
from kinspace.index.held_sparse import SparseHeld, SparseRows
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import METRICS, Metric, top_k
from kinspace.sparse import nbytes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SCORES: Final = 1 << 22
"""Scores held at once (16 MiB)."""
_FEW: Final = 8
"""Where no more than one row in so many may be found, these rows are looked at by themselves."""


class SparseExact(VectorIndex):
    """Sparse vectors, compared one and all.

    Dot products and cosines go by a list of rows for each dimension, which is made at the first
    search: a query looks only at the dimensions that it has.
    :class:`~kinspace.index.SparseInverted` finds the same, and looks at less.

    Parameters
    ----------
    dim : int
        The length of the vectors, their zeros included.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> index = SparseExact(dim=4, metric="dot")
    >>> index.add(csr_array([[0, 2.0, 0, 0], [1.0, 0, 0, 1.0]]), ids=[7, 8])
    >>> index.search(csr_array([[0, 0, 0, 3.0]]), k=1)[0].ids
    [8]
    """

    METRICS: ClassVar[tuple[Metric, ...]] = METRICS

    def __init__(self, dim: int, metric: Metric = "cosine") -> None:
        super().__init__(dim, metric)
        self._lists: csr_array | None = None  # shape (dim, rows at that time)

    def _empty_held(self) -> SparseHeld:
        return SparseHeld(self.dim, self.metric)

    def _learn(self, rows: SparseRows) -> None:
        """There is nothing to learn."""

    def _extend(self, rows: SparseRows, first: int) -> None:
        """The lists are made when they are needed."""

    def _candidates(
        self, queries: SparseRows, k: int, usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:  # fmt: skip
        return np.broadcast_to(np.arange(len(self._held)), (len(queries), len(self._held)))

    def _structure(self) -> dict[str, NDArray[Any]]:
        return {}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """There is nothing but the vectors."""

    def _exact_pays(self, usable: int) -> bool:
        return True

    def stats(self) -> IndexStats:
        """What it is, how much it holds, and how many bytes each part takes."""
        found = super().stats()
        if self._lists is None:
            return found
        return replace(found, parts=found.parts | {"lists": nbytes(self._lists)})

    def _compared(
        self, asked: SparseRows, k: int, usable: NDArray[np.bool_] | None, first: int, last: int
    ) -> Found:
        """The nearest among some rows: by the lists, unless that is more than to look at each."""
        is_few = usable is not None and _FEW * np.count_nonzero(usable) < len(usable)
        if self.metric not in ("cosine", "dot") or is_few or first or not last or not len(asked):
            return super()._compared(asked, k, usable, first, last)
        lists = self._listed()
        rows = None if usable is None else np.flatnonzero(usable[: lists.shape[1]])
        step = max(1, _SCORES // lists.shape[1])
        found = [
            _nearest(asked[start : start + step].csr() @ lists, k, rows)
            for start in range(0, len(asked), step)
        ]
        places, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        best = padded(places, values, k)
        if lists.shape[1] < last:
            best = merged(best, super()._compared(asked, k, usable, lists.shape[1], last), k)
        return best

    def _listed(self) -> csr_array:
        """The lists of all rows, or of nearly all."""
        lists, total = self._lists, len(self._held)
        if lists is None or total > lists.shape[1] + lists.shape[1] // _FEW:
            held = self._held.take(slice(0, total))
            self._lists = lists = held.csr().T.tocsr()
        return lists


def _nearest(
    products: Any, k: int, rows: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    values = products.toarray()
    places, best = top_k(values if rows is None else values[:, rows], k)
    return places if rows is None else rows[places], best
