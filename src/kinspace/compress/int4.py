"""Four bits a number: sixteen levels for each dimension, where its numbers lie."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.bytewise import Bytewise, by_byte, packed_nibbles
from kinspace.compress.levels import lloyd
from kinspace.compress.quantizer import sample


class Int4(Bytewise):
    """An eighth of float32: two numbers in a byte.

    The sixteen levels of a dimension are those of least squared error for the numbers in it
    (Lloyd 1982, "Least squares quantization in PCM"), so they lie close where numbers are many.

    Attributes
    ----------
    levels_ : ndarray of float32, shape (dim, 16), ascending

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((1000, 32)).astype(np.float32)
    >>> small = Int4().fit(rows)
    >>> codes = small.encode(rows)
    >>> codes.nbytes, bool(abs(small.decode(codes) - rows).mean() < 0.1)
    (16000, True)
    """

    name: ClassVar[str] = "int4"

    def _learn(self, rows: NDArray[np.float32]) -> None:
        self.levels_ = lloyd(sample(rows, 1 << 14), 16)

    @property
    def width(self) -> int:
        """How many bytes a code has."""
        return -(-self.dim_ // 2)

    def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.uint8]:
        codes = np.zeros(rows.shape, np.uint8)
        for bound in ((self.levels_[:, 1:] + self.levels_[:, :-1]) / 2).T:
            codes += rows > bound
        return packed_nibbles(codes)

    def _values(self) -> NDArray[np.float32]:
        return by_byte(self.levels_)
