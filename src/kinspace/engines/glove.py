"""GloVe: two vectors and two biases a word, whose product is the logarithm of a count.

    loss = Σ f(x) (w·w̃ + b + b̃ − log x)² / 2,  f(x) = min(1, (x / x_max)^α)

over all pairs that come near each other at all, each in both orders, by AdaGrad (Pennington et
al. 2014, equation 8; the half is that of their code).

Pairs are learned tile by tile (:mod:`.cooccurrence`): what a tile needs stays in the processor's
cache, and tiles that share no words can be learned at the same time, without locks. Tiles come in
a random order, and so do the pairs of each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from kinspace.engines.compiled import compiled
from kinspace.engines.cooccurrence import Cooccurrences
from kinspace.engines.rows import LANES, Floats, padded, table
from kinspace.engines.tiles import in_rounds


class Side(NamedTuple):
    """Vectors and biases of words as rows, or as columns.

    Attributes
    ----------
    vectors : ndarray of float32, shape (words, columns)
        Columns a multiple of 16; those that are not needed zero.
    biases : ndarray of float32, shape (words,)
    squares, bias_squares : ndarrays of float32
        The sums of squared steps, of the same shapes.
    """

    vectors: Floats
    biases: Floats
    squares: Floats
    bias_squares: Floats


class Plan(NamedTuple):
    """How it is learned.

    Attributes
    ----------
    epochs : int
    rate : float
        Learning rate.
    x_max, alpha : float
        Counts from ``x_max`` weigh 1, lesser ones ``(x / x_max) ** alpha``.
    seed : int
    """

    epochs: int
    rate: float
    x_max: float
    alpha: float
    seed: int


def begin(size: int, dim: int, seed: int) -> tuple[Side, Side]:
    """Small random vectors and biases for words as rows and as columns."""
    random = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        vectors, squares = table(size, padded(dim)), table(size, padded(dim))
        vectors[:, :dim] = (random.random((size, dim), np.float32) - 0.5) / dim
        biases = ((random.random(size) - 0.5) / dim).astype(np.float32)
        squares[:] = 1
        sides.append(Side(vectors, biases, squares, np.ones(size, np.float32)))
    return sides[0], sides[1]


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
    workers : int
        Threads. The result does not depend on it.
    progress : callable, optional
        Called with tiles learned, tiles to learn, and the mean loss of a pair in the last tile.
    """
    run = machine_code()

    def learn(epoch: int, a: int, b: int) -> tuple[float, int]:
        rows_of, columns_of, counts = counted.tile(a, b)
        order = np.random.default_rng((plan.seed, epoch, a, b)).permutation(len(counts))
        first, second = counted.words(a)[rows_of[order]], counted.words(b)[columns_of[order]]
        counts = counts[order]
        logs, weights = np.log(counts), weighting(counts, plan.x_max, plan.alpha)
        loss = np.zeros(1)
        run(first, second, logs, weights, np.float32(plan.rate), rows, columns,
            np.zeros(LANES, np.float32), loss)  # fmt: skip
        return float(loss[0]), 2 * len(counts) - int((first == second).sum())

    in_rounds(counted, plan.epochs, plan.seed, learn, workers=workers, progress=progress)


def weighting(counts: Floats, x_max: float, alpha: float) -> Floats:
    """``min(1, (x / x_max) ** alpha)``: how much a pair that counts ``x`` matters (equation 9)."""
    share: Floats = np.minimum(counts / np.float32(x_max), np.float32(1)) ** np.float32(alpha)
    return share


def step(row: Any, column: Any, log: Any, weight: Any, rate: Any, rows: Any, columns: Any,
         lanes: Any) -> Any:  # fmt: skip
    """Learn one pair in one order; its loss.

    A dot product runs over 16 lanes that are folded in half four times, so that it does not depend
    on the processor. Squares are those of steps before they are divided, as in the paper's code.
    """
    w, c, width = rows.vectors[row], columns.vectors[column], rows.vectors.shape[1]
    sw, sc = rows.squares[row], columns.squares[column]
    for k in range(16):
        lanes[k] = 0
    for start in range(0, width, 16):
        for k in range(16):
            lanes[k] += w[start + k] * c[start + k]
    for half in (8, 4, 2, 1):
        for k in range(half):
            lanes[k] += lanes[k + half]
    error = lanes[0] + rows.biases[row] + columns.biases[column] - log
    pull = rate * weight * error
    for k in range(width):
        left, right = pull * c[k], pull * w[k]
        w[k] -= left / np.sqrt(sw[k])
        c[k] -= right / np.sqrt(sc[k])
        sw[k] += left * left
        sc[k] += right * right
    rows.biases[row] -= pull / np.sqrt(rows.bias_squares[row])
    columns.biases[column] -= pull / np.sqrt(columns.bias_squares[column])
    rows.bias_squares[row] += pull * pull
    columns.bias_squares[column] += pull * pull
    return np.float64(weight * error * error) / 2


def train(first: Any, second: Any, logs: Any, weights: Any, rate: Any, rows: Any, columns: Any,
          lanes: Any, loss: Any) -> None:  # fmt: skip
    """Learn pairs, each in both orders, but a word beside itself once."""
    for p in range(first.size):
        i, j = first[p], second[p]
        loss[0] += step(i, j, logs[p], weights[p], rate, rows, columns, lanes)
        if i != j:
            loss[0] += step(j, i, logs[p], weights[p], rate, rows, columns, lanes)


@cache
def machine_code() -> Callable[..., None]:
    """:func:`train`, compiled; floats are those of the plain function."""
    code: Callable[..., None] = compiled(train, step, exact=True)
    return code
