"""The catalogue of tasks: a task is a record, and a name, a path or content becomes a task.

Records stand in ``catalogue.toml``: a set of :mod:`kinspace.datasets`, a kind, a main metric and
settings. Nothing of a set is read before a task is run or asked for its fingerprint.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kinspace import datasets
from kinspace.datasets.content import Content
from kinspace.encoder import Progress
from kinspace.errors import InvalidParameter, TaskNotFound
from kinspace.evaluate.kinds import KINDS, kind_of, made
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What is known about a task without reading its set.

    Parameters
    ----------
    name : str
    kind : str
        A name in :data:`kinspace.evaluate.kinds.KINDS`: ``"retrieval"``, ``"similarity"`` …
    dataset : str
        A name in :func:`kinspace.datasets.names`.
    split : str
        The split that is judged on; several, with ``+`` between them, where its set is made of
        several.
    main : str
        The metric by which systems are ranked on it.
    description : str
        One line.
    train : str
        The split that is learned from, where a task learns; empty otherwise.
    settings : mapping
        Arguments of the task; a mapping where one is a config, such as
        ``{"clusterings": {"documents": 2048}}``.
    """

    name: str
    kind: str
    dataset: str
    split: str
    main: str
    description: str
    train: str = ""
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class RecordedTask(Task):
    """A task of the catalogue: it reads its set when it is first needed.

    Parameters
    ----------
    record : TaskRecord
    """

    def __init__(self, record: TaskRecord) -> None:
        self.record = record
        self.kind = record.kind  # type: ignore[misc]
        self.name = record.name
        self.main = record.main

    @cached_property
    def task(self) -> Task:
        """The task itself, with its set.

        Raises
        ------
        DatasetError
            If the set cannot be had.
        """
        record = self.record
        judged = [datasets.load(record.dataset, split) for split in record.split.split("+")]
        content: Any = judged[0] if len(judged) == 1 else judged
        settings = {"name": self.name, "main": self.main, **record.settings}
        if not record.train:
            return made(self.kind, content, settings)
        learned_from = datasets.load(record.dataset, record.train)
        return made(self.kind, learned_from, settings, judged_on=content)

    @property
    def fingerprint(self) -> str:
        """That of the task itself: the set is read for it."""
        return self.task.fingerprint

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Judge a system; the set is read first, if it was not."""
        return self.task.run(system, progress=progress)

    def __repr__(self) -> str:
        return f"RecordedTask({self.name!r}, {self.kind})"


Asked = str | Path | Content | Task
"""What can be made into a task."""


def task(what: Asked, *, kind: str | None = None, **settings: Any) -> Task:
    """Make a task out of a name, a path, content, or a task (which stays as it is).

    Parameters
    ----------
    what : str, Path, Content or Task
        A name of :func:`task_names`; a path of your own, which
        :func:`kinspace.datasets.read_path` reads, or ``"PATH:KIND"``; a set of
        :mod:`kinspace.datasets.content`; or a task.
    kind : str, optional
        What to judge a set or a path on; by default it follows from the content.
    **settings
        Arguments of the task: ``main``, ``name``, ``method`` ….

    Raises
    ------
    TaskNotFound
        If it is neither a name nor a path.
    InvalidParameter
        If the kind is unknown or does not fit the content, or there is no such setting.

    Examples
    --------
    >>> task("scifact").main
    'ndcg_at_10'
    >>> from kinspace.datasets.content import LabelledSet
    >>> mine = LabelledSet("mine", ["a cat", "a dog", "a car", "a van"], ["pet", "pet", "it", "it"])
    >>> task(mine, kind="clustering").kind
    'clustering'
    """
    if isinstance(what, Task):
        if kind is not None or settings:
            raise InvalidParameter("A task has its settings already.", "Give the task alone.")
        return what
    if isinstance(what, str) and what in _records():
        return _recorded(_records()[what], kind, settings)
    if isinstance(what, str | Path):
        return _of_path(what, kind, settings)
    return made(kind or kind_of(what), what, settings)


def tasks(what: Asked | Sequence[Asked]) -> list[Task]:
    """Make tasks out of one thing or several; a group's name stands for all tasks in it.

    A task that comes twice is made once.

    Examples
    --------
    >>> [one.name for one in tasks(["stsb", "analogies"])]
    ['stsb', 'google-analogies']
    """
    listed: list[Asked] = []
    for one in [what] if isinstance(what, str) or not isinstance(what, Sequence) else what:
        is_group = isinstance(one, str) and one not in _records() and one in groups()
        listed += groups()[str(one)] if is_group else [one]
    found: dict[str | int, Task] = {}
    for one in listed:
        name = one if isinstance(one, str) else id(one)
        if name not in found:
            found[name] = task(one)
    return list(found.values())


def task_names(group: str | None = None) -> list[str]:
    """The names of all tasks in the catalogue's order, or of those of a group.

    Raises
    ------
    TaskNotFound
        If there is no such group.

    Examples
    --------
    >>> task_names("retrieval")[0]
    'scifact'
    """
    if group is None:
        return list(_records())
    if group not in groups():
        raise TaskNotFound(
            f"There is no group of tasks {group!r}.", f"Groups: {', '.join(groups())}."
        )
    return groups()[group]


def describe_task(name: str) -> TaskRecord:
    """The record of a task.

    Raises
    ------
    TaskNotFound
        If there is none of that name.

    Examples
    --------
    >>> describe_task("stsb").kind
    'similarity'
    """
    if name not in _records():
        raise _not_found(name)
    return _records()[name]


@cache
def groups() -> dict[str, list[str]]:
    """Names of tasks by group: ``"all"``, each kind, and the groups of ``catalogue.toml``.

    Examples
    --------
    >>> groups()["analogies"]
    ['google-analogies']
    """
    records = _records()
    found = {"all": list(records)}
    for record in records.values():
        found.setdefault(record.kind, []).append(record.name)
    for name, listed in _pages()["groups"].items():
        found[name] = [task for one in listed for task in found.get(one, [one])]
    return found


@cache
def _pages() -> dict[str, Any]:
    return tomllib.loads(files("kinspace.evaluate").joinpath("catalogue.toml").read_text("utf-8"))


@cache
def _records() -> dict[str, TaskRecord]:
    return {name: _record(name, table) for name, table in _pages()["tasks"].items()}


def _record(name: str, table: Mapping[str, Any]) -> TaskRecord:
    rest = dict(table)
    kind = rest.pop("kind")
    return TaskRecord(
        name=name,
        kind=kind,
        dataset=rest.pop("dataset", name),
        main=rest.pop("main", KINDS[kind].main),
        settings=MappingProxyType(rest.pop("settings", {})),
        **rest,
    )


def _recorded(record: TaskRecord, kind: str | None, settings: Mapping[str, Any]) -> Task:
    if kind is not None and kind.replace("-", "_") != record.kind:
        raise InvalidParameter(
            f"{record.name} is of the kind {record.kind}.",
            f"Load its set to judge otherwise: task(datasets.load({record.dataset!r}), kind=…).",
        )
    if not settings:
        return RecordedTask(record)
    names = {"name": record.name, "main": record.main, **settings}
    changed = TaskRecord(
        name=names.pop("name"),
        kind=record.kind,
        dataset=record.dataset,
        split=record.split,
        main=names.pop("main"),
        description=record.description,
        train=record.train,
        settings=MappingProxyType({**record.settings, **names}),
    )
    return RecordedTask(changed)


def _of_path(what: str | Path, kind: str | None, settings: dict[str, Any]) -> Task:
    path, _, ending = str(what).rpartition(":")
    ending = ending.replace("-", "_")
    if path and ending in KINDS and not Path(what).exists():
        if kind not in (None, ending):
            raise InvalidParameter(f"{what} and kind={kind!r} disagree.", "Give the kind once.")
        what, kind = path, ending
    place = Path(what)
    if not place.exists():
        raise _not_found(what)
    content = datasets.read_path(place)
    own = place.resolve().name if place.is_dir() else place.stem
    return made(kind or kind_of(content), content, {"name": own, **settings})


def _not_found(what: str | Path) -> TaskNotFound:
    known = [*_records(), *groups()]
    close = difflib.get_close_matches(str(what).lower(), known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return TaskNotFound(
        f"There is no task {str(what)!r}, and no file or folder of that name.",
        f"{hint}All names: kinspace evaluate --list.",
    )
