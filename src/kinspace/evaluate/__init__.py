"""Judge anything that embeds or finds: a room, and a verb.

``ks.evaluate(models=[…], tasks=[…])`` judges systems on tasks and gives a :class:`Report`;
``ks.evaluate.Report`` and the other names here are what such a report is made of.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinspace.evaluate import catalogue, metrics, runs, statistics, systems, unlabelled
    from kinspace.evaluate.catalogue import describe_task, task_names
    from kinspace.evaluate.estimate import Estimate, Sample
    from kinspace.evaluate.report import Report
    from kinspace.evaluate.results import Failed, Result, Skipped
    from kinspace.evaluate.runner import Step, evaluate
    from kinspace.evaluate.runs import Run
    from kinspace.evaluate.system import Meter, Retriever, System
    from kinspace.evaluate.systems import as_system
    from kinspace.evaluate.task import Outcome, Task

_HOMES = {
    "Estimate": "kinspace.evaluate.estimate",
    "Failed": "kinspace.evaluate.results",
    "Meter": "kinspace.evaluate.system",
    "Outcome": "kinspace.evaluate.task",
    "Report": "kinspace.evaluate.report",
    "Result": "kinspace.evaluate.results",
    "Retriever": "kinspace.evaluate.system",
    "Run": "kinspace.evaluate.runs",
    "Sample": "kinspace.evaluate.estimate",
    "Skipped": "kinspace.evaluate.results",
    "Step": "kinspace.evaluate.runner",
    "System": "kinspace.evaluate.system",
    "Task": "kinspace.evaluate.task",
    "as_system": "kinspace.evaluate.systems",
    "describe_task": "kinspace.evaluate.catalogue",
    "evaluate": "kinspace.evaluate.runner",
    "task_names": "kinspace.evaluate.catalogue",
}
_ROOMS = {"catalogue", "metrics", "runs", "statistics", "systems", "unlabelled"}

__all__ = [
    "Estimate",
    "Failed",
    "Meter",
    "Outcome",
    "Report",
    "Result",
    "Retriever",
    "Run",
    "Sample",
    "Skipped",
    "Step",
    "System",
    "Task",
    "as_system",
    "catalogue",
    "describe_task",
    "evaluate",
    "metrics",
    "runs",
    "statistics",
    "systems",
    "task_names",
    "unlabelled",
]


class _Room(ModuleType):
    """A module that can be called: ``kinspace.evaluate(…)`` is :func:`evaluate`."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        from kinspace.evaluate.runner import evaluate as verb

        return verb(*arguments, **settings)

    def __getattr__(self, name: str) -> Any:
        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name]), name)
        if name in _ROOMS:
            return importlib.import_module(f"kinspace.evaluate.{name}")
        raise AttributeError(f"module 'kinspace.evaluate' has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return __all__


sys.modules[__name__].__class__ = _Room
