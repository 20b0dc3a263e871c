"""What an index holds: rows that grow, that are kept in fewer bits, that lie on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import DimensionMismatch, InvalidParameter, InvalidVectors
from kinspace.index.held import DenseHeld, Held
from kinspace.index.held_small import BitsHeld, Int8Held
from kinspace.metric import METRICS, Metric, normalise, scores

DIM = 20


def kinds(metric: Any) -> list[Held]:
    made: list[Held] = [DenseHeld(DIM, metric), DenseHeld(DIM, metric, "float16")]
    return [*made, Int8Held(DIM, metric), *([BitsHeld(DIM, metric)] if metric == "hamming" else [])]


def rows_for(metric: str, count: int, seed: int = 0) -> np.ndarray:
    """Whole numbers, which all but bits can keep as they are."""
    rng = np.random.default_rng(seed)
    return rng.integers(-9, 10, (count, DIM)).astype(np.float32) + (metric == "cosine")


@pytest.mark.parametrize("metric", METRICS)
def test_scores_by_slices_and_places(metric: Metric, rng: np.random.Generator) -> None:
    rows, queries = rows_for(metric, 250), rows_for(metric, 30, seed=1)
    for held in kinds(metric):
        for start in range(0, 250, 40):  # in pieces, so that there is more room than rows
            held.append(held.prepared(rows[start : start + 40]))
        assert len(held) == 250
        asked = held.prepared(queries)
        truth = scores(queries, rows, metric)
        if isinstance(held, BitsHeld):
            truth = scores(np.sign(queries).clip(0), np.sign(rows).clip(0), metric)
        close = 0.02 if isinstance(held, Int8Held) else 2e-3
        close *= 1 if metric == "cosine" else 1e-3 * np.abs(truth).max()
        whole = held.scores(asked, slice(0, 250))
        assert whole.dtype == np.float32
        np.testing.assert_allclose(whole, truth, atol=close)
        places = rng.permutation(250)[:60]
        np.testing.assert_allclose(held.scores(asked, places), whole[:, places], atol=1e-5)
        np.testing.assert_allclose(
            held.scores(asked, slice(7, 99)), whole[:, 7:99], rtol=1e-5, atol=1e-5
        )
        assert held.scores(asked, slice(5, 5)).shape == (30, 0)
        assert held.scores(asked, places[:0]).shape == (30, 0)
        assert held.scores(asked[:0], places).shape == (0, 60)
        assert held.scores(asked, slice(0, 10**9)).shape == (30, 250)


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_taken_may_be_held_again(metric: Metric) -> None:
    rows = rows_for(metric, 100) * 1.7 if metric != "hamming" else rows_for(metric, 100)
    for held in kinds(metric):
        held.append(held.prepared(rows))
        again, restored = held.emptied(), held.emptied()
        assert (len(again), again.nbytes, type(again)) == (0, 0, type(held))
        again.append(held.take(np.arange(0, 100, 2)))
        again.append(held.take(slice(1, 100, 2)))
        restored.restore(held.arrays())
        assert restored.nbytes == held.nbytes == again.nbytes
        asked = held.prepared(rows[:9])
        wanted = held.scores(asked, slice(0, 100))
        order = [*range(0, 100, 2), *range(1, 100, 2)]
        np.testing.assert_allclose(
            again.scores(asked, slice(0, 100)), wanted[:, order], rtol=1e-6, atol=1e-6
        )
        np.testing.assert_array_equal(restored.scores(asked, slice(0, 100)), wanted)
        restored.append(held.take(slice(0, 3)))  # grows by itself, not by what it came from
        assert (len(restored), len(held)) == (103, 100)


def test_bytes_of_a_row() -> None:
    sizes = [4 * DIM, 2 * DIM, DIM + 4, 8]
    for held, size in zip(kinds("hamming"), sizes, strict=True):
        held.append(held.prepared(rows_for("hamming", 70)))
        assert held.nbytes == 70 * size == sum(a.nbytes for a in held.arrays().values())


def test_what_is_read_stays_as_it_was_while_more_comes() -> None:
    held = DenseHeld(DIM, "dot")
    held.append(rows_for("dot", 50))
    seen = held.table
    before = seen.copy()
    for seed in range(5):
        held.append(rows_for("dot", 40, seed))
    np.testing.assert_array_equal(seen, before)
    np.testing.assert_array_equal(held.table[:50], before)


def test_a_table_on_disk_is_not_copied(tmp_path: Path) -> None:
    rows = normalise(rows_for("cosine", 100))
    np.save(tmp_path / "t.npy", rows)
    table = np.load(tmp_path / "t.npy", mmap_mode="r")
    held = DenseHeld(DIM, "cosine")
    held.refer(table)
    assert np.shares_memory(held.table, table)
    assert held.scores(rows[:3], slice(0, 100)).argmax(axis=1).tolist() == [0, 1, 2]
    held.append(rows[:2])  # now it is held in memory, and the file is left alone
    assert len(held) == 102
    np.testing.assert_array_equal(np.load(tmp_path / "t.npy"), rows)


def test_tables_of_another_form() -> None:
    held = DenseHeld(DIM, "dot", "float16")
    for table, error in (
        (np.ones((3, DIM), np.float32), InvalidParameter),
        (np.ones((3, DIM + 1), np.float16), DimensionMismatch),
        (np.ones(DIM, np.float16), DimensionMismatch),
    ):
        with pytest.raises(error) as raised:
            held.refer(table)
        assert raised.value.remedy
        with pytest.raises(error):
            held.restore({"vectors": table})
    for dtype in ("float64", "int8", "f4", ""):
        with pytest.raises(InvalidParameter):
            DenseHeld(DIM, "dot", dtype)
    small = Int8Held(DIM, "dot")
    bits = BitsHeld(DIM, "hamming")
    for wrong in (
        {"codes": np.zeros((3, DIM), np.int8), "scales": np.ones(2, np.float32)},
        {"codes": np.zeros((3, DIM), np.uint8), "scales": np.ones(3, np.float32)},
        {"codes": np.zeros((3, 2), np.int8), "scales": np.ones(3, np.float32)},
    ):
        with pytest.raises(InvalidParameter):
            small.restore(wrong)
    for words in (np.zeros((3, 2), np.uint64), np.zeros((3, 1), np.int64), np.zeros(3, np.uint64)):
        with pytest.raises(InvalidParameter):
            bits.restore({"words": words})
    with pytest.raises(InvalidParameter, match="cosine"):
        BitsHeld(DIM, "cosine")


def test_rows_are_at_most_half_a_step_off(rng: np.random.Generator) -> None:
    rows = rng.standard_normal((200, DIM)).astype(np.float32)
    held = Int8Held(DIM, "dot")
    held.append(held.prepared(rows))
    off = np.abs(held.take(slice(0, 200)) - rows)
    assert (off <= np.abs(rows).max(axis=1, keepdims=True) / 254 * 1.001).all()


def test_numbers_that_half_precision_cannot_hold() -> None:
    held = DenseHeld(2, "dot", "float16")
    assert held.prepared([[1.0, 65504.0]]).tolist() == [[1.0, 65504.0]]
    with pytest.raises(InvalidVectors, match="float16") as raised:
        held.prepared([[1.0, 65536.0]])
    assert raised.value.remedy
    long = DenseHeld(2, "cosine", "float16").prepared([[3e9, 4e9]])
    np.testing.assert_allclose(long, [[0.6, 0.8]])


def test_hamming_compares_what_is_kept_with_what_would_be() -> None:
    held = DenseHeld(3, "hamming", "float16")
    held.append(held.prepared([[0.1, 0.2, 7]]))
    assert held.scores(held.prepared([[0.1, 0.2, 8]]), slice(0, 1)).tolist() == [[-1.0]]
