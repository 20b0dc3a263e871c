"""The `Report` of an evaluation: all results, rankings, paired comparisons, what moved."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from kinspace.errors import NotApplicable, NotFound, TaskNotFound
from kinspace.evaluate.estimate import Estimate
from kinspace.evaluate.kinds import DIAGNOSES
from kinspace.evaluate.results import Failed, Paired, Result, Skipped, paired
from kinspace.evaluate.statistics import Comparison, Moved, compare, holm, moved


class Report:
    """All results of an evaluation.

    Parameters
    ----------
    results : iterable of Result
    tasks, systems : sequence of str
        In the order in which they are shown.
    skipped : sequence of Skipped
    failed : sequence of Failed
    parameters : mapping
        What was asked for, so that it can be asked again.
    machine : mapping
        Where this report was made; a result that was measured earlier says where in ``origin``.
    made : str
        When.

    Examples
    --------
    >>> measures = {"accuracy": Estimate(0.8, 0.7, 0.9)}
    >>> one = Result("mr", "classification", "default", "accuracy", measures)
    >>> report = Report([one], tasks=["mr"], systems=["default"])
    >>> report["mr", "default"].accuracy.value
    0.8
    """

    def __init__(
        self,
        results: Iterable[Result],
        *,
        tasks: Sequence[str],
        systems: Sequence[str],
        skipped: Sequence[Skipped] = (),
        failed: Sequence[Failed] = (),
        parameters: Mapping[str, Any] | None = None,
        machine: Mapping[str, Any] | None = None,
        made: str = "",
    ) -> None:
        self._results = {(one.task, one.system): one for one in results}
        self.tasks = list(tasks)
        self.systems = list(systems)
        self.skipped = list(skipped)
        self.failed = list(failed)
        self.parameters = dict(parameters or {})
        self.machine = dict(machine or {})
        self.made = made
        self._comparisons: dict[str, list[Paired]] = {}

    def __getitem__(self, key: tuple[str, str]) -> Result:
        task, system = key
        if key in self._results:
            return self._results[key]
        for kind, known in (("task", self.tasks), ("system", self.systems)):
            wanted = task if kind == "task" else system
            if wanted not in known:
                error = TaskNotFound if kind == "task" else NotFound
                raise error(
                    f"There is no {kind} {wanted!r} in this report.",
                    f"There are: {', '.join(known)}.",
                )
        for gone in self.skipped:
            if (gone.task, gone.system) == key:
                raise NotApplicable(gone.reason, "See report.skipped.")
        for broken in self.failed:
            if (broken.task, broken.system) == key:
                raise NotFound(
                    f"{system} failed on {task}: {broken.error}: {broken.message}",
                    broken.remedy or "See report.failed for its trace.",
                )
        raise NotFound(f"{system} was not judged on {task}.", "Run the evaluation again.")

    def __contains__(self, key: object) -> bool:
        return key in self._results

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self._results)

    def __str__(self) -> str:
        from kinspace.evaluate.reports.terminal import plain

        return plain(self)

    def __repr__(self) -> str:
        beside = f", {len(self.failed)} failed" if self.failed else ""
        return f"Report({len(self.tasks)} tasks × {len(self.systems)} systems{beside})"

    @property
    def results(self) -> list[Result]:
        """All results, task by task, systems in their order."""
        pairs = ((task, system) for task in self.tasks for system in self.systems)
        return [self._results[pair] for pair in pairs if pair in self._results]

    def of(self, task: str) -> dict[str, Result]:
        """The results on one task, by system, in the systems' order."""
        return {s: self._results[task, s] for s in self.systems if (task, s) in self._results}

    @cached_property
    def shared(self) -> list[str]:
        """The tasks that a mean is taken over: those that every system with any result has done.

        Without diagnoses (:data:`kinspace.evaluate.kinds.DIAGNOSES`), which do not rank systems.
        """
        judged = {one.system for one in self.results if one.kind not in DIAGNOSES}
        diagnosed = {one.task for one in self.results if one.kind in DIAGNOSES}
        return [
            task
            for task in self.tasks
            if task not in diagnosed and judged and judged <= self.of(task).keys()
        ]

    def mean(self, system: str, tasks: Sequence[str] | None = None) -> Estimate:
        """The mean of the main measures over several tasks.

        Its interval takes the tasks' errors as independent: each side's half-widths add up as
        squares.

        Parameters
        ----------
        system : str
        tasks : sequence of str, optional
            By default those that all systems have done, :attr:`shared`.

        Raises
        ------
        NotApplicable
            If there is no such task.
        """
        chosen = self.shared if tasks is None else list(tasks)
        if not chosen:
            raise NotApplicable("No task was done by all systems.", "Name the tasks.")
        scores = [self[task, system].score for task in chosen]
        value = sum(one.value for one in scores) / len(scores)
        below = math.sqrt(sum((one.value - one.low) ** 2 for one in scores)) / len(scores)
        above = math.sqrt(sum((one.high - one.value) ** 2 for one in scores)) / len(scores)
        return Estimate(value, value - below, value + above)

    def compare(self, task: str, a: str, b: str, measure: str | None = None) -> Comparison:
        """A paired test of two systems on one task, on the items that both were judged on.

        Parameters
        ----------
        task, a, b : str
        measure : str, optional
            By default the task's main one.

        Raises
        ------
        InvalidParameter
            If there is no such measure.
        """
        ours = self[task, a]
        left, right, _ = paired(ours, self[task, b], measure or ours.main)
        return compare(left, right, seed=int(self.parameters.get("seed", 0)))

    def comparisons(self, task: str) -> list[Paired]:
        """Every two systems on one task by its main measure, with Holm's correction; best first."""
        if task not in self._comparisons:
            ranked = self.ranking(task)
            pairs = list(combinations(ranked, 2))
            found = [self.compare(task, a, b) for a, b in pairs]
            adjusted = holm([one.p for one in found]) if found else []
            main = self[task, ranked[0]].main if ranked else ""
            self._comparisons[task] = [
                Paired(task, main, a, b, one, p)
                for (a, b), one, p in zip(pairs, found, adjusted, strict=True)
            ]
        return self._comparisons[task]

    def ranking(self, task: str) -> list[str]:
        """The systems that were judged on a task, best first."""
        found = self.of(task)
        return sorted(found, key=lambda system: -found[system].score.value)

    def best(self, task: str) -> list[str]:
        """The best system of a task, and behind it those that are not significantly worse."""
        ranked = self.ranking(task)
        worse = {one.b for one in self.comparisons(task) if one.a == ranked[0] and one.differs}
        return [system for system in ranked if system not in worse]

    def moved(
        self, task: str, a: str, b: str, n: int | None = 10, measure: str | None = None
    ) -> list[Moved]:
        """The items on which two systems differ most, the largest difference first, with texts.

        See :func:`kinspace.evaluate.statistics.moved` for what the numbers are.

        Parameters
        ----------
        task, a, b : str
        n : int, optional
            At most so many, of those that differ; None for all that were looked at.
        measure : str, optional
            By default the task's main one.

        Raises
        ------
        NotApplicable
            If the rows of the measure are not the task's items.
        """
        first = self[task, a]
        measure = measure or first.main
        left, right, items = paired(first, self[task, b], measure)
        if not items:
            raise NotApplicable(
                f"The rows of {measure} are not the items of {task}.",
                f"Give a measure that has a row for each, such as {first.main}.",
            )
        return [replace(one, text=first.texts.get(one.item, ""))
                for one in moved(left, right, items, n)]  # fmt: skip

    def with_runs(self, place: Callable[[Result], Path]) -> Report:
        """Tell each result where its run lies, where there is such a file; the report itself."""
        for pair, one in self._results.items():
            if place(one).is_file():
                self._results[pair] = replace(one, run_file=place(one))
        return self

    def to_json(self, *, items: bool = True) -> str:
        """The report as JSON; ``items=False`` leaves out the figures of single items."""
        from kinspace.evaluate.saved import report_to_json

        return report_to_json(self, items=items)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that :meth:`to_json` wrote."""
        from kinspace.evaluate.saved import report_from_json

        return report_from_json(text)

    def save(self, folder: str | Path) -> Path:
        """Write report.json, report.html, report.md and the runs into a folder; returns it."""
        from kinspace.evaluate.saved import save

        return save(self, Path(folder))

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """A report from the folder, or the report.json, that :meth:`save` wrote."""
        from kinspace.evaluate.saved import load

        return load(Path(path))
