"""Whether the intervals and tests of `kinspace.evaluate.statistics` hold what they promise.

    python bench/evaluate_statistics.py               # all, 1,000 systems and more each: 5 minutes
    python bench/evaluate_statistics.py --size 100    # a look; writes nothing

Systems are simulated, so that the truth about them is known. An interval of 95 % must have the true
figure in it 93 to 97 times out of a hundred. Of two systems that are equally good, a paired test at
.05 may call 3 to 7 pairs out of a hundred different.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np
from common import Target, machine, show, show_targets, versions, write
from numpy.typing import NDArray

from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics import STATISTICS
from kinspace.evaluate.statistics import compare, interval

Rng = np.random.Generator
Known = Iterator[tuple[Sample, float]]  # what a system did on a set, and its true figure
Equal = Iterator[tuple[Sample, Sample]]  # two systems of the same true figure


# -- systems whose true figure is known --------------------------------------------------------


def queries(n: int, rng: Rng) -> Known:
    """Figures such as nDCG: some 0, some 1, others between; in another mixture each system."""
    while True:
        nothing, everything, between = rng.dirichlet([1, 1, 2])
        a, b = rng.uniform(0.5, 4, 2)
        kind = rng.choice(3, n, p=[nothing, everything, between])
        values = np.choose(kind, [np.zeros(n), np.ones(n), rng.beta(a, b, n)])
        yield Sample("mean", {"values": values}), everything + between * a / (a + b)


def graded_pairs(n: int, rho: float, rng: Rng) -> dict[str, NDArray[Any]]:
    """Similarities as people give them, 0 to 5 in steps of .2, and a system's to go with them."""
    meant, noise = rng.normal(size=(2, n))
    gold = np.clip(np.round((1.2 * meant + 2.6) * 5) / 5, 0, 5)
    return {"predicted": rho * meant + np.sqrt(1 - rho**2) * noise, "gold": gold}


def correlations(n: int, rng: Rng) -> Known:
    """Spearman of .2 to .9; the truth is that of two million pairs."""
    systems = [
        (rho, float(STATISTICS["spearman"](**graded_pairs(2_000_000, rho, rng))))
        for rho in np.linspace(0.2, 0.9, 8)
    ]
    for rho, true in cycle(systems):
        yield Sample("spearman", graded_pairs(n, rho, rng)), true


def paraphrases(n: int, rng: Rng) -> Known:
    """Average precision of two normal distributions of scores, from far apart to nearly one."""
    from scipy.stats import norm

    systems = [(apart, share) for apart in (0.5, 1, 1.5, 2, 3) for share in (0.2, 0.5, 0.67)]
    for apart, share in cycle(systems):
        labels = (rng.random(n) < share).astype(np.int64)
        scores = rng.normal(size=n) + apart * labels
        grid = np.linspace(-8, 12, 20_001)
        recall, wrong = norm.sf(grid - apart), norm.sf(grid)
        found = share * recall / (share * recall + (1 - share) * wrong)
        true = float(np.sum((found[1:] + found[:-1]) / 2 * -np.diff(recall)))
        yield Sample("average_precision", {"scores": scores, "labels": labels}), true


