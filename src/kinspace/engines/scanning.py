"""Scans of 8-bit codes: which rows of some spans of a table score best for which queries.

A row is coded in unsigned bytes that stand 128 too high; a query in signed ones, whose sum
times 128, its ``shift``, is taken off the products. The score of a row is the product times the
row's scale and the query's factor, plus the row's bias and a base of the pair of query and span.
For each query the best are kept, and what does not reach the worst of them is left behind at once:
the products of 32 rows with 32 queries are made together, and nearly all of them are
dropped before anything else is done with them.

:func:`scan` is the whole; what it calls is plain Python. Where the processor has tiles of bytes
(AMX), :mod:`.scanning_tiles` replaces that by code of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from kinspace.engines.compiled import compiled
from kinspace.engines.processor import has_byte_tiles

GROUP = 32
"""Rows, and queries, that are multiplied together."""
TILE = 16
STEP = 64
"""Bytes of a row of a tile; codes are padded with zeros to a multiple."""
MARGIN = 2 * GROUP
"""Rows that a table must have after its last one, since groups are read whole."""


def room_for(width: int) -> tuple[Any, ...]:
    """What :func:`scan` works in, for codes of ``width`` bytes; a set for each thread."""
    return (
        np.zeros(GROUP * width, np.uint8),  # queries, laid out for the tiles
        np.zeros((GROUP, GROUP), np.int32),  # products: row, query
        np.zeros(GROUP, np.float32),  # factors of the queries
        np.zeros(GROUP, np.float32),  # their shifts
        np.zeros(GROUP, np.float32),  # bases of the queries
        np.zeros(GROUP, np.float32),  # what a score must exceed
        np.zeros(GROUP * GROUP, np.int32),  # what did: the query
        np.zeros(GROUP * GROUP, np.int32),  # the row
        np.zeros(GROUP * GROUP, np.float32),  # the score
        np.zeros(1, np.int64),  # how many did
        np.zeros((2, 64), np.uint8),  # how the tiles were set up before, and are now
    )


def scan(
    table: Any,
    scales: Any,
    biases: Any,
    spans: Any,
    starts: Any,
    pairs: Any,
    bases: Any,
    queries: Any,
    factors: Any,
    shifts: Any,
    keep: int,
    usable: Any,
    best: Any,
    places: Any,
    filled: Any,
    limits: Any,
    room: Any,
) -> None:
    """Find the best rows of each query among the spans that it is paired with.

    Parameters
    ----------
    table : array of uint8, shape (n + MARGIN, width)
        Codes; ``width`` is a multiple of 64.
    scales, biases : arrays of float32, shape (n + MARGIN,)
    spans : array of int64, shape (spans, 2)
        The first row of each, and the one after its last.
    starts : array of int64, shape (spans + 1,)
        Where the pairs of each span begin.
    pairs : array of int32, shape (pairs,)
        The queries of each span, one after the other.
    bases : array of float32, shape (pairs,)
    queries : array of int8, shape (queries, width)
    factors, shifts : arrays of float32, shape (queries,)
    keep : int
        How many are wanted of each query.
    usable : array of uint8, shape (n + MARGIN,) or (0,)
        Which rows may be found; without any, all.
    best, places : arrays of float32 and int64, shape (queries, more than keep)
        Written to: scores and rows, in no order.
    filled : array of int64, shape (queries,)
        How many of them there are; zeros before the first scan.
    limits : array of float32, shape (queries,)
        What a score must exceed; minus infinity before the first scan.
    room : tuple of arrays
    """
    packed, products, factor, shift, base, limit, columns, rows, scores, count, tiles = room
    is_filtered = len(usable) > 0
    capacity = best.shape[1]
    configure(tiles)
    for span in range(len(spans)):
        first, last = spans[span, 0], spans[span, 1]
        if first == last:
            continue
        for start in range(starts[span], starts[span + 1], GROUP):
            many = min(GROUP, starts[span + 1] - start)
            groups = (many + GROUP // 2 - 1) // (GROUP // 2)
            for j in range(groups * (GROUP // 2)):
                inside = j < many
                query = pairs[start + j] if inside else pairs[start]
                factor[j], shift[j] = factors[query], shifts[query]
                base[j] = bases[start + j] if inside else np.float32(0)
                limit[j] = limits[query] if inside else np.float32(np.inf)
            pack(queries, pairs, start, many, packed)
            for row in range(first, last, GROUP):
                multiply(table, row, packed, groups, products)
                sift(
                    products, scales, biases, row, min(GROUP, last - row), groups, factor, shift,
                    base, limit, columns, rows, scores, count,
                )  # fmt: skip
                for hit in range(count[0]):
                    column = columns[hit]
                    place, score = row + rows[hit], scores[hit]
                    if score > limit[column] and (not is_filtered or usable[place]):
                        query = pairs[start + column]
                        n = filled[query]
                        best[query, n], places[query, n] = score, place
                        filled[query] = n + 1
                        if n + 1 == capacity:
                            limits[query] = halve(best[query], places[query], capacity, keep)
                            limit[column] = limits[query]
                            filled[query] = keep
    restore(tiles)


def scan_one(
    table: Any,
    scales: Any,
    biases: Any,
    spans: Any,
    bases: Any,
    query: Any,
    factor: Any,
    shift: Any,
    keep: int,
    usable: Any,
    best: Any,
    places: Any,
    room: Any,
) -> int:
    """As :func:`scan`, for one query and all the spans; returns how many were found."""
    rows, scores, count = room[7], room[8], room[9]
    is_filtered = len(usable) > 0
    capacity = len(best)
    filled = 0
    limit = np.float32(-np.inf)
    for span in range(len(spans)):
        last = spans[span, 1]
        for row in range(spans[span, 0], last, TILE):
            sift_one(
                table, row, min(TILE, last - row), query, scales, biases, factor, shift,
                bases[span], limit, rows, scores, count,
            )  # fmt: skip
            for hit in range(count[0]):
                place = row + rows[hit]
                if not is_filtered or usable[place]:
                    best[filled], places[filled] = scores[hit], place
                    filled += 1
                    if filled == capacity:
                        limit = halve(best, places, capacity, keep)
                        filled = keep
    return filled


def configure(tiles: Any) -> None:
    """Set the processor's tiles up, and keep how they were; plain Python has none."""


