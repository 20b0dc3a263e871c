"""A progress bar for learning in stages, on stderr, and only where a person looks at it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
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
def interruptible() -> Iterator[Callable[[], None]]:
    """Remember Ctrl-C, also where it struck in a place that lets no exception out.

    A callback of the compiler, or an object's end, is such a place. What is yielded raises
    :class:`KeyboardInterrupt` if one was lost there; a worker's call stops all workers.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    struck = threading.Event()

    def strike(number: int, frame: FrameType | None) -> None:
        struck.set()
        raise KeyboardInterrupt

    def check() -> None:
        if struck.is_set():
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, strike)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def shown(progress: bool | Stages) -> Iterator[Stages]:
    """What a learner calls while it works.

    Parameters
    ----------
    progress : bool or callable
        True shows a bar with rate and remaining time if stderr is a terminal, and makes sure of
        Ctrl-C; a callable is used as it is.
    """
    if callable(progress):
        yield progress
    elif not progress:
        yield silent
    else:
        with interruptible() as check, _bar() as show:

            def tell(stage: str, done: int, total: int, detail: str = "", /) -> None:
                check()
                show(stage, done, total, detail)

            yield tell


@contextmanager
def _bar() -> Iterator[Stages]:
    """A bar for each stage, if stderr is a terminal."""
    from rich import progress as bars
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TextColumn("{task.fields[pace]}"),
        bars.TimeRemainingColumn(elapsed_when_finished=True),
        bars.TextColumn("{task.fields[detail]}", style="dim"),
    )
    tasks: dict[str, bars.TaskID] = {}
    with bars.Progress(*columns, console=console) as bar:

        def show(stage: str, done: int, total: int, detail: str = "", /) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total or None, detail="", pace="")
            task = tasks[stage]
            bar.update(task, completed=done, total=total or None, detail=detail)
            speed = bar.tasks[task].finished_speed or bar.tasks[task].speed
            bar.update(task, pace=pace(done, total, speed))

        yield show


def pace(done: int, total: int, speed: float | None) -> str:
    """How much is done, of how much, and how fast, as far as that is known.

    Examples
    --------
    >>> pace(2_000, 0, None), pace(2_000, 10_000, 512.3)
    ('2,000', '2,000/10,000  512/s')
    """
    shown = f"{done:,}/{total:,}" if total else f"{done:,}"
    return f"{shown}  {speed:,.0f}/s" if speed else shown
