"""That intervals cover and tests do not cry wolf, on systems whose truth is known.

A smaller form of bench/evaluate_statistics.py, with bounds as wide as its few systems need: of 400
intervals that cover 95 times out of 100, 93 to 97 would be missed by chance alone now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics import STATISTICS
from kinspace.evaluate.statistics import compare, interval

Rng = np.random.Generator
SYSTEMS = 400


def queries(rng: Rng, n: int) -> Iterator[tuple[Sample, float]]:
    for _ in range(SYSTEMS):
        nothing, everything, between = rng.dirichlet([1, 1, 2])
        kind = rng.choice(3, n, p=[nothing, everything, between])
        values = np.choose(kind, [np.zeros(n), np.ones(n), rng.beta(2, 1, n)])
        yield Sample("mean", {"values": values}), everything + between * 2 / 3


def correlations(rng: Rng, n: int) -> Iterator[tuple[Sample, float]]:
    for _ in range(SYSTEMS):
        rho = rng.uniform(0.2, 0.9)
        gold, noise = rng.normal(size=(2, n))
        predicted = np.exp(rho * gold + np.sqrt(1 - rho**2) * noise)
        # the Spearman of a bivariate normal distribution (Pearson 1907)
        true = 6 / np.pi * np.arcsin(rho / 2)
        yield Sample("spearman", {"predicted": predicted, "gold": gold}), true


def clusterings(rng: Rng, n: int) -> Iterator[tuple[Sample, float]]:
    table = np.full((6, 6), 0.4 / 36) + np.diag(np.full(6, 0.1))
    drawn = rng.choice(36, (3000 + SYSTEMS, n), p=table.ravel())
    true = float(STATISTICS["v_measure"](drawn[SYSTEMS:] // 6, drawn[SYSTEMS:] % 6).mean())
    for row in drawn[:SYSTEMS]:
        yield Sample("v_measure", {"assigned": row // 6, "gold": row % 6}), true


@pytest.mark.parametrize(
    ("systems", "n"),
    [(queries, 20), (queries, 50), (queries, 300), (correlations, 100), (clusterings, 200)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_true_figure_is_in_the_interval(
    systems: Callable[[Rng, int], Iterator[tuple[Sample, float]]], n: int, rng: Rng
) -> None:
    covered = 0
    for given, true in systems(rng, n):
        found = interval(given)
        covered += found.low <= true <= found.high
    assert 0.92 <= covered / SYSTEMS <= 0.98


def equal_queries(rng: Rng, n: int) -> Iterator[tuple[Sample, Sample]]:
    for _ in range(SYSTEMS):
        mean = rng.uniform(0.2, 0.8)
        hard = rng.random(n)
        a = (hard < mean).astype(np.float64)
        b = np.where(rng.random(n) < 0.5, hard < mean, rng.beta(4 * mean, 4 * (1 - mean), n))
        yield Sample("mean", {"values": a}), Sample("mean", {"values": b})


def equal_correlations(rng: Rng, n: int) -> Iterator[tuple[Sample, Sample]]:
    for _ in range(SYSTEMS):
        gold, shared, *own = rng.normal(size=(4, n))
        a, b = (gold + shared + noise for noise in own)
        yield (
            Sample("spearman", {"predicted": a, "gold": gold}),
            Sample("spearman", {"predicted": np.exp(b), "gold": gold}),
        )


@pytest.mark.parametrize(
    ("pairs", "n"),
    [(equal_queries, 50), (equal_queries, 225), (equal_correlations, 100)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_equal_systems_are_seldom_called_different(
    pairs: Callable[[Rng, int], Iterator[tuple[Sample, Sample]]], n: int, rng: Rng
) -> None:
    called = sum(compare(a, b, draws=1000).p <= 0.05 for a, b in pairs(rng, n))
    assert 0.02 <= called / SYSTEMS <= 0.08
