"""Two bytes a number: three digits of each, which no ranking notices."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.quantizer import Quantizer
from kinspace.engines.codes import widened
from kinspace.errors import InvalidVectors
from kinspace.space import Space


class Float16(Quantizer):
    """Half precision (IEEE 754 binary16): 11 significant bits, up to 65,504.

    Its space is the original one: precision is no part of a space.

    Examples
    --------
    >>> rows = np.array([[0.1, -0.5]], np.float32)
    >>> half = Float16().fit(rows)
    >>> half.bytes_per_vector, half.decode(half.encode(rows)).round(4).tolist()
    (4, [[0.10000000149011612, -0.5]])
    """

    name: ClassVar[str] = "float16"

    def _learn(self, rows: NDArray[np.float32]) -> None:
        """There is nothing to learn."""

    @property
    def width(self) -> int:
        """How many numbers a code has."""
        return self.dim_

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type they are."""
        return np.dtype(np.float16)

    def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.float16]:
        with np.errstate(over="ignore"):
            codes = rows.astype(np.float16)
        if not np.isfinite(codes).all():
            raise InvalidVectors(
                f"A number of {np.abs(rows).max():.6g} is too large for float16.",
                "Scale the vectors, or use int8.",
            )
        return codes

    def _decode(self, codes: NDArray[np.float16]) -> NDArray[np.float32]:
        return widened(codes)

    def _derived(self, of: Space) -> Space:
        return of