def restore(tiles: Any) -> None:
    """Set the processor's tiles up as they were."""


def pack(queries: Any, pairs: Any, start: int, many: int, packed: Any) -> None:
    """Lay the codes of up to 32 queries out for :func:`multiply`."""
    width = queries.shape[1]
    for j in range(many):
        for i in range(width):
            packed[j * width + i] = np.uint8(np.int32(queries[pairs[start + j], i]) & 255)
    for i in range(many * width, len(packed)):
        packed[i] = 0


def multiply(table: Any, row: int, packed: Any, groups: int, products: Any) -> None:
    """Products of 32 rows with 16 or 32 queries."""
    width = table.shape[1]
    for j in range(groups * TILE):
        for i in range(GROUP):
            total = np.int32(0)
            for k in range(width):
                number = np.int32(packed[j * width + k])
                number -= np.int32(256) if number > 127 else np.int32(0)
                total += np.int32(table[row + i, k]) * number
            products[i, j] = total


def sift(
    products: Any, scales: Any, biases: Any, first: int, many: int, groups: int, factor: Any,
    shift: Any, base: Any, limit: Any, columns: Any, rows: Any, scores: Any, count: Any,
) -> None:  # fmt: skip
    """List the scores that exceed the limits of their queries."""
    found = 0
    for i in range(many):
        for j in range(groups * TILE):
            score = (np.float32(products[i, j]) - shift[j]) * factor[j] * scales[first + i]
            score += base[j] + biases[first + i]
            if score > limit[j]:
                columns[found], rows[found], scores[found] = j, i, score
                found += 1
    count[0] = found


def sift_one(
    table: Any, row: int, many: int, query: Any, scales: Any, biases: Any, factor: Any,
    shift: Any, base: Any, limit: Any, rows: Any, scores: Any, count: Any,
) -> None:  # fmt: skip
    """List the scores of up to 16 rows with one query that exceed a limit."""
    found = 0
    for i in range(many):
        total = np.int32(0)
        for k in range(len(query)):
            total += np.int32(table[row + i, k]) * np.int32(query[k])
        score = (np.float32(total) - shift) * factor * scales[row + i] + (base + biases[row + i])
        if score > limit:
            rows[found], scores[found] = i, score
            found += 1
    count[0] = found


def score_listed(
    table: Any, places: Any, first: int, many: int, query: Any, scales: Any, biases: Any,
    factor: Any, shift: Any, scores: Any,
) -> None:  # fmt: skip
    """Scores, without their bases, of up to 16 listed rows with one query."""
    for i in range(many):
        place = places[first + i]
        total = np.int32(0)
        for k in range(len(query)):
            total += np.int32(table[place, k]) * np.int32(query[k])
        scores[first + i] = (np.float32(total) - shift) * factor * scales[place] + biases[place]


def halve(best: Any, places: Any, many: int, keep: int) -> Any:
    """Bring the ``keep`` best to the front, in no order, and return the worst of them.

    Hoare's quickselect, with the median of three.
    """
    low, high = 0, many - 1
    while low < high:
        middle = (low + high) // 2
        a, b, c = best[low], best[middle], best[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while best[i] > pivot:
                i += 1
            while best[j] < pivot:
                j -= 1
            if i <= j:
                best[i], best[j] = best[j], best[i]
                places[i], places[j] = places[j], places[i]
                i += 1
                j -= 1
        if keep - 1 <= j:
            high = j
        elif keep - 1 >= i:
            low = i
        else:
            break
    worst = best[0]
    for i in range(1, keep):
        worst = min(worst, best[i])
    return worst


def list_rows(best: Any, places: Any, filled: Any, row_of: Any, out: Any) -> None:
    """The rows of the best places of each query, -1 where there are fewer."""
    keep = out.shape[1]
    for query in range(len(out)):
        many = filled[query]
        if many > keep:
            halve(best[query], places[query], many, keep)
            many = keep
        for j in range(keep):
            out[query, j] = row_of[places[query, j]] if j < many else -1


INNER = (configure, restore, pack, multiply, sift, sift_one, score_listed, halve)


@cache
def compiled_with(function: Callable[..., Any], *inner: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls those of this file, compiled for this processor.

    Parameters
    ----------
    function : callable
    *inner : callables
        What else it calls: plain Python too.
    """
    if has_byte_tiles():
        from kinspace.engines.scanning_tiles import FILES, teach

        teach()
        made: Callable[..., Any] = compiled(function, halve, *inner, beside=FILES)
    else:
        made = compiled(function, *INNER, *inner)
    return made


def scan_room(queries: int, keep: int) -> tuple[Any, ...]:
    """Best, places, filled and limits for a scan that keeps so many of each query, and scores."""
    shape = (queries, 3 * keep + 8)
    return (
        np.empty(shape, np.float32),
        np.empty(shape, np.int64),
        np.zeros(queries, np.int64),
        np.full(queries, -np.inf, np.float32),
        np.empty(keep + TILE, np.float32),
    )


def padded_width(dim: int) -> int:
    """How many bytes the code of a vector takes in a table."""
    return -(-dim // STEP) * STEP
