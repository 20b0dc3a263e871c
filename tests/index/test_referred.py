"""Indexes of other forms than dense refer to a table, and hold no copy of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import DimensionMismatch, InvalidInput, InvalidParameter
from kinspace.index import Exact, MultiCentroids, MultiExact, SparseExact, SparseInverted
from kinspace.index.held_multi import MultiRows
from kinspace.index.held_sparse import SparseRows

COUNT, DIM = 300, 16


def sparse_table(count: int = COUNT, dim: int = 50) -> SparseRows:
    """Rows of five numbers, each beside its dimension, as a collection keeps them."""
    random = np.random.default_rng(0)
    units = np.empty(5 * count, [("place", "<i4"), ("value", "<f4")])
    places = [np.sort(random.choice(dim, 5, replace=False)) for _ in range(count)]
    units["place"], units["value"] = np.concatenate(places), random.random(5 * count)
    return SparseRows(units["value"], units["place"], np.arange(count + 1) * 5, dim)


def multi_table(count: int = COUNT) -> MultiRows:
    values = np.random.default_rng(0).standard_normal((3 * count, DIM)).astype(np.float16)
    return MultiRows(values, np.arange(count + 1) * 3)


def answers(index: Any, table: Any) -> Any:
    rows = [table[i : i + 1] for i in range(0, len(table), 7)]
    if isinstance(table, SparseRows):
        return [index.search(row.csr(), k=5).ids[0].tolist() for row in rows]
    return [index.search(row.values[None], k=5).ids[0].tolist() for row in rows]


@pytest.mark.parametrize("form", ["sparse", "multi"])
def test_it_finds_what_exact_search_finds_also_when_it_is_read_again(
    form: str, tmp_path: Path
) -> None:
    if form == "sparse":
        table: Any = sparse_table()
        index: Any = SparseInverted(table.dim, "dot", exact_below=0)
        exact: Any = SparseExact(table.dim, "dot")
    else:
        table = multi_table()
        given = {"dtype": "float16", "candidates": COUNT, "nprobe": 1000, "exact_below": 0}
        index = MultiCentroids(DIM, "dot", **given)
        exact = MultiExact(DIM, "dot", dtype="float16")
    exact.refer(table)
    index.refer(table[:200])
    index.refer(table)
    assert len(index) == COUNT
    wanted = answers(exact, table)
    assert answers(index, table) == wanted
    index.save(tmp_path / "referred.index", vectors=False)
    again = type(index).load(tmp_path / "referred.index", table)
    assert answers(again, table) == wanted
    assert np.shares_memory(next(iter(again._held.arrays().values())), next(_arrays(table)))


def _arrays(table: Any) -> Any:
    yield table.data if isinstance(table, SparseRows) else table.values


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DimensionMismatch):
        SparseInverted(51, "dot").refer(sparse_table())
    with pytest.raises(DimensionMismatch):
        MultiCentroids(DIM + 1, "dot", dtype="float16").refer(multi_table())
    with pytest.raises(InvalidParameter, match="float16"):
        MultiCentroids(DIM, "dot").refer(multi_table())
    with pytest.raises(InvalidParameter):
        Exact(DIM, "dot", dtype="int8").refer(np.zeros((3, DIM), np.float32))
    table = sparse_table()
    table.indices[7] = 50
    with pytest.raises(InvalidInput):
        SparseInverted(50, "dot").refer(table)
