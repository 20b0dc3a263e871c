"""Tables of buckets, trees and hash functions: compiled code against plain Python and numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines import bits, bits_code, buckets, hashing, trees
from kinspace.engines.bucket_code import fast_search
from kinspace.engines.compiled import compiled
from kinspace.index.bit_codes import BitCodes, with_room
from kinspace.index.buckets import Buckets


def in_bucket(tables: buckets.Tables, table: int, key: int) -> list[int]:
    search = buckets.search_space(10_000, 1)
    many = buckets.look_into(tables, table, key, np.empty(0, np.bool_), search, 0)
    return search.near[:many].tolist()


@pytest.mark.parametrize("piece", [1, 700, 3000])
def test_rows_lie_under_their_keys_however_they_came(piece: int, rng: np.random.Generator) -> None:
    total = 40 if piece == 1 else 9000
    keys = rng.integers(0, 5, (2, total)).astype(np.int32)
    made = Buckets(2, 5)
    for start in range(0, total, piece):
        made.add(keys[:, start : start + piece])
    for again in (made, Buckets.restored(made.arrays())):
        for table in range(2):
            for key in range(5):
                found = in_bucket(again.tables(), table, key)
                assert sorted(found) == np.flatnonzero(keys[table] == key).tolist()


def test_the_heap_gives_the_cheapest_first(rng: np.random.Generator) -> None:
    search = buckets.search_space(1, 300)
    costs = rng.integers(0, 50, 300).astype(np.float32)
    size = 0
    for mark, cost in enumerate(costs):
        size = buckets.push(search, size, cost, mark, -mark)
    came = []
    while size:
        size = buckets.pop(search, size)
        mark = search.marks[size]
        assert (search.costs[size], search.places[size]) == (costs[mark], -mark)
        came.append(search.costs[size])
    assert came == sorted(costs)


@pytest.fixture
def codes(rng: np.random.Generator) -> tuple[np.ndarray, BitCodes]:
    rows = rng.standard_normal((400, 6)).astype(np.float32)
    made = BitCodes.learned(rows, "euclidean", rng, in_groups=False)
    made.add(rows)
    return rows, made


def grown(rows: np.ndarray, rng: np.random.Generator, leaf_size: int = 10, run: Any = None) -> Any:
    room, dim = 8 * len(rows) // leaf_size + 1, rows.shape[1]
    directions, thresholds = np.zeros((room, dim), np.float32), np.zeros(room, np.float32)
    children, leaves = np.zeros((room, 2), np.int32), np.zeros(len(rows), np.int32)
    nodes, count = (run or trees.grow)(
        rows, rng.random((room, trees.SAMPLE)).astype(np.float32), leaf_size, np.arange(len(rows)),
        np.zeros(len(rows), np.float32), np.zeros(trees.SAMPLE, np.int64),
        np.zeros((2, dim), np.float32), np.zeros(2, np.int64),
        np.zeros((trees.DEEPEST, 3), np.int64), directions, thresholds, children, leaves,
    )  # fmt: skip
    assert sorted(set(leaves.tolist())) == list(range(count))
    assert count == nodes + 1
    return directions[:nodes], thresholds[:nodes], children[:nodes], leaves


def test_a_tree_has_small_leaves_and_a_row_falls_into_its_own(rng: np.random.Generator) -> None:
    rows = rng.standard_normal((160, 5)).astype(np.float32)
    directions, thresholds, children, leaves = grown(rows, rng)
    assert np.bincount(leaves).max() <= 10
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, rtol=1e-5)
    again = np.zeros_like(leaves)
    trees.fall(rows, 0, directions, thresholds, children, again)
    np.testing.assert_array_equal(again, leaves)
    fast = compiled(trees.grow, *trees.GROWING)
    alike = grown(rows, np.random.default_rng(1), run=fast)
    np.testing.assert_array_equal(alike[3], grown(rows, np.random.default_rng(1))[3])


def test_two_clusters_are_parted_by_the_line_between_them(rng: np.random.Generator) -> None:
    rows = 0.01 * rng.standard_normal((200, 3)).astype(np.float32)
    rows[::3, 1] += 5
    directions, thresholds, _, leaves = grown(rows, rng, leaf_size=150)
    assert 0.5 < abs(thresholds[0]) < 4.5
    assert abs(directions[0, 1]) > 0.99
    assert len(set(leaves[::3])) == len(set(leaves[1::3]) | set(leaves[2::3])) == 1


def test_rows_that_are_all_the_same_are_still_shared_out(rng: np.random.Generator) -> None:
    *_, leaves = grown(np.ones((64, 3), np.float32), rng)
    assert np.bincount(leaves).tolist() == [8] * 8


@pytest.mark.parametrize("masked", [False, True])
def test_trees_compiled_and_plain(codes: Any, masked: bool, rng: np.random.Generator) -> None:
    rows, coded = codes
    parts = [grown(rows, rng) for _ in range(3)]
    directions, thresholds = (np.concatenate([each[i] for each in parts]) for i in range(2))
    roots = np.cumsum([0, *(len(each[1]) for each in parts[:2])]).astype(np.int32)
    moved = [
        np.where(each[2] < 0, each[2], each[2] + root)
        for each, root in zip(parts, roots, strict=True)
    ]
    children = np.concatenate(moved).astype(np.int32)
    leaves = np.stack([each[3] for each in parts])
    made = Buckets(3, int(leaves.max()) + 1)
    made.add(leaves)
    usable = rng.random(400) < 0.5 if masked else np.empty(0, np.bool_)
    queries = rows[:8]

    def found(search: Any, search_k: int) -> np.ndarray:
        rows_found = np.zeros((8, 20), np.int64)
        asked = with_room(coded.asked(queries, 20, 20), 0, 8)
        search(
            queries, roots, directions, thresholds, children, made.tables(), usable, search_k,
            buckets.search_space(400, 1000), coded.coded(None), asked, np.zeros(1, np.float32),
            rows_found,
        )  # fmt: skip
        return np.sort(rows_found)

    fast = fast_search(trees.search_trees, trees.product)
    few = found(fast, 60)
    shared = [len(set(a) & set(b)) for a, b in zip(few, found(trees.search_trees, 60), strict=True)]
    assert min(shared) >= 19
    everything = found(fast, 400)
    truth = np.linalg.norm(queries[:, None] - rows, axis=2)
    if masked:
        assert usable[everything].all()
        truth[:, ~usable] = np.inf
    hits = [len(set(a[:5]) & set(b)) for a, b in zip(truth.argsort(), everything, strict=True)]
    assert np.mean(hits) > 4.5


def steps_of(heights: np.ndarray, factors: np.ndarray, sides: bool) -> Any:
    size = len(heights) * (1 if sides else 2)
    space = np.zeros(size, np.int64), np.zeros(size, np.float32), np.zeros(size, np.int64)
    total = hashing.order_steps(heights, factors, sides, *space)
    return total, *space


def test_steps_go_over_the_nearest_border_first() -> None:
    heights = np.array([0.9, -2.4, 5.05], np.float32)  # numbers 0, -3 and 5
    factors = np.array([1, 100, 10_000])
    total, steps, costs, owners = steps_of(heights, factors, sides=False)
    assert total == 0 - 300 + 50_000
    assert steps.tolist() == [-10_000, 1, 100, -100, -1, 10_000]
    assert owners.tolist() == [2, 0, 1, 1, 0, 2]
    np.testing.assert_allclose(np.sqrt(costs), [0.05, 0.1, 0.4, 0.6, 0.9, 0.95], rtol=1e-4)
    assert hashing.apply_steps(total, 0b11, steps, owners) == (total - 9_999, True)
    assert hashing.apply_steps(total, 0b1100, steps, owners) == (total, False)  # there and back
    total, steps, _, owners = steps_of(heights[:2], factors[:2], sides=True)
    assert (total, steps.tolist(), owners.tolist()) == (1, [-1, 100], [0, 1])


def test_probes_come_in_the_order_of_their_cost(codes: Any, rng: np.random.Generator) -> None:
    """Every probe adds the rows of the bucket that is next in order of all sets of flips."""
    rows, coded = codes
    directions = rng.standard_normal((6, 5)).astype(np.float32)
    factors = (np.int64(1) << (32 + np.arange(5)))[None]
    heights = (rows @ directions).reshape(400, 1, 5)
    keys = np.zeros((1, 400), np.int32)
    hashing.key_rows(heights, factors, True, 32, keys)
    np.testing.assert_array_equal(keys[0], (heights[:, 0] > 0) @ (1 << np.arange(5)))
    made = Buckets(1, 32)
    made.add(keys)
    sets = np.array([[key >> j & 1 for j in range(5)] for key in range(32)])
    order = keys[0, 0] ^ np.argsort(sets @ (heights[0, 0].astype(np.float64) ** 2))
    search = fast_search(
        hashing.search_tables, hashing.number, hashing.bucket, hashing.order_steps,
        hashing.apply_steps,
    )  # fmt: skip
    for run in (search, hashing.search_tables):
        for probes in (1, 4, 11, 32):
            found = np.zeros((1, 400), np.int64)
            work = (
                np.zeros((1, 5), np.int64), np.zeros((1, 5), np.float32),
                np.zeros((1, 5), np.int64), np.zeros(1, np.int64),
            )  # fmt: skip
            run(
                heights[:1], factors, True, made.tables(), np.empty(0, np.bool_), probes, work,
                buckets.search_space(400, 40), coded.coded(None),
                with_room(coded.asked(rows[:1], 400, 400), 0, 1), np.zeros(1, np.float32), found,
            )  # fmt: skip
            inside = set(np.flatnonzero(np.isin(keys[0], order[:probes])).tolist())
            assert set(found[0][found[0] >= 0].tolist()) == inside


def test_bits_of_rows_one_by_one_and_in_groups_are_the_same(rng: np.random.Generator) -> None:
    bits_code.teach()
    files = (bits_code.__file__,)
    compare = compiled(_compared, beside=files)
    signs = rng.random((40, 130)) < 0.5
    numbers = rng.standard_normal((2, 192)).astype(np.float32)
    numbers[:, 130:] = 0
    words = bits.packed(signs)
    for shape in ((40, 3), (5, 24)):
        codes = np.zeros(shape, np.uint64)
        bits.put(codes, words, 0)
        for row in (0, 7, 39):
            wanted = numbers[1, :130][signs[row]].sum()
            for run in (compare, bits.compare):
                total = np.zeros(1, np.float32)
                run(codes, row, numbers, 1, total)
                assert total[0] == pytest.approx(wanted, abs=1e-4)


def _compared(codes: Any, row: Any, numbers: Any, query: Any, total: Any) -> None:
    bits.compare(codes, row, numbers, query, total)
