"""The report on a terminal: one table, or several where one would be too wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinspace.evaluate.reports.figures import (
    BEST,
    LEGEND,
    NOTHING,
    cost_columns,
    failures,
    half_width,
    mark,
    measure_name,
    notes,
    number,
    skips,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from kinspace.evaluate.report import Report

_GAP = 2
"""Blanks between columns."""


@dataclass(frozen=True)
class _Column:
    head: Text
    cells: list[Text]

    @property
    def width(self) -> int:
        lines = [line for cell in (self.head, *self.cells) for line in cell.plain.split("\n")]
        return max(map(len, lines))


def plain(report: Report, width: int = 80) -> str:
    """The report as text without colours.

    Parameters
    ----------
    report : Report
    width : int
        Columns of the terminal.
    """
    from rich.console import Console

    console = Console(width=width, color_system=None, highlight=False, legacy_windows=False)
    with console.capture() as captured:
        show(report, console)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def show(report: Report, console: Console) -> None:
    """Print the report: quality and costs, what was skipped and what failed."""
    for one in renderables(report, console.width):
        console.print(one, soft_wrap=False)


def renderables(report: Report, width: int) -> list[RenderableType]:
    """What is printed, each piece no wider than ``width`` where that is possible."""
    from rich.text import Text

    found: list[RenderableType] = []
    for table in _tables(report, width) if len(report) else []:
        found += [_table(table), Text("")]
    if any(len(report.of(task)) > 1 for task in report.tasks):
        found.append(Text(LEGEND, style="dim"))
    found += [Text(note, style="dim") for note in notes(report)]
    found += [Text.assemble(("skipped ", "yellow"), reason) for reason in skips(report)]
    found += [
        Text.assemble(("failed ", "bold red"), message, (f" {remedy}".rstrip(), "dim"))
        for message, remedy in failures(report)
    ]
    return found


def _tables(report: Report, width: int) -> list[list[_Column]]:
    """The columns of each table: all in one if they fit, else costs in a table of their own.

    Where there are more tasks than fit beside each other, they go below each other.
    """
    names, quality, costs = _names(report), _quality(report), _costs(report)
    left = width - names.width
    if _width(quality + costs) <= left:
        return [[names, *quality, *costs]]
    below = [[names, *block] for block in _fitting(costs, left)]
    if _width(quality) > left:
        tasks, systems = _turned(report)
        if _width([tasks, *systems]) - _GAP <= width:
            return [[tasks, *systems], *below]
    return [*([names, *block] for block in _fitting(quality, left)), *below]


def _width(columns: list[_Column]) -> int:
    return sum(column.width + _GAP for column in columns)


def _fitting(columns: list[_Column], width: int) -> list[list[_Column]]:
    blocks: list[list[_Column]] = []
    free = 0
    for column in columns:
        needed = column.width + _GAP
        if not blocks or needed > free:
            blocks.append([])
            free = width
        blocks[-1].append(column)
        free -= needed
    return blocks


def _table(columns: list[_Column]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="cyan")
    for at, column in enumerate(columns):
        table.add_column(
            column.head, justify="left" if at == 0 else "right", vertical="top",
            overflow="fold", no_wrap=at > 0,
        )  # fmt: skip
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table


def _names(report: Report) -> _Column:
    from rich.text import Text

    return _Column(Text(""), [Text(system, style="bold") for system in report.systems])


def _heads(report: Report) -> list[tuple[str, Text]]:
    """Each task that somebody did, and last, with an empty name, the mean."""
    from rich.text import Text

    mains = {one.task: measure_name(one.main) for one in report}
    found = [(task, Text.assemble(task, (f"\n{main}", "dim"))) for task, main in mains.items()]
    if len(report.shared) > 1:
        over = (f"\nof {len(report.shared)}", "dim")
        found.append(("", Text.assemble("mean", over)))
    return found


def _score(report: Report, task: str, system: str) -> Text:
    from rich.text import Text

    if not any(result.system == system for result in report) or (
        task and (task, system) not in report
    ):
        return Text(f"{NOTHING}  \n", style="dim")
    score = report[task, system].score if task else report.mean(system)
    sign = mark(report, task, system) if task else ""
    style = "bold green" if sign == BEST else "green" if sign else ""
    return Text.assemble(
        (f"{number(score.value)} {sign or ' '}", style), (f"\n{half_width(score)}  ", "dim")
    )


def _quality(report: Report) -> list[_Column]:
    """A column a task."""
    return [
        _Column(head, [_score(report, task, system) for system in report.systems])
        for task, head in _heads(report)
    ]


def _turned(report: Report) -> tuple[_Column, list[_Column]]:
    """A row a task: the column of their names, and a column a system."""
    from rich.text import Text

    heads = _heads(report)
    columns = [
        _Column(Text(system), [_score(report, task, system) for task, _ in heads])
        for system in report.systems
    ]
    return _Column(Text(""), [head for _, head in heads]), columns


def _costs(report: Report) -> list[_Column]:
    from rich.text import Text

    heads = {"query ms": "query\nms", "vector": "vector\n", "index": "index\n/text"}
    columns = []
    for column in cost_columns(report):
        if column.title == "time":
            continue
        best = column.best()
        cells = [
            Text(
                column.cell(system),
                style="bold green" if system in best else "dim" if system not in column.values
                else "",
            )
            for system in report.systems
        ]  # fmt: skip
        columns.append(_Column(Text(heads.get(column.title, column.title)), cells))
    return columns
