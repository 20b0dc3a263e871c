"""Subsampling, noise and Huffman trees against their formulas."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest

from kinspace.engines.sampling import alias, huffman, keep_limits


def test_keep_limits_are_the_formula() -> None:
    counts = np.array([500_000, 100_000, 3000, 10])
    share = counts / counts.sum()
    chance = np.minimum(np.sqrt(1e-3 / share) + 1e-3 / share, 1)
    np.testing.assert_allclose(keep_limits(counts, 1e-3) / 2**32, chance, atol=1e-8)
    assert keep_limits(counts, 1e-3)[-1] == keep_limits(counts, 0)[0] == 2**32 - 1


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_alias_tables_are_exact(rng: np.random.Generator, n: int) -> None:
    weights = rng.random(n) ** 8
    packed = alias(weights)
    own, others = (packed >> np.uint64(32)) / 2**32, (packed & np.uint64(2**32 - 1)).astype(int)
    found = (own + np.bincount(others, 1 - own, n)) / n
    np.testing.assert_allclose(found, weights / weights.sum(), atol=2e-9)


def test_alias_of_words_that_never_come() -> None:
    packed = alias(np.array([0.0, 1, 0, 3]))
    assert set(packed[[0, 2]].tolist()) <= {1, 3}  # limit 0, another word


def shortest(counts: list[int]) -> int:
    """The least possible sum of count times path length, by a heap."""
    heap, total = sorted(counts), 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total


@pytest.mark.parametrize("n", [2, 3, 10, 500])
def test_huffman_is_optimal_and_a_tree(rng: np.random.Generator, n: int) -> None:
    counts = rng.zipf(1.5, n).clip(max=10**9)
    nodes, labels, starts = huffman(counts)
    assert (counts * np.diff(starts)).sum() == shortest(counts.tolist())
    vectors, hidden = rng.standard_normal((n - 1, 8)), rng.standard_normal(8)
    right = 1 / (1 + np.exp(vectors @ hidden))
    chosen = np.where(labels == 1, 1 - right[nodes], right[nodes])
    assert np.multiply.reduceat(chosen, starts[:-1]).sum() == pytest.approx(1)
    assert set(nodes[starts[:-1]].tolist()) == {n - 2}  # all paths begin at the root
    paths = {
        tuple(zip(nodes[a:b].tolist(), labels[a:b].tolist(), strict=True))
        for a, b in itertools.pairwise(starts)
    }
    assert len(paths) == n
