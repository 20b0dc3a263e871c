"""What a user asks of an index: recall, and perhaps a limit of memory or of time."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from kinspace.errors import InvalidParameter, require_count
from kinspace.index.base import check_k

_BYTES: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
                 "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}  # fmt: skip
_SECONDS: Final = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
TUNED: Final = (1, 10, 100)
"""The numbers of neighbours that an index is tuned for, beside the one that was asked for."""


@dataclass(frozen=True)
class Asked:
    """What an index is asked to be.

    Parameters
    ----------
    recall : float
        The share of the true neighbours that are to be found.
    k : int
        How many neighbours this is said of.
    memory : int, optional
        The largest number of bytes.
    latency : float, optional
        The longest time for one query alone, in seconds.
    threads : int, optional
    """

    recall: float
    k: int
    memory: int | None = None
    latency: float | None = None
    threads: int | None = None

    @classmethod
    def of(
        cls,
        recall: float,
        k: int,
        memory: str | float | None,
        latency: str | float | None,
        threads: int | None,
    ) -> Self:
        """The same, checked, with units read.

        Raises
        ------
        InvalidParameter
        """
        if not 0 < recall <= 1:
            raise InvalidParameter(f"recall is {recall}.", "Give a share above 0, at most 1.")
        if threads is not None:
            require_count("threads", threads)
        return cls(
            float(recall),
            check_k(k),
            None if memory is None else int(_amount("memory", memory, _BYTES, "400MB")),
            None if latency is None else _amount("latency", latency, _SECONDS, "2ms"),
            threads,
        )

    def ks(self, count: int) -> list[int]:
        """The numbers of neighbours to set options for, among so many vectors.

        The one that was asked for comes first, since indexes are compared by it.
        """
        own = min(self.k, count - 1)
        return [own, *(k for k in TUNED if k != own and k < count)] if own > 0 else []


def _amount(name: str, given: str | float, units: Mapping[str, float], example: str) -> float:
    """A number with its unit; without one it is in bytes, or in seconds."""
    if isinstance(given, str):
        found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zµ]*)\s*", given.lower())
        factor = units.get(found[2], 1.0 if not found[2] else math.nan) if found else math.nan
        value = float(found[1]) * factor if found else math.nan
    else:
        value = float(given)
    if not value > 0 or math.isinf(value):
        raise InvalidParameter(
            f"{name} is {given!r:.40}.", f"Give a number with a unit, such as {example!r}."
        )
    return value
