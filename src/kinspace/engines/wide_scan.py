"""A scan of a whole table by bfloat16 products, of which only the best are kept.

What exact search in batches begins with. The table is rounded to bfloat16 a few rows at a time, so
that no second copy is kept. A product of rounded vectors is off by no more than 2^-8 of the
product of their lengths (and sums in float32 by much less), which lets the caller prove that
nothing was missed. :func:`scan_wide` is the whole; :mod:`.wide_scan_tiles` replaces what it calls.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinspace.engines.bfloat16 import narrowed, widened
from kinspace.engines.scanning import GROUP, TILE, configure, halve, restore

OFF = 2.0**-8 + 2.0**-12
"""How far a product may be off, as a share of the product of the lengths."""
STEP = 32
"""Numbers in a row of a tile."""


def padded_numbers(dim: int) -> int:
    """Numbers that a rounded vector takes."""
    return -(-dim // STEP) * STEP


def wide_room(dim: int) -> tuple[Any, ...]:
    """What :func:`scan_wide` works in; a set for each thread."""
    return (
        np.zeros((GROUP, padded_numbers(dim)), np.uint16),  # rows, rounded
        np.zeros((GROUP, GROUP), np.float32),  # products: row, query
        np.zeros(GROUP, np.float32),  # limits
        np.zeros(GROUP * GROUP, np.int32),  # what exceeds them: the query
        np.zeros(GROUP * GROUP, np.int32),  # the row
        np.zeros(GROUP * GROUP, np.float32),  # the score
        np.zeros(1, np.int64),  # how many
        np.zeros((2, 64), np.uint8),  # how the tiles were set up
    )


def pack_wide(queries: Any, packed: Any) -> None:
    """Round queries and lay them out for :func:`multiply_wide`.

    Parameters
    ----------
    queries : array of float32, shape (n, dim)
    packed : array of uint16, shape (groups of 16, dim / 2, 16, 2)
        Written to; zeros before.
    """
    for i in range(len(queries)):
        for j in range(queries.shape[1]):
            packed[i // TILE, j // 2, i % TILE, j % 2] = rounded(queries[i, j])


def rounded(number: Any) -> Any:
    """The nearest bfloat16, as 16 bits."""
    bits = np.float32(number).view(np.uint32)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & 1)) >> np.uint32(16))


def scan_wide(
    table: Any, listed: Any, first: int, last: int, mean: Any, factor: Any, biases: Any,
    packed: Any, queries: int, keep: int, best: Any, places: Any, filled: Any, limits: Any,
    room: Any,
) -> None:  # fmt: skip
    """Find the best rows of each query by rounded products.

    Parameters
    ----------
    table : array of float32, or of uint16 that holds float16, shape (n, dim)
    listed : array of int64, shape (m,) or (0,)
        Rows to look at; without any, those of the table.
    first, last : int
        Of the rows, or of the places in ``listed``.
    mean : array of float32, shape (dim,)
        Taken off each row.
    factor : float
        What products are multiplied by.
    biases : array of float32, shape (rows or listed,)
        Added to the scores.
    packed : array of uint16
        The queries, by :func:`pack_wide`.
    queries, keep : int
    best, places : arrays of float32 and int64, shape (queries, more than keep)
        Written to: scores, and rows or places in ``listed``.
    filled, limits : arrays of int64 and float32, shape (queries,)
        Zeros, and minus infinities, before the first scan.
    room : tuple of arrays
        Of :func:`wide_room`.
    """
    rows, products, limit, columns, hits, scores, count, tiles = room
    capacity = best.shape[1]
    configure(tiles)
    for start in range(first, last, GROUP):
        many = min(GROUP, last - start)
        narrow(table, listed, start, many, mean, rows)
        for group in range(0, queries, GROUP):
            beside = min(GROUP, queries - group)
            for j in range(GROUP):
                limit[j] = limits[group + j] if j < beside else np.float32(np.inf)
            multiply_wide(rows, packed, group // TILE, (beside + TILE - 1) // TILE, products)
            sift_wide(
                products, biases, start, many, (beside + TILE - 1) // TILE, factor, limit,
                columns, hits, scores, count,
            )  # fmt: skip
            for hit in range(count[0]):
                column = columns[hit]
                if scores[hit] > limit[column]:
                    query = group + column
                    n = filled[query]
                    best[query, n], places[query, n] = scores[hit], start + hits[hit]
                    filled[query] = n + 1
                    if n + 1 == capacity:
                        limits[query] = halve(best[query], places[query], capacity, keep)
                        limit[column] = limits[query]
                        filled[query] = keep
    restore(tiles)


def narrow(table: Any, listed: Any, start: int, many: int, mean: Any, rows: Any) -> None:
    """Round up to 32 rows, after the mean was taken off."""
    own = listed[start : start + many] if len(listed) else slice(start, start + many)
    numbers = table[own].view(np.float16) if table.dtype == np.uint16 else table[own]
    rows[:many, : len(mean)] = narrowed(numbers.astype(np.float32) - mean)


def multiply_wide(rows: Any, packed: Any, group: int, groups: int, products: Any) -> None:
    """Products of 32 rows with one or two times 16 queries."""
    left = widened(rows)
    for g in range(groups):
        right = widened(packed[group + g]).transpose(1, 0, 2).reshape(TILE, -1)
        products[:, g * TILE : (g + 1) * TILE] = left @ right.T


def sift_wide(
    products: Any, biases: Any, start: int, many: int, groups: int, factor: Any, limit: Any,
    columns: Any, hits: Any, scores: Any, count: Any,
) -> None:  # fmt: skip
    """List the scores that exceed the limits of their queries."""
    found = 0
    for i in range(many):
        for j in range(groups * TILE):
            score = products[i, j] * factor + biases[start + i]
            if score > limit[j]:
                columns[found], hits[found], scores[found] = j, i, score
                found += 1
    count[0] = found
