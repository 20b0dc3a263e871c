"""Exact search: every vector is looked at, so nothing is missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter
from kinspace.index.base import Found
from kinspace.index.exact_device import DeviceTable
from kinspace.index.held import DTYPES, DenseHeld, Held
from kinspace.index.held_small import BitsHeld, Int8Held
from kinspace.index.rescored import best_candidates
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import METRICS, Metric

_FEW: Final = 1 << 20
"""Numbers in rows that are compared here sooner than a device has answered."""


class Exact(VectorIndex):
    """All vectors, compared one by one: the truth that other indexes are measured by.

    Parameters
    ----------
    dim : int
        The length of the vectors.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    dtype : {"float32", "float16", "int8", "binary"}
        How vectors are kept: in 4, 2, 1 or ⅛ bytes a number. Scores are exact for what is kept.
        ``int8`` scales each row so that its largest number is 127. ``binary`` is for hamming, and
        keeps whether a number is above zero.
    device : str, optional
        Compare by torch on that device (``"cuda"``, ``"mps"``, ``"cpu"``), where the vectors are
        kept a second time; what is nearest there is scored once more here, so that scores are
        those of every other index. None compares on the processor without torch.

    Examples
    --------
    >>> index = Exact(dim=2, metric="euclidean")
    >>> index.add([[0, 0], [3, 4]], ids=[7, 8])
    >>> index.search([[0, 1]], k=1)[0].ids
    [7]

    Eight numbers a byte:

    >>> bits = Exact(dim=3, metric="hamming", dtype="binary")
    >>> bits.add([[1, -1, 1], [-1, -1, -1]])
    >>> bits.search([[0.3, 0.2, 0.1]], k=2)[0].distances.tolist()
    [1.0, 3.0]
    """

    METRICS: ClassVar[tuple[Metric, ...]] = METRICS

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        dtype: str = "float32",
        device: str | None = None,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype)
        if device is not None and dtype == "binary":
            raise InvalidParameter(
                "Bits are compared on the processor.", 'Leave device=None, or dtype="binary".'
            )
        self.device = device
        self._on_device = DeviceTable(str(device), metric)

    def _empty_held(self) -> Held:
        if self.dtype == "int8":
            return Int8Held(self.dim, self.metric)
        if self.dtype == "binary":
            return BitsHeld(self.dim, self.metric)
        if self.dtype not in DTYPES:
            raise InvalidParameter(
                f"Vectors cannot be kept as {self.dtype}.",
                f"Choose one of: {', '.join(DTYPES)}, int8, binary.",
            )
        return DenseHeld(self.dim, self.metric, self.dtype)

    def _nearest(
        self,
        asked: Any,
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any] | None = None,
    ) -> Found:
        total = len(self._held)
        count = total if usable is None else int(np.count_nonzero(usable))
        if self.device is None or count <= k or count * self.dim <= _FEW:
            return self._compared(asked, k, usable, 0, total)
        self._on_device.follow(self._held, half=self.dtype == "float16")
        rows = self._on_device.candidates(asked, k, usable)
        return best_candidates(self._held, asked, rows, k)

    def _learn(self, rows: Any) -> None:
        """There is nothing to learn."""

    def _extend(self, rows: Any, first: int) -> None:
        """There is no structure beside the vectors."""

    def _candidates(
        self, queries: Any, k: int, usable: NDArray[np.bool_] | None, options: Mapping[str, Any]
    ) -> NDArray[np.int64]:
        return np.broadcast_to(np.arange(len(self._held)), (len(queries), len(self._held)))

    def _structure(self) -> dict[str, NDArray[Any]]:
        return {}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """There is nothing but the vectors."""
