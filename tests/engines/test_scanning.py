"""Scans of 8-bit and 4-bit codes, and the wide scan: compiled code against plain arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines import processor, scanning
from kinspace.engines import short_codes as short
from kinspace.engines import wide_scan as wide
from kinspace.engines.compiled import compiled
from kinspace.engines.kmeans import (
    coded_queries,
    coded_table,
    learn_centroids,
    nearest_centroids,
)
from kinspace.engines.scanning import compiled_with, room_for, scan, scan_one, scan_room
from kinspace.engines.short_codes_search import encode, learn_parts

WIDTH, DIM = 128, 100
NONE = np.empty(0, np.uint8)
has_tiles = pytest.mark.skipif(
    not processor.has_byte_tiles(), reason="this processor has no tiles of bytes"
)


@pytest.fixture
def table(rng: np.random.Generator) -> Any:
    rows = rng.standard_normal((300, DIM)).astype(np.float32)
    return coded_table(rows, 1.0, rng.standard_normal(300).astype(np.float32))


@pytest.fixture
def asked(rng: np.random.Generator) -> Any:
    return coded_queries(rng.standard_normal((45, DIM)).astype(np.float32), WIDTH)


def true_scores(table: Any, asked: Any) -> np.ndarray:
    codes, scales, biases = (part[:300] for part in table)
    queries, factors, _ = asked
    products = queries.astype(np.int64) @ (codes.astype(np.int64) - 128)[:, :WIDTH].T
    # The padding of a table is 0, not 128, and that of a query 0: it adds nothing.
    padding = queries[:, DIM:].astype(np.int64).sum(1)
    assert not padding.any()
    return products * factors[:, None] * scales + biases


def test_a_scan_finds_the_best_of_its_spans(
    table: Any, asked: Any, rng: np.random.Generator
) -> None:
    spans = np.array([[0, 37], [37, 37], [37, 200]])
    pairs = [np.arange(45), np.arange(45), np.arange(0, 45, 2)]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in pairs])])
    bases = [rng.standard_normal(len(part)).astype(np.float32) for part in pairs]
    keep = 7
    best, places, filled, limits, _ = scan_room(45, keep)
    usable = (rng.random(364) < 0.7).astype(np.uint8)
    compiled_with(scan)(
        *table, spans, starts, np.concatenate(pairs).astype(np.int32), np.concatenate(bases),
        *asked, keep, usable, best, places, filled, limits, room_for(WIDTH),
    )  # fmt: skip
    truth = np.full((45, 300), -np.inf)
    scores = true_scores(table, asked)
    for (first, last), own, base in zip(spans, pairs, bases, strict=True):
        truth[own, first:last] = scores[own, first:last] + base[:, None]
    truth[:, usable[:300] == 0] = -np.inf
    for query in range(45):
        expected = np.argsort(-truth[query])[:keep]
        found = places[query, : filled[query]]
        assert set(expected[truth[query][expected] > -np.inf]) <= set(found)
        np.testing.assert_allclose(
            best[query, : filled[query]], truth[query][found], rtol=1e-4, atol=1e-4
        )


def test_a_scan_for_one_query_finds_what_a_scan_for_many_does(table: Any, asked: Any) -> None:
    spans, bases = np.array([[5, 80], [90, 300]]), np.array([0.5, -0.25], np.float32)
    scores = true_scores(table, asked)[3]
    truth = np.full(300, -np.inf)
    truth[5:80], truth[90:300] = scores[5:80] + 0.5, scores[90:300] - 0.25
    best, places = (part[0] for part in scan_room(1, 12)[:2])
    codes, factors, shifts = (part[3] for part in asked)
    many = compiled_with(scan_one)(
        *table, spans, bases, codes, factors, shifts, 12, NONE, best, places, room_for(WIDTH)
    )
    assert set(np.argsort(-truth)[:12]) <= set(places[:many])
    np.testing.assert_allclose(best[:many], truth[places[:many]], rtol=1e-4, atol=1e-4)


@has_tiles
def test_vector_code_gives_what_plain_python_gives(table: Any, asked: Any) -> None:
    small = tuple(part[:96] for part in table)
    asked = tuple(part[:5] for part in asked)
    results = []
    for run in (scanning.scan, compiled_with(scan)):
        best, places, filled, limits, _ = scan_room(5, 9)
        run(
            *small, np.array([[3, 29]]), np.array([0, 5]), np.arange(5, dtype=np.int32),
            np.zeros(5, np.float32), *asked, 9, NONE, best, places, filled, limits,
            room_for(WIDTH),
        )  # fmt: skip
        results.append([sorted(places[q, : filled[q]].tolist()) for q in range(5)])
    assert results[0] == results[1]


@pytest.mark.parametrize("keep", [1, 5, 40, 99])
def test_halving_keeps_the_best(keep: int, rng: np.random.Generator) -> None:
    for values in (rng.standard_normal(100), np.zeros(100), rng.integers(0, 3, 100)):
        values = values.astype(np.float32)
        best, places = values.copy(), np.arange(100)
        worst = compiled(scanning.halve)(best, places, 100, keep)
        np.testing.assert_array_equal(values[places], best)
        np.testing.assert_array_equal(np.sort(best[:keep]), np.sort(values)[-keep:])
        assert worst == best[:keep].min()


def test_centroids_are_as_good_as_those_of_faiss(rng: np.random.Generator) -> None:
    import faiss

    centres = rng.standard_normal((60, DIM)) * 2
    points = centres[rng.integers(0, 60, 4000)] + rng.standard_normal((4000, DIM))
    points = points.astype(np.float32)
    mine = learn_centroids(points, 60, iterations=10)
    means = faiss.Kmeans(DIM, 60, niter=10, seed=1, max_points_per_centroid=1000)
    means.train(points)

    def inertia(centroids: np.ndarray) -> float:
        index = faiss.IndexFlatL2(DIM)
        index.add(centroids)
        return float(index.search(points, 1)[0].mean())

    assert inertia(mine) < 1.1 * inertia(means.centroids)


def test_centroids_do_not_depend_on_threads(rng: np.random.Generator) -> None:
    points = rng.standard_normal((3000, 20)).astype(np.float32)
    one, two = (learn_centroids(points, 40, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_no_cell_stays_empty(rng: np.random.Generator) -> None:
    points = np.repeat(rng.standard_normal((5, 8)), 40, axis=0).astype(np.float32)
    centroids = learn_centroids(points, 12)
    assert np.isfinite(centroids).all()
    apart = np.linalg.norm(points[:, None] - centroids[None], axis=2).min(axis=1)
    assert apart.max() < 0.2


def test_the_nearest_centroid(rng: np.random.Generator) -> None:
    points = rng.standard_normal((500, 24)).astype(np.float32)
    centroids = rng.standard_normal((30, 24)).astype(np.float32)
    found = nearest_centroids(points, centroids)
    apart = ((points[:, None] - centroids[None]) ** 2).sum(2)
    assert (found == apart.argmin(1)).mean() > 0.97
    np.testing.assert_allclose(apart[np.arange(500), found], apart.min(1), rtol=0.05)


def test_short_codes_score_about_as_the_rows_do(rng: np.random.Generator) -> None:
    mixing = rng.standard_normal((30, DIM))
    rows = (rng.standard_normal((2000, 30)) @ mixing).astype(np.float32)
    parts = learn_parts(rows, WIDTH)
    codes, stretches = encode(rows, parts, WIDTH, 2)
    query = (rng.standard_normal(30) @ mixing).astype(np.float32)
    blocks = np.zeros((63, WIDTH // 16, 2, 32), np.uint8)
    at = np.arange(2000)
    blocks[at // 32, :, :, at % 32] = codes.reshape(2000, -1, 2)
    exact = np.empty((len(parts), 16), np.float32)
    tables, scaling = np.zeros((len(parts) // 4, 2, 4, 16), np.uint8), np.empty(2, np.float32)
    compiled(short.make_tables)(query, parts, exact, tables, scaling)
    spans = np.array([[10, 1000], [1000, 1001], [1500, 1999]])
    bases = np.zeros(3, np.float32)
    wide_stretches = np.zeros(63 * 32, np.float32)
    wide_stretches[:2000] = stretches
    biases = np.zeros_like(wide_stretches)
    from kinspace.engines.short_codes_search import _compiled_search

    _compiled_search()  # so that the vector code, where there is any, is known
    plain = () if processor.has_byte_tiles() else (short.announce, short.sift_short)
    run = compiled_with(short.scan_short, *plain)
    best, places = (part[0] for part in scan_room(1, 50)[:2])
    many = run(
        blocks, wide_stretches, biases, spans, bases, tables, scaling, 50, NONE, best, places,
        room_for(WIDTH),
    )  # fmt: skip
    rows_of, span_of = places[:many] & ((1 << short.SPAN) - 1), places[:many] >> short.SPAN
    assert all(spans[s, 0] <= r < spans[s, 1] for r, s in zip(rows_of, span_of, strict=True))
    scores = rows @ query
    inside = np.concatenate([np.arange(first, last) for first, last in spans])
    ten = inside[np.argsort(-scores[inside])[:10]]
    assert len(set(ten) & set(rows_of)) >= 9
    # Plain Python is the oracle of one block.
    room = room_for(WIDTH)
    listed = []
    for call in (short.sift_short, run):
        if call is run:
            some = np.array([[64, 90]])
            few = run(
                blocks, wide_stretches, biases, some, bases, tables, scaling, 40, NONE, best,
                places, room,
            )  # fmt: skip
            pairs = sorted(zip((places[:few] & ((1 << 40) - 1)).tolist(), best[:few], strict=True))
        else:
            call(
                blocks, 2, 0, 26, wide_stretches, biases, tables, scaling, np.float32(0),
                np.float32(-np.inf), room[7], room[8], room[9],
            )  # fmt: skip
            pairs = [(64 + int(room[7][i]), room[8][i]) for i in range(room[9][0])]
        listed.append(pairs)
    assert [row for row, _ in listed[0]] == [row for row, _ in listed[1]]
    np.testing.assert_allclose(
        [score for _, score in listed[0]], [score for _, score in listed[1]], rtol=1e-4, atol=1e-3
    )


@pytest.mark.skipif(not processor.has_number_tiles(), reason="no tiles of bfloat16 here")
@pytest.mark.parametrize("half", [False, True])
def test_a_wide_scan_gives_what_plain_python_gives(half: bool, rng: np.random.Generator) -> None:
    from kinspace.engines.wide_scan_tiles import fast_pack_wide, fast_scan_wide

    rows = rng.standard_normal((75, 37)).astype(np.float16 if half else np.float32)
    table = rows.view(np.uint16) if half else rows
    queries = rng.standard_normal((21, 37)).astype(np.float32)
    mean = rows.astype(np.float32).mean(0)
    biases = rng.standard_normal(75).astype(np.float32)
    results = []
    for pack, run in (
        (wide.pack_wide, wide.scan_wide),
        (fast_pack_wide(), fast_scan_wide()),
    ):
        packed = np.zeros((4, wide.padded_numbers(37) // 2, 16, 2), np.uint16)
        pack(queries, packed)
        best, places, filled, limits, _ = scan_room(21, 6)
        run(
            table, np.empty(0, np.int64), 3, 75, mean, np.float32(2), biases, packed, 21, 6,
            best, places, filled, limits, wide.wide_room(37),
        )  # fmt: skip
        results.append([sorted(places[q, : filled[q]].tolist()) for q in range(21)])
    assert results[0] == results[1]
    truth = 2 * queries @ (rows.astype(np.float32) - mean).T + biases
    truth[:, :3] = -np.inf
    hits = [len(set(np.argsort(-truth[q])[:6]) & set(results[0][q])) for q in range(21)]
    assert np.mean(hits) > 5.8
