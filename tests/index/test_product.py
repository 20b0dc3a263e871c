"""Product codes: what they take, what rotating gains, and parts of any number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.index.ivf_product import IvfProduct
from kinspace.index.product import Product

DIM, COUNT = 24, 3000


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Numbers that go together, in an order in which parts are no good: few directions matter."""
    rng = np.random.default_rng(3)
    hidden = rng.standard_normal((COUNT, DIM)) * (0.75 ** np.arange(DIM))
    return (hidden @ np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]).astype(np.float32)


def recall(index: Any, vectors: np.ndarray) -> float:
    index.add(vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = np.argsort(-(unit[:100] @ unit.T), axis=1)[:, :10]
    found = index.search(vectors[:100], k=10).ids
    pairs = zip(truth.tolist(), found.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) for a, b in pairs]) / 10)


@pytest.mark.parametrize(("parts", "size"), [(None, 6), (24, 12), (6, 3), (4, 2)])
def test_a_part_takes_four_bits(parts: int | None, size: int, vectors: np.ndarray) -> None:
    index = Product(DIM, subquantizers=parts)
    index.add(vectors)
    blocks = -(-COUNT // 32) * 32
    assert index.stats().parts["codes"] == blocks * size


@pytest.mark.parametrize("parts", [1, 5, 7, 23, 24, 100])
def test_any_number_of_parts(parts: int, vectors: np.ndarray) -> None:
    for kind in (Product, IvfProduct):
        for rotate in (False, True):
            options = {"subquantizers": parts, "rotate": rotate, "candidates": 1500}
            index = kind(DIM, exact_below=0, **options)
            assert recall(index, vectors[:2000]) >= (0.75 if parts == 1 else 0.95)


def test_rotating_gains_where_parts_are_few(vectors: np.ndarray) -> None:
    plain, rotated = (
        recall(Product(DIM, subquantizers=6, rotate=rotate, candidates=20, exact_below=0), vectors)
        for rotate in (False, True)
    )
    assert rotated > plain + 0.03


def test_what_is_left_of_tight_cells_is_coded_better() -> None:
    rng = np.random.default_rng(4)
    centres = 10 * rng.standard_normal((20, DIM))
    rows = (centres[rng.integers(0, 20, COUNT)] + 0.1 * rng.standard_normal((COUNT, DIM))).astype(
        np.float32
    )
    options: dict[str, Any] = {"nlist": 100, "nprobe": 4, "candidates": 15, "exact_below": 0}
    whole, rest = (IvfProduct(DIM, "euclidean", residual=r, **options) for r in (False, True))
    truth = [np.argsort(((row - rows) ** 2).sum(1))[:10] for row in rows[:60]]
    hits = []
    for index in (whole, rest):
        index.add(rows)
        found = index.search(rows[:60], k=10).ids
        hits.append(np.mean([len(set(a) & set(b)) for a, b in zip(truth, found, strict=True)]))
    assert hits[1] > hits[0] + 1
