"""Candidates, brought into the order of their exact scores."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.processor import reads_float16
from kinspace.index.base import Found
from kinspace.index.held import DenseHeld, Held
from kinspace.index.on_disk import OnDisk
from kinspace.metric import top_k

_BY_CODE: Final = ("cosine", "dot", "euclidean")
_FEW: Final = 65_536
"""Candidates that are read from a file alone; of more, the whole file is mapped."""


def best_candidates(held: Held, asked: Any, rows: NDArray[np.int64], k: int) -> Found:
    """The best ``k`` of some candidates of each query, by the vectors themselves.

    Parameters
    ----------
    held : Held
    asked : queries, as ``held`` prepared them
    rows : ndarray of int64, shape (queries, m)
        Positions, each once; -1 for none.
    k : int

    Returns
    -------
    rows : ndarray of int64, shape (queries, k)
        The best first; on equal scores the lower. -1 where there are fewer.
    scores : ndarray of float32, shape (queries, k)
        Minus infinity where there are fewer.
    """
    if isinstance(held, DenseHeld) and held.metric in _BY_CODE and is_readable(held.table):
        best = np.empty((len(rows), k), np.int64), np.empty((len(rows), k), np.float32)
        _by_code(held, asked, rows, best)
        return best
    best = np.full((len(rows), k), -1, np.int64), np.full((len(rows), k), -np.inf, np.float32)
    for query, line in enumerate(rows):
        near = np.sort(line[line >= 0])
        positions, values = top_k(held.scores(asked[query : query + 1], near), k)
        best[0][query, : positions.shape[1]] = near[positions[0]]
        best[1][query, : positions.shape[1]] = values[0]
    return best


def is_readable(table: Any) -> bool:
    """Whether compiled code reads the numbers of a table."""
    return bool(table.dtype == np.float32 or (table.dtype == np.float16 and reads_float16()))


def _by_code(held: DenseHeld, asked: Any, rows: NDArray[np.int64], best: Found) -> None:
    from kinspace.engines.rescoring_code import fast_rescore

    table, near = held.table, None
    if isinstance(table, OnDisk) and rows.size <= _FEW:
        near = np.unique(rows[rows >= 0])
        table, rows = table[near], np.where(rows < 0, -1, np.searchsorted(near, rows))
    table = table.view(np.uint16) if table.dtype == np.float16 else table
    by_distance = held.metric == "euclidean"
    many = max(1, rows.shape[1])
    work = np.empty(many, np.float32), np.empty(many, np.int64)
    fast_rescore()(table, asked, rows, int(by_distance), *work, best[1], best[0])
    if near is not None and len(near):
        np.copyto(best[0], near[best[0]], where=best[0] >= 0)
    if by_distance:
        np.minimum(best[1], 0, out=best[1])
        np.negative(np.sqrt(-best[1]), out=best[1])
