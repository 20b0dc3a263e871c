"""Weighted means of table rows: from token ids to one vector a text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, in_threads

_RUN = 256
"""Rows summed in float32 before the sum moves to float64, so that long texts stay exact."""
_HELD = 1 << 12
"""Rows that the numpy version holds at once."""


def weighted_means(
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
    places: NDArray[np.int32],
    weights: NDArray[np.float32],
    table: NDArray[Any],
    *,
    unit: bool,
    threads: int = 0,
) -> NDArray[np.float32]:
    """One vector for each text: the mean of ``weights[t] * table[places[t]]`` over its tokens.

    Tokens with a negative place are left out. A text without tokens becomes zeros.

    Parameters
    ----------
    ids : ndarray of int32, shape (tokens,)
    starts : ndarray of int64, shape (texts + 1,)
        The tokens of text ``i`` are ``ids[starts[i]:starts[i + 1]]``.
    places : ndarray of int32, shape (vocabulary,)
        The row of each token in the table.
    weights : ndarray of float32, shape (vocabulary,)
    table : ndarray of int8, float16 or float32, shape (rows, dim)
    unit : bool
        Whether to bring each vector to length 1.
    threads : int
        Of the compiled version; 0 takes numpy, which is ready at once.

    Returns
    -------
    ndarray of float32, shape (texts, dim)

    Examples
    --------
    >>> one = np.ones(2, np.float32)
    >>> table = np.array([[2, 0], [0, 4]], np.int8)
    >>> tokens = np.array([0, 1, 1], np.int32), np.array([0, 2, 3, 3])
    >>> weighted_means(*tokens, np.arange(2, dtype=np.int32), one, table, unit=False)
    array([[1., 2.],
           [0., 4.],
           [0., 0.]], dtype=float32)
    """
    if threads == 0:
        return _by_numpy(ids, starts, places, weights, table, unit)
    out = np.empty((len(starts) - 1, table.shape[1]), np.float32)
    run = compiled(pool)

    def work(first: int, last: int) -> None:
        wide = np.empty(table.shape[1], np.float64)
        run(ids, starts, first, last, places, weights, table, unit, out, wide)

    in_threads(work, even_cuts(starts, threads))
    return out


def even_cuts(starts: NDArray[np.int64], parts: int) -> list[int]:
    """Where to cut a row of texts into parts of about as many tokens each.

    Examples
    --------
    >>> even_cuts(np.array([0, 1, 2, 3, 9]), 2)
    [0, 4, 4]
    """
    shares = np.linspace(0, starts[-1], parts + 1)[1:-1]
    return [0, *np.searchsorted(starts, shares).tolist(), len(starts) - 1]


def _by_numpy(
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
    places: NDArray[np.int32],
    weights: NDArray[np.float32],
    table: NDArray[Any],
    unit: bool,
) -> NDArray[np.float32]:
    out = np.zeros((len(starts) - 1, table.shape[1]), np.float32)
    for line, begin, end in zip(out, starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        kept = ids[begin:end][places[ids[begin:end]] >= 0]
        total = np.zeros(table.shape[1], np.float64)
        for i in range(0, len(kept), _HELD):
            part = kept[i : i + _HELD]
            total += weights[part].astype(np.float64) @ table[places[part]].astype(np.float64)
        length = np.sqrt(total @ total) if unit else len(kept)
        if length != 0:
            line[:] = total / length
    return out


def pool(
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
    first: int,
    last: int,
    places: NDArray[np.int32],
    weights: NDArray[np.float32],
    table: NDArray[Any],
    unit: bool,
    out: NDArray[np.float32],
    wide: NDArray[np.float64],
) -> None:
    """Write the vectors of texts ``first`` to ``last`` into ``out``; plain, to be compiled.

    The arguments are those of :func:`weighted_means`; ``wide`` is scratch space, (dim,).
    """
    dim = table.shape[1]
    for text in range(first, last):
        line = out[text]
        begin, end = starts[text], starts[text + 1]
        kept = 0
        wide[:] = 0
        for run in range(begin, end, _RUN):
            line[:] = 0
            for i in range(run, min(end, run + _RUN)):
                place = places[ids[i]]
                if place >= 0:
                    kept += 1
                    weight = weights[ids[i]]
                    for j in range(dim):
                        line[j] += weight * np.float32(table[place, j])
            for j in range(dim):
                wide[j] += line[j]
        scale = 1 / max(kept, 1)
        if unit:
            square = 0.0
            for j in range(dim):
                square += wide[j] * wide[j]
            scale = 1 / np.sqrt(square) if square > 0 else 0.0
        for j in range(dim):
            line[j] = wide[j] * scale
