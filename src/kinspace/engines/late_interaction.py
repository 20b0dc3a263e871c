"""MaxSim, the score of late interaction: on the processor by numba, on a GPU by torch.

Every vector of a query takes its best score among the vectors of a document, and these are added
up (Khattab and Zaharia, 2020: ColBERT, equation 3). :func:`kinspace.multi.max_sums` is the same in
plain numpy, and the oracle of the tests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, in_threads
from kinspace.errors import InvalidParameter, MissingExtra
from kinspace.multi import MultiVectors, blocks

Score = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""Scores of vectors (t, dim) against vectors (u, dim), shape (t, u); higher is nearer."""

_TABLE: Final = 1 << 18
"""Scores between single vectors held at once (1 MiB): what is made is read while it is in cache."""

_WORTH_A_THREAD: Final = 1 << 22
"""Scores between single vectors that take longer than starting a thread: some milliseconds."""

_TOGETHER: Final = 1024
"""Vectors of queries that are scored together."""

_ALONE: Final = threading.Lock()

_ON_GPU: Final = 1 << 25
"""Scores between single vectors held at once on a GPU (128 MiB)."""


def max_sums(queries: MultiVectors, documents: MultiVectors, score: Score) -> NDArray[np.float32]:
    """MaxSim of every query with every document, shape (n, m).

    Parameters
    ----------
    queries, documents : MultiVectors
    score : callable
        Between single vectors; called as ``score(vectors of documents, vectors of queries)``.

    Examples
    --------
    >>> queries = MultiVectors.of([[[1, 0], [0, 1]]])
    >>> documents = MultiVectors.of([[[1, 0], [0.6, 0.8]], [[-1, 0]]])
    >>> max_sums(queries, documents, lambda a, b: a @ b.T)
    array([[ 1.8, -1. ]], dtype=float32)
    """
    found = np.empty((len(queries), len(documents)), np.float32)
    with _one_thread_each() as workers:
        for first, last in blocks(queries, _TOGETHER):
            asked, out = queries[first:last], found[first:last]
            most = 1 + len(asked.values) * len(documents.values) // _WORTH_A_THREAD
            marks = np.linspace(0, len(documents.values), min(workers, most) + 1)
            cuts = np.searchsorted(documents.starts, marks).tolist()
            in_threads(partial(_score_range, asked, documents, score, out), cuts)
    return found


def _score_range(
    asked: MultiVectors,
    documents: MultiVectors,
    score: Score,
    out: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """MaxSim of all that are asked with some documents, into their columns of ``out``."""
    maxima = compiled(maxima_of_runs)
    for start, stop in blocks(documents[first:last], max(1, _TABLE // len(asked.values))):
        held = documents[first + start : first + stop]
        table = np.ascontiguousarray(score(held.values, asked.values))
        best = np.empty((len(held), table.shape[1]), np.float32)
        maxima(table, held.starts, best)
        sums = np.add.reduceat(best, asked.starts[:-1], axis=1)
        out[:, first + start : first + stop] = sums.T


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """Let products of matrices run in one thread, and say how many threads they had before.

    Threads that share a product of this size wait for each other longer than they work.
    """
    blas = _libraries().select(user_api="blas")
    with _ALONE:  # the setting is the whole process's, and two must not put it back crosswise
        workers = max((one.num_threads or 1 for one in blas.lib_controllers), default=1)
        with blas.limit(limits=1):
            yield workers


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def maxima_of_runs(
    table: NDArray[np.float32], starts: NDArray[np.int64], best: NDArray[np.float32]
) -> None:
    """The maximum of each column of ``table`` over each run of rows, into ``best``."""
    for item in range(len(starts) - 1):
        for column in range(table.shape[1]):
            best[item, column] = table[starts[item], column]
        for row in range(starts[item] + 1, starts[item + 1]):
            for column in range(table.shape[1]):  # beside each other, so that eight go at once
                if table[row, column] > best[item, column]:
                    best[item, column] = table[row, column]


def max_sums_torch(queries: MultiVectors, documents: MultiVectors, values: Any) -> Any:
    """MaxSim by dot products of every query with every document, on the device of ``values``.

    Parameters
    ----------
    queries : MultiVectors
    documents : MultiVectors
        Only where each begins is read.
    values : torch.Tensor, shape (total, dim)
        Their vectors, float32 or a shorter type, already on the device.

    Returns
    -------
    torch.Tensor of float32, shape (n, m)
        On the same device.
    """
    import torch

    found = torch.empty(len(queries), len(documents), device=values.device)
    asked = torch.from_numpy(queries.values).to(values)
    lengths = torch.from_numpy(documents.lengths).to(values.device)
    of_query = torch.from_numpy(queries.lengths).to(values.device)
    for start, stop in blocks(documents, max(1, _ON_GPU // max(1, len(queries.values)))):
        held = values[int(documents.starts[start]) : int(documents.starts[stop])]
        best = torch.segment_reduce((held @ asked.T).float(), "max", lengths=lengths[start:stop])
        sums = torch.segment_reduce(best.T.contiguous(), "sum", lengths=of_query)
        found[:, start:stop] = sums
    return found


def on_device(values: NDArray[np.float32], device: str) -> Any:
    """Vectors as a tensor on a device of torch.

    Raises
    ------
    MissingExtra
        If torch is not installed.
    InvalidParameter
        If there is no such device.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("MaxSim on a GPU", "neural") from error
    try:
        return torch.tensor(values, device=device)
    except (RuntimeError, AssertionError) as error:
        said = str(error).partition("\n")[0]
        raise InvalidParameter(
            f"{device!r} cannot be used: {said}.", "Leave device=None."
        ) from error
