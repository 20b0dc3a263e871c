"""Exact search among items of several vectors each: every vector of every item is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.token_retrieval import imputed_sums
from kinspace.errors import InvalidParameter
from kinspace.index.base import Found
from kinspace.index.held_multi import MultiHeld
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import METRICS, Metric, metric_of_scores, top_k
from kinspace.multi import MultiVectors


class MultiExact(VectorIndex):
    """Items of several vectors each, compared with a query by MaxSim, one and all.

    :class:`~kinspace.index.MultiCentroids` finds nearly the same, and looks at little of it.

    Parameters
    ----------
    dim : int
        The length of each vector.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
        Between single vectors. Scores are sums of it, so that those by cosine pass 1, and results
        call them ``"dot"``.
    retrieved : int, optional
        Score as XTR does (Lee et al., 2023): only items that have one of the ``retrieved``
        vectors nearest to a query's vector, and only by those. None compares all.
    device : str, optional
        Compute by torch on that device (``"cuda"``, ``"mps"``, ``"cpu"``), where the vectors are
        kept a second time; cosine and dot only, and not together with ``retrieved``. None computes
        on the processor without torch.
    dtype : {"float32", "float16"}
        How vectors are kept.

    Examples
    --------
    >>> index = MultiExact(dim=2)
    >>> index.add([[[1, 0], [0, 1]], [[0, 1]]], ids=[7, 8])
    >>> found = index.search([[[1, 0], [0, 1]]], k=2)[0]
    >>> found.ids, found.scores.tolist()
    ([7, 8], [2.0, 1.0])
    """

    METRICS: ClassVar[tuple[Metric, ...]] = METRICS

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        retrieved: int | None = None,
        device: str | None = None,
        dtype: str = "float32",
    ) -> None:
        if retrieved is not None and retrieved < 1:
            raise InvalidParameter(f"retrieved is {retrieved}.", "Give 1 or more, or None.")
        if device is not None and (retrieved is not None or metric not in ("cosine", "dot")):
            raise InvalidParameter(
                "MaxSim by torch takes cosine and dot products, and compares all.",
                "Leave device=None, or retrieved=None.",
            )
        self.retrieved = retrieved
        self.device = device
        super().__init__(dim, metric, dtype=dtype)

    def _empty_held(self) -> MultiHeld:
        return MultiHeld(self.dim, self.metric, self.dtype, self.device)

    def _learn(self, rows: Any) -> None:
        """There is nothing to learn."""

    def _extend(self, rows: MultiVectors, first: int) -> None:
        """There is no structure beside the vectors."""

    def _candidates(
        self, queries: MultiVectors, k: int, usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:  # fmt: skip
        return np.broadcast_to(np.arange(len(self._held)), (len(queries), len(self._held)))

    def _structure(self) -> dict[str, NDArray[Any]]:
        return {}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """There is nothing but the vectors."""

    def _exact_pays(self, usable: int) -> bool:
        return True

    def _compared(
        self, asked: MultiVectors, k: int, usable: NDArray[np.bool_] | None, first: int, last: int
    ) -> Found:
        if self.retrieved is None:
            return super()._compared(asked, k, usable, first, last)
        rows = slice(first, last) if usable is None else first + np.flatnonzero(usable[first:last])
        held = self._held
        assert isinstance(held, MultiHeld)

        def parts() -> Iterator[tuple[NDArray[np.int64], MultiVectors]]:
            for some in held.pieces(rows):
                yield np.arange(last)[some] if isinstance(some, slice) else some, held.take(some)

        best = np.full((len(asked), k), -np.inf, np.float32)
        places = np.full((len(asked), k), -1)
        found = imputed_sums(asked, parts, held.between, self.retrieved)
        for row, (positions, values) in enumerate(found):
            kept, top = top_k(values[None], k)
            best[row, : kept.shape[1]], places[row, : kept.shape[1]] = top[0], positions[kept[0]]
        return places, best

    def _metric_of_scores(self) -> Metric:
        return metric_of_scores(self.metric, "multi")
