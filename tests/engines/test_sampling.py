"""Subsampling, noise and Huffman trees against their formulas."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kinspace.engines import sampling
from kinspace.engines.sampling import Paths, alias, grown, huffman, keep_limits


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
    nodes, _, starts = huffman(counts)
    assert (counts * np.diff(starts)).sum() == shortest(counts.tolist())
    assert chances(rng, huffman(counts)).sum() == pytest.approx(1)
    assert set(nodes[starts[:-1]].tolist()) == {n - 2}  # all paths begin at the root
    assert len({tuple(path) for path in paths_of(huffman(counts))}) == n


def paths_of(tree: Paths) -> list[list[tuple[int, float]]]:
    """The nodes and turns of each word."""
    turns = list(zip(tree.nodes.tolist(), tree.labels.tolist(), strict=True))
    return [turns[a:b] for a, b in itertools.pairwise(tree.starts)]


def chances(rng: np.random.Generator, tree: Paths) -> np.ndarray:
    """The chance of each word, by random vectors of the nodes."""
    right = 1 / (1 + np.exp(rng.standard_normal(tree.nodes.max(initial=0) + 1)))
    return np.array(
        [
            np.prod([1 - right[node] if left else right[node] for node, left in path])
            for path in paths_of(tree)
        ]
    )


def test_the_only_word_has_no_path() -> None:
    assert paths_of(huffman(np.array([3]))) == [[]]


@pytest.mark.parametrize("new", [0, 1, 2, 30])
def test_a_tree_grows_beside_what_is_there(rng: np.random.Generator, new: int) -> None:
    counts = rng.integers(0, 50, 20)
    tree = huffman(counts)
    larger = grown(tree, rng.integers(0, 9, new))
    assert len(larger.starts) == 21 + new
    assert set(larger.nodes.tolist()) == set(range(19 + new))
    assert chances(rng, larger).sum() == pytest.approx(1)
    root = [(18 + new, 1.0)] if new else []
    assert [root + path for path in paths_of(tree)] == paths_of(larger)[:20]
    again = grown(larger, rng.integers(0, 9, 7))
    assert chances(rng, again).sum() == pytest.approx(1)


def test_plain_and_compiled_agree(rng: np.random.Generator, monkeypatch: Any) -> None:
    counts = rng.zipf(1.5, 300).clip(max=10**9)
    native = [alias(counts**0.75), *huffman(counts)]

    def as_it_is(function: Callable[..., None], *, exact: bool) -> Callable[..., None]:
        return function

    monkeypatch.setattr(sampling, "compiled", as_it_is)
    for a, b in zip(native, [alias(counts**0.75), *huffman(counts)], strict=True):
        np.testing.assert_array_equal(a, b)
