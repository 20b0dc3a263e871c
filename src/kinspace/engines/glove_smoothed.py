"""GloVe on smoothed counts, of which no cell is empty.

With ``x' = x + κ · x_i x_j / x_all``, where ``x_i`` and ``x_j`` are the sums of a pair's row and
column, so that each pair counts as if it had also come ``κ`` times as often as by chance:

    loss = Σ f(x') (w·w̃ + b + b̃ − log x')² / 2,  f(x') = min(1, (x' / x_max)^α)

over all pairs, seen or not. GloVe proper (:mod:`.glove`, κ = 0) learns from pairs that came at all
how often they came; in small corpora, where most came once, it is who never meets that tells words
apart.

Tiles are learned by dense products (:mod:`.factorise`). Biases are kept less ``log(x_i / √x_all)``,
where they begin, so that a product of two rows less ``log κ`` is the error of a pair never seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from kinspace.engines.compiled import compiled
from kinspace.engines.cooccurrence import Cooccurrences
from kinspace.engines.factorise import Side, Tile, descend, in_tiles, random_side
from kinspace.engines.glove import weighting
from kinspace.engines.rows import Floats

_LOOKED_AT = 32
"""Rows of a tile of which the loss of pairs never seen is told."""


class Plan(NamedTuple):
    """How it is learned.

    Attributes
    ----------
    epochs : int
    rate : float
        Learning rate.
    x_max, alpha : float
        Counts from ``x_max`` weigh 1, lesser ones ``(x / x_max) ** alpha``.
    smoothing : float
        ``κ``, above 0.
    seed : int
    """

    epochs: int
    rate: float
    x_max: float
    alpha: float
    smoothing: float
    seed: int


def begin(size: int, dim: int, seed: int) -> tuple[Side, Side]:
    """Random vectors and biases for words as rows and as columns."""
    random = np.random.default_rng(seed)
    return (
        random_side(size, dim, dim + 2, (0, 1), random),
        random_side(size, dim, dim + 2, (1, 0), random),
    )


def fit(
    counted: Cooccurrences,
    plan: Plan,
    rows: Side,
    columns: Side,
    *,
    workers: int = 1,
    progress: Callable[[int, int, float], None] | None = None,
) -> None:
    """Learn: all epochs, into the two sides.

    Parameters
    ----------
    counted, plan
    rows, columns : Side
        Changed in place; as :func:`begin` makes them.
    workers, progress
        As :func:`.factorise.in_tiles` takes them.
    """
    shares = (counted.totals / max(counted.totals.sum(), 1e-30) ** 0.5).astype(np.float32)
    shares = np.maximum(shares, np.float32(1e-15))  # a word without neighbours expects none

    def learn(tile: Tile) -> float:
        return step(tile, plan, shares[tile.here :: counted.bands],
                    shares[tile.there :: counted.bands])  # fmt: skip

    in_tiles(
        counted, plan.epochs, plan.seed, rows, columns, learn, workers=workers, progress=progress
    )


def step(tile: Tile, plan: Plan, left: Floats, right: Floats) -> float:
    """Learn one tile; its loss. ``left`` and ``right`` are ``x_i / √x_all`` of rows and columns."""
    scores, filled = tile.scores, (tile.rows, tile.columns)
    np.matmul(tile.left.vectors, tile.right.vectors.T, out=scores)
    expected = np.float32(plan.smoothing) * left[tile.rows] * right[tile.columns]
    counts = tile.counts + expected
    shift = np.float32(np.log(plan.smoothing))
    seen = scores[filled] - shift - np.log(counts / expected)
    weights = weighting(counts, plan.x_max, plan.alpha)
    every = max(len(scores) // _LOOKED_AT, 1)
    some = scores[::every] - shift
    factors = weighting_of(left * np.float32(plan.smoothing / plan.x_max), plan.alpha)
    machine_code()(scores, factors, weighting_of(right, plan.alpha), shift)
    scores[filled] = 0
    unseen = (some * scores[::every]).sum() / 2 * (len(scores) / len(some))
    scores[filled] = weights * seen
    descend(tile, plan.rate)
    dim = tile.left.squares.shape[1] - 2
    tile.left.vectors[:, dim + 1] = 1
    tile.right.vectors[:, dim] = 1
    return float((weights * seen * seen).sum() / 2 + unseen)


def weighting_of(shares: Floats, alpha: float) -> Floats:
    """One side's part of the weight of a pair never seen, which is their product, 1 at most."""
    part: Floats = shares ** np.float32(alpha)
    return part


def weigh(scores: Any, left: Any, right: Any, shift: Any) -> None:
    """``(score − shift) · min(1, left · right)``, in place."""
    one = np.float32(1)
    for i in range(scores.shape[0]):
        for j in range(scores.shape[1]):
            scores[i, j] = (scores[i, j] - shift) * min(one, left[i] * right[j])


@cache
def machine_code() -> Callable[..., None]:
    """:func:`weigh`, compiled; floats are those of the plain function."""
    code: Callable[..., None] = compiled(weigh, exact=True)
    return code
