"""A progress bar for learning in stages, on stderr, and only where a person looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Stages(Protocol):
    """What is told while a learner works."""

    def __call__(self, stage: str, done: int, total: int, detail: str = "", /) -> None:
        """Tell how far a stage is.

        Parameters
        ----------
        stage : str
            Its name.
        done, total : int
            How much of it is done, and how much there is (0: unknown).
        detail : str
            How it goes, such as the loss; left out where there is nothing to say.
        """


def silent(stage: str, done: int, total: int, detail: str = "", /) -> None:
    """Show nothing."""


@contextmanager
def shown(progress: bool | Stages) -> Iterator[Stages]:
    """What a learner calls while it works.

    Parameters
    ----------
    progress : bool or callable
        True shows a bar with rate and remaining time if stderr is a terminal; a callable is
        used as it is.
    """
    if callable(progress):
        yield progress
        return
    if not progress:
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}  {task.speed:,.0f}/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as bar:

        def tell(stage: str, done: int, total: int, detail: str = "", /) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, detail="")
            bar.update(tasks[stage], completed=done, total=total or None, detail=detail)

        yield tell
