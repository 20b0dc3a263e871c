"""Greatest and least coordinates over table rows: from token ids to one vector a text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.pooling import even_cuts


def weighted_extremes(
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
    places: NDArray[np.int32],
    weights: NDArray[np.float32],
    table: NDArray[Any],
    *,
    least: bool,
    unit: bool,
    threads: int = 0,
) -> NDArray[np.float32]:
    """One vector for each text: in every dimension the greatest ``weights[t] * table[places[t]]``.

    Tokens with a negative place are left out. A text without tokens becomes zeros.

    Parameters
    ----------
    ids, starts, places, weights, table, unit, threads
        As for :func:`kinspace.engines.pooling.weighted_means`.
    least : bool
        Whether the least of every dimension stands before the greatest.

    Returns
    -------
    ndarray of float32, shape (texts, dim), or (texts, 2 * dim) with ``least``

    Examples
    --------
    >>> one = np.ones(2, np.float32)
    >>> table = np.array([[2, -1], [0, 4]], np.int8)
    >>> tokens = np.array([0, 1], np.int32), np.array([0, 2])
    >>> weighted_extremes(*tokens, np.arange(2, dtype=np.int32), one, table, least=True, unit=False)
    array([[ 0., -1.,  2.,  4.]], dtype=float32)
    """
    out = np.zeros((len(starts) - 1, table.shape[1] * (1 + least)), np.float32)
    if threads == 0:
        for line, begin, end in zip(out, starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            kept = np.unique(ids[begin:end][places[ids[begin:end]] >= 0])
            if len(kept):
                rows = weights[kept, None] * table[places[kept]].astype(np.float32)
                ends = [rows.min(axis=0), rows.max(axis=0)] if least else [rows.max(axis=0)]
                line[:] = np.concatenate(ends)
    else:
        run = compiled(pool_extremes)

        def work(first: int, last: int) -> None:
            run(ids, starts, first, last, places, weights, table, least, out)

        in_threads(work, even_cuts(starts, threads))
    if unit:
        lengths = np.linalg.norm(out, axis=1, keepdims=True)
        out /= np.where(lengths == 0, 1, lengths)
    return out


def pool_extremes(
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
    first: int,
    last: int,
    places: NDArray[np.int32],
    weights: NDArray[np.float32],
    table: NDArray[Any],
    least: bool,
    out: NDArray[np.float32],
) -> None:
    """Write the vectors of texts ``first`` to ``last`` into ``out``; plain, to be compiled.

    The arguments are those of :func:`weighted_extremes`; ``out`` holds zeros.
    """
    dim = table.shape[1]
    shift = dim if least else 0
    for text in range(first, last):
        line = out[text]
        empty = True
        for i in range(starts[text], starts[text + 1]):
            place = places[ids[i]]
            if place < 0:
                continue
            weight = weights[ids[i]]
            if empty:
                for j in range(dim):
                    line[j] = line[j + shift] = weight * np.float32(table[place, j])
                empty = False
                continue
            for j in range(dim):
                value = weight * np.float32(table[place, j])
                line[j + shift] = max(line[j + shift], value)
                if least:
                    line[j] = min(line[j], value)
