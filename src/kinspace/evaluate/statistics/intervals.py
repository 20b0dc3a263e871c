"""How sure a figure is: bootstrap intervals for every statistic."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter
from kinspace.evaluate.estimate import Estimate, Sample
from kinspace.evaluate.metrics import RANGES
from kinspace.evaluate.statistics.jackknife import BATCH, pseudo_values

NORMAL = NormalDist()
MOST_DRAWN = 30_000_000  # numbers; samples that have more are drawn less often

# An item that is drawn twice makes clusters look purer, and a class that is not drawn is missed
# from the average: these statistics are biased when items are drawn, more than they vary.
LINEARISED = ("v_measure", "nmi", "ari", "f1_macro")


def interval(
    sample: Sample, *, confidence: float = 0.95, draws: int = 1000, seed: int = 0
) -> Estimate:
    """A figure, and the interval in which the true one lies with the given confidence.

    The true figure is that over all items of which the sample's are a random part (for clusters:
    the mean over sets of the same size, since V-measure depends on it).

    Items are drawn with replacement, as many as there are, again and again; the interval lies
    between two quantiles of the figures that come of that. The quantiles are corrected for skew
    (BCa, Efron 1987) and for how much too narrow a bootstrap of few items is (Hesterberg 2015,
    "expanded percentile"). For clusters and macro F1, pseudo-values are drawn, not items.
    ``bench/evaluate_statistics.py`` measures how often the true figure is in the interval.

    Where every draw gives the same figure (one item, or all items alike), nothing can be said but
    this: items of a kind that was not seen may be as many as would be missed by ``n`` items with
    the probability that the interval leaves. The bounds are what the figure would be if those had
    the least and the greatest value. For the mean of 0 and 1 this is Clopper and Pearson's bound.

    Parameters
    ----------
    sample : Sample
    confidence : float
    draws : int
        How often the items are drawn. Fewer, but at least 200, for more than 30,000 items.
    seed : int

    Returns
    -------
    Estimate
        The figure is inside its interval, and the interval in the statistic's range.

    Raises
    ------
    InvalidParameter
        If the confidence is not between 0 and 1, or under 2 draws are asked for.

    Examples
    --------
    >>> print(interval(Sample("mean", {"values": np.array([0.1, 0.4, 0.0, 0.7, 1.0, 0.3])})))
    0.4167 [0.1000, 0.8231]
    >>> print(interval(Sample("mean", {"values": np.ones(50)})))
    1.0000 [0.9289, 1.0000]
    """
    if not 0 < confidence < 1:
        raise InvalidParameter(f"A confidence of {confidence}.", "Give one between 0 and 1.")
    if draws < 2:
        raise InvalidParameter(f"An interval of {draws} draws.", "Give at least 100.")
    drawn = sample
    if sample.statistic in LINEARISED:
        drawn = Sample("mean", {"values": pseudo_values(sample)})
    return around(sample.value(), drawn, bounds(sample), (1 - confidence) / 2, draws, seed)


def around(
    value: float,
    drawn: Sample,
    within: tuple[float, float],
    tail: float = 0.025,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """The interval around a figure that comes of drawing from a sample.

    Parameters
    ----------
    value : float
        The figure; where the sample's own differs, its draws are moved there.
    drawn : Sample
    within : (float, float)
        The least and the greatest figure that there can be.
    tail : float
        The probability to leave on either side.
    draws, seed : int
    """
    found = _bootstrap(drawn, draws, seed) + (value - drawn.value())
    bottom, top = within
    if np.ptp(found) <= 1e-12:
        unseen = 1 - tail ** (1 / len(drawn))
        return Estimate(value, value - unseen * (value - bottom), value + unseen * (top - value))
    low, high = np.quantile(found, _levels(drawn, found, value, tail))
    return Estimate(value, max(bottom, min(float(low), value)), min(top, max(float(high), value)))


def bounds(sample: Sample) -> tuple[float, float]:
    """Between which numbers the statistic lies; for a mean, as far as its values tell."""
    if sample.statistic in RANGES:
        return RANGES[sample.statistic]
    low, high = float(sample.columns["values"].min()), float(sample.columns["values"].max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return (-1.0, 1.0) if low >= -1 and high <= 1 else (low, high)


def _bootstrap(sample: Sample, draws: int, seed: int) -> NDArray[np.float64]:
    """The statistic over items drawn with replacement, shape (draws,)."""
    rng = np.random.default_rng(seed)
    n = len(sample)
    draws = min(draws, max(200, MOST_DRAWN // n))
    step = max(1, BATCH // n)
    parts = [
        sample.resampled(rng.integers(0, n, (min(step, draws - start), n)))
        for start in range(0, draws, step)
    ]
    return np.concatenate(parts)


def _levels(
    sample: Sample, found: NDArray[np.float64], value: float, tail: float
) -> tuple[float, float]:
    """Which quantiles of the draws bound the interval (Efron, Tibshirani 1993, eq. 14.10)."""
    from scipy.special import stdtrit

    n, draws = len(sample), len(found)
    near = np.abs(found - value) <= 1e-12
    below = float(np.mean((found < value) & ~near) + np.mean(near) / 2)
    bias = NORMAL.inv_cdf(min(max(below, 1 / draws), 1 - 1 / draws))
    gaps = pseudo_values(sample, most=200)  # enough to tell how skewed they are
    gaps = gaps - gaps.mean()
    spread = float(np.sum(gaps**2))
    skew = float(np.sum(gaps**3)) / (6 * spread**1.5) if spread > 0 else 0.0
    reach = np.sqrt(n / (n - 1)) * float(stdtrit(n - 1, tail))  # Hesterberg 2015
    low, high = (
        NORMAL.cdf(bias + (bias + z) / max(1 - skew * (bias + z), 1e-9)) for z in (reach, -reach)
    )
    return low, high
