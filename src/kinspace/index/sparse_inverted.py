"""Search among sparse vectors by inverted lists of blocks, most of which are never looked into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import block_max, heaps, sparse_rows
from kinspace.engines.block_max import BLOCK, BUCKETS, FREQUENT, LEVELS, MOST, Lists, Room
from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.heaps import Best, none_yet
from kinspace.errors import InvalidParameter
from kinspace.index.held_sparse import SparseHeld, SparseRows, csr_parts
from kinspace.index.shares import shares
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import Metric

_TABLED: Final = 1 << 20
"""Terms that are counted in a table, whatever there is of them."""


class SparseInverted(VectorIndex):
    """Sparse vectors, as of SPLADE or BM25, searched exactly without a look at most of them.

    For every dimension the largest weight in each block of 8 rows is kept in a byte. Their sums
    over a query's dimensions bound what a row of a block can score; blocks are visited from the
    highest bound down, until none reaches the k-th score (Mallia, Suel and Tonellotto 2024: Faster
    Learned Sparse Retrieval with Block-Max Pruning). Nothing is missed, whatever the signs of the
    weights; the more a few dimensions decide, the less is looked at.

    Parameters
    ----------
    dim : int
        The length of the vectors, their zeros included.
    metric : {"cosine", "dot"}
    alpha : float
        Blocks whose bound, times ``alpha``, is below the k-th score are not visited (the paper's
        α): 1 is exact, and less is faster.
    exact_below : int
        With no more rows than this, all are compared.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> index = SparseInverted(dim=4, metric="dot")
    >>> index.add(csr_array([[0, 2.0, 0, 0], [1.0, 0, 0, 1.0]]), ids=[7, 8])
    >>> index.search(csr_array([[0, 0, 0, 3.0]]), k=1)[0].ids
    [8]
    """

    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine", "dot")
    SEARCH: ClassVar[tuple[str, ...]] = ("alpha",)

    def __init__(
        self, dim: int, metric: Metric = "cosine", *, alpha: float = 1.0, exact_below: int = 1000
    ) -> None:
        super().__init__(dim, metric, exact_below=exact_below)
        self.alpha = alpha
        _check_alpha(alpha)
        self._parts: tuple[_Part, ...] = ()
        self._rooms: list[Room] = []  # of searches that have ended, for the next ones

    def _empty_held(self) -> SparseHeld:
        return SparseHeld(self.dim, self.metric)

    def _learn(self, rows: SparseRows) -> None:
        """There is nothing to learn."""

    def _extend(self, rows: SparseRows, first: int) -> None:
        """Make lists of new rows, together with the last ones as long as those are shorter."""
        parts, count = self._parts, len(rows)
        while parts and parts[-1].count <= count and parts[-1].count + count <= MOST:
            first, count = parts[-1].first, parts[-1].count + count
            parts = parts[:-1]
        made = _part_of(self._held.take(slice(first, first + count)), first)
        self._parts = (*parts, made)

    def _candidates(
        self, queries: SparseRows, k: int, usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:  # fmt: skip
        _check_alpha(options["alpha"])
        mask = np.ones(self._covered, np.bool_) if usable is None else usable
        best = none_yet(len(queries), k)
        held, asked = csr_parts(self._rows()), csr_parts(queries)
        search, alpha = _search(), np.float32(options["alpha"])
        longest = int(np.diff(queries.indptr).max(initial=0))

        def work(begin: int, end: int) -> None:
            room = self._rooms.pop() if self._rooms else _room_for(self.dim)
            lines, factors = np.empty(longest, np.int64), np.empty(longest, np.float32)
            for part in self._parts:
                first, last = part.first, part.first + part.count
                own = _part_of_room(room, part.lists.table.shape[1], lines, factors)
                search(
                    part.lists, held, mask[first:last], first, asked, alpha, own, best, begin, end
                )
            self._rooms.append(room)

        in_threads(work, shares(len(queries), self.threads))
        if not self._is_signed(queries):
            _add_unrelated(best, mask)
        return best.rows

    def _rows(self) -> SparseRows:
        held = self._held
        assert isinstance(held, SparseHeld)
        return held.rows

    def _is_signed(self, queries: SparseRows) -> bool:
        """Whether a score may lie below zero, that of rows that share nothing with a query."""
        return bool((queries.data < 0).any()) or any(part.is_signed for part in self._parts)

    def _structure(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        for number, part in enumerate(self._parts):
            arrays[f"{number}.first"] = np.array([part.first, part.count])
            for name, array in part.lists._asdict().items():
                arrays[f"{number}.{name}"] = array
        return arrays

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        parts: list[_Part] = []
        while f"{len(parts)}.first" in arrays:
            number = len(parts)
            first, count = arrays[f"{number}.first"].tolist()
            lists = Lists(*(arrays[f"{number}.{name}"] for name in Lists._fields))
            parts.append(_Part(lists, first, count, bool((lists.terms % 2).any())))
        self._parts = tuple(parts)


@dataclass(frozen=True, slots=True)
class _Part:
    """Lists of rows that lie one after the other."""

    lists: Lists
    first: int
    count: int
    is_signed: bool


_PRODUCTS: Final = (sparse_rows.product, sparse_rows.write_out, sparse_rows.wipe_out)
_STEPS: Final = (
    *_PRODUCTS,
    heaps.is_worse,
    heaps.least_of,
    heaps.keep,
    block_max.find,
    block_max.slot_of,
    block_max.add_lines,
    block_max.bound_blocks,
    block_max.sort_blocks,
)


@cache
def _search() -> Any:
    return compiled(block_max.search_blocks, *_STEPS, beside=(sparse_rows.__file__, heaps.__file__))


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha <= 1:
        raise InvalidParameter(f"alpha is {alpha}.", "Give more than 0, and at most 1.")


def _part_of(rows: SparseRows, first: int) -> _Part:
    """Make the lists of some rows."""
    terms, places = _compacted(2 * rows.indices.astype(np.int64) + (rows.data < 0))
    data = np.ascontiguousarray(rows.data)
    counts, largest = np.zeros(len(terms), np.int64), np.zeros(len(terms), np.float32)
    compiled(block_max.measure_terms)(data, places, counts, largest)
    blocks = -(-len(rows) // BLOCK)
    is_frequent = counts * FREQUENT >= blocks
    begins = np.concatenate([[0], np.cumsum(np.where(is_frequent, 0, counts))])
    lists = Lists(
        terms=terms,
        steps=np.maximum(largest / np.float32(LEVELS), np.finfo(np.float32).tiny),
        begins=begins,
        slots=np.empty(begins[-1], np.uint16),
        weights=np.empty(begins[-1], np.uint8),
        lines=np.where(is_frequent, np.cumsum(is_frequent) - 1, -1).astype(np.int32),
        table=np.zeros((int(is_frequent.sum()), blocks), np.uint8),
    )
    fill = compiled(block_max.fill_lists, block_max.slot_of)
    fill(data, places, rows.indptr, begins[:-1].copy(), lists)
    return _Part(lists, first, len(rows), bool((terms % 2).any()))


def _compacted(found: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The terms that there are, ascending, and the place of each number's term among them."""
    most = int(found.max(initial=-1)) + 1
    if most > max(_TABLED, 4 * len(found)):
        terms, places = np.unique(found, return_inverse=True)
        return terms, places.astype(np.int32)
    is_there = np.zeros(most, np.bool_)
    is_there[found] = True
    place = (np.cumsum(is_there) - 1).astype(np.int32)
    return np.flatnonzero(is_there), place[found]


