"""Sparse search that skips blocks of rows whose best possible score is too low.

For each frequent dimension the largest weight in every block of rows is known, for a rare one the
weight of every row; sums of these over a query's dimensions bound the scores of a block. Blocks are
visited from the highest bound down, and their rows are scored exactly, until no bound reaches the
k-th score (Mallia, Suel and Tonellotto 2024: Faster Learned Sparse Retrieval with Block-Max
Pruning). Nothing is missed.

Positive and negative weights of a dimension are two *terms*: a query's weight meets those of its
own sign, since only they can raise a score.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.heaps import Best, keep, least_of
from kinspace.engines.sparse_rows import product, wipe_out, write_out

BLOCK: Final = 8
"""Rows of a block: fewer have tighter bounds, and more of them."""
FREQUENT: Final = 4
"""A term with a row in one of so many blocks, or more, has a byte for every block."""
MOST: Final = 1 << 16
"""Rows that one set of lists can hold, since they are numbered in 16 bits."""
BUCKETS: Final = 1024
"""Grades that bounds are sorted by."""
_SLACK: Final = np.float32(1 + 1e-5)
"""Sums of float32 in another order may differ by so much."""
LEVELS: Final = 255
"""What the largest weight of a term is rounded to."""


class Lists(NamedTuple):
    """Weights of rows, and the largest weights of blocks of rows, in bytes.

    A byte stands for a number that is at most as large as itself times the ``step`` of its term.
    """

    terms: NDArray[np.int64]
    """Shape (t,), ascending: twice the dimension, and 1 more for its negative weights."""
    steps: NDArray[np.float32]
    """Shape (t,), above zero."""
    begins: NDArray[np.int64]
    """Shape (t + 1,): where the entries of each term begin; frequent terms have none."""
    slots: NDArray[np.uint16]
    """The row of each entry, as :func:`slot_of` numbers it."""
    weights: NDArray[np.uint8]
    """The weight of each entry."""
    lines: NDArray[np.int32]
    """Shape (t,): the line of a frequent term in the table; -1 for others."""
    table: NDArray[np.uint8]
    """Maxima of frequent terms, shape (frequent, blocks)."""


def slot_of(row: int, blocks: int) -> int:
    """The place of a row among first rows of all blocks, then all second rows, and so on."""
    return row % BLOCK * blocks + row // BLOCK


def measure_terms(
    data: NDArray[np.float32],
    places: NDArray[np.int32],
    counts: NDArray[np.int64],
    largest: NDArray[np.float32],
) -> None:
    """How many rows each term has, and its largest weight.

    Parameters
    ----------
    data : array of float32
        The numbers of the rows.
    places : array of int32
        The place of each number's term among the terms.
    counts, largest : arrays, shape (t,)
        Of zeros, filled.
    """
    for e in range(len(data)):
        counts[places[e]] += 1
        largest[places[e]] = max(largest[places[e]], abs(data[e]))


def fill_lists(
    data: NDArray[np.float32],
    places: NDArray[np.int32],
    starts: NDArray[np.int64],
    cursors: NDArray[np.int64],
    lists: Lists,
) -> None:
    """Write the entries, and the table, which is of zeros.

    Parameters
    ----------
    data, places
        As for :func:`measure_terms`.
    starts : array of int64, shape (rows + 1,)
    cursors : array of int64, shape (t,)
        Where each term's entries begin; where they end afterwards.
    lists : Lists
    """
    blocks = lists.table.shape[1]
    for row in range(len(starts) - 1):
        for e in range(starts[row], starts[row + 1]):
            term = places[e]
            weight = np.uint8(min(np.ceil(abs(data[e]) / lists.steps[term]), LEVELS))
            line = lists.lines[term]
            if line >= 0:
                block = row // BLOCK
                lists.table[line, block] = max(lists.table[line, block], weight)
            else:
                lists.slots[cursors[term]] = slot_of(row, blocks)
                lists.weights[cursors[term]] = weight
                cursors[term] += 1


class Room(NamedTuple):
    """What a search works in."""

    own: NDArray[np.float32]
    """What rare terms may add to each row's score, by slots, shape (BLOCK * blocks,)."""
    shared: NDArray[np.float32]
    """What frequent terms may add to the scores of each block, shape (blocks,)."""
    bounds: NDArray[np.float32]
    """Both, shape (blocks,)."""
    order: NDArray[np.int64]
    """Shape (blocks,)."""
    buckets: NDArray[np.int64]
    """Shape (BUCKETS,)."""
    lines: NDArray[np.int64]
    """Shape (numbers of the longest query,)."""
    factors: NDArray[np.float32]
    """As long."""
    weights: NDArray[np.float32]
    """Shape (dim,), of zeros."""


