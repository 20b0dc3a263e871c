"""Search among items of several vectors each by the centroids that their vectors lie near.

1. For each vector of a query the nearest cells are *probed*: every item that has a vector in one of
   them gets the score of the cell's centroid, one without gets that of the first cell that was not
   probed, which it cannot exceed by much (the imputation of WARP: Scheerer et al. 2025: WARP, an
   Efficient Engine for Multi-Vector Retrieval). Only lists of items are read.
2. Of the best items MaxSim is taken as if their vectors were the centroids (the centroid
   interaction of PLAID: Santhanam et al. 2022). Only the numbers of their cells are read.
3. The vectors of the best of these are made again from their centroids and from codes of what these
   leave over, some bits a dimension; MaxSim of them is for the caller, since it is a product of
   matrices.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.heaps import Best, keep

STEPS: Final = {1: 1.596, 2: 0.996, 4: 0.335, 8: 0.031}
"""By bits: steps between the levels of a code, in standard deviations of what is coded, that leave
the least error where it is normal (Max 1960: Quantizing for Minimum Distortion)."""


def encode(
    values: NDArray[np.float32],
    cells: NDArray[np.uint16],
    centroids: NDArray[np.float32],
    steps: NDArray[np.float32],
    bits: int,
    codes: NDArray[np.uint8],
) -> None:
    """Code what the centroids leave over of vectors.

    The dimensions are cut into as many runs as a byte holds codes; a byte holds one of each run.

    Parameters
    ----------
    values : array of float32, shape (n, dim)
    cells : array of uint16, shape (n,)
        The centroid of each.
    centroids : array of float32, shape (c, width)
    steps : array of float32, shape (width,)
        From one level to the next.
    bits : {1, 2, 4, 8}
    codes : array of uint8, shape (n, width * bits / 8)
        Of zeros, filled.
    """
    run, most = codes.shape[1], (1 << bits) - 1
    for row in range(len(values)):
        for j in range(values.shape[1]):
            if steps[j] > 0:
                left = (values[row, j] - centroids[cells[row], j]) / steps[j]
                level = min(max(np.floor(left + np.float32(0.5) * (most + 1)), 0), most)
                codes[row, j % run] |= np.uint8(np.int64(level) << (bits * (j // run)))


def decode(
    code: NDArray[np.uint8],
    centroid: NDArray[np.float32],
    steps: NDArray[np.float32],
    bits: int,
    out: NDArray[np.float32],
) -> None:
    """Make one vector again, shape (width,)."""
    run, most = len(code), (1 << bits) - 1
    middle = np.float32(0.5) * most
    for part in range(8 // bits):
        shift, begin = np.int32(bits * part), part * run
        here, around, step = (
            out[begin : begin + run],
            centroid[begin : begin + run],
            steps[begin : begin + run],
        )
        for j in range(run):
            level = np.float32((np.int32(code[j]) >> shift) & np.int32(most))
            here[j] = around[j] + step[j] * (level - middle)


class Cells(NamedTuple):
    """Items by the cells that their vectors lie in."""

    starts: NDArray[np.int64]
    """Shape (items + 1,): where the vectors of each item begin."""
    cells: NDArray[np.uint16]
    """Shape (vectors,)."""
    codes: NDArray[np.uint8]
    """Shape (vectors, width * bits / 8)."""
    centroids: NDArray[np.float32]
    """Shape (c, width)."""
    steps: NDArray[np.float32]
    """Shape (width,)."""
    list_starts: NDArray[np.int64]
    """Shape (c + 1,): where the list of each cell begins."""
    lists: NDArray[np.int32]
    """Items, ascending in each list, each once."""


class Room(NamedTuple):
    """What a search works in."""

    sums: NDArray[np.float32]
    """Shape (items,), of zeros."""
    seen: NDArray[np.int64]
    """Shape (items,), of -1: the last vector of a query that met the item."""
    met: NDArray[np.int64]
    """Shape (items,): those that were met."""
    near: NDArray[np.int64]
    """Shape (nprobe + 1,): the nearest cells of a vector."""
    scores: NDArray[np.float32]
    """Shape (nprobe + 1,)."""
    most: NDArray[np.float32]
    """Shape (vectors of the longest query,)."""


def probe(
    held: Cells,
    listed: int,
    usable: NDArray[np.bool_],
    grid: NDArray[np.float32],
    query: int,
    room: Room,
    best: Best,
) -> None:
    """Find the items whose cells are nearest to a query's vectors.

    Parameters
    ----------
    held : Cells
    listed : int
        How many items the lists are of; all later ones are met.
    usable : array of bool, shape (items,)
    grid : array of float32, shape (vectors of the query, c)
        Products with the centroids.
    query : int
        Its row in ``best``.
    room : Room
    best : Best
    """
    count = 0
    for item in range(listed, len(usable)):
        if usable[item]:
            room.met[count] = item
            count += 1
    for i in range(len(grid)):
        nearest_cells(grid[i], room.near, room.scores)
        probed = len(room.near) - 1
        least = room.scores[probed]
        for place in range(probed):
            cell, more = room.near[place], room.scores[place] - least
            for e in range(held.list_starts[cell], held.list_starts[cell + 1]):
                item = held.lists[e]
                if room.seen[item] == i or not usable[item]:
                    continue
                if room.seen[item] < 0:
                    room.met[count] = item
                    count += 1
                room.seen[item] = i
                room.sums[item] += more
        for item in range(listed, len(usable)):
            if usable[item]:
                most = least
                for t in range(held.starts[item], held.starts[item + 1]):
                    most = max(most, grid[i, held.cells[t]])
                room.sums[item] += most - least
    for place in range(count):
        item = room.met[place]
        keep(best, query, room.sums[item], item)
        room.sums[item] = 0
        room.seen[item] = -1


def nearest_cells(
    line: NDArray[np.float32], near: NDArray[np.int64], scores: NDArray[np.float32]
) -> None:
    """The places of the highest scores of a line, best first, and these scores."""
    size, count = len(near), 0
    for cell in range(len(line)):
        score = line[cell]
        if count == size and score <= scores[size - 1]:
            continue
        place = min(count, size - 1)
        while place > 0 and scores[place - 1] < score:
            near[place], scores[place] = near[place - 1], scores[place - 1]
            place -= 1
        near[place], scores[place] = cell, score
        count = min(count + 1, size)


def interact(
    held: Cells,
    columns: NDArray[np.float32],
    found: Best,
    query: int,
    room: Room,
    best: Best,
) -> None:
    """Take MaxSim of a query with the centroids of the items that were found.

    Parameters
    ----------
    held : Cells
    columns : array of float32, shape (c, vectors of the query)
        Products with the centroids.
    found : Best
        The items, in row ``query``.
    query : int
    room : Room
    best : Best
        The best of them afterwards, in the same row.
    """
    size = columns.shape[1]
    most = room.most
    for place in range(found.counts[query]):
        item = found.rows[query, place]
        cell = held.cells[held.starts[item]]
        for i in range(size):
            most[i] = columns[cell, i]
        for t in range(held.starts[item] + 1, held.starts[item + 1]):
            cell = held.cells[t]
            for i in range(size):  # beside each other, so that sixteen go at once
                if columns[cell, i] > most[i]:
                    most[i] = columns[cell, i]
        total = np.float32(0)
        for i in range(size):
            total += most[i]
        keep(best, query, total, item)


def find_items(
    held: Cells,
    listed: int,
    usable: NDArray[np.bool_],
    grid: NDArray[np.float32],
    columns: NDArray[np.float32],
    query: int,
    room: Room,
    found: Best,
    best: Best,
) -> None:
    """The first two steps for one query: fill its row of ``found``, and of ``best``."""
    probe(held, listed, usable, grid, query, room, found)
    interact(held, columns, found, query, room, best)


def make_items(held: Cells, bits: int, items: NDArray[np.int64], out: NDArray[np.float32]) -> None:
    """Make the vectors of some items again, one item after the other, shape (vectors, width)."""
    row = 0
    for item in items:
        for t in range(held.starts[item], held.starts[item + 1]):
            decode(held.codes[t], held.centroids[held.cells[t]], held.steps, bits, out[row])
            row += 1
