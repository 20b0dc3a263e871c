"""Learn a table of token vectors whose sums point where a teacher's vectors point.

Arrays in, arrays out. A text is a bag of rows; its vector is their sum, which is the weighted
mean up to length, each row's length being its weight. The loss of a text is 1 − cos(sum, target).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float32]
_GROUP = 8
"""Neighbours in the input stay together in a batch; reading them at once is faster."""
_FIRST, _SECOND = 0.9, 0.99
"""Adam's decay rates of the mean gradient and of its square."""


@dataclass(frozen=True, slots=True)
class Bags:
    """Texts as bags of rows.

    Attributes
    ----------
    ids : array of int32, shape (total,)
        Rows of all texts, one text after the other.
    starts : array of int64, shape (n + 1,)
        Where each text begins and ends in ``ids``.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def matrix(self, texts: NDArray[np.int64]) -> tuple[sparse.csr_matrix, NDArray[np.int32]]:
        """Counts of rows for some texts, over the rows that occur in them, and those rows."""
        begin = self.starts[texts]
        lengths = self.starts[texts + 1] - begin
        ends = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(lengths, out=ends[1:])
        flat = np.arange(ends[-1]) + np.repeat(begin - ends[:-1], lengths)
        rows, places = np.unique(self.ids[flat], return_inverse=True)
        ones = np.ones(len(flat), np.float32)
        counts = sparse.csr_matrix((ones, places, ends), shape=(len(texts), len(rows)))
        return counts, rows


def fit_table(
    table: Floats,
    bags: Bags,
    targets: NDArray[np.float16],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Learn the table by Adam on the rows that a batch touches.

    Parameters
    ----------
    table : array of float32, shape (rows, dim)
        Where learning starts; it is not changed.
    bags : Bags
        n texts. One without rows teaches nothing.
    targets : array of float16, shape (n, dim)
        Where each text should point; lengths do not matter.
    epochs, batch_size : int
    learning_rate : float
        Of the first steps; it falls to nothing along a cosine.
    seed : int
        Of the order of the texts. The same arguments give the same table.
    progress : callable, optional
        Called with texts seen and texts to see.

    Returns
    -------
    array of float32, shape (rows, dim)

    References
    ----------
    Kingma & Ba 2015, "Adam"; the step skips rows without a gradient, and so do their moments.
    """
    table = table.copy()
    first, second = np.zeros_like(table), np.zeros_like(table)
    rng = np.random.default_rng(seed)
    per_epoch = max(math.ceil(len(bags) / batch_size), 1)
    total, step = epochs * per_epoch, 0
    for _ in range(epochs):
        for texts in _batches(len(bags), batch_size, rng):
            counts, rows = bags.matrix(texts)
            gradient = counts.T @ cosine_gradient(counts @ table[rows], targets[texts])
            step += 1
            mean = _FIRST * first[rows] + (1 - _FIRST) * gradient
            square = _SECOND * second[rows] + (1 - _SECOND) * gradient**2
            first[rows], second[rows] = mean, square
            square /= 1 - _SECOND**step
            rate = learning_rate * schedule(step, total) / (1 - _FIRST**step)
            table[rows] -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(1e-8))
            if progress is not None:
                progress(min(step * batch_size, epochs * len(bags)), epochs * len(bags))
    return table


def cosine_gradient(sums: Floats, targets: NDArray[np.float16]) -> Floats:
    """The gradient of the mean of 1 − cos over the rows, with respect to ``sums``.

    Parameters
    ----------
    sums, targets : arrays, shape (n, dim)
        A row of zeros has gradient zero.
    """
    unit, lengths = _unit(sums)
    goal, _ = _unit(targets.astype(np.float32))
    cosines = np.einsum("ij,ij->i", unit, goal)[:, None]
    gradient: Floats = (unit * cosines - goal) / (lengths * len(sums))
    gradient[~sums.any(axis=1)] = 0
    return gradient


def schedule(step: int, total: int) -> float:
    """The share of the learning rate at a step: up over a twentieth, then down along a cosine."""
    warm = min(step / max(total / 20, 1), 1.0)
    return warm * 0.5 * (1 + math.cos(math.pi * (step - 1) / total))


def _unit(vectors: Floats) -> tuple[Floats, Floats]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    lengths[lengths == 0] = 1
    return vectors / lengths, lengths


def _batches(n: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """All positions once, in a new order, groups of neighbours together."""
    groups = np.arange(0, n, _GROUP)
    rng.shuffle(groups)
    places = (groups[:, None] + np.arange(_GROUP)).ravel()
    places = places[places < n]
    for start in range(0, n, size):
        yield places[start : start + size]
