"""Trees that part space by planes: which leaf a row falls into, and which leaves to look into.

A node's plane stands in the middle between two centres of its rows, across the line from one to the
other. Nodes of all trees are counted together. ``children[node]`` are the nodes on the lower and
on the upper side; a leaf is a number below zero: ``~leaf``, counted in each tree by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinspace.engines.buckets import look_into, pop, push, tell

SAMPLE = 40
"""Rows of a node that its centres are found from."""
UNEVEN = 8
"""Of the rows of a node each side has one in so many at least, or the plane halves them."""
DEEPEST = 256
"""More than there can be levels, as no side has more than seven eighths of the rows."""
_ROUNDS = 3


def product(rows: Any, row: Any, direction: Any) -> Any:
    """How far a row lies along a direction."""
    total = np.float32(0)
    for j in range(len(direction)):
        total += rows[row, j] * direction[j]
    return total


def another(rows: Any, some: Any) -> Any:
    """The first of some rows that is not the same as the first of all; else the last."""
    for place in range(1, len(some)):
        for j in range(rows.shape[1]):
            if rows[some[place], j] != rows[some[0], j]:
                return place
    return len(some) - 1


def part(rows: Any, some: Any, centres: Any, counts: Any, direction: Any) -> Any:
    """Find a direction from one centre of some rows to another: Lloyd's two means.

    It is of length 1, or of zeros where the rows are all the same. Returns how far along it the
    middle lies.
    """
    dim, middle = rows.shape[1], np.float32(0)
    other = another(rows, some)
    for j in range(dim):
        centres[0, j], centres[1, j] = rows[some[0], j], rows[some[other], j]
    for _ in range(_ROUNDS):
        middle = np.float32(0)
        for j in range(dim):
            direction[j] = centres[1, j] - centres[0, j]
            middle += direction[j] * (centres[1, j] + centres[0, j]) / 2
        counts[0] = counts[1] = 0
        centres[:] = 0
        for i in range(len(some)):
            side = 1 if product(rows, some[i], direction) >= middle else 0
            counts[side] += 1
            for j in range(dim):
                centres[side, j] += rows[some[i], j]
        if counts[0] == 0 or counts[1] == 0:
            break
        for j in range(dim):
            centres[0, j] /= counts[0]
            centres[1, j] /= counts[1]
    square = np.float32(0)
    for j in range(dim):
        square += direction[j] * direction[j]
    if square > 0:
        scale = 1 / np.sqrt(square)
        for j in range(dim):
            direction[j] *= scale
        middle *= scale
    return middle


def halve(heights: Any, order: Any, low: Any, high: Any) -> Any:
    """Order rows from ``low`` to ``high`` so that the upper half is the higher one.

    Returns the height of its lowest.
    """
    middle = (low + high) // 2
    left, right = low, high - 1
    while left < right:
        pivot = heights[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while heights[i] < pivot:
                i += 1
            while pivot < heights[j]:
                j -= 1
            if i <= j:
                heights[i], heights[j] = heights[j], heights[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if j < middle:
            left = i
        if middle < i:
            right = j
    return heights[middle]


def sort_sides(heights: Any, order: Any, low: Any, high: Any, middle: Any) -> Any:
    """Order rows from ``low`` to ``high`` so that those below the middle come first.

    Returns the place of the first other one.
    """
    i, j = low, high - 1
    while i <= j:
        if heights[i] < middle:
            i += 1
        else:
            heights[i], heights[j] = heights[j], heights[i]
            order[i], order[j] = order[j], order[i]
            j -= 1
    return i


def grow(
    rows: Any, draws: Any, leaf_size: Any, order: Any, heights: Any, some: Any, centres: Any,
    counts: Any, stack: Any, directions: Any, thresholds: Any, children: Any, leaves: Any,
) -> Any:  # fmt: skip
    """Make a tree; returns how many nodes and how many leaves it has.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim)
    draws : ndarray of float32, shape (any, SAMPLE)
        Random numbers, 0 to 1, which choose the rows that a node's centres are found from.
    leaf_size : int
        The most rows of a leaf.
    order, heights : ndarrays of int64 and float32, shape (n,)
        All rows, put in the order of leaves; scratch space.
    some, centres, counts, stack : ndarrays, shapes (SAMPLE,), (2, dim), (2,) and (DEEPEST, 3)
        Scratch space: int64, float32, int64, int64.
    directions : ndarray of float32, shape (room, dim)
    thresholds : ndarray of float32, shape (room,)
    children : ndarray of int32, shape (room, 2)
    leaves : ndarray of int32, shape (n,)
        The leaf of each row.
    """
    node = leaf = 0
    waiting, stack[0, 0], stack[0, 1], stack[0, 2] = 1, 0, len(order), -1
    while waiting:
        waiting -= 1
        low, high, above = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
        if high - low <= leaf_size:
            mine = ~leaf
            for i in range(low, high):
                leaves[order[i]] = leaf
            leaf += 1
        else:
            mine = node
            for i in range(SAMPLE):
                place = np.int64(draws[node % len(draws), i] * (high - low))
                some[i] = order[low + min(place, high - low - 1)]
            middle = part(rows, some, centres, counts, directions[node])
            for i in range(low, high):
                heights[i] = product(rows, order[i], directions[node])
            cut = sort_sides(heights, order, low, high, middle)
            if min(cut - low, high - cut) * UNEVEN < high - low:
                middle = halve(heights, order, low, high)
                cut = (low + high) // 2
            thresholds[node] = middle
            for side in range(2):
                stack[waiting, 0] = low if side == 0 else cut
                stack[waiting, 1] = cut if side == 0 else high
                stack[waiting, 2] = 2 * node + side
                waiting += 1
            node += 1
        if above >= 0:
            children[above // 2, above % 2] = mine
    return node, leaf


def fall(
    rows: Any, root: Any, directions: Any, thresholds: Any, children: Any, leaves: Any
) -> None:
    """The leaf of each row in a tree."""
    for i in range(len(rows)):
        node = np.int64(root)
        while node >= 0:
            side = 1 if product(rows, i, directions[node]) >= thresholds[node] else 0
            node = np.int64(children[node, side])
        leaves[i] = ~node


def search_trees(
    queries: Any, roots: Any, directions: Any, thresholds: Any, children: Any, tables: Any,
    usable: Any, search_k: Any, search: Any, coded: Any, asked: Any, total: Any, found: Any,
) -> None:  # fmt: skip
    """Look into leaves of all trees, nearest first, until ``search_k`` rows are noted.

    A leaf is as far as the sum of the squared distances from the planes that part it from the
    query. A tree that has been looked into waits with its other branches in the heap.

    Parameters
    ----------
    queries : ndarray of float32, shape (queries, dim)
    roots : ndarray of int32, shape (trees,)
    directions : ndarray of float32, shape (nodes, dim)
    thresholds : ndarray of float32, shape (nodes,)
    children : ndarray of int32, shape (nodes, 2)
    tables : Tables
    usable : ndarray of bool
        Which rows may be found; empty where all may.
    search_k : int
    search : Search
        With a heap for all nodes and leaves of all trees.
    coded, asked : Coded, Asked
        Rows and queries as bits.
    total : ndarray of float32, shape (1,)
        Scratch space.
    found : ndarray of int64, shape (queries, any)
    """
    for query in range(len(queries)):
        size = many = 0
        for tree in range(len(roots)):
            size = push(search, size, 0.0, tree, roots[tree])
        while size and many < search_k:
            size = pop(search, size)
            cost, tree, node = search.costs[size], search.marks[size], search.places[size]
            while node >= 0:
                apart = product(queries, query, directions[node]) - thresholds[node]
                side = 1 if apart >= 0 else 0
                size = push(search, size, cost + apart * apart, tree, children[node, 1 - side])
                node = np.int64(children[node, side])
            many = look_into(tables, tree, ~node, usable, search, many)
        tell(coded, asked, query, search, many, total, found[query])


GROWING = (product, another, part, halve, sort_sides)
"""What :func:`grow` is made of."""
