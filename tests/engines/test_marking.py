"""Marking cells: known answers, and compiled code like plain."""

from __future__ import annotations

import numpy as np

from kinspace.engines.compiled import compiled
from kinspace.engines.marking import mark_cells


def test_cells_of_usable_rows_are_marked() -> None:
    cells = np.array([0, 2, 2, 3, 0], np.int32)
    usable = np.array([False, True, False, False, False])
    for run in (mark_cells, compiled(mark_cells)):
        marks = np.zeros(5, np.bool_)
        marks[4] = True
        run(cells, usable, marks)
        assert marks.tolist() == [False, False, True, False, True]


def test_compiled_like_plain(rng: np.random.Generator) -> None:
    for rows in (0, 1, 500):
        cells = rng.integers(0, 40, rows).astype(np.int32)
        usable = rng.random(rows) < 0.1
        plain, fast = np.zeros(40, np.bool_), np.zeros(40, np.bool_)
        mark_cells(cells, usable, plain)
        compiled(mark_cells)(cells, usable, fast)
        np.testing.assert_array_equal(plain, fast)
