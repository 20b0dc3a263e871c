"""The graph's kernels: the plain functions are the truth of the compiled ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines import graph_build
from kinspace.engines.graph import (
    COUNT,
    FIRST,
    IS_TWIN,
    SCALE,
    TWIN,
    Graph,
    products,
    push,
    search,
    searcher,
    sink,
    work_for,
)
from kinspace.engines.graph_codes import code_width, empty_codes, encode, encoder

DIM = 20
M = 6
EF = 24
NOBODY = np.zeros(1, np.bool_)


def coded(rows: np.ndarray, mean: np.ndarray, by_distance: int = 1) -> tuple[Any, Any]:
    codes, sides = empty_codes(len(rows), code_width(DIM)), np.zeros((len(rows), 2), np.float32)
    encode(rows, mean, by_distance, codes, sides)
    return codes, sides


def empty(rows: np.ndarray, kind: str) -> Graph:
    count = len(rows)
    if kind == "int8":
        codes, sides = coded(rows, rows.mean(0))
    else:
        codes, sides = rows, np.tile(np.array([1, 0], np.float32), (count, 1))
    levels = (np.arange(count) % 7 == 3).astype(np.int8)
    return Graph(
        codes,
        sides,
        np.zeros((count, FIRST + 2 * M), np.int32),
        levels,
        (np.cumsum(levels) - levels).astype(np.int32),
        np.zeros((int(levels.sum()), FIRST + M), np.int32),
        np.array([-1, 0, kind == "distances"]),
    )


def built(rows: np.ndarray, kind: str, steps: tuple[Any, ...], parts: int = 2) -> Graph:
    """A graph of rows in batches of 16."""
    graph = empty(rows, kind)
    choose, settle, own, back = steps
    work = work_for(len(rows), EF, 64)
    for begin in range(0, len(rows), 16):
        end = min(begin + 16, len(rows))
        first, last = int(graph.above[begin]), int(graph.above[end - 1] + graph.levels[end - 1])
        choose(graph, work, begin, begin, end, EF, M, NOBODY)
        if settle(graph, begin, end):
            own(graph, begin, end)
        chosen = graph.links[begin:end].copy(), graph.upper[first:last].copy()
        for part in range(parts):
            back(graph, work, *chosen, begin, end, first, part, parts)
        top = begin + int(np.argmax(graph.levels[begin:end]))
        if graph.entry[0] < 0 or graph.levels[top] > graph.entry[1]:
            graph.entry[:2] = top, graph.levels[top]
    return graph


def tidied(graph: Graph) -> Graph:
    """Without what stands behind the last link of a row."""
    links, upper = graph.links.copy(), graph.upper.copy()
    for table in (links, upper):
        for line in table:
            line[FIRST + line[COUNT] :] = -1
    return graph._replace(links=links, upper=upper)


PLAIN = (
    graph_build.choose_links,
    graph_build.settle_twins,
    graph_build.link_owners,
    graph_build.link_back,
)


@pytest.fixture
def rows(rng: np.random.Generator) -> np.ndarray:
    found = rng.standard_normal((90, DIM)).astype(np.float32)
    found[50:60] = found[0:10]  # some twins, within a batch too
    found[61] = found[60]
    return found


@pytest.mark.parametrize("kind", ["int8", "products", "distances"])
def test_compiled_as_plain(rows: np.ndarray, kind: str) -> None:
    plain, fast = built(rows, kind, PLAIN), built(rows, kind, graph_build.builder())
    for name, a, b in zip(Graph._fields, tidied(plain), tidied(fast), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
    queries = rows[::9] + np.float32(0.1)
    codes, sides = queries, np.tile(np.array([1, 0], np.float32), (len(queries), 1))
    if kind == "int8":
        codes, sides = coded(queries, rows.mean(0))
    usable = np.arange(len(rows)) % 3 > 0
    for is_limited in (False, True):
        found = []
        for run in (search, searcher()):
            near = np.empty((len(queries), 12), np.int64)
            work = work_for(len(rows), EF, 64)
            run(plain, work, codes, sides, 0, len(queries), EF, usable, is_limited, near)
            found.append(near)
        np.testing.assert_array_equal(*found)
        assert not is_limited or usable[found[0][found[0] >= 0]].all()


@pytest.mark.parametrize("kind", ["int8", "distances"])
def test_the_walk_finds_what_comparing_all_finds(rows: np.ndarray, kind: str) -> None:
    graph = built(rows, kind, graph_build.builder())
    codes, sides = graph.codes[:30], graph.sides[:30]
    near = np.empty((30, 5), np.int64)
    work = work_for(len(rows), 90, 64)
    searcher()(graph, work, codes, sides, 0, 30, 90, NOBODY, False, near)
    apart = ((rows[:30, None] - rows[None]) ** 2).sum(2)
    best = np.sort(apart, 1)[:, :5]
    np.testing.assert_allclose(np.take_along_axis(apart, near, 1), best, atol=0.3)


def test_links_do_not_depend_on_the_parts(rows: np.ndarray) -> None:
    one, three = (built(rows, "int8", graph_build.builder(), parts) for parts in (1, 3))
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_that_are_the_same_share_one_place(rows: np.ndarray) -> None:
    graph = built(rows, "int8", graph_build.builder())
    twins = np.flatnonzero(graph.levels == IS_TWIN)
    assert twins.tolist() == [*range(50, 60), 61]
    assert graph.links[twins, FIRST].tolist() == [*range(10), 60]
    assert graph.links[:10, TWIN].tolist() == list(range(50, 60))
    for row in np.flatnonzero(graph.levels != IS_TWIN):
        links = graph.links[row, FIRST : FIRST + graph.links[row, COUNT]]
        assert not np.isin(links, twins).any()
        assert row not in links
        assert len(set(links.tolist())) == len(links)


def test_products_of_bytes_at_their_limits() -> None:
    extremes = np.array([[127] * 128, [-127] * 128, [0] * 128, [1, -1] * 64], np.int8)
    near, sums = np.arange(4, dtype=np.int32), np.empty(4, np.float32)
    for at in range(4):
        products(extremes, near, 4, extremes, at, 0, sums)
        assert sums.tolist() == (extremes.astype(int) @ extremes[at].astype(int)).tolist()


def test_a_heap_gives_the_least_first(rng: np.random.Generator) -> None:
    keys, nodes = np.empty(50, np.float32), np.empty(50, np.int32)
    given = rng.permutation(50)
    for count, key in enumerate(given.tolist()):
        push(keys, nodes, count, key, 100 + key)
    out = []
    for count in range(49, -1, -1):
        out.append((int(keys[0]), int(nodes[0])))
        sink(keys, nodes, count, keys[count], nodes[count])
    assert out == [(key, 100 + key) for key in range(50)]


@pytest.mark.parametrize("by_distance", [0, 1])
def test_codes(rows: np.ndarray, by_distance: int) -> None:
    mean = rows.mean(0)
    codes, sides = coded(rows, mean, by_distance)
    fast, fast_sides = np.zeros_like(codes), np.zeros_like(sides)
    encoder()(rows, mean, by_distance, fast, fast_sides)
    np.testing.assert_array_equal(codes, fast)
    np.testing.assert_allclose(sides, fast_sides, rtol=1e-5)
    decoded = mean + sides[:, :1] * codes[:, :DIM]
    np.testing.assert_allclose(decoded, rows, atol=float(sides[:, SCALE].max()) * 0.51)
    assert (codes[:, DIM:] == 0).all()
    assert codes.ctypes.data % 64 == 0
    scores = sides[0, SCALE] * sides[:, SCALE] * (codes.astype(int) @ codes[0].astype(int))
    scores = scores + sides[:, 1]
    wanted = -0.5 * ((rows - rows[0]) ** 2).sum(1) if by_distance else rows @ rows[0]
    assert np.ptp(scores - wanted) < 0.4  # but for one number for all of them


def test_the_code_of_a_row_without_length() -> None:
    codes, sides = coded(np.zeros((1, DIM), np.float32), np.zeros(DIM, np.float32))
    assert not codes.any()
    assert sides.tolist() == [[0, 0]]
