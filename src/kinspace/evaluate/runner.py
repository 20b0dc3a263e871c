"""The verb: `evaluate` judges systems on tasks, keeps what it has, and goes on where it stopped."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.embeddings import Embeddings
from kinspace.encoder import Progress
from kinspace.errors import DuplicateId, EmptyInput, InvalidParameter, KinspaceError, NotApplicable
from kinspace.evaluate import catalogue
from kinspace.evaluate.cache import Cache, cache_at
from kinspace.evaluate.costs import Costs, Observed, Watch, meters_of, saved, watched
from kinspace.evaluate.machine import machine, now
from kinspace.evaluate.report import Report
from kinspace.evaluate.results import Failed, Result, Skipped
from kinspace.evaluate.statistics import interval
from kinspace.evaluate.system import Meter, System
from kinspace.evaluate.systems import Dense, Hybrid, Keyword, as_systems
from kinspace.evaluate.systems.names import Judged
from kinspace.evaluate.task import Outcome, Task

_TEXT: Final = 300
"""Characters of a query that a report keeps."""
_WARM: Final = Document("warm", "The first text is slow.")


@dataclass(frozen=True, slots=True)
class Step:
    """Where an evaluation is.

    Parameters
    ----------
    task, system : str
    number, count : int
        Which pair of task and system this is, from 1, and how many there are.
    done, total : int
        How far that pair is, in texts; total is 0 while that is not known.
    """

    task: str
    system: str
    number: int
    count: int
    done: int = 0
    total: int = 0


def evaluate(
    models: Judged | Iterable[Judged],
    tasks: catalogue.Asked | Iterable[catalogue.Asked],
    *,
    output: str | Path | None = None,
    cache: bool | str | Path = True,
    seed: int = 0,
    progress: Callable[[Step], None] | None = None,
) -> Report:
    """Judge models and ways of retrieving on tasks.

    Every result is kept as soon as it is there: an evaluation that was stopped goes on where it
    was, and one more model is one more model's work. A task that a model cannot do is listed in
    ``report.skipped`` with the reason, one that went wrong in ``report.failed`` with the error;
    the others are done all the same.

    Parameters
    ----------
    models : name, path, Encoder, Embeddings, Retriever, System, or several of them
        ``"default"``, ``"all-MiniLM-L6-v2"``, ``"bm25"``, ``"default+bm25"``, ``"default@ivf"``,
        ``"bm25>default"``: see :func:`kinspace.evaluate.as_system`.
    tasks : name, path, Task, content, or several of them
        ``"scifact"``, ``"stsb"``, a file or folder of your own: see
        :func:`kinspace.evaluate.catalogue.task`.
    output : str or Path, optional
        A folder for report.json, report.html, report.md and the runs.
    cache : bool, str or Path
        Where results are kept: the user's cache folder, a folder, or nowhere. They are found by
        the fingerprints of model and task, so that what has changed is measured again.
    seed : int
        Of the intervals and paired tests.
    progress : callable, optional
        Called with a :class:`Step` before each pair and while it goes on.

    Returns
    -------
    Report

    Raises
    ------
    EmptyInput
        If there are no models or no tasks.
    DuplicateId
        If two have the same name.
    ModelNotFound, TaskNotFound
        If a name stands for nothing; before anything is measured.

    Examples
    --------
    >>> import numpy as np
    >>> from kinspace.datasets.content import PairSet
    >>> left, right = ["A cat sleeps."] * 3, ["A kitten naps.", "A dog barks.", "Stocks fell."]
    >>> pairs = PairSet("mine", left, right, np.array([4.0, 2.0, 0.0]))
    >>> report = evaluate("default", pairs, cache=False)
    >>> round(report["mine", "default"].spearman.value, 3)
    1.0
    """
    models, asked = _several(models), _several(tasks)
    if output is not None:
        require_folder(output)
    if not asked:
        raise EmptyInput("There are no tasks to judge on.", 'Name one, such as "scifact".')
    systems, waiting = as_systems(models), catalogue.tasks(asked)
    names = [task.name for task in waiting]
    for name in names:
        if names.count(name) > 1:
            raise DuplicateId(f"Two tasks are called {name!r}.", "Give one another name.")
    work = _Work(systems, cache_at(cache), seed, progress, len(names) * len(systems))
    while waiting:
        work.judge(waiting.pop(0))  # popped, so that its set is held no longer than needed
    report = Report(
        work.results,
        tasks=names,
        systems=[system.name for system in systems],
        skipped=work.skipped,
        failed=work.failed,
        parameters={"models": _named(models), "tasks": _named(asked), "seed": seed},
        machine=machine(),
        made=now(),
    )
    if output is not None:
        report.save(output)
    return report


def require_folder(path: str | Path) -> None:
    """Make a folder for a report, before anything is measured.

    Raises
    ------
    InvalidParameter
        If there is a file of that name.
    """
    if Path(path).exists() and not Path(path).is_dir():
        raise InvalidParameter(f"{path} is a file.", "Name a folder for the report.")
    Path(path).mkdir(parents=True, exist_ok=True)


def _several(things: Any) -> list[Any]:
    """What was asked for, as a list: one thing, or several."""
    alone = isinstance(things, str | Embeddings | System) or not isinstance(things, Iterable)
    return [things] if alone else list(things)


def _named(things: list[Any]) -> list[str] | None:
    """The names by which all of it can be asked for again; None if some of it has none."""
    if all(isinstance(one, str | Path) for one in things):
        return [str(one) for one in things]
    return None


@dataclass
class _Work:
    """What is done so far, and with what."""

    systems: list[System]
    cache: Cache | None
    seed: int
    progress: Callable[[Step], None] | None
    count: int
    number: int = 0
    results: list[Result] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    warm: set[Any] = field(default_factory=set)

    def judge(self, task: Task) -> None:
        """Judge all systems on one task: those that the cache does not know."""
        self.tell(Step(task.name, self.systems[0].name, self.number + 1, self.count))
        try:
            waiting = [system for system in self.systems if not self.had(system, task)]
        except Exception as error:  # noqa: BLE001 - the set cannot be had; other tasks go on
            self.number += len(self.systems)
            self.failed += [_failure(task.name, one.name, error) for one in self.systems]
            return
        self.number += len(self.systems) - len(waiting)
        uses = [(system, meters_of(system)) for system in waiting]
        for at, (system, meters) in enumerate(uses):
            later = {id(meter) for _, others in uses[at + 1 :] for meter in others}
            earlier = {id(meter) for _, others in uses[:at] for meter in others}
            for meter in meters:
                if id(meter) in later - earlier:
                    meter.remember()
            self.attempt(system, task, meters)
            for meter in meters:
                if id(meter) not in later:
                    meter.forget()

    def had(self, system: System, task: Task) -> bool:
        """Take a result from the cache, if it is there."""
        kept = None if self.cache is None else self.cache.get(system, task, self.seed)
        if kept is not None:
            self.results.append(kept)
        return kept is not None

    def attempt(self, system: System, task: Task, meters: list[Meter]) -> None:
        """Judge one system on one task, and keep what comes of it."""
        self.number += 1
        step = Step(task.name, system.name, self.number, self.count)
        self.tell(step)
        try:
            self.warm_up(system, meters)
            result = measure(system, task, self.seed, progress=self.following(step))
        except NotApplicable as error:
            self.skipped.append(Skipped(task.name, system.name, error.message))
        except Exception as error:  # noqa: BLE001 - what the others have done is not thrown away
            self.failed.append(_failure(task.name, system.name, error))
        else:
            self.results.append(result)
            self.keep(result, system, task)

    def keep(self, result: Result, system: System, task: Task) -> None:
        """Put a result into the cache; one that cannot be written to is no end of the work."""
        if self.cache is None:
            return
        try:
            self.cache.put(system, task, self.seed, result)
        except OSError as error:
            warnings.warn(
                f"Results cannot be kept in {self.cache.folder} ({error}); what is measured from "
                "here on is in the report only.",
                stacklevel=2,
            )
            self.cache = None

    def warm_up(self, system: System, meters: list[Meter]) -> None:
        """Let everything compile and load first: none of that is the task's time or memory."""
        for meter in meters:
            if id(meter) not in self.warm:
                meter.inner.encode([_WARM.text])
        retriever = system.retriever
        if isinstance(retriever, Dense | Keyword | Hybrid) and type(retriever) not in self.warm:
            retriever.index([_WARM])
            retriever.search([_WARM.text], 1)
            retriever.close()
        self.warm |= {type(retriever), *map(id, meters)}

    def tell(self, step: Step) -> None:
        if self.progress is not None:
            self.progress(step)

    def following(self, step: Step) -> Progress | None:
        if self.progress is None:
            return None
        return lambda done, total: self.tell(replace(step, done=done, total=total))


