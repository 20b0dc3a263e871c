"""All vectors as bits, to find or rank candidates by: see :mod:`kinspace.engines.bits`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import bits as engine
from kinspace.engines.bits import LANES
from kinspace.index.bit_coders import Coder, Draws, Planes
from kinspace.index.room import enlarged
from kinspace.metric import Metric

_SAMPLE: Final = 20_000
_FEWEST: Final = 256
"""Bits of a vector, at least, unless it is told otherwise."""
_FINEST: Final = float(1 << 30)
_NO_KEY: Final = (1 << 31) - 1
_ROOM: Final = 2 * LANES
"""Rows that are weighed at once, so there is always room for so many."""


class BitCodes:
    """Rows 0, 1, 2 … as bits, and what turns counts of bits into scores.

    Parameters
    ----------
    coder : Coder
    in_groups : bool
        Whether codes lie as a scan wants them, or row by row.
    """

    def __init__(self, coder: Coder, *, in_groups: bool) -> None:
        self._coder = coder
        self._lanes = LANES if in_groups else 1
        self._codes = np.zeros((0, self._lanes * -(-coder.bits // 64)), np.uint64)
        self._norms = np.zeros(0, np.float32)
        self._shifts = np.zeros(0, np.float32)
        self._count = 0
        self._largest = np.zeros(2)  # of norms, and of shifts either way
        self._weighted = coder.weighted

    @classmethod
    def learned(
        cls,
        rows: NDArray[np.float32],
        metric: Metric,
        rng: np.random.Generator,
        *,
        bits: int | None = None,
        thresholds: str = "mean",
        rotate: bool = True,
        in_groups: bool = True,
    ) -> Self:
        """Without rows yet, but with a coder that has seen some."""
        dim = rows.shape[1]
        if bits is None:
            bits = dim * (-(-_FEWEST // dim) if rotate or metric == "hamming" else 1)
        drawn = np.sort(rng.choice(len(rows), min(_SAMPLE, len(rows)), replace=False))
        some = np.asarray(rows[drawn], np.float32)
        coder: Coder
        if metric == "hamming":
            coder = Draws.learned(some, bits, rng)
        else:
            coder = Planes.learned(some, bits, metric, thresholds, rotate, rng)
        return cls(coder, in_groups=in_groups)

    def add(self, rows: NDArray[np.float32]) -> None:
        """Code more rows."""
        first, last = self._count, self._count + len(rows)
        if last > self._lanes * len(self._codes):
            room = _even(max(last, first + first // 2))
            self._codes = enlarged(self._codes, (room // self._lanes, self._codes.shape[1]))
            if self._weighted:
                self._norms, self._shifts = (
                    enlarged(array, (room,)) for array in (self._norms, self._shifts)
                )
        signs, norms, shifts = self._coder.coded(rows)
        engine.put(self._codes, engine.packed(signs), first)
        if self._weighted:
            self._norms[first:last], self._shifts[first:last] = norms, shifts
            self._reach(norms, shifts)
        self._count = last

    def _reach(self, norms: NDArray[np.float32], shifts: NDArray[np.float32]) -> None:
        most = norms.max(initial=0), np.abs(shifts).max(initial=0)
        self._largest = np.maximum(self._largest, most)

    def coded(self, usable: NDArray[np.bool_] | None) -> engine.Coded:
        """As the engine takes them; a mask of the rows that may be found goes along."""
        mask = np.empty(0, np.bool_) if usable is None else usable
        return engine.Coded(self._codes, self._count, self._norms, self._shifts, mask)

    def asked(self, queries: NDArray[np.float32], wanted: int, best: int) -> engine.Asked:
        """Queries as the engine takes them, except for room to find rows in."""
        signs, numbers = self._coder.asked(queries)
        lengths = np.sqrt(np.einsum("ij,ij->i", numbers, numbers))
        reach = 2 * lengths
        if self._weighted:
            reach = lengths * self._largest[0] + self._largest[1]
        fine = np.ones(len(queries), np.float32)
        np.divide(_FINEST, reach, out=fine, where=reach > 0, casting="same_kind")
        return engine.Asked(
            words=engine.packed(signs),
            numbers=engine.filled_up(numbers),
            lengths=lengths,
            bits=self._coder.bits,
            scale=self._coder.scale,
            fine=fine,
            wanted=wanted,
            best=best,
            near=np.empty((0, 0), np.int64),
            found=np.empty((0, 0), np.int64),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is needed to make it again."""
        rows = _even(self._count)
        parts: dict[str, NDArray[Any]] = {"codes": self._codes[: rows // self._lanes]}
        if self._weighted:
            parts |= {"norms": self._norms[:rows], "shifts": self._shifts[:rows]}
        return parts | self._coder.arrays()

    @classmethod
    def restored(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        metric: Metric,
        count: int,
        *,
        in_groups: bool = True,
    ) -> Self:
        """From what :meth:`arrays` gave, of so many rows."""
        kind: type[Draws] | type[Planes] = Draws if metric == "hamming" else Planes
        made = cls(kind.restored(arrays, metric), in_groups=in_groups)
        made._count = count
        made._codes = np.array(arrays["codes"], np.uint64)
        if made._weighted:
            made._norms = np.array(arrays["norms"], np.float32)
            made._shifts = np.array(arrays["shifts"], np.float32)
            made._reach(made._norms, made._shifts)
        if made._lanes * len(made._codes) < count:
            raise ValueError("it has not one code a vector")
        return made


def _even(rows: int) -> int:
    """So many rows, and those that are only there to be weighed along."""
    return _ROOM * -(-rows // _ROOM)


def with_room(asked: engine.Asked, first: int, last: int) -> engine.Asked:
    """Some of the queries, with room for what a scan finds."""
    found = np.zeros((last - first, 2), np.int64)
    found[:, 1] = _NO_KEY
    return asked._replace(
        words=asked.words[first:last],
        numbers=asked.numbers[first:last],
        lengths=asked.lengths[first:last],
        fine=asked.fine[first:last],
        near=np.empty((last - first, 2 * asked.wanted + LANES), np.int64),
        found=found,
    )
