"""GELU in place on bfloat16: x Φ(x) (Hendrycks & Gimpel 2016, section 2).

Plain Python, the oracle of the tests; :mod:`.activation_code` is what runs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.bfloat16 import narrowed, widened

REACH = 4.0
"""Beyond it, x Φ(x) is x or 0."""
ERF = (
    -1.2407942249609568e-09, 1.2097677447259548e-07, -5.047500362123894e-06,
    1.193655835452673e-04, -1.7909746877973756e-03, 1.814881534912169e-02,
    -1.302058839151744e-01, 7.963942782469584e-01,
)  # fmt: skip
"""erf(x / √2) is x times this polynomial in x², highest first: the one whose x Φ(x) is nowhere
further off than .00013, a fifteenth of what rounding 1 to bfloat16 may take, and ends at 1."""


def gelu(numbers: NDArray[np.uint16]) -> None:
    """Put x Φ(x) in the place of every number x.

    Parameters
    ----------
    numbers : array of uint16, shape (n, width)
        As bfloat16, without gaps; the width is a multiple of 16.
    """
    bend(numbers)


def bend(numbers: NDArray[np.uint16]) -> None:
    """What :func:`gelu` does, which is replaced whole."""
    x = widened(numbers)
    near = np.clip(x, -REACH, REACH)
    half = x * np.float32(0.5)
    error = np.polyval(np.array(ERF, np.float32), near * near)
    numbers[:] = narrowed(half * near * error + half)
