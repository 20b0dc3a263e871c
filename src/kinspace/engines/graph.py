"""A navigable small-world graph over the rows of a table, and the walk through it to a query.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
Navigable Small World graphs" (2018), algorithms 2 and 5; :mod:`.graph_build` makes the graph.

All metrics are one formula here, in which a row has two numbers beside its code:
``score(q, x) = scale(q) scale(x) ⟨code(q), code(x)⟩ + offset(x)``, but for what ``q`` alone adds.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SCALE: Final = 0
OFFSET: Final = 1
"""Columns of ``Graph.sides``."""
COUNT: Final = 0
TWIN: Final = 1
FIRST: Final = 2
"""Columns of ``Graph.links``: how many links, the next row with the same code, and the links."""
IS_TWIN: Final = -1
"""The level of a row that has no links, since another with the same code has them: its owner,
which stands where the first link would be."""
BREADTH: Final = 8
"""How many rows a walk keeps above the level that it is for."""
_MARKS: Final = 256
"""How many walks a byte tells apart."""


class Graph(NamedTuple):
    """The arrays of a graph; a row of them belongs to a row of the table."""

    codes: NDArray[Any]
    """Shape (rows, width), int8 or float32."""
    sides: NDArray[np.float32]
    """Shape (rows, 2)."""
    links: NDArray[np.int32]
    """On the ground level, shape (rows, 2 + 2 M)."""
    levels: NDArray[np.int8]
    """The highest level on which a row has links."""
    above: NDArray[np.int32]
    """Where in ``upper`` those above the ground begin, level by level."""
    upper: NDArray[np.int32]
    """Shape (any, 2 + M)."""
    entry: NDArray[np.int64]
    """The row at which a walk begins, -1 if there is none, its level, and whether a product of
    floats is to be half their squared distance, made negative: with less rounding."""


class Work(NamedTuple):
    """What a walk needs beside the graph; no two threads may share it."""

    seen: NDArray[np.uint8]
    mark: NDArray[np.int64]
    ahead_keys: NDArray[np.float32]
    ahead: NDArray[np.int32]
    best_keys: NDArray[np.float32]
    best: NDArray[np.int32]
    starts: NDArray[np.int32]
    near: NDArray[np.int32]
    sums: NDArray[np.float32]


def work_for(rows: int, ef: int, near: int) -> Work:
    """Room to walk among ``rows``, for the ``ef`` best, with so many rows scored at once."""
    ef = max(ef, BREADTH)
    near = max(near, ef)
    return Work(
        np.zeros(rows, np.uint8),
        np.zeros(1, np.int64),
        np.empty(rows + 1, np.float32),
        np.empty(rows + 1, np.int32),
        np.empty(ef + 1, np.float32),
        np.empty(ef + 1, np.int32),
        np.empty(ef + 1, np.int32),
        np.empty(near, np.int32),
        np.empty(near, np.float32),
    )


def products(
    codes: Any, rows: Any, count: int, others: Any, at: int, by_distance: int, sums: Any
) -> None:
    """Inner products of row ``at`` of ``others`` with the first ``count`` of some rows.

    Of float32 numbers, ``by_distance``: half the squared distances, made negative.
    """
    other = others[at].astype(np.float64)
    for i in range(count):
        row = codes[rows[i]].astype(np.float64)
        sums[i] = -0.5 * ((row - other) ** 2).sum() if by_distance else np.dot(row, other)


def fetch(table: Any, row: int) -> None:
    """Have a row at hand soon, where the machine can."""


def push(keys: Any, nodes: Any, count: int, key: float, node: int) -> None:
    """Put a node into a heap of ``count``, the least key of which is the first."""
    place = count
    while place > 0:
        parent = (place - 1) >> 1
        if keys[parent] <= key:
            break
        keys[place] = keys[parent]
        nodes[place] = nodes[parent]
        place = parent
    keys[place] = key
    nodes[place] = node


def sink(keys: Any, nodes: Any, count: int, key: float, node: int) -> None:
    """Put a node in the place of the first of a heap of ``count``."""
    place = 0
    while 2 * place + 1 < count:
        child = 2 * place + 1
        if child + 1 < count and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[place] = keys[child]
        nodes[place] = nodes[child]
        place = child
    keys[place] = key
    nodes[place] = node


def offer(work: Any, found: int, ef: int, score: float, node: int) -> int:
    """Take a node among the ``ef`` best if it is one; returns how many there are then."""
    if found < ef:
        push(work.best_keys, work.best, found, score, node)
        return found + 1
    if score > work.best_keys[0]:
        sink(work.best_keys, work.best, found, score, node)
    return found


def score_near(graph: Any, work: Any, count: int, others: Any, at: int, own: Any) -> None:
    """Score the first ``count`` of the rows ``work.near``, into ``work.sums``."""
    products(graph.codes, work.near, count, others, at, graph.entry[2], work.sums)
    for i in range(count):
        row = work.near[i]
        work.sums[i] = (
            own[at, SCALE] * graph.sides[row, SCALE] * work.sums[i] + graph.sides[row, OFFSET]
        )


def unseen(graph: Any, work: Any, node: int, level: int) -> int:
    """List the rows that a row links to and that this walk has not met yet; returns how many."""
    here = work.mark[0]
    table = graph.links if level == 0 else graph.upper
    row = node if level == 0 else graph.above[node] + level - 1
    count = 0
    for i in range(table[row, COUNT]):
        other = table[row, FIRST + i]
        if work.seen[other] != here:
            work.seen[other] = here
            work.near[count] = other
            count += 1
    return count


def may_be_found(graph: Any, node: int, usable: Any) -> bool:
    """Whether a row, or one of the same code, is usable."""
    while node >= 0 and not usable[node]:
        node = graph.links[node, TWIN]
    return bool(node >= 0)


def walk(
    graph: Any, work: Any, others: Any, at: int, own: Any, starts: int, level: int, ef: int,
    usable: Any, is_limited: bool,
) -> int:  # fmt: skip
    """Find the ``ef`` best rows of a level that are usable, as a heap in ``work``.

    Algorithm 2, from the first ``starts`` rows of ``work.near``. Rows that are not usable are
    walked through all the same, so that the graph stays whole, and the walk goes on until enough
    of the others are found. Returns how many there are.
    """
    work.mark[0] += 1
    if work.mark[0] == _MARKS:
        work.seen[:] = 0
        work.mark[0] = 1
    for i in range(starts):
        work.seen[work.near[i]] = work.mark[0]
    count, ahead, found = starts, 0, 0
    while count >= 0:
        score_near(graph, work, count, others, at, own)
        for i in range(count):
            if found < ef or work.sums[i] > work.best_keys[0]:
                other = work.near[i]
                fetch(graph.links, other)
                push(work.ahead_keys, work.ahead, ahead, -work.sums[i], other)
                ahead += 1
                if not is_limited or may_be_found(graph, other, usable):
                    found = offer(work, found, ef, work.sums[i], other)
        count = -1
        if ahead > 0 and (found < ef or -work.ahead_keys[0] >= work.best_keys[0]):
            node = work.ahead[0]
            ahead -= 1
            sink(work.ahead_keys, work.ahead, ahead, work.ahead_keys[ahead], work.ahead[ahead])
            count = unseen(graph, work, node, level)
    return found


def descend(graph: Any, work: Any, others: Any, at: int, own: Any, level: int, nobody: Any) -> int:
    """From the entry down to above ``level``; returns how many rows of ``work.near`` are near.

    A few are kept on the way, where the paper keeps one: where rows lie in clusters, the way
    down from the nearest alone often ends in the wrong one.
    """
    work.near[0] = graph.entry[0]
    starts = 1
    for height in range(graph.entry[1], level, -1):
        starts = walk(graph, work, others, at, own, starts, height, BREADTH, nobody, False)
        for i in range(starts):
            work.near[i] = work.best[i]
    return starts


def sort_best(work: Any, found: int) -> None:
    """Turn the heap of what a walk found into a list, best first."""
    while found > 1:
        found -= 1
        key, node = work.best_keys[0], work.best[0]
        sink(work.best_keys, work.best, found, work.best_keys[found], work.best[found])
        work.best_keys[found] = key
        work.best[found] = node


def search(
    graph: Any, work: Any, queries: Any, own: Any, first: int, last: int, ef: int, usable: Any,
    is_limited: bool, rows: Any,
) -> None:  # fmt: skip
    """The rows nearest to the queries from ``first`` to ``last``, best first.

    Parameters
    ----------
    graph : Graph
    work : Work
    queries : ndarray like ``graph.codes``, shape (queries, width)
    own : ndarray of float32, shape (queries, 2)
        As ``graph.sides``.
    first, last, ef : int
    usable : ndarray of bool, shape (rows,)
        Which may be found; read only if ``is_limited``.
    is_limited : bool
    rows : ndarray of int64, shape (queries, any)
        Filled with the best of the ``ef`` that are found, and -1.
    """
    for at in range(first, last):
        starts = descend(graph, work, queries, at, own, 0, usable)
        found = walk(graph, work, queries, at, own, starts, 0, ef, usable, is_limited)
        sort_best(work, found)
        count = 0
        for i in range(found):
            node = work.best[i]
            while node >= 0 and count < rows.shape[1]:
                if not is_limited or usable[node]:
                    rows[at, count] = node
                    count += 1
                node = graph.links[node, TWIN]
        rows[at, count:] = -1


WALKING: Final = (push, sink, offer, score_near, unseen, may_be_found, walk, descend, sort_best)
"""What :func:`search` calls, beside what :mod:`.graph_code` replaces."""


@cache
def searcher() -> Any:
    """:func:`search`, compiled."""
    from kinspace.engines import graph_code
    from kinspace.engines.compiled import compiled

    graph_code.teach()
    return compiled(search, *WALKING, beside=graph_code.FILES)
