"""Attention over texts of many lengths, without padding, by tiles of 16 tokens.

softmax(Q Kᵀ / √size) V (Vaswani et al. 2017, equation 1), for every text and head by itself.
Numbers are bfloat16, kept as uint16; products are summed in float32.

:func:`attend` is the whole; what it calls is plain Python, the oracle of the tests. Where the
processor has tiles of bfloat16 (AMX), :mod:`.attention_tiles` replaces it by code of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.bfloat16 import narrowed, widened

TILE = 16
"""Rows of a tile: queries that are scored together, and keys beside one another."""
LARGEST = 128
"""The largest size of a head; sizes are multiples of 32, the numbers in a row of a tile."""


def room_for(longest: int, size: int) -> tuple[Any, ...]:
    """What :func:`attend` works in: arrays for texts of up to ``longest`` tokens.

    Two numbers of bfloat16 that a product takes together lie beside each other: of keys, two
    of a key's numbers; of values, the numbers of two tokens.
    """
    pairs = (longest + 2 * TILE - 1) // (2 * TILE)
    width = pairs * 2 * TILE
    return (
        np.zeros((2 * pairs, size // 2, TILE, 2), np.uint16),  # keys: block, numbers, token
        np.zeros((pairs, size // TILE, TILE, TILE, 2), np.uint16),  # values: block, tile, tokens, …
        np.zeros((TILE, width), np.float32),  # scores of 16 queries
        np.zeros((TILE, width), np.uint16),  # their weights
        np.zeros(TILE, np.float32),  # the sums of these
        np.zeros((TILE, size), np.float32),  # values, mixed by weight
        np.zeros((TILE, size), np.uint16),  # the last queries of a text
        np.zeros((2, 64), np.uint8),  # how the tiles were set up before, and are now
    )


def attend(
    qkv: NDArray[np.uint16],
    starts: NDArray[np.int64],
    heads: int,
    size: int,
    room: tuple[Any, ...],
    out: NDArray[np.uint16],
) -> None:
    """Attention of each text over itself.

    Parameters
    ----------
    qkv : array of uint16, shape (total, 3 * heads * size)
        Queries, keys and values of every token, as bfloat16.
    starts : array of int64, shape (texts + 1,)
        Where each text begins, and where the last one ends.
    heads, size : int
        How many heads, and how many numbers each: a multiple of 32, up to 128.
    room : tuple of arrays
        What :func:`room_for` gives for texts as long as the longest here.
    out : array of uint16, shape (total, heads * size)
        Written to.
    """
    keys, values, scores, weights, sums, mixed, tail, tiles = room
    hidden = heads * size
    scale = np.float32(1.4426950408889634 / np.sqrt(size))  # log2(e): powers of 2, not of e
    configure(tiles)
    for text in range(len(starts) - 1):
        first, last = starts[text], starts[text + 1]
        length = last - first
        blocks = (length + TILE - 1) // TILE
        pairs = (blocks + 1) // 2
        for head in range(heads):
            column = head * size
            for block in range(blocks):
                row = first + block * TILE
                pack_keys(qkv, row, last - row, hidden + column, size, keys, block)
            for block in range(pairs):
                row = first + block * 2 * TILE
                pack_values(qkv, row, last - row, 2 * hidden + column, size, values, block)
            for row in range(first, last, TILE):
                count = min(last - row, TILE)
                if count == TILE:
                    score(qkv, row, column, size, keys, blocks, scores)
                else:  # a tile is read whole, and the array may end here
                    for i in range(count):
                        for j in range(size):
                            tail[i, j] = qkv[row + i, column + j]
                    score(tail, 0, 0, size, keys, blocks, scores)
                soften(scores, count, length, 2 * pairs, scale, weights, sums)
                weigh(weights, pairs, size, values, mixed)
                give(mixed, sums, count, out, row, column, size)
    restore(tiles)


def configure(tiles: Any) -> None:
    """Set the processor's tiles up, and keep how they were; plain Python has none."""


def restore(tiles: Any) -> None:
    """Set the processor's tiles up as they were."""


def pack_keys(
    qkv: Any, row: int, count: int, column: int, size: int, keys: Any, block: int
) -> None:
    """Lay 16 keys out for :func:`score`; zeros after the first ``count``."""
    for i in range(TILE):
        for j in range(size):
            keys[block, j // 2, i, j % 2] = qkv[row + i, column + j] if i < count else 0


def pack_values(
    qkv: Any, row: int, count: int, column: int, size: int, values: Any, block: int
) -> None:
    """Lay the values of 32 tokens out for :func:`weigh`; zeros after the first ``count``."""
    for i in range(2 * TILE):
        for j in range(size):
            number = qkv[row + i, column + j] if i < count else 0
            values[block, j // TILE, i // 2, j % TILE, i % 2] = number


def score(
    source: Any, row: int, column: int, size: int, keys: Any, blocks: int, scores: Any
) -> None:
    """Dot products of 16 queries with the keys of the first blocks."""
    queries = widened(source[row : row + TILE, column : column + size])
    for block in range(blocks):
        those = widened(keys[block]).transpose(1, 0, 2).reshape(TILE, size)
        scores[:, block * TILE : (block + 1) * TILE] = queries @ those.T


def soften(
    scores: Any, count: int, length: int, blocks: int, scale: Any, weights: Any, sums: Any
) -> None:
    """Weights 2^(scale (x - max)) of the first ``count`` queries, and their sums.

    There are ``length`` scores in a row; the weights after them, to the end of the blocks, are 0.
    """
    x = scores[:count, :length]
    powers = np.exp2(scale * (x - x.max(axis=1, keepdims=True)))
    sums[:count] = powers.sum(axis=1)
    weights[:count, : blocks * TILE] = 0
    weights[:count, :length] = narrowed(powers)


def weigh(weights: Any, blocks: int, size: int, values: Any, mixed: Any) -> None:
    """Sums of the values of the first blocks, by weight."""
    mixed[:] = 0
    for block in range(blocks):
        those = widened(values[block]).transpose(1, 3, 0, 2).reshape(2 * TILE, size)
        mixed += widened(weights[:, block * 2 * TILE : (block + 1) * 2 * TILE]) @ those


def give(mixed: Any, sums: Any, count: int, out: Any, row: int, column: int, size: int) -> None:
    """Divide by the sums of the weights, and put the result where it belongs."""
    out[row : row + count, column : column + size] = narrowed(mixed[:count] / sums[:count, None])
