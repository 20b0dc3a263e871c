"""Scans of 4-bit product codes: a first look at rows, at an eighth of the bytes of 8-bit codes.

A row is cut into parts of four numbers, each of which is replaced by the nearest of 16 centroids
(Jégou, Douze and Schmid 2011). What a part adds to a score is then looked up in a register (André,
Kermarrec and Le Scouarnec, "Quicker ADC", 2019). Product codes shrink what they stand for, so the
sum is stretched for each row as RaBitQ does (Gao and Long 2024, equation 13): by the ratio that
makes a row's product with its own code right.

Codes of 32 rows lie together: shape (blocks, parts / 4, 2, 32), the first of two parts in the lower
half of a byte. :func:`scan_short` is the whole; :mod:`.short_codes_code` replaces
:func:`sift_short` by vector code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinspace.engines.probing import code_rows, shift_rows
from kinspace.engines.scanning import TILE, halve, list_rows, scan_one, score_listed

BLOCK = 32
"""Rows whose codes lie together."""
PART = 4
"""Numbers that are coded together."""
CENTROIDS = 16
SPAN = 40
"""Bits of a place; those above say in which span it is."""
LARGEST = 63
"""Entries of the tables: four of them can be added in a byte."""


def encode_short(rows: Any, centroids: Any, codes: Any, stretches: Any) -> None:
    """Code rows, and say how much their codes must be stretched.

    Parameters
    ----------
    rows : array of float32, shape (n, dim)
    centroids : array of float32, shape (parts, 4, 16)
        Zeros where parts reach beyond the last number.
    codes : array of uint8, shape (n, parts / 2)
        Written to.
    stretches : array of float32, shape (n,)
        Written to.
    """
    dim = rows.shape[1]
    for i in range(len(rows)):
        square, product = np.float32(0), np.float32(0)
        for part in range(len(centroids)):
            start = PART * part
            many = min(PART, dim - start)
            nearest, least = 0, np.float32(np.inf)
            for c in range(CENTROIDS):
                apart = np.float32(0)
                for j in range(many):
                    d = rows[i, start + j] - centroids[part, j, c]
                    apart += d * d
                if apart < least:
                    nearest, least = c, apart
            for j in range(many):
                square += rows[i, start + j] * rows[i, start + j]
                product += rows[i, start + j] * centroids[part, j, nearest]
            if part % 2:
                codes[i, part // 2] |= np.uint8(nearest << 4)
            else:
                codes[i, part // 2] = nearest
        stretches[i] = square / product if product > 1e-3 * square else np.float32(1)


def make_tables(query: Any, centroids: Any, exact: Any, tables: Any, scaling: Any) -> None:
    """What each code of each part adds to a score, in whole numbers up to 63.

    Parameters
    ----------
    query : array of float32, shape (dim,)
    centroids : array of float32, shape (parts, 4, 16)
    exact : array of float32, shape (parts, 16)
        To work in.
    tables : array of uint8, shape (parts / 4, 2, 4, 16)
        Written to: of each four parts, the tables of the lower halves, then of the upper halves of
        their bytes, each twice.
    scaling : array of float32, shape (2,)
        Written to: what a sum must be multiplied by, and what is added then.
    """
    dim, parts = len(query), len(centroids)
    widest, total = np.float32(0), np.float32(0)
    for part in range(parts):
        for c in range(CENTROIDS):
            exact[part, c] = 0
        for j in range(min(PART, dim - PART * part)):
            number = query[PART * part + j]
            for c in range(CENTROIDS):
                exact[part, c] += number * centroids[part, j, c]
        least, most = exact[part, 0], exact[part, 0]
        for c in range(CENTROIDS):
            least, most = min(least, exact[part, c]), max(most, exact[part, c])
        widest, total = max(widest, most - least), total + least
        for c in range(CENTROIDS):
            exact[part, c] -= least
    step = widest / np.float32(LARGEST)
    by = np.float32(1) / step if step > 1e-30 else np.float32(0)
    for part in range(parts):
        four, half, side = part // 4, part % 2, 2 * (part // 2 % 2)
        for c in range(CENTROIDS):
            entry = np.uint8(exact[part, c] * by + np.float32(0.5))
            tables[four, half, side, c] = entry
            tables[four, half, side + 1, c] = entry
    scaling[0], scaling[1] = step, total


def scan_short(
    short: Any, stretches: Any, biases: Any, spans: Any, bases: Any, tables: Any, scaling: Any,
    keep: int, usable: Any, best: Any, places: Any, room: Any,
) -> int:  # fmt: skip
    """Find the best rows of one query among some spans; returns how many were found.

    Parameters
    ----------
    short : array of uint8, shape (blocks, parts / 4, 2, 32)
    stretches, biases : arrays of float32, shape (32 * blocks,)
    spans : array of int64, shape (spans, 2)
    bases : array of float32, shape (at least spans,)
        What is added to the scores of each span.
    tables, scaling : arrays
        Of :func:`make_tables`.
    keep : int
    usable : array of uint8, shape (rows,) or (0,)
    best, places : arrays of float32 and int64, shape (more than keep,)
        Written to: scores and rows, in no order; 2^40 times the span is added to a row.
    room : tuple of arrays
        Of :func:`kinspace.engines.scanning.room_for`.
    """
    rows, scores, count = room[7], room[8], room[9]
    is_filtered = len(usable) > 0
    capacity = len(best)
    filled = 0
    limit = np.float32(-np.inf)
    for span in range(len(spans)):
        first, last = spans[span, 0], spans[span, 1]
        ahead = spans[min(span + 1, len(spans) - 1), 0] // BLOCK - first // BLOCK
        for block in range(first // BLOCK, (last + BLOCK - 1) // BLOCK):
            announce(short, min(block + ahead, len(short) - 1))
            sift_short(
                short, block, max(first - block * BLOCK, 0), min(last - block * BLOCK, BLOCK),
                stretches, biases, tables, scaling, bases[span], limit, rows, scores, count,
            )  # fmt: skip
            for hit in range(count[0]):
                place = block * BLOCK + rows[hit]
                if scores[hit] > limit and (not is_filtered or usable[place]):
                    best[filled], places[filled] = scores[hit], place + (span << SPAN)
                    filled += 1
                    if filled == capacity:
                        limit = halve(best, places, capacity, keep)
                        filled = keep
    return filled


def sift_short(
    short: Any, block: int, first: int, last: int, stretches: Any, biases: Any, tables: Any,
    scaling: Any, base: Any, limit: Any, rows: Any, scores: Any, count: Any,
) -> None:  # fmt: skip
    """List the scores of a block's rows from ``first`` to ``last`` that exceed a limit."""
    found = 0
    for row in range(first, last):
        total = 0
        for four in range(short.shape[1]):
            for side in range(2):
                code = short[block, four, side, row]
                total += int(tables[four, 0, 2 * side, code & 15])
                total += int(tables[four, 1, 2 * side, code >> 4])
        place = block * BLOCK + row
        score = (np.float32(total) * scaling[0] + scaling[1]) * stretches[place]
        score += base + biases[place]
        if score > limit:
            rows[found], scores[found] = row, score
            found += 1
    count[0] = found


