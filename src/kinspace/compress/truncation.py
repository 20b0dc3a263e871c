"""The first dimensions of vectors that were trained to be cut (Matryoshka)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.quantizer import Quantizer, require_at_most
from kinspace.metric import Metric
from kinspace.space import Space


class Truncation(Quantizer):
    """The first ``dim`` numbers of each vector, in the space that ``Embeddings.truncate`` gives.

    Models trained for it put what matters first (Kusupati et al. 2022, "Matryoshka representation
    learning"); for others ``PCA`` keeps more.

    Parameters
    ----------
    dim : int

    Examples
    --------
    >>> short = Truncation(2).fit([[3, 4, 5]])
    >>> short.encode([[3, 4, 5]]).tolist(), short.decode(short.encode([[3, 4, 5]])).tolist()
    ([[3.0, 4.0]], [[3.0, 4.0, 0.0]])
    """

    name: ClassVar[str] = "truncate"
    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine", "dot", "euclidean", "manhattan")
    moves_queries: ClassVar[bool] = True

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def _learn(self, rows: NDArray[np.float32]) -> None:
        require_at_most("dim", self.dim, self.dim_)

    @property
    def width(self) -> int:
        """How many numbers a code has."""
        return self.dim

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type they are."""
        return np.dtype(np.float32)

    def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return rows[:, : self.dim]

    def _decode(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.pad(codes, ((0, 0), (0, self.dim_ - self.dim)))

    def _vectors(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        return codes

    def _derived(self, of: Space) -> Space:
        return of if self.dim == of.dim else of.derive(f"truncate {self.dim}", dim=self.dim)
