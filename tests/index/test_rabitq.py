"""RaBitQ: more bits find more, and the estimates hold where numbers are many."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.index.rabitq import RaBitQ

DIM, COUNT = 200, 3000


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Vectors of which a few numbers are far larger than all others: bits need the rotation."""
    rows = np.random.default_rng(1).standard_normal((COUNT, DIM))
    rows[:, :10] *= 20
    return rows.astype(np.float32)


def found_share(index: RaBitQ, vectors: np.ndarray) -> float:
    index.add(vectors)
    truth = np.argsort([((v - vectors) ** 2).sum(1) for v in vectors[:100]], axis=1)[:, :10]
    found = index.search(vectors[:100], k=10).ids
    pairs = zip(truth.tolist(), found.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) for a, b in pairs]) / 10)


def test_more_bits_find_more(vectors: np.ndarray) -> None:
    options = {"nlist": 1, "candidates": 12, "exact_below": 0}
    found = [found_share(RaBitQ(DIM, "euclidean", bits=b, **options), vectors) for b in (1, 2, 4)]
    assert found[0] < found[1] < found[2]
    assert found[2] >= 0.97


def test_a_bit_a_number_and_the_length(vectors: np.ndarray) -> None:
    sizes = []
    for bits in (1, 4):
        index = RaBitQ(DIM, bits=bits)
        index.add(vectors)
        sizes.append(index.stats().parts["codes"] / COUNT)
    assert DIM / 8 < sizes[0] <= DIM / 8 + 12
    assert DIM / 2 < sizes[1] <= DIM / 2 + 28


def test_one_cell_or_many(vectors: np.ndarray) -> None:
    assert found_share(RaBitQ(DIM, "euclidean", nlist=1, exact_below=0), vectors) >= 0.95
    probed = RaBitQ(DIM, "euclidean", nlist=40, nprobe=40, exact_below=0)
    assert found_share(probed, vectors) >= 0.95
