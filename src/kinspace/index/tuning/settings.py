"""The options of a search that reach a recall in the least time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.tuning.recall import Trial, found_by, low_end

Settings = dict[str, Any]
Ladders = Mapping[str, Sequence[float]]
"""For each option of a search that trades time for recall, its values: the more, the better found.

The last option is the one that is set most finely.
"""
_ROUGH: Final = 4
"""Settings are compared by a quarter of the queries; the best one is set finely by all."""
_ALONE: Final = 40
_REPEATS: Final = 2


@dataclass(frozen=True)
class Timed:
    """How long a search takes.

    Parameters
    ----------
    batch : float
        Seconds a query, in a batch.
    alone : float
        Seconds of a query alone: the median.
    """

    batch: float
    alone: float


def settle(
    index: Any,
    trial: Trial,
    k: int,
    recall: float,
    ladders: Ladders,
    *,
    start: Settings | None = None,
    is_sure: bool = True,
) -> Settings | None:
    """The fastest values of an index's options with which it finds enough.

    Parameters
    ----------
    index : Index
    trial : Trial
    k : int
    recall : float
    ladders : mapping of str to sequence of int
        One or two options with their values, rising.
    start : dict, optional
        Where to begin to look: what another ``k``, or another sample, was set to.
    is_sure : bool
        Whether it is enough where the true share is higher with 95 % confidence, or already
        where the share among these queries is.

    Returns
    -------
    dict or None
        None where the highest values do not find enough.
    """
    judge = low_end if is_sure else mean
    if not ladders:
        return {} if judge(found_by(index, trial, k, {})) >= recall else None
    *outer, fine = ladders
    near = dict(start or {})
    fixed: Settings = {}
    if outer:
        rough = trial.part(slice(None, None, _ROUGH)) if is_sure else trial
        fixed, near[fine] = _balanced(index, rough, k, recall, ladders, near.get(fine))
    highest = {name: ladders[name][-1] for name in outer}
    for tried in (fixed, highest) if fixed != highest else (fixed,):

        def is_enough(value: Any, tried: Settings = tried) -> bool:
            return bool(judge(found_by(index, trial, k, tried | {fine: value})) >= recall)

        enough = first_enough(ladders[fine], is_enough, near.get(fine))
        if enough is not None:
            return tried | {fine: enough}
    return None


def _balanced(
    index: Any, trial: Trial, k: int, recall: float, ladders: Ladders, guess: float | None
) -> tuple[Settings, float]:
    """The first option, and about what the second must be: as few of both as together find enough.

    With as many candidates as there may be, so many cells are needed; with one step more of these,
    so few candidates do.
    """
    outer, fine = ladders

    def reaches(settings: Settings) -> bool:
        return mean(found_by(index, trial, k, settings)) >= recall

    most = ladders[outer][-1]
    enough = first_enough(ladders[fine], lambda value: reaches({outer: most, fine: value}), guess)
    if enough is None:
        return {outer: most}, ladders[fine][-1]
    place = list(ladders[fine]).index(enough)
    above = ladders[fine][min(place + 1, len(ladders[fine]) - 1)]
    few = first_enough(ladders[outer], lambda value: reaches({outer: value, fine: above}))
    return {outer: most if few is None else few}, enough


def mean(found: NDArray[np.float64]) -> float:
    """The plain mean."""
    return float(found.mean())


def first_enough(
    ladder: Sequence[float], is_enough: Callable[[Any], bool], guess: float | None = None
) -> float | None:
    """The lowest value that is enough, where all above it are too; None if none is.

    Looks near ``guess`` first, in growing steps: a value that is far too high takes long to try.

    Examples
    --------
    >>> first_enough([1, 2, 4, 8, 16], lambda value: value >= 5)
    8
    """
    place = 0 if guess is None else int(np.searchsorted(ladder, guess))
    low, high = -1, len(ladder)  # is not enough; is enough, or lies beyond
    place, step = min(place, len(ladder) - 1), 1
    while high - low > 1:
        if is_enough(ladder[place]):
            high = place
        else:
            low = place
        if low == -1:
            place = max(0, place - step)
        elif high == len(ladder):
            place = min(len(ladder) - 1, place + step)
        else:
            place = (low + high) // 2
        step *= 2
    return ladder[high] if high < len(ladder) else None


def ladder(first: int, last: int, growth: float = 1.2) -> list[float]:
    """Whole numbers from one to another, each about so many times the one before.

    Examples
    --------
    >>> ladder(1, 12, 1.5)
    [1, 2, 3, 4, 6, 9, 12]
    """
    found: list[float] = [min(first, last)]
    while found[-1] < last:
        found.append(min(last, max(found[-1] + 1, int(found[-1] * growth))))
    return found


def batch_seconds(index: Any, trial: Trial, k: int, settings: Settings) -> float:
    """Seconds a query in a batch, the best of a few times."""
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        index.search(trial.queries, k, options=settings or None)
        times.append(time.perf_counter() - start)
    return min(times) / max(1, len(trial))


def timed(index: Any, trial: Trial, k: int, settings: Settings) -> Timed:
    """How long a search takes: in a batch, and alone."""
    alone = []
    for query in range(min(_ALONE, len(trial))):
        start = time.perf_counter()
        index.search(trial.queries[query : query + 1], k, options=settings or None)
        alone.append(time.perf_counter() - start)
    return Timed(batch_seconds(index, trial, k, settings), float(np.median(alone or [0.0])))
