"""What indexes share that put rows into buckets and look into those near a query."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.bits import Asked, Coded
from kinspace.engines.buckets import Tables
from kinspace.errors import require_count
from kinspace.index.batches import in_batches
from kinspace.index.bit_codes import BitCodes, with_room
from kinspace.index.buckets import Buckets
from kinspace.index.growing import Growing

SAMPLE: Final = 20_000
"""Rows that are looked at to learn what their distribution is."""


class Near(NamedTuple):
    """What a search goes by, beside its queries."""

    tables: Tables
    coded: Coded
    asked: Asked
    share: float
    """Of the rows that may be found."""
    options: Mapping[str, Any]


class Bucketed(Growing):
    """Rows in buckets; of those in the buckets near a query, candidates are the nearest by bits.

    An implementer writes how buckets are chosen. By ``dot``, vectors get one number more there,
    which makes all equally long, so that those of the highest product are the nearest (Neyshabur
    and Srebro 2015).
    """

    seed: int
    _buckets: Buckets | None = None
    _bits: BitCodes | None = None
    _longest = 1.0

    @abstractmethod
    def _planned(self, rows: NDArray[np.float32], rng: np.random.Generator) -> Buckets:
        """Learn what makes keys, from rows as they are hashed, and return empty buckets."""

    @abstractmethod
    def _keys(self, rows: NDArray[np.float32]) -> NDArray[np.int32]:
        """The keys of rows as they are hashed, shape (tables, n)."""

    @abstractmethod
    def _look(self, queries: NDArray[np.float32], near: Near, found: NDArray[np.int64]) -> None:
        """Fill ``found``, shape (queries, any), for queries as they are hashed."""

    @abstractmethod
    def _parts(self) -> dict[str, NDArray[Any]]:
        """All arrays that make keys."""

    @abstractmethod
    def _again(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what :meth:`_parts` gave."""

    def _shaped(self, rows: NDArray[np.float32], *, asked: bool = False) -> NDArray[np.float32]:
        """Rows or queries as they are hashed."""
        if self.metric != "dot":
            return np.ascontiguousarray(rows)
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        if asked:
            lengths[lengths == 0] = 1
            return np.pad((rows / lengths[:, None]).astype(np.float32), ((0, 0), (0, 1)))
        lacking = np.sqrt(np.maximum(0, 1 - (lengths / self._longest) ** 2))
        unit = rows / np.float64(self._longest)
        return np.concatenate([unit, lacking[:, None]], axis=1).astype(np.float32)

    def _design(self, rows: NDArray[np.float32]) -> None:
        rows = np.asarray(rows, np.float32)
        if self.metric == "dot":
            squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
            self._longest = float(np.sqrt(squares.max())) or 1.0
        rng = np.random.default_rng(self.seed)
        self._bits = BitCodes.learned(rows, self.metric, rng, in_groups=False)
        self._buckets = self._planned(self._shaped(rows), rng)

    def _put(self, rows: NDArray[np.float32]) -> None:
        assert self._buckets is not None
        assert self._bits is not None
        self._buckets.add(self._keys(self._shaped(rows)))
        self._bits.add(rows)

    def _settle(self) -> None:
        assert self._buckets is not None
        self._buckets.gather()

    def _candidates(
        self,
        queries: NDArray[np.float32],
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:
        assert self._buckets is not None
        assert self._bits is not None
        for name in self.SEARCH:
            require_count(name, options[name])
        wanted = max(options["candidates"], 3 * k)
        if 4 * wanted > self._covered:  # comparing one and all is as fast
            return np.empty((len(queries), 0), np.int64)
        near = Near(
            self._buckets.tables(),
            self._bits.coded(usable),
            self._bits.asked(queries, wanted, wanted),
            1.0 if usable is None else float(usable.mean()),
            options,
        )
        shaped = self._shaped(queries, asked=True)
        found = np.empty((len(queries), wanted), np.int64)

        def work(first: int, last: int) -> None:
            some = near._replace(asked=with_room(near.asked, first, last))
            self._look(shaped[first:last], some, found[first:last])

        in_batches(len(queries), self.threads, work)
        return found

    def _structure(self) -> dict[str, NDArray[Any]]:
        if self._buckets is None or self._bits is None:
            return {}
        learned = {"learned": np.array([self._learned, self._longest])}
        parts = self._buckets.arrays() | self._parts() | learned
        return parts | {f"bits.{name}": array for name, array in self._bits.arrays().items()}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._buckets = Buckets.restored(arrays)
        self._learned, self._longest = int(arrays["learned"][0]), float(arrays["learned"][1])
        self._again(arrays)
        bits = {k.removeprefix("bits."): v for k, v in arrays.items() if k.startswith("bits.")}
        self._bits = BitCodes.restored(bits, self.metric, len(self._held), in_groups=False)