def _failure(task: str, system: str, error: Exception) -> Failed:
    known = isinstance(error, KinspaceError)
    return Failed(
        task,
        system,
        type(error).__name__,
        error.message if isinstance(error, KinspaceError) else str(error),
        error.remedy if isinstance(error, KinspaceError) else "",
        "" if known else "".join(traceback.format_exception(error)),
    )


def measure(
    system: System, task: Task, seed: int = 0, *, progress: Progress | None = None
) -> Result:
    """Judge one system on one task: figures with intervals, and what it cost.

    Raises
    ------
    NotApplicable
        If the system cannot do the task.
    InvalidParameter
        If the task gives no measure of the name that is to be its main one.
    """
    meters = meters_of(system)
    for meter in meters:
        meter.reset()
    retriever = system.retriever
    observed = None if retriever is None else Observed(retriever, meters)
    before = _charged(meters)
    try:
        with watched() as watch:
            outcome = task.run(replace(system, retriever=observed), progress=progress)
    finally:
        if retriever is not None:
            retriever.close()
    if task.main not in outcome.samples:
        raise InvalidParameter(
            f"{task.name} has no measure {task.main!r}.",
            f"Its main one is one of: {', '.join(outcome.samples)}.",
        )
    after = _charged(meters)
    price = after - before if before is not None and after is not None else None
    return Result(
        task=task.name,
        kind=task.kind,
        system=system.name,
        main=task.main,
        measures={name: interval(sample, seed=seed) for name, sample in outcome.samples.items()},
        outcome=outcome,
        costs=_costs(watch, meters, observed, outcome, price),
        texts=_texts(task, outcome),
        origin={
            "measured": now(),
            "system": system.fingerprint,
            "task": task.fingerprint,
            "seed": seed,
            "machine": machine(),
        },
    )


