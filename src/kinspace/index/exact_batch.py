"""Exact search of a batch of queries: a first pass in bfloat16, then the truth, then the proof.

The processor's matrix instructions multiply bfloat16 many times as fast as float32 is multiplied.
What they find is scored again exactly, and it is proved for each query that no row which was left
behind can belong to its best: rounding moves a product by a known share at most. A query for
which that cannot be shown is compared with every row in float32.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.processor import has_number_tiles
from kinspace.index.base import Found
from kinspace.metric import Metric

_METRICS: Final = ("cosine", "dot", "euclidean")
_FEWEST_QUERIES: Final = 16
_FEWEST_ROWS: Final = 4096
_QUERIES: Final = 1024
_MORE: Final = 32
_TIMES: Final = 4
"""Rows kept by the first pass: four times those that are wanted, and 32."""
_MOST: Final = 512
_LONGEST: Final = 1.002
"""The length of a row that was brought to length 1 and may have been rounded to float16."""


def first_pass_pays(queries: int, rows: int, k: int, metric: Metric, table: Any) -> bool:
    """Whether :func:`nearest_of_batch` can do it, and is faster than comparing in float32."""
    return (
        queries >= _FEWEST_QUERIES
        and rows >= _FEWEST_ROWS
        and k <= _MOST
        and metric in _METRICS
        and isinstance(table, np.ndarray)
        and table.dtype in (np.float32, np.float16)
        and table.flags.c_contiguous
        and has_number_tiles()
    )


def nearest_of_batch(
    queries: NDArray[np.float32],
    table: NDArray[Any],
    k: int,
    metric: Metric,
    *,
    places: NDArray[np.int64] | None = None,
    threads: int = 1,
) -> tuple[Found, NDArray[np.int64]]:
    """The nearest rows of each query, exactly, and those queries for which it is not proved.

    Parameters
    ----------
    queries : ndarray of float32, shape (n, dim)
    table : ndarray of float32 or float16, shape (m, dim)
        For cosine both of length 1.
    k : int
    metric : {"cosine", "dot", "euclidean"}
    places : ndarray of int64, optional
        Look only at these rows.
    threads : int

    Returns
    -------
    found : tuple of ndarray, shape (n, min(k, rows))
        Rows and scores, best first.
    unproved : ndarray of int64
        Queries whose rows may be wrong.
    """
    numbers = table.view(np.uint16) if table.dtype == np.float16 else table
    listed = np.empty(0, np.int64) if places is None else np.ascontiguousarray(places)
    total = len(table) if places is None else len(places)
    dim = table.shape[1]
    mean, factor, longest = np.zeros(dim, np.float32), 1.0, _LONGEST
    biases = np.zeros(total, np.float32)
    if metric == "euclidean":
        some = table[listed[:: max(1, total // 4096)]] if total != len(table) else table[:4096]
        mean, factor = some.mean(axis=0, dtype=np.float64).astype(np.float32), 2.0
    if metric != "cosine":
        squares = _squares(table, listed, total, mean, threads)
        longest = float(np.sqrt(squares.max(initial=0)))
        biases = -squares if metric == "euclidean" else biases
    moved = np.ascontiguousarray(queries - mean)
    k = min(k, total)
    keep = min(_TIMES * k + _MORE, total)
    rows = np.empty((len(queries), keep), np.int64)
    worst = np.full(len(queries), -np.inf, np.float32)

    def some_queries(first: int, last: int) -> None:
        for start in range(first, last, _QUERIES):
            own = slice(start, min(start + _QUERIES, last))
            asked = (numbers, listed, mean, factor, biases, moved[own])
            _first_pass(asked, total, rows[own], worst[own])

    in_threads(some_queries, np.linspace(0, len(queries), threads + 1).astype(int).tolist())
    best = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    _rescore(numbers, queries, rows, metric == "euclidean", best)
    lengths = np.linalg.norm(moved.astype(np.float64), axis=1)
    least = lengths**2 + best[0][:, -1] if metric == "euclidean" else best[0][:, -1]
    from kinspace.engines.wide_scan import OFF

    slack = OFF * factor * lengths * longest
    unproved = np.flatnonzero(least < worst + slack) if keep < total else np.empty(0, np.int64)
    scores = -np.sqrt(np.maximum(-best[0], 0)) if metric == "euclidean" else best[0]
    return (best[1], scores), unproved


def _first_pass(
    asked: tuple[Any, ...], total: int, rows: NDArray[np.int64], worst: NDArray[np.float32]
) -> None:
    from kinspace.engines.scanning import TILE
    from kinspace.engines.wide_scan import padded_numbers, wide_room
    from kinspace.engines.wide_scan_tiles import fast_pack_wide, fast_scan_wide

    numbers, listed, mean, factor, biases, queries = asked
    count, keep = rows.shape
    groups = 2 * -(-count // (2 * TILE))
    packed = np.zeros((groups, padded_numbers(len(mean)) // 2, TILE, 2), np.uint16)
    fast_pack_wide()(queries, packed)
    shape = (count, 3 * keep + 8)
    best, places = np.empty(shape, np.float32), np.empty(shape, np.int64)
    filled, limits = np.zeros(count, np.int64), np.full(count, -np.inf, np.float32)
    fast_scan_wide()(
        numbers, listed, 0, total, mean, np.float32(factor), biases, packed, count, keep, best,
        places, filled, limits, wide_room(len(mean)),
    )  # fmt: skip
    outside = np.arange(shape[1]) >= filled[:, None]
    best[outside] = -np.inf
    kept = np.argpartition(-best, keep - 1, axis=1)[:, :keep]
    worst[:] = np.take_along_axis(best, kept, 1).min(axis=1)
    found = np.take_along_axis(places, kept, 1)
    rows[:] = listed[found] if len(listed) else found


def _rescore(
    numbers: NDArray[Any],
    queries: NDArray[np.float32],
    rows: NDArray[np.int64],
    by_distance: bool,
    best: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    from kinspace.engines.rescoring_code import fast_rescore

    work = np.empty(rows.shape[1], np.float32), np.empty(rows.shape[1], np.int64)
    fast_rescore()(numbers, queries, rows, int(by_distance), *work, *best)


def _squares(
    table: NDArray[Any],
    listed: NDArray[np.int64],
    total: int,
    mean: NDArray[np.float32],
    threads: int,
) -> NDArray[np.float32]:
    """Squared lengths of rows, after the mean was taken off."""
    out = np.empty(total, np.float32)

    def some(first: int, last: int) -> None:
        for start in range(first, last, _FEWEST_ROWS):
            own = slice(start, min(start + _FEWEST_ROWS, last))
            rows = table[listed[own]] if len(listed) else table[own]
            compiled(_add_squares)(np.asarray(rows, np.float32), mean, out[own])

    in_threads(some, np.linspace(0, total, threads + 1).astype(int).tolist())
    return out


def _add_squares(rows: Any, mean: Any, out: Any) -> None:
    for i in range(len(rows)):
        total = np.float32(0)
        for j in range(rows.shape[1]):
            apart = rows[i, j] - mean[j]
            total += apart * apart
        out[i] = total
