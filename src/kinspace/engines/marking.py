"""Which cells hold any of some rows."""

from __future__ import annotations

from typing import Any


def mark_cells(cells: Any, usable: Any, marks: Any) -> None:
    """Mark the cells of usable rows.

    Parameters
    ----------
    cells : array of int32, shape (rows,)
        The cell of each row.
    usable : array of bool, shape (rows,)
    marks : array of bool, shape (cells,)
        Written to: stays as it is for cells that hold none.
    """
    for row in range(len(usable)):
        marks[cells[row]] |= usable[row]
