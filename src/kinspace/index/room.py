"""Arrays that grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def enlarged(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A copy of an array in a larger one, with zeros behind it along every axis."""
    room = np.zeros(shape, array.dtype)
    room[tuple(slice(size) for size in array.shape)] = array
    return room
