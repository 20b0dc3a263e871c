"""Whether two systems differ: tests that pair what both did on the same items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import DimensionMismatch, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics import MEANS
from kinspace.evaluate.statistics.intervals import around, bounds
from kinspace.evaluate.statistics.jackknife import (
    BATCH,
    LEFT_OUT,
    leave_one_out,
    pseudo_values,
)

GIVEN = ("gold", "labels")  # columns that belong to the items, not to the systems


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a system ``a`` differs from a system ``b`` on the same items.

    Parameters
    ----------
    difference : float
        The figure of ``a`` less that of ``b``.
    low, high : float
        Where the true difference lies with 95 % confidence.
    p : float
        How often a difference as large comes about if the systems are equally good; never 0. With
        several comparisons, correct it: :func:`holm`.
    detectable : float
        The smallest true difference that items like these, and as many, would show four times out
        of five (power 80 %, two-sided at .05). It is the statistic's whole range if none would.
    """

    difference: float
    low: float
    high: float
    p: float
    detectable: float


@dataclass(frozen=True, slots=True)
class Moved:
    """An item on which two systems differ: its id, what it adds to the figure of each, its text.

    For a mean, ``a`` and ``b`` are the item's own figures. For any other statistic they are its
    contributions, of which the figure is the mean (nearly, for a jackknife): one below 0 pulls the
    figure down, and one may be far above 1.
    """

    item: str
    a: float
    b: float
    text: str = ""

    @property
    def difference(self) -> float:
        """How much more ``a`` has of it than ``b``."""
        return self.a - self.b


def compare(a: Sample, b: Sample, *, seed: int = 0, draws: int = 10_000) -> Comparison:
    """Test whether two systems differ on the same items, by paired randomisation.

    If the systems are equally good, the difference on an item might as well have had the other
    sign. So the signs of all differences are drawn anew, again and again, and ``p`` is the share of
    draws in which the mean is as far from 0 as it was (Fisher 1935; Smucker et al. 2007 for
    retrieval); where there are no more than ``draws`` ways to set the signs, all are gone through.
    For statistics that are no means, the differences of pseudo-values take the place of those of
    values (:func:`kinspace.evaluate.statistics.jackknife.pseudo_values`): unlike an exchange of
    the two systems' predictions, that needs no common scale, and works for clusters too.

    Parameters
    ----------
    a, b : Sample
        Of the same statistic on the same items in the same order.
    seed, draws : int
        Of the test; its smallest p is ``1 / (draws + 1)``.

    Raises
    ------
    DimensionMismatch
        If there are more items in one than in the other.
    InvalidParameter
        If the statistics or the gold columns differ, or there are no draws.

    Examples
    --------
    >>> a = Sample("mean", {"values": np.array([0.9, 0.8, 0.7, 0.9, 0.6, 1.0, 0.8])})
    >>> b = Sample("mean", {"values": np.array([0.5, 0.6, 0.7, 0.4, 0.1, 0.7, 0.3])})
    >>> compare(a, b).p
    0.03125
    """
    _check(a, b)
    if draws < 1:
        raise InvalidParameter(f"A test of {draws} draws.", "Give at least 1,000.")
    left, right = pseudo_values(a), pseudo_values(b)
    groups = min(len(left), len(right))  # of many items, those of one system may be in groups
    gaps = _grouped(left, groups) - _grouped(right, groups)
    difference = a.value() - b.value()
    width = max(bounds(a)[1], bounds(b)[1]) - min(bounds(a)[0], bounds(b)[0])
    near = around(difference, Sample("mean", {"values": gaps}), (-width, width), seed=seed)
    p = _randomised(gaps, draws, np.random.default_rng(seed))
    return Comparison(difference, near.low, near.high, p, min(width, _detectable(gaps, width)))