def clusterings(n: int, rng: Rng, statistic: str = "v_measure") -> Known:
    """Clusters that follow 5 or 20 classes more or less; the truth is the mean over 2,000 sets."""
    systems = []
    for k in (5, 20):
        for pure in (0.3, 0.6, 0.9):
            table = np.full((k, k), (1 - pure) / k**2) + np.diag(np.full(k, pure / k))
            table = (table * rng.gamma(2, size=(k, k))).ravel()
            table /= table.sum()
            drawn = rng.choice(k * k, (2000, n), p=table)
            true = STATISTICS[statistic](drawn // k, drawn % k).mean()
            systems.append((k, table, float(true)))
    for k, table, true in cycle(systems):
        drawn = rng.choice(k * k, n, p=table)
        yield Sample(statistic, {"assigned": drawn // k, "gold": drawn % k}), true


# -- pairs of systems that are equally good ----------------------------------------------------


def equal_queries(n: int, rng: Rng) -> Equal:
    """In turn two systems that find the same queries hard, and two of quite another kind."""
    while True:
        hard, own = rng.normal(size=n), rng.normal(size=(2, n))
        smooth = 1 / (1 + np.exp(-3 * (hard + own + rng.normal() * 0.5)))
        values = np.where(smooth < 0.15, 0, np.where(smooth > 0.8, 1, smooth))
        yield _means(*values)
        mean = rng.uniform(0.2, 0.8)
        all_or_nothing = (rng.random(n) < mean).astype(np.float64)
        yield _means(all_or_nothing, rng.beta(8 * mean, 8 * (1 - mean), n))


def _means(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[Sample, Sample]:
    return Sample("mean", {"values": a}), Sample("mean", {"values": b})


def equal_correlations(n: int, rng: Rng) -> Equal:
    """Two systems that err partly alike, each on a scale of its own."""
    while True:
        rho, alike = rng.uniform(0.3, 0.9), rng.uniform(0, 0.9)
        meant, shared, *own = rng.normal(size=(4, n))
        gold = np.clip(np.round((1.2 * meant + 2.6) * 5) / 5, 0, 5)
        errors = [np.sqrt(alike) * shared + np.sqrt(1 - alike) * each for each in own]
        a, b = (rho * meant + np.sqrt(1 - rho**2) * error for error in errors)
        yield (
            Sample("spearman", {"predicted": a, "gold": gold}),
            Sample("spearman", {"predicted": np.exp(3 * b), "gold": gold}),
        )


def equal_paraphrases(n: int, rng: Rng, statistic: str = "average_precision") -> Equal:
    """Two systems that err partly alike."""
    while True:
        labels = (rng.random(n) < 0.4).astype(np.int64)
        shared, *own = rng.normal(size=(3, n))
        apart = rng.uniform(0.5, 2.5)
        a, b = (apart * labels + 0.6 * shared + 0.8 * each for each in own)
        yield (
            Sample(statistic, {"scores": a, "labels": labels}),
            Sample(statistic, {"scores": b, "labels": labels}),
        )


def equal_clusterings(n: int, rng: Rng) -> Equal:
    """Two systems that put the same share of items into the right one of ten clusters."""
    while True:
        gold, pure = rng.integers(0, 10, n), rng.uniform(0.3, 0.8)
        found = np.where(rng.random((2, n)) < pure, gold, rng.integers(0, 10, (2, n)))
        a, b = (Sample("v_measure", {"assigned": one, "gold": gold}) for one in found)
        yield a, b


# -- what is measured --------------------------------------------------------------------------

# What is simulated, of how many items, and how many times --size systems: means take no time.
KNOWN: dict[str, tuple[Callable[[int, Rng], Known], int, int]] = {
    "mean of 50 queries": (queries, 50, 5),
    "mean of 225 queries": (queries, 225, 5),
    "mean of 300 queries": (queries, 300, 5),
    "Spearman of 300 pairs": (correlations, 300, 1),
    "Spearman of 1,379 pairs": (correlations, 1379, 1),
    "average precision of 1,000 pairs": (paraphrases, 1000, 1),
    "V-measure of 500 texts": (clusterings, 500, 1),
}
EQUAL: dict[str, tuple[Callable[[int, Rng], Equal], int, int]] = {
    "mean of 50 queries": (equal_queries, 50, 5),
    "mean of 225 queries": (equal_queries, 225, 5),
    "mean of 300 queries": (equal_queries, 300, 5),
    "Spearman of 300 pairs": (equal_correlations, 300, 1),
    "average precision of 300 pairs": (equal_paraphrases, 300, 1),
    "V-measure of 500 texts": (equal_clusterings, 500, 1),
}


def coverage(size: int, seed: int) -> list[dict[str, Any]]:
    """How often the true figure is in the interval."""
    rows = []
    for what, (systems, n, times) in KNOWN.items():
        number = times * size
        start, above, below, widths = time.perf_counter(), 0, 0, []
        for given, true in islice(systems(n, np.random.default_rng([seed, n])), number):
            found = interval(given)
            above += true > found.high
            below += true < found.low
            widths.append(found.high - found.low)
        rows.append(
            {
                "what": what,
                "systems": number,
                "covered": float(1 - (above + below) / number),
                "true_above": float(above / number),
                "true_below": float(below / number),
                "mean_width": float(np.mean(widths)),
                "seconds": round(time.perf_counter() - start, 1),
            }
        )
        print(f"{what}: {rows[-1]['covered']:.3f} covered", flush=True)
    return rows


def false_positives(size: int, seed: int) -> list[dict[str, Any]]:
    """How often equal systems are called different."""
    rows = []
    for what, (pairs, n, times) in EQUAL.items():
        number = times * size
        start, called, covered, detectable = time.perf_counter(), 0, 0, []
        for a, b in islice(pairs(n, np.random.default_rng([seed, n])), number):
            found = compare(a, b)
            called += found.p <= 0.05
            covered += found.low <= 0 <= found.high
            detectable.append(found.detectable)
        rows.append(
            {
                "what": what,
                "pairs": number,
                "called_different": float(called / number),
                "zero_in_interval": float(covered / number),
                "mean_detectable": float(np.mean(detectable)),
                "seconds": round(time.perf_counter() - start, 1),
            }
        )
        print(f"{what}: {rows[-1]['called_different']:.3f} called different", flush=True)
    return rows


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1000, help="systems, and pairs of them, each")
    parser.add_argument("--seed", type=int, default=6)
    given = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "versions": versions("numpy", "scipy")}
    result |= {"seed": given.seed, "confidence": 0.95, "level": 0.05}
    covered = coverage(given.size, given.seed)
    called = false_positives(given.size, given.seed)
    for rows in (covered, called):
        print()
        show(list(rows[0]), [list(row.values()) for row in rows])
    targets = [
        Target(f"coverage, {row['what']}", bound, row["covered"], at_least)
        for row in covered
        for bound, at_least in ((0.93, True), (0.97, False))
    ] + [
        Target(f"false positives, {row['what']}", bound, row["called_different"], at_least)
        for row in called
        for bound, at_least in ((0.03, True), (0.07, False))
    ]
    show_targets(targets)
    result |= {
        "coverage": covered,
        "false_positives": called,
        "targets": [target.to_dict() for target in targets],
    }
    write("evaluate_statistics", result, whole=given.size >= 1000)


if __name__ == "__main__":
    main()