def search_blocks(
    lists: Lists,
    held: tuple[Any, ...],
    usable: NDArray[np.bool_],
    first: int,
    queries: tuple[Any, ...],
    alpha: float,
    room: Room,
    best: Best,
    begin: int,
    end: int,
) -> None:
    """Find the rows that belong to the best of the queries from ``begin`` to ``end``.

    Only rows of a score above zero are found.

    Parameters
    ----------
    lists : Lists
        Of rows that are held one after the other.
    held, queries : (float32 numbers, int32 dimensions, int64 starts)
    usable : array of bool, shape (rows of the lists,)
        Which may be found.
    first : int
        The row that the lists begin with.
    alpha : float
        A block is visited if ``alpha`` times its bound reaches the k-th score: 1 misses nothing.
    room : Room
    best : Best
    """
    for query in range(begin, end):
        write_out(queries, query, room.weights)
        top = bound_blocks(lists, queries, query, room)
        count = sort_blocks(room, alpha, least_of(best, query), top)
        for i in range(count):
            block = room.order[i]
            if alpha * room.bounds[block] * _SLACK < least_of(best, query):
                continue
            for row in range(block * BLOCK, min(block * BLOCK + BLOCK, len(usable))):
                bound = room.own[slot_of(row, len(room.bounds))] + room.shared[block]
                if usable[row] and alpha * bound * _SLACK >= least_of(best, query):
                    score = product(held, first + row, room.weights)
                    if score > 0:
                        keep(best, query, score, first + row)
        wipe_out(queries, query, room.weights)


def bound_blocks(lists: Lists, queries: tuple[Any, ...], query: int, room: Room) -> Any:
    """Bound the scores of all rows and blocks; gives the highest bound."""
    data, indices, starts = queries
    own, shared, bounds = room.own, room.shared, room.bounds
    own[:] = 0
    shared[:] = 0
    frequent = 0
    for place in range(starts[query], starts[query + 1]):
        term = find(lists.terms, 2 * indices[place] + (1 if data[place] < 0 else 0))
        if term < 0:
            continue
        factor = abs(data[place]) * lists.steps[term]
        for e in range(lists.begins[term], lists.begins[term + 1]):
            own[lists.slots[e]] += factor * lists.weights[e]
        if lists.lines[term] >= 0:
            room.lines[frequent], room.factors[frequent] = lists.lines[term], factor
            frequent += 1
    add_lines(lists.table, room.lines[:frequent], room.factors[:frequent], shared)
    for block in range(len(bounds)):
        bounds[block] = own[block]
    for start in range(len(bounds), len(own), len(bounds)):
        for block in range(len(bounds)):
            bounds[block] = max(bounds[block], own[start + block])
    top = np.float32(0)
    for block in range(len(bounds)):
        bounds[block] += shared[block]
        top = max(top, bounds[block])
    return top


def add_lines(
    table: NDArray[np.uint8],
    lines: NDArray[np.int64],
    factors: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:
    """Add lines of a table, each times its factor, four at a time so that sums are read less."""
    four = len(lines) - len(lines) % 4
    for i in range(0, four, 4):
        a, b, c, d = lines[i], lines[i + 1], lines[i + 2], lines[i + 3]
        of_a, of_b, of_c, of_d = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        for j in range(len(sums)):
            sums[j] += (
                of_a * table[a, j] + of_b * table[b, j] + of_c * table[c, j] + of_d * table[d, j]
            )
    for i in range(four, len(lines)):
        line, factor = lines[i], factors[i]
        for j in range(len(sums)):
            sums[j] += factor * table[line, j]


def sort_blocks(room: Room, alpha: float, least: float, top: float) -> int:
    """List the blocks that may matter, in grades from the highest bound down; gives how many."""
    buckets, bounds = room.buckets, room.bounds
    buckets[:] = 0
    if top <= 0:
        return 0
    grade = np.float32(BUCKETS - 1) / top
    for block in range(len(bounds)):
        if bounds[block] > 0 and alpha * bounds[block] * _SLACK >= least:
            buckets[max(0, BUCKETS - 1 - int(bounds[block] * grade))] += 1
    total = 0
    for bucket in range(BUCKETS):
        count = buckets[bucket]
        buckets[bucket] = total
        total += count
    for block in range(len(bounds)):
        if bounds[block] > 0 and alpha * bounds[block] * _SLACK >= least:
            bucket = max(0, BUCKETS - 1 - int(bounds[block] * grade))
            room.order[buckets[bucket]] = block
            buckets[bucket] += 1
    return total


def find(terms: NDArray[np.int64], term: int) -> int:
    """The place of a term among all, ascending; -1 if it is not there."""
    low, high = 0, len(terms)
    while low < high:
        middle = (low + high) // 2
        if terms[middle] < term:
            low = middle + 1
        else:
            high = middle
    return low if low < len(terms) and terms[low] == term else -1
