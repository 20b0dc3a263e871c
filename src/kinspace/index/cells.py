"""Rows of a table that lie cell by cell, with room between the cells for more."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.scanning import MARGIN
from kinspace.engines.short_codes import BLOCK

_GROWTH: Final = 1.5
_WASTE: Final = 0.35
"""Share of the table that may lie unused before everything is laid out anew."""
_LARGE: Final = 0.05
"""An addition of this share is laid out together with all that is there."""


class ShortCodes:
    """Short codes of so many rows, in blocks of 32 as they are scanned; rows are read and set.

    Parameters
    ----------
    rows : int
    width : int
        Bytes of a row's code, even.

    Attributes
    ----------
    blocks : ndarray of uint8, shape (blocks, width / 2, 2, 32)
    """

    def __init__(self, rows: int, width: int) -> None:
        self.blocks: NDArray[np.uint8] = np.zeros((-(-rows // BLOCK), width // 2, 2, BLOCK), "u1")

    @property
    def nbytes(self) -> int:
        """Bytes of all blocks."""
        return self.blocks.nbytes

    def __getitem__(self, places: Any) -> NDArray[np.uint8]:
        at = _listed(places)
        found: NDArray[np.uint8] = self.blocks[at // BLOCK, :, :, at % BLOCK]
        return found.reshape(len(at), 2 * self.blocks.shape[1])

    def __setitem__(self, places: Any, codes: NDArray[np.uint8]) -> None:
        at = _listed(places)
        shape = (len(at), self.blocks.shape[1], 2)
        self.blocks[at // BLOCK, :, :, at % BLOCK] = codes.reshape(shape)


def _listed(places: Any) -> NDArray[np.int64]:
    if isinstance(places, slice):
        return np.arange(places.start or 0, places.stop)
    return np.atleast_1d(places)


class Cells:
    """Codes, long and short, with their scales and biases, in cells; a row knows its place.

    Parameters
    ----------
    cells : int
        How many.
    width : int
        Bytes of a long code; a short one takes an eighth.

    Attributes
    ----------
    codes : ndarray of uint8, shape (room, width)
    short : ShortCodes
    scales, stretches, biases : ndarray of float32, shape (room,)
        Of the long codes, of the short ones, and of both.
    row_of : ndarray of int64, shape (room,)
        The row at each place.
    spans : ndarray of int64, shape (cells, 2)
        The first place of each cell, and the one after its last.
    """

    def __init__(self, cells: int, width: int) -> None:
        self.spans: NDArray[np.int64] = np.zeros((cells, 2), np.int64)
        self._ends: NDArray[np.int64] = np.zeros(cells, np.int64)  # of the room of each
        self._count = 0
        self._used = 0  # places that belong to a cell, or did
        self._places: NDArray[np.int64] = np.empty(0, np.int64)  # of each row; -1: none
        self._allocate(0, width)

    def __len__(self) -> int:
        return self._count

    def _allocate(self, room: int, width: int) -> None:
        self.codes: NDArray[np.uint8] = np.zeros((room + MARGIN, width), np.uint8)
        self.short = ShortCodes(room + MARGIN, width // 8)
        self.scales: NDArray[np.float32] = np.zeros(room + MARGIN, np.float32)
        self.stretches: NDArray[np.float32] = np.zeros(room + MARGIN, np.float32)
        self.biases: NDArray[np.float32] = np.zeros(room + MARGIN, np.float32)
        self.row_of: NDArray[np.int64] = np.full(room + MARGIN, -1, np.int64)

    def _columns(self) -> tuple[Any, ...]:
        return self.codes, self.short, self.scales, self.stretches, self.biases, self.row_of

    def append(
        self, cells: NDArray[np.int64], columns: tuple[NDArray[Any], ...], first: int
    ) -> None:
        """Add rows, numbered from ``first`` on, to their cells.

        Parameters
        ----------
        cells : ndarray of int64, shape (n,)
        columns : tuple of ndarray
            Long codes, short ones, row by row, scales, stretches and biases.
        first : int
        """
        rows = np.arange(first, first + len(cells))
        self._number(first + len(cells))
        new = (*columns, rows)
        if len(cells) > _LARGE * max(len(self), 1):
            self._lay_out(cells, new)
            return
        for cell in np.unique(cells):
            own = np.flatnonzero(cells == cell)
            start = self._room_in(int(cell), len(own))
            for column, values in zip(self._columns(), new, strict=True):
                column[start : start + len(own)] = values[own]
            self._places[rows[own]] = np.arange(start, start + len(own))
            self._count += len(own)
            self.spans[cell, 1] = start + len(own)
        if self._used - len(self) > _WASTE * self._used + 2 * MARGIN:
            self._lay_out(cells[:0], tuple(values[:0] for values in new))

    def _number(self, rows: int) -> None:
        if rows > len(self._places):
            room = np.full(max(rows, int(_GROWTH * len(self._places))), -1, np.int64)
            room[: len(self._places)] = self._places
            self._places = room

    def _room_in(self, cell: int, many: int) -> int:
        """Where a cell goes on, after it was moved to the end if it had too little room."""
        first, last = self.spans[cell]
        if last + many <= self._ends[cell]:
            return int(last)
        wanted = int(_GROWTH * (last - first + many)) + 4
        if self._used + wanted > len(self.codes) - MARGIN:
            self._grow(self._used + wanted)
        start = self._used
        for column in self._columns():
            column[start : start + last - first] = column[first:last]
        moved = self.row_of[start : start + last - first]
        self._places[moved] = np.arange(start, start + last - first)
        self.spans[cell] = start, start + last - first
        self._ends[cell] = start + wanted
        self._used = start + wanted
        return int(self.spans[cell, 1])

    def _grow(self, room: int) -> None:
        before = self._columns()
        self._allocate(int(1.1 * room) + MARGIN, self.codes.shape[1])
        for old, new in zip(before, self._columns(), strict=True):
            new[slice(0, self._used)] = old[slice(0, self._used)]

    def _lay_out(self, cells: NDArray[np.int64], new: tuple[NDArray[Any], ...]) -> None:
        """Write all cells one after the other, with those rows that come to them."""
        counts = self.spans[:, 1] - self.spans[:, 0]
        starts = np.cumsum(counts) - counts
        old = np.repeat(self.spans[:, 0] - starts, counts) + np.arange(counts.sum())
        belong = np.concatenate([np.repeat(np.arange(len(counts)), counts), cells])
        order = np.argsort(belong, kind="stable")
        before, kept = self._columns(), order < len(old)
        self._allocate(len(order), self.codes.shape[1])
        from_old, from_new = old[order[kept]], order[~kept] - len(old)
        places = np.flatnonzero(kept), np.flatnonzero(~kept)
        for was, add, now in zip(before, new, self._columns(), strict=True):
            now[places[0]], now[places[1]] = was[from_old], add[from_new]
        sizes = np.bincount(belong, minlength=len(counts))
        ends = np.cumsum(sizes)
        self.spans = np.stack([ends - sizes, ends], axis=1)
        self._ends, self._used, self._count = ends, len(order), len(order)
        self._places[self.row_of[: len(order)]] = np.arange(len(order))

    def remove(self, rows: NDArray[np.int64]) -> None:
        """Take rows out: the last of a cell moves into the place of one that goes."""
        places = self._places[rows]
        rows, places = rows[places >= 0], places[places >= 0]
        owners = self._owners(places)
        for row, cell in zip(rows.tolist(), owners.tolist(), strict=True):
            place, last = int(self._places[row]), int(self.spans[cell, 1]) - 1
            for column in self._columns():
                column[[place]] = column[[last]]
            self._places[self.row_of[place]] = place
            self._places[row] = -1
            self.row_of[last] = -1
            self.spans[cell, 1] = last
            self._count -= 1

    def _owners(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The cell of each place."""
        order = np.argsort(self.spans[:, 0], kind="stable")
        order = order[self._ends[order] > self.spans[order, 0]]
        found: NDArray[np.int64] = order[
            np.searchsorted(self.spans[order, 0], places, side="right") - 1
        ]
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is needed to make them again, without the room between.

        They stay as they are meanwhile, since others may be searching in them.
        """
        tight = self
        if self._used != len(self) or len(self.codes) != self._used + MARGIN:
            tight = copy.copy(self)
            tight._places = self._places.copy()
            none = tuple(column[slice(0, 0)] for column in self._columns())
            tight._lay_out(np.empty(0, np.int64), none)
        return {
            "codes": tight.codes, "short": tight.short.blocks, "scales": tight.scales,
            "stretches": tight.stretches, "biases": tight.biases, "row_of": tight.row_of,
            "spans": tight.spans,
        }  # fmt: skip

    def sizes(self) -> dict[str, int]:
        """Bytes of what :meth:`arrays` gives, without making it."""
        rows = len(self) + MARGIN
        width = self.codes.shape[1]
        blocks = -(-rows // BLOCK)
        sizes = {"codes": rows * width, "short": blocks * BLOCK * (width // 8)}
        sizes |= dict.fromkeys(("scales", "stretches", "biases"), 4 * rows)
        return sizes | {"row_of": 8 * rows, "spans": self.spans.nbytes}

    @property
    def nbytes(self) -> int:
        """Bytes of all columns, the room between included, and of the places of the rows."""
        columns: int = sum(column.nbytes for column in self._columns())
        return columns + self.spans.nbytes + self._places.nbytes

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], rows: int) -> Cells:
        """Cells that were saved, of an index of so many rows."""
        made = cls(len(arrays["spans"]), arrays["codes"].shape[1])
        for name in ("codes", "scales", "stretches", "biases", "row_of"):
            setattr(made, name, arrays[name])
        made.short.blocks = arrays["short"]
        made.spans = np.array(arrays["spans"])
        made._count = int((made.spans[:, 1] - made.spans[:, 0]).sum())
        made._ends, made._used = made.spans[:, 1].copy(), len(made)
        if len(made.codes) != made._used + MARGIN or made.row_of.max(initial=-1) >= rows:
            raise ValueError("its cells hold something else than its rows")
        made._number(rows)
        known = made.row_of[: made._used]
        made._places[known] = np.arange(made._used)
        return made
