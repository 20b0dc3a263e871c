"""Tables of buckets: rows under keys, several times over.

A table holds every row once, in the bucket of its key. Most rows lie bucket by bucket in one array;
those that were added since it was made hang on chains, newest first. A search looks into some
buckets, whatever it chooses them by, and notes every row once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.bits import refine


class Tables(NamedTuple):
    """Rows under keys."""

    starts: NDArray[np.int32]
    """Where each bucket begins in its line of ``rows``, shape (tables, buckets + 1)."""
    rows: NDArray[np.int32]
    """Shape (tables, n)."""
    heads: NDArray[np.int32]
    """The last added row of each bucket, shape (tables, buckets), -1 for none."""
    following: NDArray[np.int32]
    """The next on the chain after row ``n + i``, shape (tables, room), -1 at its end."""


class Search(NamedTuple):
    """Scratch space of a search."""

    seen: NDArray[np.bool_]
    """Which rows were noted; none before and after."""
    near: NDArray[np.int64]
    """Rows that were noted."""
    costs: NDArray[np.float32]
    marks: NDArray[np.int64]
    places: NDArray[np.int64]
    """Three columns of a heap, the lowest cost on top."""


def search_space(rows: int, heap: int) -> Search:
    """Scratch space for so many rows, and so many probes that wait their turn."""
    return Search(
        np.zeros(rows, np.bool_),
        np.empty(rows, np.int64),
        np.empty(heap, np.float32),
        np.empty(heap, np.int64),
        np.empty(heap, np.int64),
    )


# -- the kernels -----------------------------------------------------------------------------------


def hang(keys: Any, place: Any, heads: Any, following: Any) -> None:
    """Put rows on chains: ``keys``, shape (tables, m), of the rows from ``n + place`` on."""
    for table in range(len(keys)):
        for i in range(keys.shape[1]):
            key = keys[table, i]
            following[table, place + i] = heads[table, key]
            heads[table, key] = place + i


def gather(tables: Any, starts: Any, rows: Any) -> None:
    """Write all rows bucket by bucket, those on chains too, in ascending order."""
    n = tables.rows.shape[1]
    for table in range(len(starts)):
        at = 0
        for key in range(starts.shape[1] - 1):
            starts[table, key] = at
            for i in range(tables.starts[table, key], tables.starts[table, key + 1]):
                rows[table, at] = tables.rows[table, i]
                at += 1
            first, link = at, tables.heads[table, key]
            while link >= 0:
                rows[table, at] = n + link
                at += 1
                link = tables.following[table, link]
            last = at - 1
            while first < last:
                rows[table, first], rows[table, last] = rows[table, last], rows[table, first]
                first += 1
                last -= 1
        starts[table, starts.shape[1] - 1] = at


def note(row: Any, usable: Any, search: Any, many: Any) -> Any:
    """Note a row, unless it was or may not be found; how many there are then."""
    if search.seen[row] or (len(usable) and not usable[row]):
        return many
    search.seen[row] = True
    search.near[many] = row
    return many + 1


def look_into(tables: Any, table: Any, key: Any, usable: Any, search: Any, many: Any) -> Any:
    """Note all rows of a bucket; how many there are then."""
    for i in range(tables.starts[table, key], tables.starts[table, key + 1]):
        many = note(tables.rows[table, i], usable, search, many)
    link = tables.heads[table, key]
    while link >= 0:
        many = note(tables.rows.shape[1] + link, usable, search, many)
        link = tables.following[table, link]
    return many


def tell(
    coded: Any, asked: Any, query: Any, search: Any, many: Any, total: Any, found: Any
) -> None:
    """Fill ``found`` with the rows whose bits are nearest to a query's numbers, -1 after them."""
    for i in range(many):
        search.seen[search.near[i]] = False
    many = refine(coded, asked, query, search.near, many, total)
    for i in range(many):
        found[i] = search.near[i] & 0x7FFFFFFF
    found[many:] = -1


def push(search: Any, size: Any, cost: Any, mark: Any, place: Any) -> Any:
    """Put a probe on the heap; its new size."""
    i = size
    while i > 0 and cost < search.costs[(i - 1) // 2]:
        parent = (i - 1) // 2
        search.costs[i] = search.costs[parent]
        search.marks[i] = search.marks[parent]
        search.places[i] = search.places[parent]
        i = parent
    search.costs[i], search.marks[i], search.places[i] = cost, mark, place
    return size + 1


def pop(search: Any, size: Any) -> Any:
    """Take the cheapest probe off the heap; it is left at the end of what is its new size."""
    size -= 1
    top = search.costs[0], search.marks[0], search.places[0]
    last = search.costs[size], search.marks[size], search.places[size]
    i, child = 0, 1
    while child < size:
        if child + 1 < size and search.costs[child + 1] < search.costs[child]:
            child += 1
        if last[0] <= search.costs[child]:
            break
        search.costs[i] = search.costs[child]
        search.marks[i] = search.marks[child]
        search.places[i] = search.places[child]
        i, child = child, 2 * child + 1
    search.costs[i], search.marks[i], search.places[i] = last
    search.costs[size], search.marks[size], search.places[size] = top
    return size
