"""Queries compared with all rows that an index holds, or with those that may be found."""

from __future__ import annotations

import os
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.base import Found, merged, padded
from kinspace.index.exact_batch import first_pass_pays, nearest_of_batch
from kinspace.index.held import DenseHeld, Held
from kinspace.index.rescored import is_readable
from kinspace.metric import top_k

_SCORES: Final = 1 << 22
"""Scores held at once (16 MiB)."""
_NUMBERS: Final = 1 << 23
"""Numbers of rows brought to float32 at once (32 MiB)."""
_FEW: Final = 8
"""Queries up to which each one goes through the rows alone: a product would read them as often."""
_LEAST: Final = 1 << 16
"""Numbers of rows that it takes for this to be worth its call."""
_BY_CODE: Final = ("cosine", "dot", "euclidean")


def compared(
    held: Held,
    asked: Any,
    k: int,
    usable: NDArray[np.bool_] | None,
    span: tuple[int, int],
    threads: int | None,
) -> Found:
    """The nearest among some rows, exactly.

    Parameters
    ----------
    held : Held
    asked : queries, as ``held`` prepared them
    k : int
    usable : ndarray of bool, shape (rows,), optional
        Which rows may be found.
    span : tuple of int
        The first row, and the one after the last.
    threads : int, optional

    Returns
    -------
    rows : ndarray of int64, shape (queries, k)
        Best first, -1 where there are fewer.
    scores : ndarray of float32, shape (queries, k)
    """
    places = None
    if usable is not None:
        places = span[0] + np.flatnonzero(usable[slice(*span)])
    elif span != (0, len(held)):
        places = np.arange(*span)
    count = asked.shape[0] if hasattr(asked, "shape") else len(asked)
    total = len(held) if places is None else len(places)
    if not isinstance(held, DenseHeld) or not first_pass_pays(
        count, total, k, held.metric, held.table
    ):
        return _one_and_all(held, asked, count, k, places)
    found, unproved = nearest_of_batch(
        asked, held.table, k, held.metric, places=places, threads=threads or os.cpu_count() or 1
    )
    if len(unproved):
        again = _one_and_all(held, asked[unproved], len(unproved), k, places)
        width = found[0].shape[1]
        found[0][unproved], found[1][unproved] = again[0][:, :width], again[1][:, :width]
    return padded(*found, k)


def _one_and_all(
    held: Held, asked: Any, count: int, k: int, places: NDArray[np.int64] | None
) -> Found:
    total = len(held) if places is None else len(places)
    if _goes_row_by_row(held, count, total):
        return _row_by_row(held, asked, k, places)
    best: Found = (np.empty((count, 0), np.int64), np.empty((count, 0), np.float32))
    dim = getattr(held, "dim", 1)
    step = max(1, min(_SCORES // max(1, count), _NUMBERS // dim))
    for start in range(0, total, step):
        stop = min(start + step, total)
        some: Any = slice(start, stop) if places is None else places[start:stop]
        found, values = top_k(held.scores(asked, some), k)
        best = merged(best, (start + found if places is None else some[found], values), k)
    return padded(*best, k)


def _goes_row_by_row(held: Held, count: int, total: int) -> bool:
    return (
        isinstance(held, DenseHeld)
        and count <= _FEW
        and held.metric in _BY_CODE
        and total * held.dim >= _LEAST
        and held.table.flags.c_contiguous
        and is_readable(held.table)
    )


def _row_by_row(
    held: Any, asked: NDArray[np.float32], k: int, places: NDArray[np.int64] | None
) -> Found:
    from kinspace.engines.rescoring_code import fast_score_all

    numbers = held.table.view(np.uint16) if held.table.dtype == np.float16 else held.table
    rows = np.arange(len(held)) if places is None else places
    values = np.empty((len(asked), len(rows)), np.float32)
    fast_score_all()(numbers, rows, asked, int(held.metric == "euclidean"), values)
    found, best = top_k(values, k)
    if held.metric == "euclidean":
        best = -np.sqrt(np.maximum(-best, 0))
    return padded(rows[found], best, k)
