"""Some rows of one table against some rows of another: what word kernels are made of.

Each operation is a plain numpy function, which says what it does and is the oracle of the tests.
Compiled engines run the vector code of :mod:`.lanes` in its place. Both make the same roundings in
the same order, and so agree bit for bit, on every processor: a dot product runs over 16 lanes
of columns, the lanes are folded in half four times, and ``a * b + c`` is rounded once. (Leave
the order to a compiler, and it depends on the processor.)

Tables are float32, of a multiple of 16 columns; rows that are not needed are zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int32]
LANES = 16
GROUP = 8
"""Targets that are taken together."""
_ODD = (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
        1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)  # fmt: skip
_EVEN = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
ODD = tuple(np.float32(x) for x in _ODD)
EVEN = tuple(np.float32(x) for x in _EVEN)
LIMIT = np.float32(7.90531110763549805)


def padded(dim: int) -> int:
    """The columns that a table needs for vectors of ``dim``: the next multiple of 16."""
    return -(-dim // LANES) * LANES


def table(rows: int, columns: int) -> Floats:
    """Zeros that begin on a cache line, so that no vector load lies across two."""
    room = np.zeros(rows * columns + LANES, np.float32)
    first = -(room.ctypes.data // 4) % LANES
    return room[first : first + rows * columns].reshape(rows, columns)


def fused(a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` of float32 rounded once, as a processor's fused multiply-add does it.

    The product is exact in float64. The sum is rounded to odd there, so that the second rounding,
    to float32, is the only one that counts (Boldo & Melquiond 2008).
    """
    product, c = np.multiply(a, b, dtype=np.float64), np.asarray(c, np.float64)
    total = np.asarray(product + c)
    shadow = total - product
    rest = (product - (total - shadow)) + (c - shadow)
    even = (total.view(np.int64) & 1) == 0
    odd = np.nextafter(total, np.copysign(np.inf, rest))
    return np.where(even & (rest != 0), odd, total).astype(np.float32)


def take(
    source: Floats, rows: Rows, first: int, last: int, scale: np.float32, out: Floats,
    again: Floats, place: int,
) -> None:  # fmt: skip
    """``out[place] = again[place] = scale · Σ source[rows[first:last]]``."""
    total = np.zeros(out.shape[1], np.float32)
    for row in rows[first:last]:
        total += source[row]
    out[place] = again[place] = total * scale


def give(
    target: Floats, rows: Rows, first: int, last: int, scale: np.float32,
    now: Floats, before: Floats, place: int,
) -> None:  # fmt: skip
    """``target[row] += scale · (now[place] − before[place])`` for each of ``rows[first:last]``."""
    for row in rows[first:last]:
        target[row] = fused(scale, now[place] - before[place], target[row])


def products(
    left: Floats, near: Rows, m: int, right: Floats, onto: Rows, start: int, k: int, out: Floats
) -> None:
    """``out[8 i + j] = left[near[i]] · right[onto[start + j]]`` for i < m, j < k ≤ 8; else 0."""
    a, b = left[near[:m], None], right[None, onto[start : start + k]]
    lanes = np.zeros((m, k, LANES), np.float32)
    for j in range(0, left.shape[1], LANES):
        lanes = fused(a[..., j : j + LANES], b[..., j : j + LANES], lanes)
    for half in (8, 4, 2, 1):
        lanes = lanes[..., :half] + lanes[..., half:]
    grid = out[: m * GROUP].reshape(m, GROUP)
    grid[:, :k], grid[:, k:] = lanes[..., 0], 0


def errors(scores: Floats, m: int, labels: Floats, weights: Floats, start: int) -> None:
    """Replace scores, as of :func:`products`, by ``weight · (label − σ(score))``.

    Labels and weights are those of the targets, from ``start``. The logistic function is
    ``½ + ½ tanh(x / 2)``, by the rational approximation that Eigen uses, within 1e-6 of it.
    """
    grid = scores[: m * GROUP].reshape(m, GROUP)
    half = np.float32(0.5)
    x = np.minimum(np.maximum(grid * half, -LIMIT), LIMIT)
    square = x * x
    odd, even = np.full_like(x, ODD[0]), np.full_like(x, EVEN[0])
    for term in ODD[1:]:
        odd = fused(odd, square, term)
    for term in EVEN[1:]:
        even = fused(even, square, term)
    sigmoid = fused(odd * x / even, half, half)
    here = slice(start, start + GROUP)
    grid[:] = (labels[here] - sigmoid) * weights[here]


def exchange(
    left: Floats, near: Rows, m: int, change: Floats, right: Floats, onto: Rows, start: int,
    k: int, weights: Floats,
) -> None:  # fmt: skip
    """Move both sides towards each other.

    With ``w = weights[8 i + j]``, and rows as they were before:

    ``change[near[i]] += Σ_j w · right[onto[start + j]]``,
    ``right[onto[start + j]] += Σ_i w · left[near[i]]``.

    ``change`` may be ``left``. Rows that come twice in ``onto`` keep one change of the two.
    """
    old = right[onto[start : start + k]]
    new = old.copy()
    for i in range(m):
        row = left[near[i]].copy()
        total = change[near[i]].copy()
        for j in range(k):
            total = fused(weights[i * GROUP + j], old[j], total)
            new[j] = fused(weights[i * GROUP + j], row, new[j])
        change[near[i]] = total
    right[onto[start : start + k]] = new


def fetch(source: Floats, row: int) -> None:
    """Tell the processor that a row will be needed soon; changes nothing."""
