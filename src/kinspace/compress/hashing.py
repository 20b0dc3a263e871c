"""Hashes of values that are the same on every machine and in every process."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidInput


def hashed(values: Iterable[object]) -> NDArray[np.uint64]:
    """A number of 64 bits for each value: texts, whole numbers, booleans, bytes or None.

    Raises
    ------
    InvalidInput
        If a value is of another type: what it is like on another machine is not known.
    """
    known: dict[object, int] = {}
    found = []
    for value in values:
        key = (type(value), value)
        if key not in known:
            known[key] = int.from_bytes(blake2b(_bytes(value), digest_size=8).digest(), "little")
        found.append(known[key])
    return np.array(found, np.uint64)


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return b"b" + value
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int):
        return f"n{value}".encode()
    if isinstance(value, str):
        return b"s" + value.encode("utf-8", "surrogatepass")
    raise InvalidInput(
        f"{value!r:.80} is a {type(value).__name__}: only texts and whole numbers are hashed.",
        "Turn it into a text.",
    )


def mixed(keys: NDArray[np.uint64], seed: int | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Another hash of the same keys for each seed (the finalizer of SplitMix64)."""
    with np.errstate(over="ignore"):
        z = keys ^ (np.asarray(seed, np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
