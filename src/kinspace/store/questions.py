"""Queries made up from the vectors of a collection, to find out what its index finds.

A vector itself is too easy a question where others are nearly the same, since all lie in one
place. So a question lies between two vectors: from the one to the middle.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.compared import compared
from kinspace.index.exact_search import nearest_rows
from kinspace.index.held_multi import MultiHeld, MultiRows
from kinspace.index.held_sparse import SparseHeld, SparseRows
from kinspace.metric import Metric
from kinspace.multi import MultiVectors
from kinspace.store.packing import Rows

Table = NDArray[Any] | SparseRows | MultiRows
"""All vectors of a collection, of any form, where they lie."""

_LONGEST: Final = 32
"""Vectors of a question to items of several each: as many as questions to such models have."""
_WORK: Final = 1 << 37
"""Numbers of items of several vectors that are compared to know the truth: some ten seconds."""
_FEWEST: Final = 64
_SEED: Final = 0


def enough(table: Table, wanted: int) -> int:
    """How many questions to ask: fewer where the truth takes long to find out."""
    if isinstance(table, SparseRows):  # whose index misses nothing
        return min(wanted, _FEWEST)
    if not isinstance(table, MultiRows):
        return wanted
    affordable = _WORK // max(1, _LONGEST * table.values.size)
    return max(_FEWEST, min(wanted, affordable))


def between(table: Table, count: int) -> Rows:
    """Points between two vectors, from the one to the middle, in the form of the table."""
    rng = np.random.default_rng(_SEED)
    pairs = rng.integers(0, len(table), count), rng.integers(0, len(table), count)
    share = rng.uniform(0, 0.5, (count, 1)).astype(np.float32)
    if isinstance(table, SparseRows):
        one, other = (table[places].csr() for places in pairs)
        return (one.multiply(1 - share) + other.multiply(share)).tocsr()
    if isinstance(table, MultiRows):
        items = (
            _mixed(_some(table, a, rng), _some(table, b, rng), part)
            for a, b, part in zip(*pairs, share[:, 0], strict=True)
        )
        return MultiVectors.of(list(items), table.shape[1])
    one, other = (np.asarray(table[places], np.float32) for places in pairs)
    return (1 - share) * one + share * other


def _some(table: MultiRows, item: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Some vectors of an item, as they follow one another."""
    first, last = table.starts[item : item + 2].tolist()
    first += int(rng.integers(0, max(1, last - first - _LONGEST + 1)))
    return np.asarray(table.values[first : min(last, first + _LONGEST)], np.float32)


def _mixed(a: NDArray[np.float32], b: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Between the vectors of two items, as long as those of the first."""
    mixed = (1 - share) * a + share * np.resize(b, a.shape)
    sizes = np.linalg.norm(mixed, axis=1, keepdims=True)
    sizes[sizes == 0] = 1
    return np.asarray(mixed * (np.linalg.norm(a, axis=1, keepdims=True) / sizes), np.float32)


def truth(
    queries: Rows, table: Table, k: int, metric: Metric
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places and scores of the ``k`` nearest of each query, exactly, shape (n, k)."""
    if isinstance(table, np.ndarray):
        found = nearest_rows(queries, table, np.arange(len(table)), k, metric)
        return found.ids, found.scores
    held: SparseHeld | MultiHeld
    if isinstance(table, SparseRows):
        held = SparseHeld(table.dim, metric)
    else:
        held = MultiHeld(table.shape[1], metric, str(table.dtype))
    held.refer(table)  # type: ignore[arg-type]
    return compared(held, held.prepared(queries), k, None, (0, len(table)), None)
