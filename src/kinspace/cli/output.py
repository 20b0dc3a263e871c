"""What the commands print: results on stdout, everything else on stderr.

rich is imported when something is to be coloured: it takes as long as finding neighbours.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[int, int, str], None]
"""Called with how much is done, how much there is, and what is at hand."""


_FORCED: Final = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""What makes rich take a pipe for a terminal."""


class ReaderGone(Exception):
    """The reader of our output (head, less) has seen enough."""


def out() -> Console:
    """The console for results; plain when it is piped."""
    from rich.console import Console

    class Results(Console):
        """Leaves it to :func:`kinspace.cli.run` how to end."""

        def on_broken_pipe(self) -> None:
            raise ReaderGone

    return Results(highlight=False, soft_wrap=True)


def err() -> Console:
    """The console for all that is not a result."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def may_colour(stream: TextIO) -> bool:
    """Whether rich has to be asked how to write there; if not, plain text is all it would write."""
    return stream.isatty() or any(os.environ.get(name) for name in _FORCED)


def print_json(value: Any) -> None:
    """Print a value as JSON, one that other programs can read."""
    print_line(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def print_line(text: str) -> None:
    """Print a line of a result as it is."""
    try:
        sys.stdout.write(f"{text}\n")
    except BrokenPipeError as error:
        raise ReaderGone from error


def print_scored(found: Iterable[tuple[object, float]]) -> None:
    """Print names with their scores, a line each."""
    if not may_colour(sys.stdout):
        for name, score in found:
            print_line(f"{score:.4f}  {name}")
        return
    from rich.text import Text

    console = out()
    for name, score in found:
        console.print(Text.assemble((f"{score:.4f}  ", "cyan"), str(name)))


def note(message: str) -> None:
    """Say something beside the result."""
    from rich.text import Text

    err().print(Text(message, style="dim"))


def warn(message: str) -> None:
    """Say that something is not as it should be."""
    from rich.text import Text

    err().print(Text.assemble(("warning: ", "yellow"), message))


def fail(message: str, remedy: str = "") -> None:
    """Say in one line what went wrong, and in another what to do."""
    from rich.text import Text

    console = err()
    console.print(Text.assemble(("error: ", "bold red"), message))
    if remedy:
        console.print(Text(f"  {remedy}", style="dim"))


def size(count: float) -> str:
    """Bytes as people write them.

    Examples
    --------
    >>> size(999), size(1_500_000)
    ('999 B', '1.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds as people write them.

    Examples
    --------
    >>> duration(0.25), duration(75), duration(7500)
    ('0.2 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def progress(title: str, unit: str = "", *, quiet: bool = False) -> Iterator[Advance]:
    """A progress bar with rate and remaining time on stderr; nothing when that is piped.

    Parameters
    ----------
    title : str
    unit : str
        What is counted: ``"B"`` is written as bytes.
    quiet : bool
        No bar at all.
    """
    if quiet or not may_colour(sys.stderr) or not err().is_terminal:
        yield lambda done, total, what: None
        return
    from rich import progress as bars

    console = err()

    shown = bars.DownloadColumn() if unit == "B" else bars.MofNCompleteColumn()
    speed = bars.TransferSpeedColumn() if unit == "B" else bars.TextColumn("{task.fields[rate]}")
    columns = [
        bars.TextColumn("{task.description}"), bars.BarColumn(), shown, speed,
        bars.TimeRemainingColumn(), bars.TextColumn("{task.fields[what]}", style="dim"),
    ]  # fmt: skip
    with bars.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, what="", rate="")

        def advance(done: int, total: int, what: str) -> None:
            took = bar.tasks[0].elapsed or 0
            rate = f"{done / took:,.0f} {unit}/s" if took > 0 else ""
            shown_what = what if len(what) <= 40 else "…" + what[-39:]
            bar.update(task, completed=done, total=total or None, what=shown_what, rate=rate)

        yield advance
