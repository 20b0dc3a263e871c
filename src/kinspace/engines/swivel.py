"""SWIVEL: two vectors a word, whose product is the pointwise mutual information of a pair.

With ``error = w·w̃ − log x − log x** + log x* + log x̃*`` for a pair that comes near each other ``x``
times, where ``x*``, ``x̃*`` and ``x**`` are the sums of its row, its column and all:

    loss = Σ f(x) error² / 2, f(x) = base + scale · x^exponent,   over pairs with x > 0,
    loss = Σ log(1 + exp(error)), as if x were 1,                 over all others

so that the product for a pair that was never seen is not too large, and may be small (Shazeer et
al. 2016, "Swivel: improving embeddings by noticing what's missing", equations 3 to 6).

Tiles are learned by dense products (:mod:`.factorise`). The sums of rows are two columns of the
tables that stay as they are, so that the product of two rows is the error of a pair that was never
seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from kinspace.engines.compiled import compiled
from kinspace.engines.cooccurrence import Cooccurrences
from kinspace.engines.factorise import Side, Tile, descend, in_tiles, random_side
from kinspace.engines.rows import GROUP, Floats, errors

_LOOKED_AT = 32
"""Rows of a tile of which the loss of pairs never seen is told; logarithms are dear."""
_ZEROS, _MINUS = np.zeros(GROUP, np.float32), np.full(GROUP, -1, np.float32)


class Plan(NamedTuple):
    """How it is learned.

    Attributes
    ----------
    epochs : int
    rate : float
        Learning rate.
    base, scale, exponent : float
        A pair that counts ``x`` weighs ``base + scale · x ** exponent``.
    seed : int
    """

    epochs: int
    rate: float
    base: float
    scale: float
    exponent: float
    seed: int


def begin(counted: Cooccurrences, dim: int, seed: int) -> tuple[Side, Side]:
    """Random vectors for words as rows and as columns, with the sums of their rows."""
    random = np.random.default_rng(seed)
    logs = np.log(np.maximum(counted.totals, 1e-30))
    overall = np.log(counted.totals.sum())
    return (
        random_side(counted.size, dim, dim, (logs - overall, 1), random),
        random_side(counted.size, dim, dim, (1, logs), random),
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

    def learn(tile: Tile) -> float:
        return step(tile, plan)

    in_tiles(
        counted, plan.epochs, plan.seed, rows, columns, learn, workers=workers, progress=progress
    )


def confidence(counts: Floats, base: float, scale: float, exponent: float) -> Floats:
    """``base + scale · x ** exponent``: how much a pair that counts ``x`` matters."""
    weights: Floats = np.float32(base) + np.float32(scale) * counts ** np.float32(exponent)
    return weights


def step(tile: Tile, plan: Plan) -> float:
    """Learn one tile; its loss."""
    scores, filled = tile.scores, (tile.rows, tile.columns)
    np.matmul(tile.left.vectors, tile.right.vectors.T, out=scores)
    seen = scores[filled] - np.log(tile.counts)
    weights = confidence(tile.counts, plan.base, plan.scale, plan.exponent)
    _by_groups(scores)
    scores[filled] = 0
    some = scores[:: max(len(scores) // _LOOKED_AT, 1)]
    unseen = -np.log(np.maximum(1 - some, 1e-9)).sum() * (len(scores) / len(some))
    scores[filled] = weights * seen
    descend(tile, plan.rate)
    return float((weights * seen * seen).sum() / 2 + unseen)


def _by_groups(scores: Floats) -> None:
    """:func:`logistic` of a whole table, with a rest that does not fill a group."""
    flat = scores.reshape(-1)
    whole = len(flat) // GROUP * GROUP
    run = machine_code()
    run(flat, whole // GROUP, _ZEROS, _MINUS)
    if whole < len(flat):
        rest = np.zeros(GROUP, np.float32)
        rest[: len(flat) - whole] = flat[whole:]
        run(rest, 1, _ZEROS, _MINUS)
        flat[whole:] = rest[: len(flat) - whole]


def logistic(scores: Any, groups: Any, zeros: Any, minus: Any) -> None:
    """Replace numbers by ``1 / (1 + exp(−x))``."""
    errors(scores, groups, zeros, minus, 0)


@cache
def machine_code() -> Callable[..., None]:
    """:func:`logistic`, compiled, with the vector code of :mod:`.lanes`."""
    from kinspace.engines import lanes
    from kinspace.engines import rows as plain

    lanes.teach()
    code: Callable[..., None] = compiled(
        logistic, exact=True, beside=(*lanes.FILES, plain.__file__)
    )
    return code
