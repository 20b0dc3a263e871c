"""Hash functions that near vectors share: keys of rows, and the buckets next to a query's.

A table's key is made of the whole numbers that its functions give, ``floor(height)`` each, where
the height of a vector is its projection, counted in widths. Functions that only tell two sides of
a plane give 0 or 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinspace.engines.buckets import look_into, pop, push, tell


def number(height: Any, sides: Any) -> Any:
    """What a function gives for a height."""
    if sides:
        return np.int64(1) if height > 0 else np.int64(0)
    return np.int64(np.floor(height))


def bucket(total: Any, buckets: Any) -> Any:
    """The bucket, of a power of two of them, that a sum falls into: by its highest bits."""
    return (total >> np.int64(32)) & np.int64(buckets - 1)


def key_rows(heights: Any, factors: Any, sides: Any, buckets: Any, keys: Any) -> None:
    """Keys of rows, shape (tables, n), from their heights, shape (n, tables, functions)."""
    for i in range(len(heights)):
        for table in range(heights.shape[1]):
            total = np.int64(0)
            for j in range(heights.shape[2]):
                total += number(heights[i, table, j], sides) * factors[table, j]
            keys[table, i] = bucket(total, buckets)


def order_steps(heights: Any, factors: Any, sides: Any, steps: Any, costs: Any, owners: Any) -> Any:
    """All steps to a neighbouring number, the cheapest first; returns the sum at the query itself.

    A step costs the square of what the height lacks for it (Lv et al. 2007, section 4.4).
    """
    total, many = np.int64(0), 0
    for j in range(len(heights)):
        height = heights[j]
        mine = number(height, sides)
        total += mine * factors[j]
        for side in range(1 if sides else 2):
            if sides:
                step = factors[j] * (1 - 2 * mine)
                lacking = height
            else:
                step = factors[j] * (2 * side - 1)
                lacking = (height - mine) - side
            cost = lacking * lacking
            i = many
            while i > 0 and cost < costs[i - 1]:
                costs[i], steps[i], owners[i] = costs[i - 1], steps[i - 1], owners[i - 1]
                i -= 1
            costs[i], steps[i], owners[i] = cost, step, j
            many += 1
    return total


def apply_steps(total: Any, chosen: Any, steps: Any, owners: Any) -> Any:
    """The sum after the steps that the bits of ``chosen`` name, and whether they can be taken."""
    taken, able = np.int64(0), True
    i = 0
    while chosen:
        if chosen & 1:
            mine = np.int64(1) << owners[i]
            able = able and not taken & mine
            taken |= mine
            total += steps[i]
        chosen >>= 1
        i += 1
    return total, able


def search_tables(
    heights: Any, factors: Any, sides: Any, tables: Any, usable: Any, probes: Any, work: Any,
    search: Any, coded: Any, asked: Any, total: Any, found: Any,
) -> None:  # fmt: skip
    """Look into the buckets next to the queries', cheapest first over all tables.

    Sets of steps are made in the order of their cost by shifting and expanding the last step of a
    set that was taken from the heap (Lv et al. 2007, algorithm 1).

    Parameters
    ----------
    heights : ndarray of float32, shape (queries, tables, functions)
    factors : ndarray of int64, shape (tables, functions)
    sides : bool
        Whether functions tell two sides of a plane.
    tables : Tables
    usable : ndarray of bool
        Which rows may be found; empty where all may.
    probes : int
        Buckets that are looked into, of all tables together, or found to be none.
    work : tuple of arrays, shapes (tables, steps), (tables, steps), (tables, steps), (tables,)
        Scratch space: int64, float32, int64, int64.
    search : Search
        With a heap for ``tables + probes + 1``.
    coded, asked : Coded, Asked
        Rows and queries as bits.
    total : ndarray of float32, shape (1,)
        Scratch space.
    found : ndarray of int64, shape (queries, any)
    """
    steps, costs, owners, totals = work
    buckets, most = tables.heads.shape[1], steps.shape[1]
    for query in range(len(heights)):
        size = many = 0
        for table in range(heights.shape[1]):
            totals[table] = order_steps(
                heights[query, table], factors[table], sides, steps[table], costs[table],
                owners[table],
            )  # fmt: skip
            size = push(search, size, 0.0, table, 0)
        left = probes
        while size and left:
            size = pop(search, size)
            cost, table, chosen = search.costs[size], search.marks[size], search.places[size]
            here, able = apply_steps(totals[table], chosen, steps[table], owners[table])
            if able:
                key = bucket(here, buckets)
                many = look_into(tables, table, key, usable, search, many)
            left -= 1
            last = -1
            while chosen >> (last + 1):
                last += 1
            if last + 1 < most:
                one = np.int64(1) << (last + 1)
                more = cost + costs[table, last + 1]
                size = push(search, size, more, table, chosen | one)
                if last >= 0:
                    moved = chosen ^ (one >> 1) | one
                    size = push(search, size, more - costs[table, last], table, moved)
        tell(coded, asked, query, search, many, total, found[query])
