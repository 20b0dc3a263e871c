"""Search in cells: code the queries, choose the cells, scan them, and list what was found.

What :mod:`kinspace.index.ivf_scalar` does with arrays. Plain Python, compiled together with
:mod:`.scanning`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinspace.engines.scanning import halve, list_rows, scan


def code_rows(rows: Any, lifted: int, codes: Any, scales: Any) -> None:
    """Round rows to bytes, each by a scale of its own, so that its largest number is 127.

    Parameters
    ----------
    rows : array of float32, shape (n, dim)
    lifted : int
        What is added to a code: 128 for the rows of a table, 0 for queries.
    codes : array of uint8 or int8, shape (n, at least dim)
        Written to, in its first columns.
    scales : array of float32, shape (n,)
        Written to: what a code must be multiplied by.
    """
    for i in range(len(rows)):
        most = np.float32(0)
        for j in range(rows.shape[1]):
            most = max(most, abs(rows[i, j]))
        scale = most / np.float32(127)
        scales[i] = scale
        by = np.float32(1) / scale if scale > 1e-30 else np.float32(0)
        for j in range(rows.shape[1]):
            codes[i, j] = np.int32(np.floor(rows[i, j] * by + np.float32(0.5))) + lifted


def shift_rows(codes: Any, shifts: Any) -> None:
    """128 times the sum of each row's codes."""
    for i in range(len(codes)):
        total = np.int32(0)
        for j in range(codes.shape[1]):
            total += np.int32(codes[i, j])
        shifts[i] = 128 * total


def choose_cells(
    best: Any, places: Any, filled: Any, nprobe: int, starts: Any, pairs: Any, bases: Any, at: Any
) -> None:
    """Sort the pairs of queries and their ``nprobe`` best cells by the cells.

    Parameters
    ----------
    best, places : arrays, shape (queries, more than nprobe)
        Scores of cells and the cells, as a scan of the centroids left them.
    filled : array of int64, shape (queries,)
    nprobe : int
    starts : array of int64, shape (cells + 1,)
        Written to: where the pairs of each cell begin.
    pairs, bases : arrays of int32 and float32, shape (queries * nprobe,)
        Written to: the query of each pair, and the score of its cell.
    at : array of int64, shape (cells,)
        To work in.
    """
    cells = len(at)
    for cell in range(cells + 1):
        starts[cell] = 0
    for query in range(len(best)):
        if filled[query] > nprobe:
            halve(best[query], places[query], filled[query], nprobe)
            filled[query] = nprobe
        for j in range(filled[query]):
            starts[places[query, j] + 1] += 1
    for cell in range(cells):
        starts[cell + 1] += starts[cell]
        at[cell] = starts[cell]
    for query in range(len(best)):
        for j in range(filled[query]):
            cell = places[query, j]
            pairs[at[cell]], bases[at[cell]] = query, best[query, j]
            at[cell] += 1


def search_cells(
    centroids: Any, table: Any, spans: Any, row_of: Any, queries: Any, factors: Any, shifts: Any,
    nprobe: int, usable: Any, of_cells: Any, of_rows: Any, chosen: Any, room: Any, out: Any,
) -> None:  # fmt: skip
    """Candidates of a batch of queries: a scan of the centroids, then one of their cells.

    Parameters
    ----------
    centroids, table : tuples of arrays
        Codes, scales and biases.
    spans : array of int64, shape (cells, 2)
    row_of : array of int64, shape (n,)
        The row of each place in the table.
    queries, factors, shifts : arrays
        Codes, as :func:`code_rows` and :func:`shift_rows` give them.
    nprobe : int
    usable : array of uint8, shape (n,) or (0,)
    of_cells, of_rows : tuples of arrays
        Best, places, filled and limits, to work in.
    chosen : tuple of arrays
        Starts, pairs, bases and room of :func:`choose_cells`; then span, start, pairs and bases
        for the centroids.
    room : tuple of arrays
    out : array of int64, shape (queries, keep)
        Written to: rows.
    """
    starts, pairs, bases, at, span, start, everyone, none = chosen
    best, places, filled, limits, _ = of_cells
    scan(
        centroids[0], centroids[1], centroids[2], span, start, everyone, none, queries, factors,
        shifts, nprobe, usable[:0], best, places, filled, limits, room,
    )  # fmt: skip
    choose_cells(best, places, filled, nprobe, starts, pairs, bases, at)
    best, places, filled, limits, _ = of_rows
    scan(
        table[0], table[1], table[2], spans, starts, pairs, bases, queries, factors, shifts,
        out.shape[1], usable, best, places, filled, limits, room,
    )  # fmt: skip
    list_rows(best, places, filled, row_of, out)
