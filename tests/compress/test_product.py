"""Product quantisation: near to the table, exact where it can be."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from kinspace.compress.product import ProductTable


@pytest.mark.parametrize("norms", [False, True])
@pytest.mark.parametrize("width", [2, 3])
def test_near_and_small(rng: np.random.Generator, width: int, norms: bool) -> None:
    table = rng.standard_normal((3000, 16)).astype(np.float32) * rng.random((3000, 1), np.float32)
    small = ProductTable.of(table, width=width, norms=norms)
    found = small.take(np.arange(3000))
    lengths = np.linalg.norm(table, axis=1)
    cosines = (found * table).sum(axis=1) / lengths / np.linalg.norm(found, axis=1)
    assert np.average(cosines, weights=lengths) > (0.985 if width == 2 else 0.93)
    assert small.nbytes < table.nbytes / 3
    assert len(small) == 3000
    if norms:
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), lengths, rtol=0.4, atol=0.02)


def test_few_rows_are_exact(rng: np.random.Generator) -> None:
    table = rng.standard_normal((200, 5)).astype(np.float32)
    np.testing.assert_array_equal(ProductTable.of(table).take(np.arange(200)), table)


def test_as_near_as_faiss(rng: np.random.Generator) -> None:
    table = rng.standard_normal((4000, 8)).astype(np.float32)
    rival = faiss.ProductQuantizer(8, 4, 8)
    rival.train(table)
    theirs = np.square(rival.decode(rival.compute_codes(table)) - table).mean()
    ours = np.square(ProductTable.of(table).take(np.arange(4000)) - table).mean()
    assert ours < theirs * 1.05