def announce(short: Any, block: int) -> None:
    """Tell the processor that a block will be needed soon; plain Python has no need of it."""


def search_short(
    centroids: Any, table: Any, short: Any, stretches: Any, spans: Any, row_of: Any, parts: Any,
    query: Any, nprobe: int, rough: int, usable: Any, asked: Any, of_cells: Any, of_rows: Any,
    chosen: Any, room: Any, out: Any,
) -> None:  # fmt: skip
    """Candidates of one query: cells by their centroids, then rows by short codes, then by long.

    Parameters
    ----------
    centroids, table : tuples of arrays
        Codes, scales and biases.
    short, stretches : arrays
    spans : array of int64, shape (cells, 2)
    row_of : array of int64, shape (n,)
    parts : array of float32, shape (parts, 4, 16)
        The centroids of short codes.
    query : array of float32, shape (1, dim)
    nprobe, rough : int
        How many cells, and how many rows by their short codes alone.
    usable : array of uint8, shape (n,) or (0,)
    asked, of_cells, of_rows, chosen, room : tuples of arrays
        To work in.
    out : array of int64, shape (1, keep)
        Written to: rows.
    """
    codes, factors, shifts, exact, tables, scaling = asked
    some, bases, whole = chosen
    code_rows(query, 0, codes, factors)
    shift_rows(codes, shifts)
    make_tables(query[0], parts, exact, tables, scaling)
    factor, shift = factors[0], shifts[0]
    best, places = of_cells[0][0], of_cells[1][0]
    bases[0] = 0
    many = scan_one(
        centroids[0], centroids[1], centroids[2], whole, bases, codes[0], factor, shift, nprobe,
        usable[:0], best, places, room,
    )  # fmt: skip
    if many > nprobe:
        halve(best, places, many, nprobe)
        many = nprobe
    for j in range(many):
        cell = places[j]
        some[j, 0], some[j, 1], bases[j] = spans[cell, 0], spans[cell, 1], best[j]
    best, places, filled = of_rows[0][0], of_rows[1][0], of_rows[2]
    many = scan_short(
        short, stretches, table[2], some[:many], bases, tables, scaling, rough, usable, best,
        places, room,
    )  # fmt: skip
    if many > rough:
        halve(best, places, many, rough)
        many = rough
    for j in range(many):
        best[j] = bases[places[j] >> SPAN]
        places[j] &= (1 << SPAN) - 1
    for first in range(0, many, TILE):
        few = min(TILE, many - first)
        score_listed(
            table[0], places, first, few, codes[0], table[1], table[2], factor, shift, of_rows[4]
        )
        for j in range(first, first + few):
            best[j] += of_rows[4][j]
    filled[0] = many
    list_rows(of_rows[0], of_rows[1], filled, row_of, out)