def holm(ps: Sequence[float]) -> list[float]:
    """P values corrected for their number (Holm 1979), in the order given.

    If those under .05 are called different, the probability that any of them is not is at most .05.

    Raises
    ------
    InvalidParameter
        If one is not between 0 and 1.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    given = np.asarray(ps, np.float64)
    if not ((given >= 0) & (given <= 1)).all():
        raise InvalidParameter(f"P values of {list(ps)}.", "Give numbers from 0 to 1.")
    order = np.argsort(given, kind="stable")
    times = len(given) - np.arange(len(given))
    corrected = np.empty(len(given))
    corrected[order] = np.minimum(np.maximum.accumulate(given[order] * times), 1.0)
    return [float(p) for p in corrected]


def moved(a: Sample, b: Sample, items: Sequence[str], n: int | None = 10) -> list[Moved]:
    """The items on which two systems differ most, the largest difference first.

    Items of equal difference keep their order. Of statistics that are no means and have more than
    3,000 items, at most as many, evenly spaced, are looked at.

    Parameters
    ----------
    a, b : Sample
        As for :func:`compare`.
    items : sequence of str
        What the rows are: ids of queries, pairs, texts.
    n : int, optional
        At most so many, of those that differ; None for all that were looked at, at the end those
        that do not differ.

    Raises
    ------
    DimensionMismatch, InvalidParameter
        As :func:`compare`; also if there are not as many ids as rows.

    Examples
    --------
    >>> a = Sample("mean", {"values": np.array([0.9, 0.2, 0.5])})
    >>> b = Sample("mean", {"values": np.array([0.8, 0.9, 0.5])})
    >>> [(one.item, round(one.difference, 2)) for one in moved(a, b, ["q1", "q2", "q3"])]
    [('q2', -0.7), ('q1', 0.1)]
    """
    _check(a, b)
    if len(items) != len(a):
        raise DimensionMismatch(
            f"{len(items)} ids of {len(a)} items.", "Give one id for each row of the samples."
        )
    rows = np.arange(len(a))
    if a.statistic not in MEANS:
        rows = rows[:: -(-len(a) // 3_000)]
    left, right = leave_one_out(a, rows), leave_one_out(b, rows)
    right = np.where(np.abs(left - right) > 1e-12, right, left)  # less is rounding
    gaps = np.abs(left - right)
    order = np.argsort(-gaps, kind="stable")
    if n is not None:
        order = order[: min(n, np.count_nonzero(gaps))]
    return [Moved(items[rows[i]], float(left[i]), float(right[i])) for i in order]


def _check(a: Sample, b: Sample) -> None:
    """Whether two samples are of the same statistic on the same items."""
    if a.statistic != b.statistic:
        raise InvalidParameter(
            f"A {a.statistic} cannot be compared with a {b.statistic}.",
            "Compare systems by one statistic.",
        )
    if len(a) != len(b):
        raise DimensionMismatch(
            f"One system was judged on {len(a)} items, the other on {len(b)}.",
            "Judge both on the same items.",
        )
    for name in GIVEN:
        if name in a.columns and not np.array_equal(a.columns[name], b.columns[name]):
            raise InvalidParameter(
                f"The column {name!r} is not the same for both systems.",
                "Judge both on the same items, in the same order.",
            )


def _grouped(values: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """The mean of each group, where the item ``i`` belongs to the group ``i % groups``."""
    if len(values) == groups:
        return values
    member = np.arange(len(values)) % groups
    return np.bincount(member, values).astype(np.float64) / np.bincount(member)


def _randomised(gaps: NDArray[np.float64], draws: int, rng: np.random.Generator) -> float:
    """How often the sum of differences with signs drawn anew is as far from 0 as their sum is."""
    gaps = gaps[np.abs(gaps) > 1e-12]  # their sign changes nothing
    if len(gaps) > LEFT_OUT:  # then groups change their signs as a whole
        gaps = _grouped(gaps, LEFT_OUT)
    m = len(gaps)
    total = float(gaps.sum())
    far = abs(total) - 1e-9 * float(np.abs(gaps).sum())
    if m < 60 and 2**m <= draws:
        all_ways = (np.arange(2**m)[:, None] >> np.arange(m) & 1).astype(np.float64)
        return float(np.mean(np.abs(2 * (all_ways @ gaps) - total) >= far))
    step = max(1, 4 * BATCH // m)
    extreme = 0
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        bits = rng.integers(0, 256, (rows, -(-m // 8)), np.uint8)
        plus = np.unpackbits(bits, axis=1)[:, :m].astype(np.float64)  # 1 keeps a sign, 0 turns it
        extreme += int(np.sum(np.abs(2 * (plus @ gaps) - total) >= far))
    return (extreme + 1) / (draws + 1)


def _detectable(gaps: NDArray[np.float64], width: float) -> float:
    """The difference that a test at .05 would find with a probability of .8."""
    from scipy.special import stdtrit

    n = len(gaps)
    if n < 6:  # 2 of the 2^5 ways to set the signs are 6 %
        return width
    error = float(gaps.std(ddof=1)) / np.sqrt(n)
    return float((stdtrit(n - 1, 0.975) + stdtrit(n - 1, 0.8)) * error)