def _costs(
    watch: Watch,
    meters: list[Meter],
    observed: Observed | None,
    outcome: Outcome,
    price: float | None,
) -> Costs:
    indexed = observed is not None and observed.documents > 0
    texts, seconds = sum(m.texts for m in meters), sum(m.seconds for m in meters)
    if observed is not None and indexed:  # what the system did to its documents, whatever it is
        texts, seconds = observed.documents, observed.seconds
    median, slow = _latency(outcome)
    return Costs(
        seconds=watch.seconds + saved(meters),
        texts=texts,
        text_seconds=seconds,
        query_ms=median,
        query_ms_95=slow,
        peak_bytes=watch.peak_bytes,
        start_bytes=watch.start_bytes,
        vector_bytes=round(sum(m.vector_bytes for m in meters)) or None,
        index_bytes=observed.held if observed is not None and indexed else None,
        documents=observed.documents if observed is not None and indexed else None,
        price=price,
    )


def _latency(outcome: Outcome) -> tuple[float | None, float | None]:
    import numpy as np

    if not len(outcome.query_seconds):
        return None, None
    median, slow = np.quantile(outcome.query_seconds, (0.5, 0.95)) * 1000
    return float(median), float(slow)


def _charged(meters: list[Meter]) -> float | None:
    """US dollars that providers behind these encoders have charged so far; None if none does."""
    charged = [getattr(meter.inner, "charged", None) for meter in meters]
    known = [float(one) for one in charged if one is not None]
    return sum(known) if known else None


def _texts(task: Task, outcome: Outcome) -> dict[str, str]:
    """What items say that are ids."""
    of = getattr(task, "task", getattr(task, "items", task))  # of the catalogue, known items
    content = getattr(of, "content", None)
    if not isinstance(content, RetrievalSet):
        return {}
    return {
        item: content.queries[item][:_TEXT] for item in outcome.items if item in content.queries
    }
