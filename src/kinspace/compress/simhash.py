"""SimHash: on which side of random planes a vector lies."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.quantizer import Quantizer, Vectors
from kinspace.errors import require_count
from kinspace.metric import Metric
from kinspace.space import Space


class SimHash(Quantizer):
    """A bit for each of some random planes; two vectors differ in a share of angle / π of them.

    Its space is of bits, compared by how many differ. Scores are the cosine that this tells, with a
    standard error of at most ``π / (2 sqrt(n_bits))``.

    Parameters
    ----------
    n_bits : int
    seed : int

    Attributes
    ----------
    planes_ : ndarray of float32, shape (dim, n_bits)

    References
    ----------
    Charikar 2002, "Similarity estimation techniques from rounding algorithms".

    Examples
    --------
    >>> hashed = SimHash(4096).fit([[1, 0]])
    >>> codes = hashed.encode([[1, 0], [1, 1], [0, 1], [-1, 0]])
    >>> (hashed.scores([2, 0], codes)[0] * 10).round().astype(int).tolist()
    [10, 7, 0, -10]
    """

    name: ClassVar[str] = "simhash"
    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine",)
    takes_sparse: ClassVar[bool] = True
    moves_queries: ClassVar[bool] = True

    def __init__(self, n_bits: int, *, seed: int = 0) -> None:
        self.n_bits = n_bits
        self.seed = seed

    def _learn(self, rows: Vectors) -> None:
        require_count("n_bits", self.n_bits)
        rng = np.random.default_rng(self.seed)
        self.planes_ = rng.standard_normal((self.dim_, self.n_bits), np.float32)

    @property
    def width(self) -> int:
        """How many bytes a code has."""
        return -(-self.n_bits // 8)

    def _encode(self, rows: Vectors) -> NDArray[np.uint8]:
        sides = np.asarray(rows @ self.planes_) > 0
        return np.packbits(sides, axis=1, bitorder="little")

    def _decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        # The mean of signed planes is sqrt(2/π) of the unit vector, and noise around it.
        signs = 2 * self._vectors(codes) - 1
        scale = np.float32(np.sqrt(np.pi / 2) / self.n_bits)
        return np.asarray((signs @ self.planes_.T) * scale, np.float32)

    def _vectors(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        bits = np.unpackbits(codes, axis=1, count=self.n_bits, bitorder="little")
        return bits.astype(np.float32)

    def _scored(
        self, moved: NDArray[np.float32], codes: NDArray[np.uint8], metric: Metric
    ) -> NDArray[np.float32]:
        asked = np.packbits(moved > 0, axis=1, bitorder="little")
        found = np.empty((len(asked), len(codes)), np.float32)
        if not self.width % 8:  # eight bytes at once
            asked, codes = asked.view(np.uint64), np.ascontiguousarray(codes).view(np.uint64)
        for row, query in enumerate(asked):
            apart = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.int32)
            found[row] = np.cos(np.pi * apart / self.n_bits)
        return found

    def _derived(self, of: Space) -> Space:
        bits = of.derive(self._change(), dim=self.n_bits, form="binary")
        return replace(bits, metric="hamming")
