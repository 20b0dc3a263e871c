"""Tables of buckets that grow: see :mod:`kinspace.engines.buckets`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import buckets as engine
from kinspace.engines.compiled import compiled
from kinspace.index.room import enlarged

_LOOSE: Final = 4096
_SHARE: Final = 8
"""Rows hang on chains until they are so many, and a share of the others."""


class Buckets:
    """Rows 0, 1, 2 … under the keys that each of some tables has for them.

    Parameters
    ----------
    tables, buckets : int
        Keys are 0 to ``buckets - 1``.
    """

    def __init__(self, tables: int, buckets: int) -> None:
        self._starts = np.zeros((tables, buckets + 1), np.int32)
        self._rows = np.zeros((tables, 0), np.int32)
        self._heads = np.full((tables, buckets), -1, np.int32)
        self._following = np.zeros((tables, 0), np.int32)
        self._loose = 0

    @property
    def count(self) -> int:
        """How many buckets a table has."""
        return self._heads.shape[1]

    def add(self, keys: NDArray[np.int32]) -> None:
        """Put rows into all tables, by their keys, shape (tables, rows)."""
        needed = self._loose + keys.shape[1]
        if needed > self._following.shape[1]:
            shape = len(keys), max(needed, 2 * self._following.shape[1])
            self._following = enlarged(self._following, shape)
        compiled(engine.hang)(keys, self._loose, self._heads, self._following)
        self._loose = needed
        if self._loose > _LOOSE + self._rows.shape[1] // _SHARE:
            self.gather()

    def gather(self) -> None:
        """Take all rows off their chains: a search reads them faster then."""
        tables = len(self._rows)
        starts = np.empty_like(self._starts)
        rows = np.empty((tables, self._rows.shape[1] + self._loose), np.int32)
        compiled(engine.gather)(self.tables(), starts, rows)
        self._starts, self._rows = starts, rows
        self._heads.fill(-1)
        self._following = np.zeros((tables, 0), np.int32)
        self._loose = 0

    def tables(self) -> engine.Tables:
        """As a search takes them."""
        return engine.Tables(self._starts, self._rows, self._heads, self._following)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is needed to make it again."""
        return {
            "starts": self._starts,
            "rows": self._rows,
            "heads": self._heads,
            "following": np.ascontiguousarray(self._following[:, : self._loose]),
        }

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """From what :meth:`arrays` gave."""
        tables, buckets = arrays["heads"].shape
        made = cls(tables, buckets)
        made._starts, made._rows, made._heads, made._following = (
            np.array(arrays[name], np.int32) for name in ("starts", "rows", "heads", "following")
        )
        made._loose = made._following.shape[1]
        return made
