"""Kernels of sparse search and of heaps: plain Python against known answers and the compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from kinspace.engines import block_max, heaps, sparse_rows
from kinspace.engines.compiled import compiled
from kinspace.index.sparse_inverted import SparseInverted

ROWS, DIM = 60, 40


def rows(count: int, seed: int = 0) -> Any:
    made = random_array((count, DIM), density=0.2, rng=np.random.default_rng(seed), format="csr")
    return csr_array(made, dtype=np.float32)


def parts(made: Any) -> tuple[Any, ...]:
    return made.data, made.indices.astype(np.int32), made.indptr.astype(np.int64)


def test_bounds_are_never_below_the_scores() -> None:
    """By plain Python, for every block and every row."""
    table, queries = rows(ROWS), rows(6, 1)
    index = SparseInverted(DIM, "dot", exact_below=0)
    index.add(table)
    lists = index._parts[0].lists
    blocks = lists.table.shape[1]
    room = block_max.Room(
        np.empty(block_max.BLOCK * blocks, np.float32), np.empty(blocks, np.float32),
        np.empty(blocks, np.float32), np.empty(blocks, np.int64),
        np.empty(block_max.BUCKETS, np.int64), np.empty(DIM, np.int64),
        np.empty(DIM, np.float32), np.zeros(DIM, np.float32),
    )  # fmt: skip
    true = (queries @ table.T).toarray()
    assert (lists.lines >= 0).any()
    for query in range(6):
        top = block_max.bound_blocks(lists, parts(queries), query, room)
        for row in range(ROWS):
            own = room.own[block_max.slot_of(row, blocks)] + room.shared[row // block_max.BLOCK]
            assert own >= true[query, row] - 1e-5
            assert own <= true[query, row] * 1.05 + room.shared[row // block_max.BLOCK] + 1e-5
            assert room.bounds[row // block_max.BLOCK] >= own - 1e-5
        assert top == room.bounds.max()
        count = block_max.sort_blocks(room, np.float32(1), np.float32(0), top)
        listed = room.bounds[room.order[:count]]
        assert sorted(room.order[:count]) == np.flatnonzero(room.bounds > 0).tolist()
        assert (np.diff(listed) <= top / (block_max.BUCKETS - 1) + 1e-6).all()


def test_rare_terms_are_listed_and_frequent_ones_tabled() -> None:
    weights = np.array([1.0, 3.0, -2.0] + [1.0] * 40)
    places = np.r_[3, 20, 20, 0:40], np.r_[5, 5, 6, [9] * 40]
    made = csr_array((weights, places), shape=(40, DIM), dtype=np.float32)
    index = SparseInverted(DIM, "dot", exact_below=0)
    index.add(made)
    lists = index._parts[0].lists
    assert lists.terms.tolist() == [10, 13, 18]  # dimension 5, 6 below zero, and 9
    np.testing.assert_allclose(lists.steps * 255, [3, 2, 1])
    assert lists.lines.tolist()[2] >= 0
    assert (lists.table[lists.lines[2]] == 255).all()
    blocks = lists.table.shape[1]
    if lists.lines[0] < 0:
        own = slice(*lists.begins[:2])
        assert lists.slots[own].tolist() == [block_max.slot_of(r, blocks) for r in (3, 20)]
        assert lists.weights[own].tolist() == [85, 255]


@pytest.mark.parametrize("k", [1, 3, 10, 60])
def test_a_heap_holds_the_best(k: int) -> None:
    rng = np.random.default_rng(k)
    scores = rng.integers(0, 20, 60).astype(np.float32)  # with many ties
    plain, fast = heaps.none_yet(1, k), heaps.none_yet(1, k)
    keep = compiled(heaps.keep, heaps.is_worse)
    for row in rng.permutation(60):
        heaps.keep(plain, 0, scores[row], row)
        keep(fast, 0, scores[row], row)
    wanted = sorted(range(60), key=lambda row: (-scores[row], row))[:k]
    for best in (plain, fast):
        assert sorted(best.rows[0].tolist()) == sorted(wanted)
        np.testing.assert_array_equal(best.scores[0], scores[best.rows[0]])
    assert heaps.least_of(plain, 0) == scores[wanted[-1]]
    assert heaps.least_of(heaps.none_yet(1, k), 0) == 0


def test_products_of_listed_rows() -> None:
    table, queries = rows(ROWS), rows(4, 1)
    wanted = np.array([[3, 7, -1], [0, 0, 59], [1, 2, 3], [-1, 5, 4]])
    true = (queries @ table.T).toarray()
    inner = sparse_rows.product, sparse_rows.write_out, sparse_rows.wipe_out
    for multiply in (sparse_rows.multiply_rows, compiled(sparse_rows.multiply_rows, *inner)):
        out, weights = np.empty((4, 3), np.float32), np.zeros(DIM, np.float32)
        multiply(parts(table), wanted, parts(queries), weights, out, 0, 4)
        expected = np.where(wanted < 0, -np.inf, np.take_along_axis(true, wanted, 1))
        np.testing.assert_allclose(out, expected, rtol=1e-5)
        assert not weights.any()
        multiply(parts(table), wanted[:1], parts(queries), weights, out, 0, 4)
        np.testing.assert_allclose(out[:, :2], true[:, [3, 7]], rtol=1e-5)
