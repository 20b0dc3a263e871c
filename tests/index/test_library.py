"""What indexes made by FAISS share: threads put back, filters, samples, and bytes."""

from __future__ import annotations

import threading

import faiss
import numpy as np
import pytest

from kinspace.index.library import leave_cells, packed, sample, selector, threads_for, unpacked


def test_threads_are_put_back() -> None:
    before = faiss.omp_get_max_threads()
    for rows, threads, expected in ((1, None, 1), (9, None, before), (9, 3, 3), (1, 3, 1)):
        with threads_for(np.zeros((rows, 2)), threads):
            assert faiss.omp_get_max_threads() == expected
        assert faiss.omp_get_max_threads() == before
    with pytest.raises(ZeroDivisionError), threads_for(np.zeros((9, 2)), before + 1):
        raise ZeroDivisionError
    assert faiss.omp_get_max_threads() == before


def test_searches_side_by_side_do_not_change_each_others_threads() -> None:
    seen = []
    with threads_for(np.zeros((9, 2)), 3):
        other = threading.Thread(target=lambda: seen.append(faiss.omp_get_max_threads()))
        other.start()
        other.join()
        with threads_for(np.zeros((1, 2))):
            seen.append(faiss.omp_get_max_threads())
        seen.append(faiss.omp_get_max_threads())
    assert seen[1:] == [1, 3]
    assert seen[0] != 3 or faiss.omp_get_max_threads() == 3


def test_a_filter_of_any_length() -> None:
    rows = np.random.default_rng(0).standard_normal((21, 4)).astype(np.float32)
    index = faiss.IndexFlatL2(4)
    index.add(rows)
    usable = np.arange(21) % 5 == 0
    parameters = faiss.SearchParameters(sel=selector(usable))
    assert set(index.search(rows[:1], 5, params=parameters)[1][0]) == {0, 5, 10, 15, 20}


def test_a_sample_is_drawn_once_each_and_in_order() -> None:
    rows = np.arange(100, dtype=np.float32).reshape(100, 1)
    drawn = sample(rows, 30, seed=1)
    assert len(np.unique(drawn)) == 30
    assert (np.diff(drawn[:, 0]) > 0).all()
    np.testing.assert_array_equal(drawn, sample(rows, 30, seed=1))
    assert (drawn != sample(rows, 30, seed=2)).any()
    assert sample(rows, 100, seed=1) is rows


@pytest.mark.parametrize("code", ["PQ14x4fs", "PQ7x4fsr", "SQ8"])
def test_what_takes_the_place_of_what_was_removed_is_found(code: str) -> None:
    rows = np.random.default_rng(0).standard_normal((700, 14)).astype(np.float32)
    index = faiss.index_factory(14, f"IVF6,{code}")
    index.train(rows)
    index.add(rows)
    before = index.search(rows, 20, params=faiss.SearchParametersIVF(nprobe=6))
    for start in (0, 3, 60):
        gone = np.arange(start, start + 100)
        leave_cells(index, faiss.IDSelectorBatch(gone))
        assert index.ntotal == 600
        index.add_with_ids(rows[gone], gone)
    after = index.search(rows, 20, params=faiss.SearchParametersIVF(nprobe=6))
    np.testing.assert_allclose(before[0], after[0], rtol=1e-4, atol=1e-4)


def test_bytes_of_another_kind_are_refused() -> None:
    flat = faiss.IndexFlatL2(4)
    assert unpacked(packed(flat), "IndexFlat").d == 4
    with pytest.raises(ValueError, match="IndexFlatL2"):
        unpacked(packed(flat), "IndexIVF")
    with pytest.raises(ValueError, match="cannot read"):
        unpacked(packed(flat)[:9], "IndexFlat")
