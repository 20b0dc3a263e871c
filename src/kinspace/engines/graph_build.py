"""Putting rows into a graph of :mod:`.graph`, many at once, in any number of threads alike.

Malkov and Yashunin (2018), algorithms 1 and 4. A batch of rows goes in by two steps: each row
chooses its links, among what a walk through the graph finds and among the earlier rows of its
batch, one and all (:func:`choose_links`); then those that were chosen link back
(:func:`link_back`), each thread for rows of its own. Rows whose codes are equal share one place:
the first owns it, the others are its twins.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from kinspace.engines.graph import (
    COUNT,
    FIRST,
    IS_TWIN,
    OFFSET,
    SCALE,
    TWIN,
    WALKING,
    descend,
    offer,
    score_near,
    sort_best,
    walk,
)

_AT_ONCE: Final = 8
_ROUNDING: Final = 1e-5
"""By how much, in parts, two scores of the same codes may differ."""


def is_twin(graph: Any, a: int, b: int) -> bool:
    """Whether two rows have the same code."""
    differ = int(graph.sides[a, SCALE] != graph.sides[b, SCALE])
    for j in range(graph.codes.shape[1]):
        differ += graph.codes[a, j] != graph.codes[b, j]
    return differ == 0


def prefer_spread(
    graph: Any, work: Any, at: int, found: int, most: int, table: Any, row: int
) -> None:
    """Link row ``at`` to the best of what was found that are nearer to it than to one another.

    Algorithm 4. ``work.best`` holds what was found, best first, with their scores; the links go
    into row ``row`` of ``table``, at most ``most``.
    """
    kept = 0
    for i in range(found):
        node = work.best[i]
        # What `node` scores `at`, as it is `node` that is compared with others from here.
        own = work.best_keys[i] - graph.sides[node, OFFSET] + graph.sides[at, OFFSET]
        is_near_another = False
        done = 0
        while done < kept and not is_near_another:
            some = min(_AT_ONCE, kept - done)
            for j in range(some):
                work.near[j] = table[row, FIRST + done + j]
            score_near(graph, work, some, graph.codes, node, graph.sides)
            for j in range(some):
                if work.sums[j] >= own:
                    is_near_another = True
            done += some
        if not is_near_another:
            table[row, FIRST + kept] = node
            kept += 1
            if kept == most:
                break
    table[row, COUNT] = kept


def offer_batch(
    graph: Any, work: Any, begin: int, at: int, height: int, found: int, ef: int
) -> int:
    """Take what is near among the rows from ``begin`` to ``at``, one and all."""
    done = begin
    while done < at:
        count = 0
        while done < at and count < len(work.near):
            if graph.levels[done] >= height:
                work.near[count] = done
                count += 1
            done += 1
        score_near(graph, work, count, graph.codes, at, graph.sides)
        for i in range(count):
            found = offer(work, found, ef, work.sums[i], work.near[i])
    return found


def twin_of(graph: Any, work: Any, at: int, found: int) -> int:
    """A row of the same code among what was found, -1 if there is none."""
    work.near[0] = at
    score_near(graph, work, 1, graph.codes, at, graph.sides)
    offset = abs(graph.sides[at, OFFSET])
    least = work.sums[0] - _ROUNDING * (abs(work.sums[0]) + offset)
    for i in range(found):
        if work.best_keys[i] >= least and is_twin(graph, at, work.best[i]):
            return int(work.best[i])
    return -1


def choose_links(
    graph: Any, work: Any, begin: int, first: int, last: int, ef: int, most: int, nobody: Any
) -> None:  # fmt: skip
    """Give the rows from ``first`` to ``last``, of a batch that begins at ``begin``, their links.

    Parameters
    ----------
    graph : Graph
    work : Work
    begin, first, last : int
    ef : int
        Among how many of the nearest links are chosen.
    most : int
        The most links of a row.
    nobody : ndarray of bool
        Not read.
    """
    codes, sides = graph.codes, graph.sides
    for at in range(first, last):
        level = graph.levels[at]
        starts = 0
        if graph.entry[0] >= 0:
            starts = descend(graph, work, codes, at, sides, level, nobody)
        for i in range(starts):
            work.starts[i] = work.near[i]
        for height in range(level, -1, -1):
            found = 0
            if starts > 0 and height <= graph.entry[1]:
                for i in range(starts):
                    work.near[i] = work.starts[i]
                found = walk(graph, work, codes, at, sides, starts, height, ef, nobody, False)
                starts = found
                for i in range(starts):
                    work.starts[i] = work.best[i]
            found = offer_batch(graph, work, begin, at, height, found, ef)
            sort_best(work, found)
            table = graph.links if height == 0 else graph.upper
            row = at if height == 0 else graph.above[at] + height - 1
            prefer_spread(graph, work, at, found, most, table, row)
        graph.links[at, TWIN] = twin_of(graph, work, at, found)


def settle_twins(graph: Any, first: int, last: int) -> int:
    """Let the twins of a batch join their owners; returns how many there are."""
    links, levels = graph.links, graph.levels
    twins = 0
    for at in range(first, last):
        owner = links[at, TWIN]
        if owner >= 0:
            if levels[owner] == IS_TWIN:
                owner = links[owner, FIRST]
            levels[at] = IS_TWIN
            links[at, COUNT] = 0
            links[at, FIRST] = owner
            links[at, TWIN] = links[owner, TWIN]
            links[owner, TWIN] = at
            twins += 1
    return twins


def link_owners(graph: Any, first: int, last: int) -> None:
    """Let the rows of a batch that chose a twin link to its owner instead."""
    links, levels = graph.links, graph.levels
    for at in range(first, last):
        for height in range(levels[at], -1, -1):
            table = links if height == 0 else graph.upper
            row = at if height == 0 else graph.above[at] + height - 1
            kept = 0
            for i in range(table[row, COUNT]):
                node = table[row, FIRST + i]
                if levels[node] == IS_TWIN:
                    node = links[node, FIRST]
                is_new = levels[node] >= height
                for j in range(kept):
                    is_new = is_new and table[row, FIRST + j] != node
                if is_new:
                    table[row, FIRST + kept] = node
                    kept += 1
            table[row, COUNT] = kept


def link_back(
    graph: Any, work: Any, chosen: Any, chosen_upper: Any, begin: int, end: int, first_upper: int,
    part: int, parts: int,
) -> None:  # fmt: skip
    """Link the rows that were chosen back to those that chose them.

    Parameters
    ----------
    graph : Graph
    work : Work
    chosen, chosen_upper : ndarray of int32
        A copy of the links of the batch, as they were chosen.
    begin, end : int
        The batch.
    first_upper : int
        The first row of ``graph.upper`` that belongs to it.
    part, parts : int
        Do it for those rows ``x`` with ``x % parts == part``.
    """
    for at in range(begin, end):
        for height in range(graph.levels[at], -1, -1):
            mine = chosen if height == 0 else chosen_upper
            here = at - begin if height == 0 else graph.above[at] + height - 1 - first_upper
            table = graph.links if height == 0 else graph.upper
            for i in range(mine[here, COUNT]):
                node = mine[here, FIRST + i]
                if node % parts != part:
                    continue
                row = node if height == 0 else graph.above[node] + height - 1
                count = table[row, COUNT]
                if count < table.shape[1] - FIRST:
                    table[row, FIRST + count] = at
                    table[row, COUNT] = count + 1
                else:
                    choose_again(graph, work, node, at, table, row)


def choose_again(graph: Any, work: Any, node: int, more: int, table: Any, row: int) -> None:
    """Choose the links of a row whose place is full, among those that it has and one more."""
    count = table[row, COUNT]
    for i in range(count):
        work.near[i] = table[row, FIRST + i]
    work.near[count] = more
    score_near(graph, work, count + 1, graph.codes, node, graph.sides)
    for i in range(count + 1):
        offer(work, i, count + 1, work.sums[i], work.near[i])
    sort_best(work, count + 1)
    prefer_spread(graph, work, node, count + 1, count, table, row)


@cache
def builder() -> tuple[Any, ...]:
    """The four steps of adding a batch, in their order, compiled."""
    from kinspace.engines import graph, graph_code
    from kinspace.engines.compiled import compiled

    graph_code.teach()
    files = (*graph_code.FILES, graph.__file__)
    choosing = (*WALKING, is_twin, prefer_spread, offer_batch, twin_of)
    return (
        compiled(choose_links, *choosing, beside=files),
        compiled(settle_twins),
        compiled(link_owners),
        compiled(link_back, *WALKING, prefer_spread, choose_again, beside=files),
    )
