"""The graph index: recall on data that graphs find hard, filters, removal, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidParameter, ReadError
from kinspace.index.files import read_arrays, write_arrays
from kinspace.index.hnsw import Hnsw
from kinspace.metric import Metric, scores, top_k

DIM = 24


def clustered(rng: np.random.Generator, count: int, spread: float = 3.0) -> np.ndarray:
    """Rows in forty clusters, one cluster after the other."""
    centres = spread * rng.standard_normal((40, DIM))
    owner = np.sort(rng.integers(0, 40, count))
    return (centres[owner] + rng.standard_normal((count, DIM))).astype(np.float32)


def recall(
    index: Hnsw, rows: np.ndarray, queries: np.ndarray, k: int = 10, allowed: Any = None
) -> float:
    """The share of what is found that is as near as the true neighbours: ties count as found."""
    ids = np.arange(len(rows)) if allowed is None else np.asarray(allowed)
    least = top_k(scores(queries, rows[ids], index.metric), k)[1][:, -1:]
    found = index.search(queries, k, allowed=allowed)
    assert np.isin(found.ids, ids).all()
    return float((found.scores >= least - 1e-4 * np.abs(least) - 1e-5).mean())


@pytest.mark.parametrize("codes", ["int8", "float32"])
@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_finds_as_much_as_hnswlib(codes: Any, metric: Metric, rng: np.random.Generator) -> None:
    rows, queries = rng.standard_normal((2, 4000, DIM)).astype(np.float32)
    queries = queries[:200]
    index = Hnsw(DIM, metric, codes=codes, ef_search=40, exact_below=0)
    index.add(rows)
    hnswlib = pytest.importorskip("hnswlib")
    peer = hnswlib.Index("l2" if metric == "euclidean" else "ip", DIM)
    peer.init_index(len(rows), M=16, ef_construction=100)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True) if metric == "cosine" else rows
    peer.add_items(unit, num_threads=1)
    peer.set_ef(40)
    truth = top_k(scores(queries, rows, metric), 10)[0]
    found = peer.knn_query(queries, 10)[0]
    theirs = np.mean([np.isin(a, b).mean() for a, b in zip(found, truth, strict=True)])
    assert recall(index, rows, queries) >= theirs - 0.01


@pytest.mark.parametrize("codes", ["int8", "float32"])
def test_clusters_that_came_one_after_the_other(codes: Any, rng: np.random.Generator) -> None:
    data = clustered(rng, 4200, spread=10)
    queries = rng.choice(4200, 200, replace=False)
    rows = np.delete(data, queries, 0)
    index = Hnsw(DIM, "euclidean", codes=codes, exact_below=0)
    index.add(rows)
    assert recall(index, rows, data[queries]) >= 0.97


@pytest.mark.parametrize("codes", ["int8", "float32"])
def test_lengths_that_differ_much(codes: Any, rng: np.random.Generator) -> None:
    rows = rng.standard_normal((4000, DIM)) * rng.lognormal(0, 1, (4000, 1))
    index = Hnsw(DIM, "dot", codes=codes, exact_below=0)
    index.add(rows)
    assert recall(index, rows.astype(np.float32), clustered(rng, 100)) >= 0.97


@pytest.mark.parametrize("codes", ["int8", "float32"])
def test_rows_far_from_the_origin(codes: Any, rng: np.random.Generator) -> None:
    rows = (1000 + rng.standard_normal((3000, 8))).astype(np.float32)
    index = Hnsw(8, "euclidean", codes=codes, exact_below=0)
    index.add(rows[:2900])
    assert recall(index, rows[:2900], rows[2900:]) >= 0.97


@pytest.mark.parametrize("codes", ["int8", "float32"])
def test_each_row_forty_times(codes: Any, rng: np.random.Generator) -> None:
    rows = np.tile(rng.standard_normal((50, DIM)), (40, 1)).astype(np.float32)
    index = Hnsw(DIM, "euclidean", codes=codes, ef_search=45, exact_below=0)
    index.add(rows)
    found = index.search(rows[:50], k=40)
    np.testing.assert_array_equal(found.ids % 50, np.tile(np.arange(50)[:, None], 40))
    index.remove(np.arange(50))  # those that own the places in the graph
    found = index.search(rows[:50], k=39)
    assert found.ids.min() >= 50
    np.testing.assert_array_equal(found.ids % 50, np.tile(np.arange(50)[:, None], 39))
    one = index.search(rows[:1], k=1, allowed=[50 * 17])
    assert one.ids.tolist() == [[50 * 17]]


def test_more_is_found_by_a_wider_walk(rng: np.random.Generator) -> None:
    rows = rng.standard_normal((5000, 64)).astype(np.float32)
    index = Hnsw(64, "euclidean", M=6, ef_construction=40, exact_below=0)
    index.add(rows[:4800])
    reached = []
    for index.ef_search in (10, 40, 160, 4800):
        reached.append(recall(index, rows[:4800], rows[4800:]))
    assert reached == sorted(reached)
    assert reached[0] < 0.6
    assert reached[-1] > 0.99
    index.ef_search, index.tuned = 64, {10: {"ef_search": 10}}
    assert recall(index, rows[:4800], rows[4800:]) == reached[0]


@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("share", [0.9, 0.3, 0.1, 0.03, 0.01, 0.002])
def test_a_filter_costs_no_recall(metric: Metric, share: float, rng: np.random.Generator) -> None:
    rows = clustered(rng, 5000) * rng.uniform(0.5, 2, (5000, 1)).astype(np.float32)
    index = Hnsw(DIM, metric, exact_below=0)
    index.add(rows)
    queries = rows[::50] + rng.standard_normal((100, DIM)).astype(np.float32)
    allowed = np.sort(rng.choice(5000, int(5000 * share), replace=False))
    assert recall(index, rows, queries, allowed=allowed) >= 0.98
    index.ef_search = 10  # so narrow that few filters are met by comparing all
    reached = recall(index, rows, queries)
    assert recall(index, rows, queries, allowed=allowed) >= reached - 0.02


def test_a_filter_that_leaves_what_is_far(rng: np.random.Generator) -> None:
    rows = clustered(rng, 5000, spread=10)
    index = Hnsw(DIM, "euclidean", ef_search=10, exact_below=0)
    index.add(rows)
    assert recall(index, rows, rows[:50], allowed=np.arange(2500, 5000)) >= 0.95


def test_when_most_are_gone(rng: np.random.Generator) -> None:
    rows = clustered(rng, 5000)
    index = Hnsw(DIM, "cosine", exact_below=0)
    index.add(rows)
    gone = rng.choice(5000, 4000, replace=False)
    left = np.setdiff1d(np.arange(5000), gone)
    assert index.remove(gone) == 4000
    assert recall(index, rows, rows[:200], allowed=left) >= 0.97
    assert np.isin(index.search(rows[:200]).ids, left).all()
    before = index.nbytes
    index.compact()
    assert index.nbytes < before / 4
    assert recall(index, rows, rows[:200], allowed=left) >= 0.97


@pytest.mark.parametrize("codes", ["int8", "float32"])
def test_the_same_graph_in_any_number_of_threads(codes: Any, rng: np.random.Generator) -> None:
    rows = rng.standard_normal((3000, DIM)).astype(np.float32)
    made = []
    for threads in (1, 3):
        index = Hnsw(DIM, "cosine", codes=codes, seed=5)
        index.threads = threads
        index.add(rows[:2000])
        index.add(rows[2000:])
        made.append(index)
    one, three = (index._structure() for index in made)
    assert one.keys() == three.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, three[name], err_msg=name)
    found = [index.search(rows[:64], 5).ids for index in made]
    np.testing.assert_array_equal(*found)


def test_another_seed_another_graph(rng: np.random.Generator) -> None:
    rows = rng.standard_normal((2000, DIM))
    levels = []
    for seed in (1, 2):
        index = Hnsw(DIM, seed=seed)
        index.add(rows)
        levels.append(index._structure()["levels"])
    assert (levels[0] != levels[1]).any()
    assert 0.03 < (levels[0] > 0).mean() < 0.1  # one in M


def test_what_it_takes(rng: np.random.Generator) -> None:
    rows = rng.standard_normal((2000, 64))
    parts = {}
    for codes in ("int8", "float32"):
        index = Hnsw(64, codes=codes)  # type: ignore[arg-type]
        index.add(rows)
        parts[codes] = index.stats().parts
    assert parts["int8"]["codes"] == 2000 * 64
    assert parts["int8"]["vectors"] == parts["float32"]["vectors"] == 2000 * 64 * 4
    assert "codes" not in parts["float32"]  # the walk reads the vectors themselves
    assert parts["int8"]["links"] == 2000 * (2 + 32) * 4


@pytest.mark.parametrize("codes", ["int8", "float32"])
def test_goes_on_growing_from_its_file(
    codes: Any, tmp_path: Path, rng: np.random.Generator
) -> None:
    rows = clustered(rng, 3000)
    index = Hnsw(DIM, "dot", codes=codes, exact_below=0)
    index.add(rows[:2000])
    index.save(tmp_path / "i.kin")
    again = Hnsw.load(tmp_path / "i.kin")
    np.testing.assert_array_equal(again.search(rows[:50]).ids, index.search(rows[:50]).ids)
    again.add(rows[2000:])
    assert recall(again, rows, rows[1900:2100]) >= 0.97
    kept = Hnsw.load(tmp_path / "i.kin")  # the file is as it was
    np.testing.assert_array_equal(kept.search(rows[:50]).ids, index.search(rows[:50]).ids)


def test_a_table_that_stays_where_it_is(rng: np.random.Generator) -> None:
    table = rng.standard_normal((2000, DIM)).astype(np.float16)
    index = Hnsw(DIM, "euclidean", dtype="float16", exact_below=0)
    index.refer(table)
    assert recall(index, table.astype(np.float32), table[:100].astype(np.float32)) >= 0.95


@pytest.mark.parametrize(
    ("name", "row", "value"),
    [
        ("links", 5, 2000),
        ("links", 5, -3),
        ("upper", 0, 99_999),
        ("above", 7, -2),
        ("entry", 0, 2000),
    ],
)
def test_a_link_that_leads_nowhere(
    tmp_path: Path, name: str, row: int, value: int, rng: np.random.Generator
) -> None:
    index = Hnsw(DIM)
    index.add(rng.standard_normal((2000, DIM)))
    index.save(tmp_path / "i.kin")
    with read_arrays(tmp_path / "i.kin", "Hnsw") as (arrays, options):
        wrong = dict(arrays)
        wrong[f"structure.{name}"] = np.array(arrays[f"structure.{name}"])
        wrong[f"structure.{name}"][(row, -1)[: wrong[f"structure.{name}"].ndim]] = value
    write_arrays(tmp_path / "w.kin", "Hnsw", wrong, options)
    with pytest.raises(ReadError, match="leads nowhere"):
        Hnsw.load(tmp_path / "w.kin")


@pytest.mark.parametrize(
    "options",
    [
        {"M": 1},
        {"M": 2.5},
        {"ef_construction": 0},
        {"ef_search": -1},
        {"codes": "float16"},
        {"codes": "float32", "dtype": "float16"},
        {"metric": "manhattan"},
    ],
)
def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as raised:
        Hnsw(DIM, **options)
    assert raised.value.remedy


def test_a_walk_of_no_width(rng: np.random.Generator) -> None:
    index = Hnsw(DIM, exact_below=0)
    index.add(rng.standard_normal((500, DIM)))
    index.ef_search = 0
    with pytest.raises(InvalidParameter, match="ef_search"):
        index.search(np.ones(DIM))
