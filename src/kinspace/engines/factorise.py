"""A matrix of counts as a product of two tables, tile by tile, by dense products and AdaGrad.

This is what SWIVEL and GloVe on smoothed counts have in common: of each tile, all products of rows
and columns are taken at once; the method turns them into errors; and two more products make
gradients of these (:func:`descend`). Which error a product has is the method's own affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.cooccurrence import Cooccurrences
from kinspace.engines.rows import Floats, padded, table
from kinspace.engines.tiles import in_rounds

_FIRST_SQUARE = 1e-6
"""Where AdaGrad's sums of squares begin. Gradients are means over a tile, and small: with the 0.1
of Swivel's own code they would hardly count, and the right rate would depend on the corpus."""


class Side(NamedTuple):
    """Vectors of words as rows, or as columns.

    Attributes
    ----------
    vectors : ndarray of float32, shape (words, columns)
        The vector, then two columns of the method's, then zeros.
    squares : ndarray of float32, shape (words, learned columns)
        The sums of squared gradients.
    """

    vectors: Floats
    squares: Floats


class Tile(NamedTuple):
    """What is learned at once.

    Attributes
    ----------
    here, there : int
        The bands of its rows and columns.
    left, right : Side
        What belongs to these words: views.
    rows, columns, counts : ndarrays of int32, int32 and float32
        Where it is filled, and with what.
    scores : ndarray of float32, shape (rows, columns)
        Scratch space.
    """

    here: int
    there: int
    left: Side
    right: Side
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    counts: Floats
    scores: Floats


def random_side(
    size: int, dim: int, learned: int, fixed: tuple[Any, Any], random: np.random.Generator
) -> Side:
    """Random vectors of about length 1, and the method's two columns.

    Parameters
    ----------
    size, dim : int
    learned : int
        Columns that are learned, from the first.
    fixed : tuple of two
        What the method's columns begin with: a number, or one for each word.
    random : Generator
    """
    vectors = table(size, padded(dim + 2))
    vectors[:, :dim] = random.standard_normal((size, dim), np.float32) / np.float32(dim**0.5)
    vectors[:, dim], vectors[:, dim + 1] = fixed
    return Side(vectors, np.full((size, learned), _FIRST_SQUARE, np.float32))


def in_tiles(
    counted: Cooccurrences,
    epochs: int,
    seed: int,
    rows: Side,
    columns: Side,
    learn: Callable[[Tile], float],
    *,
    workers: int = 1,
    progress: Callable[[int, int, float], None] | None = None,
) -> None:
    """Learn every tile of the whole matrix once an epoch.

    Parameters
    ----------
    counted : Cooccurrences
    epochs, seed : int
    rows, columns : Side
    learn : callable
        Given a tile, changes both its sides, and returns its loss.
    workers : int
        Threads. The result does not depend on it.
    progress : callable, optional
        Called with tiles learned, tiles to learn, and the mean loss of a cell in the last round.
    """
    from threadpoolctl import threadpool_limits

    spare: list[Floats] = []
    bands = counted.bands

    def both(_: int, a: int, b: int) -> tuple[float, int]:
        near, onto, counts = counted.tile(a, b)
        turns = [(a, b, near, onto), (b, a, onto, near)]
        if a == b:  # one half is kept
            off = near != onto
            counts = np.concatenate([counts, counts[off]])
            turns = [(a, a, np.append(near, onto[off]), np.append(onto, near[off]))]
        scratch = spare.pop() if spare else table(1 << counted.bits, 1 << counted.bits)
        loss, cells = 0.0, 0
        for here, there, at, on in turns:
            left = Side(*(part[here::bands] for part in rows))
            right = Side(*(part[there::bands] for part in columns))
            m, n = len(left.vectors), len(right.vectors)
            scores = scratch.reshape(-1)[: m * n].reshape(m, n)
            loss += learn(Tile(here, there, left, right, at, on, counts, scores))
            cells += m * n
        spare.append(scratch)
        return loss, cells

    with threadpool_limits(1, "blas"):
        in_rounds(counted, epochs, seed, both, workers=workers, progress=progress)


def descend(tile: Tile, rate: float) -> None:
    """A step of AdaGrad (Duchi et al. 2011) from ``tile.scores``: the loss by each product.

    Gradients are means over the other side, so that small tiles and large ones go as far.
    """
    learned = tile.left.squares.shape[1]
    pulls = (
        tile.scores @ tile.right.vectors[:, :learned] / np.float32(tile.scores.shape[1]),
        tile.scores.T @ tile.left.vectors[:, :learned] / np.float32(tile.scores.shape[0]),
    )
    for side, pull in zip((tile.left, tile.right), pulls, strict=True):
        side.squares[:] += pull * pull
        side.vectors[:, :learned] -= np.float32(rate) * pull / np.sqrt(side.squares)
