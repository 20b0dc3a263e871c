"""How one system did on one task (`Result`), what went otherwise, and what two results share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinspace.errors import InvalidParameter, NotApplicable
from kinspace.evaluate.costs import Costs
from kinspace.evaluate.estimate import Estimate, Sample
from kinspace.evaluate.runs import Run
from kinspace.evaluate.statistics import Comparison
from kinspace.evaluate.task import Outcome


@dataclass(frozen=True, eq=False)
class Result:
    """How one system did on one task; every measure is an attribute.

    Parameters
    ----------
    task, kind, system : str
    main : str
        The measure by which systems are ranked on this task.
    measures : mapping of str to Estimate
    outcome : Outcome
        The figures of single queries, pairs or texts.
    costs : Costs
        Measured when the result was: see ``origin``.
    texts : mapping of str to str
        What the outcome's items say, where they are ids.
    origin : mapping
        When and on which machine it was measured, with the fingerprints of system and task.
    run_file : Path, optional
        Where the run lies that :attr:`run` reads when it is asked for.

    Examples
    --------
    >>> measures = {"accuracy": Estimate(0.8, 0.7, 0.9)}
    >>> result = Result("mr", "classification", "default", "accuracy", measures)
    >>> result.accuracy, float(result.score)
    (Estimate(value=0.8, low=0.7, high=0.9), 0.8)
    """

    task: str
    kind: str
    system: str
    main: str
    measures: Mapping[str, Estimate]
    outcome: Outcome = field(default_factory=lambda: Outcome({}, ()))
    costs: Costs = field(default_factory=lambda: Costs(0.0))
    texts: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    run_file: Path | None = None

    @property
    def run(self) -> Run | None:
        """What a retrieval system answered; None where nothing was retrieved."""
        if self.outcome.run is None and self.run_file is not None:
            return Run.read(self.run_file, self.system)
        return self.outcome.run

    @property
    def score(self) -> Estimate:
        """The main measure."""
        return self.measures[self.main]

    def __getattr__(self, name: str) -> Estimate:
        measures = self.__dict__.get("measures", {})
        if name in measures:
            found: Estimate = measures[name]
            return found
        raise AttributeError(f"There is no {name!r} of {self.__dict__.get('task')}; there are: "
                             f"{', '.join(measures)}.")  # fmt: skip

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.measures]

    def __repr__(self) -> str:
        return f"Result({self.system} on {self.task}: {self.main} {self.score})"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A task that a system cannot do, and why."""

    task: str
    system: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that went wrong with a system: the error, its remedy, and its trace."""

    task: str
    system: str
    error: str
    message: str
    remedy: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Paired:
    """Two systems on one task: ``a`` less ``b``, and the p value adjusted for all pairs (Holm)."""

    task: str
    measure: str
    a: str
    b: str
    comparison: Comparison
    adjusted: float

    @property
    def differs(self) -> bool:
        """Whether the difference is more than chance at 0.05."""
        return self.adjusted < 0.05


def paired(a: Result, b: Result, measure: str) -> tuple[Sample, Sample, list[str]]:
    """Two results' samples of one measure on the items that both were judged on, and these.

    Raises
    ------
    InvalidParameter
        If one of them has no such measure.
    NotApplicable
        If they were judged on other items.
    """
    for one in (a, b):
        if measure not in one.outcome.samples:
            raise InvalidParameter(
                f"There is no measure {measure!r} of {one.system} on {one.task}.",
                f"There are: {', '.join(one.outcome.samples)}.",
            )
    left, right = a.outcome.samples[measure], b.outcome.samples[measure]
    items = list(a.outcome.items)
    of_items = len(left) == len(items) and len(right) == len(b.outcome.items)
    if items == list(b.outcome.items) or (len(left) == len(right) and not of_items):
        return left, right, items if of_items else []
    both = set(b.outcome.items)
    common = [item for item in items if item in both]
    return _rows(left, a.outcome.items, common), _rows(right, b.outcome.items, common), common


def _rows(sample: Sample, items: Sequence[str], wanted: Sequence[str]) -> Sample:
    """A sample of some of its items only."""
    places = {item: row for row, item in enumerate(items)}
    if len(places) != len(sample) or not wanted:
        raise NotApplicable(
            "The two systems were judged on other items.", "Judge them on the same ones."
        )
    rows = [places[item] for item in wanted]
    return Sample(sample.statistic, {name: c[rows] for name, c in sample.columns.items()})