def _room_for(dim: int) -> Room:
    """Room for a search in any part; the rest depends on the queries."""
    blocks = MOST // BLOCK
    return Room(
        own=np.empty(MOST, np.float32),
        shared=np.empty(blocks, np.float32),
        bounds=np.empty(blocks, np.float32),
        order=np.empty(blocks, np.int64),
        buckets=np.empty(BUCKETS, np.int64),
        lines=np.empty(0, np.int64),
        factors=np.empty(0, np.float32),
        weights=np.zeros(dim, np.float32),
    )


def _part_of_room(
    room: Room, blocks: int, lines: NDArray[np.int64], factors: NDArray[np.float32]
) -> Room:
    return room._replace(
        own=room.own[: BLOCK * blocks],
        shared=room.shared[:blocks],
        bounds=room.bounds[:blocks],
        lines=lines,
        factors=factors,
    )


def _add_unrelated(best: Best, usable: NDArray[np.bool_]) -> None:
    """Fill up with the first rows that were not found: their scores are all zero."""
    size = best.rows.shape[1]
    for query in np.flatnonzero(best.counts < size):
        count = best.counts[query]
        rows = np.flatnonzero(usable)
        free = rows[~np.isin(rows, best.rows[query, :count])][: size - count]
        best.rows[query, count : count + len(free)] = free
