"""bfloat16 in numpy, which does not know it: the upper half of a float32, kept as uint16."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def widened(numbers: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The numbers as float32, exactly."""
    return (numbers.astype(np.uint32) << 16).view(np.float32)


def narrowed(numbers: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The nearest bfloat16 of finite numbers; of two as near, the even one."""
    bits = np.ascontiguousarray(numbers, np.float32).view(np.uint32)
    rounded: NDArray[Any] = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return rounded.astype(np.uint16)
