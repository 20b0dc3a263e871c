"""The part of the HTML report on single items: which queries two systems differ on, and how."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from kinspace.errors import NotApplicable
from kinspace.evaluate.report import Report
from kinspace.evaluate.reports import charts
from kinspace.evaluate.reports.figures import measure_name, number, signed
from kinspace.evaluate.results import Result
from kinspace.evaluate.statistics import Moved

_SHOWN = 5
"""Items that are shown of each side."""


def moved(report: Report) -> str:
    """The best system of each task against every other, item by item; empty without pairs."""
    parts = [_task(report, task) for task in report.tasks if len(report.of(task)) > 1]
    shown = "".join(part for part in parts if part)
    if not shown:
        return ""
    return (
        "<section><h2>Where they differ</h2>"
        '<p class="note">The best system of each task against the others, query by query (or pair, '
        "or text): all differences in order of size, above the line those where the best one is "
        f"ahead, and the ones that differ most.</p>{shown}</section>"
    )


def _task(report: Report, task: str) -> str:
    best, *others = report.ranking(task)
    drawn = []
    for at, other in enumerate(others):
        try:
            found = report.moved(task, best, other, n=None)
        except NotApplicable:  # judged on other items, or in other rows than items
            continue
        if any(one.difference for one in found):
            drawn.append(_pair(task, best, other, found, opened=at == 0))
    if not drawn:
        return ""
    main = measure_name(report[task, best].main)
    head = f"<h3>{escape(task)} <small>{escape(main)}</small></h3>"
    return head + _legend(report[task, best], main) + "".join(drawn)


def _legend(result: Result, main: str) -> str:
    """What the numbers are, where they are not the items' own figures."""
    if result.outcome.samples[result.main].statistic == "mean":
        return ""
    main = main[:1].upper() + main[1:]
    return (
        f'<p class="note">{escape(main)} is a figure of all items together. The numbers here are '
        "what each item contributes to it: their mean is the figure (very nearly), one below 0 "
        "pulls it down, and single ones may be above 1.</p>"
    )


def _pair(task: str, a: str, b: str, found: Sequence[Moved], *, opened: bool) -> str:
    ahead = [one for one in found if one.difference > 0]
    behind = [one for one in found if one.difference < 0]
    same = len(found) - len(ahead) - len(behind)
    summary = (
        f"<strong>{escape(a)}</strong> against {escape(b)}: ahead on {len(ahead):,}, "
        f"behind on {len(behind):,}, the same on {same:,}"
    )
    differences = [one.difference for one in found]
    drawn = charts.waterfall(f"{a} less {b} on {task}, item by item", differences)
    tables = "".join(
        _table(f"{name} is ahead", side[:_SHOWN], a, b)
        for name, side in ((a, ahead), (b, behind))
        if side
    )
    is_open = " open" if opened else ""
    return f"<details{is_open}><summary>{summary}</summary><div>{drawn}{tables}</div></details>"


def _table(title: str, shown: Sequence[Moved], a: str, b: str) -> str:
    rows = "".join(
        f'<tr><td class="text">{_said(one)}</td>'
        f'<td data-label="{escape(a)}">{number(one.a)}</td>'
        f'<td data-label="{escape(b)}">{number(one.b)}</td>'
        f'<td data-label="Difference" class="{"gain" if one.difference > 0 else "loss"}">'
        f"{signed(one.difference)}</td></tr>"
        for one in shown
    )
    heads = '<th scope="col" class="text">Item</th>' + "".join(
        f'<th scope="col">{escape(head)}</th>' for head in (a, b, "Difference")
    )
    return (
        f'<table class="moved"><caption>{escape(title)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _said(one: Moved) -> str:
    if one.text:
        return f'{escape(one.text)} <span class="id">{escape(one.item)}</span>'
    return escape(one.item if len(one.item) <= 400 else one.item[:399] + "…")
