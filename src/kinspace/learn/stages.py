"""A progress bar for learning in stages, on stderr, and only where a person looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Stages = Callable[[str, int, int], None]
"""Called with the name of a stage, how much of it is done, and how much there is (0: unknown)."""


def silent(stage: str, done: int, total: int) -> None:
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
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as bar:

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield tell
