"""Fewer dimensions by a matrix: what principal axes, random directions and sketches share."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.quantizer import Quantizer, Vectors
from kinspace.metric import Metric
from kinspace.space import Space


class Projection(Quantizer):
    """Vectors times a matrix: ``rows @ matrix_``, in a derived space of fewer dimensions.

    Codes are float32 vectors of that space; ``Chain`` makes them smaller still. An implementer
    learns ``matrix_``, shape (dim, components).
    """

    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine", "dot", "euclidean")
    moves_queries: ClassVar[bool] = True
    matrix_: NDArray[np.float32]

    @property
    def width(self) -> int:
        """How many numbers a code has."""
        return int(self.matrix_.shape[1])

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type they are."""
        return np.dtype(np.float32)

    def _encode(self, rows: Vectors) -> NDArray[np.float32]:
        return np.asarray(rows @ self.matrix_, np.float32)

    def _decode(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        return codes @ self.matrix_.T

    def _vectors(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        return codes

    def _derived(self, of: Space) -> Space:
        return of.derive(self._change(), dim=self.width, form="dense")
