"""One bit a number: on which side of a threshold it lies."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.bytewise import Bytewise, by_byte
from kinspace.compress.quantizer import sample
from kinspace.errors import require_choice

Threshold = Literal["zero", "mean", "median"]

_HALVES: Final = 1e-12


class Binary(Bytewise):
    """A thirty-second of float32: the query stays in float, the vectors are bits.

    A bit stands for the mean of the numbers on its side of the threshold, which is the best that
    one bit can do (Lloyd 1982); comparing a float query with that finds far more than comparing
    bits with bits. Enough to find candidates, which are then scored by the original vectors.

    Parameters
    ----------
    threshold : {"zero", "mean", "median"}
        What lies above it is 1. Zero keeps angles; the median makes each bit tell the most where
        the numbers of a dimension lie to one side.
    rotate : bool
        Turn the vectors at random first, so that all dimensions vary alike and none is wasted
        (Gong and Lazebnik 2011, "Iterative quantization", compare it with turns that are learned).
    seed : int

    Attributes
    ----------
    thresholds_ : ndarray of float32, shape (dim,)
    levels_ : ndarray of float32, shape (dim, 2)

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((1000, 64)).astype(np.float32)
    >>> bits = Binary().fit(rows)
    >>> codes = bits.encode(rows)
    >>> codes.nbytes, int(bits.scores(rows[7], codes).argmax())
    (8000, 7)
    """

    name: ClassVar[str] = "binary"

    def __init__(
        self, threshold: Threshold = "zero", *, rotate: bool = False, seed: int = 0
    ) -> None:
        self.threshold = threshold
        self.rotate = rotate
        self.seed = seed

    def _learn(self, rows: NDArray[np.float32]) -> None:
        require_choice("threshold", self.threshold, Threshold)
        self.rotation_ = random_rotation(self.dim_, self.seed) if self.rotate else None
        some = self._turned(sample(rows))
        if self.threshold == "zero":
            self.thresholds_ = np.zeros(self.dim_, np.float32)
        else:
            middle = np.mean if self.threshold == "mean" else np.median
            self.thresholds_ = np.asarray(middle(some, axis=0), np.float32)
        above = some > self.thresholds_
        count = above.sum(axis=0, dtype=np.float64)
        total, high = some.sum(axis=0, dtype=np.float64), np.where(above, some, 0).sum(axis=0)
        upper = high / np.maximum(count, 1)
        lower = (total - high) / np.maximum(len(some) - count, 1)
        # A side on which nothing was seen is the threshold itself.
        upper = np.where(count > 0, upper, self.thresholds_)
        lower = np.where(count < len(some), lower, self.thresholds_)
        self.levels_ = np.stack([lower, upper], axis=1).astype(np.float32)

    @property
    def width(self) -> int:
        """How many bytes a code has."""
        return -(-self.dim_ // 8)

    def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.uint8]:
        return np.packbits(self._turned(rows) > self.thresholds_, axis=1, bitorder="little")

    def _values(self) -> NDArray[np.float32]:
        return by_byte(self.levels_)


def random_rotation(dim: int, seed: int) -> NDArray[np.float32]:
    """A turn that prefers no direction, shape (dim, dim)."""
    from scipy.linalg import qr

    normal = np.random.default_rng(seed).standard_normal((dim, dim))
    turn, triangle = qr(normal, check_finite=False)
    # Without the signs of the diagonal, directions would not be equally likely (Mezzadri 2007).
    return np.asarray(turn * np.sign(np.diag(triangle) + _HALVES), np.float32)
