"""The report as one HTML file, which needs neither network nor scripts.

The frame is ``page.html``, the looks are ``page.css``; the sections are written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

from kinspace.evaluate.estimate import Estimate
from kinspace.evaluate.machine import kinspace_version
from kinspace.evaluate.report import Report
from kinspace.evaluate.reports import charts
from kinspace.evaluate.reports.figures import (
    BEST,
    LEGEND,
    NOTHING,
    Column,
    cost_columns,
    failures,
    findings,
    half_width,
    in_bytes,
    mark,
    measure_name,
    method,
    notes,
    number,
    probability,
    signed,
    skips,
)
from kinspace.evaluate.reports.moved import moved

_COLUMNS = 8
"""Columns of figures that a table has at most; more go into a second one."""

_ROLES = {
    "<table": '<table role="table"',
    "<thead": '<thead role="rowgroup"',
    "<tbody": '<tbody role="rowgroup"',
    "<tr": '<tr role="row"',
    "<td": '<td role="cell"',
    '<th scope="col"': '<th role="columnheader" scope="col"',
    '<th scope="row"': '<th role="rowheader" scope="row"',
}
"""Tables that turn into cards would else be tables no more to those who hear them."""


def page(report: Report) -> str:
    """The whole page.

    Parameters
    ----------
    report : Report
    """
    here = Path(__file__)
    systems, tasks = len(report.systems), len(report.tasks)
    title = f"{_count(systems, 'system')} on {_count(tasks, 'task')}"
    sections = [
        _quality(report), _bars(report), _planes(report), _costs(report), _comparisons(report),
        moved(report), _notes(report), _beside(report), _method(report),
    ]  # fmt: skip
    said = findings(report)
    whole = Template(here.with_name("page.html").read_text("utf-8")).substitute(
        title=escape(title),
        version=escape(kinspace_version()),
        css=here.with_name("page.css").read_text("utf-8"),
        made=escape(_made(report)),
        findings=_list(said, "findings") if said else "",
        body="\n".join(section for section in sections if section),
    )
    for tag, with_role in _ROLES.items():
        whole = whole.replace(tag, with_role)
    return whole.replace("95 %", "95&nbsp;%")


def _count(number_of: int, what: str) -> str:
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    said = words[number_of] if number_of < len(words) else str(number_of)
    return f"{said if what == 'task' else said.capitalize()} {what}{'' if number_of == 1 else 's'}"


def _made(report: Report) -> str:
    processor = report.machine.get("processor", "")
    cores = report.machine.get("cores")
    where = f" on {processor}, {cores} cores" if processor else ""
    return f"Made {report.made.replace('T', ' ').replace('+00:00', ' UTC')}{where}"


def _list(sentences: Iterable[str], kind: str = "") -> str:
    items = "".join(f"<li>{escape(one)}</li>" for one in sentences)
    return f'<ul class="{kind}">{items}</ul>' if kind else f"<ul>{items}</ul>"


def _quality(report: Report) -> str:
    systems = report.systems
    blocks = [systems[at : at + _COLUMNS] for at in range(0, len(systems), _COLUMNS)]
    tables = "".join(_quality_table(report, block) for block in blocks)
    legend = f'<p class="note">{escape(LEGEND)}</p>' if len(systems) > 1 else ""
    return f'<section><h2 id="quality">Quality</h2>{tables}{legend}</section>'


def _quality_table(report: Report, systems: Sequence[str]) -> str:
    rows = []
    for task in report.tasks:
        if not report.of(task):
            continue
        main = next(iter(report.of(task).values())).main
        cells = "".join(_score(report, task, system) for system in systems)
        head = f"{escape(task)}<small>{escape(measure_name(main))}</small>"
        rows.append(f'<tr><th scope="row">{head}</th>{cells}</tr>')
    if len(report.shared) > 1:
        judged = {one.system for one in report}
        cells = "".join(
            _marked(_estimate(report.mean(system)) if system in judged else NOTHING, "", system)
            for system in systems
        )
        over = f"Mean<small>of {len(report.shared)} tasks</small>"
        rows.append(f'<tr><th scope="row">{over}</th>{cells}</tr>')
    heads = "".join(f'<th scope="col">{escape(system)}</th>' for system in systems)
    return (
        "<table><caption>The main measure of each task, with half of its 95 % interval."
        f'</caption><thead><tr><th scope="col">Task</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _score(report: Report, task: str, system: str) -> str:
    if (task, system) not in report:
        return _marked(NOTHING, "", system)
    return _marked(_estimate(report[task, system].score), mark(report, task, system), system)


def _marked(shown: str, sign: str, system: str) -> str:
    """A cell with room for a sign, so that figures stand below each other."""
    inner = f'{shown}<span class="mark">{sign}</span>'
    return _cell(inner, system, "best" if sign == BEST else "")


def _estimate(score: Estimate) -> str:
    return f'{number(score.value)} <small class="pm">{half_width(score)}</small>'


def _cell(inner: str, label: str, kind: str = "") -> str:
    css = f' class="{kind}"' if kind else ""
    return f'<td{css} data-label="{escape(label)}"><span>{inner}</span></td>'


def _bars(report: Report) -> str:
    plates = []
    for task in report.tasks:
        ranked = report.ranking(task)
        if not ranked:
            continue
        kinds = {"": "other", BEST: "best"}
        shown = []
        for system in ranked:
            sign = mark(report, task, system)
            standing = kinds.get(sign, "equal") if len(ranked) > 1 else "best"
            shown.append(charts.Bar(system, report[task, system].score, standing, sign))
        main = measure_name(report[task, ranked[0]].main)
        items = len(report[task, ranked[0]].outcome.items)
        drawn = charts.bars(f"{main} on {task}", shown)
        plates.append(
            f"<figure><h3>{escape(task)} <small>{escape(main)}, {items:,} items</small></h3>"
            f"{drawn}</figure>"
        )
    return (
        f'<section><h3>By task</h3><div class="plates">{"".join(plates)}</div>'
        '<p class="note">Bars begin at zero; the thin line over each is its 95 % interval.</p>'
        "</section>"
        if plates
        else ""
    )


def _planes(report: Report) -> str:
    """Quality against speed and against size, over the tasks that all systems did."""
    if len(report.systems) < 2 or not report.shared:
        return ""
    columns = {column.title: column for column in cost_columns(report)}
    several = len(report.shared) > 1
    task = report.shared[0]
    up = f"mean of {len(report.shared)} tasks" if several else (
        f"{measure_name(next(iter(report.of(task).values())).main)} on {task}"
    )  # fmt: skip
    wanted = [
        ("texts/s", "Quality and speed of indexing", "texts a second →"),
        ("query ms", "Quality and time of a query", "← milliseconds a query"),
        ("index", "Quality and size of the index", "← bytes a document"),
    ]
    if "index" not in columns:
        wanted[2] = ("vector", "Quality and size of a vector", "← bytes a vector")
    drawn = "".join(
        _plane(report, columns[name], title, across, up)
        for name, title, across in wanted
        if name in columns
    )
    return (
        "<section><h2>What quality costs</h2>"
        '<p class="note">The dashed line joins the systems that no other beats in both; hollow '
        f'points are beaten. Vertical lines are 95 % intervals.</p><div class="plates">{drawn}'
        "</div></section>"
        if drawn
        else ""
    )


def _plane(report: Report, column: Column, title: str, across: str, up: str) -> str:
    points = [
        charts.Point(system, value, report.mean(system))
        for system, value in column.values.items()
        if value > 0 and all((task, system) in report for task in report.shared)
    ]
    if len(points) < 2:
        return ""
    drawn = charts.scatter(title, across, up, points, larger=column.larger)
    return f"<figure><h3>{escape(title)}</h3>{drawn}</figure>"


def _costs(report: Report) -> str:
    columns = cost_columns(report)
    heads = "".join(f'<th scope="col">{escape(one.title)}</th>' for one in columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(system)}</th>'
        + "".join(
            _cell(escape(one.cell(system)), one.title, "best" if system in one.best() else "")
            for one in columns
        )
        + "</tr>"
        for system in report.systems
    )
    told = "".join(f"<dt>{escape(c.title)}</dt><dd>{escape(c.explanation)}</dd>" for c in columns)
    return (
        "<section><h2>Costs</h2><table><caption>What each system took; the best of a column is "
        f'in bold.</caption><thead><tr><th scope="col">System</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table><dl>{told}</dl></section>"
    )


def _comparisons(report: Report) -> str:
    parts = [_pairs(report, task) for task in report.tasks if report.comparisons(task)]
    if not parts:
        return ""
    return (
        "<section><h2>Paired comparisons</h2>"
        '<p class="note">The first system less the second, on the same items. A filled point is a '
        "difference that is more than chance at 0.05, adjusted for the pairs of its task.</p>"
        f"{''.join(parts)}</section>"
    )


def _pairs(report: Report, task: str) -> str:
    pairs = report.comparisons(task)
    reach = max(*(abs(edge) for p in pairs for edge in (p.comparison.low, p.comparison.high)), 1e-6)
    rows = []
    for one in pairs:
        found = one.comparison
        drawn = charts.forest(found.difference, found.low, found.high, reach, differs=one.differs)
        interval = f"{signed(found.difference)} <small>[{signed(found.low)}, {signed(found.high)}]"
        rows.append(
            f'<tr><th scope="row">{escape(one.a)} − {escape(one.b)}</th>'
            + _cell(f"{interval}</small>", "Difference", "best" if one.differs else "")
            + f'<td data-label="Interval">{drawn}</td>'
            + _cell(escape(probability(one.adjusted)), "p (Holm)")
            + _cell(number(found.detectable), "Smallest detectable")
            + "</tr>"
        )
    titles = ("Pair", "Difference", "Around zero", "p (Holm)", "Smallest detectable")
    heads = "".join(f'<th scope="col">{title}</th>' for title in titles)
    return (
        f"<table><caption>{escape(task)}, {escape(measure_name(pairs[0].measure))}</caption>"
        f"<thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _notes(report: Report) -> str:
    told = notes(report)
    return f"<section><h2>Notes</h2>{_list(told)}</section>" if told else ""


def _beside(report: Report) -> str:
    """What was skipped and what failed."""
    parts = []
    if report.failed:
        told = (f"{message} {remedy}" for message, remedy in failures(report))
        parts.append(f'<section class="failed"><h2>Failed</h2>{_list(told)}</section>')
    if report.skipped:
        parts.append(f"<section><h2>Not judged</h2>{_list(skips(report))}</section>")
    return "".join(parts)


def _method(report: Report) -> str:
    rows = []
    found = report.machine
    if found:
        memory = found.get("memory_bytes")
        versions = ", ".join(f"{name} {value}" for name, value in found["versions"].items())
        rows = [
            ("Processor", f"{found['processor']}, {found['cores']} cores"),
            ("Memory", in_bytes(memory) if memory else NOTHING),
            ("System", f"{found['system']}, Python {found['python']}"),
            ("Versions", versions),
        ]
    asked = report.parameters
    if asked:
        rows.append(("Seed", str(asked.get("seed", ""))))
    told = "".join(f"<dt>{key}</dt><dd>{escape(value)}</dd>" for key, value in rows)
    return f"<section><h2>How it was measured</h2>{_list(method(report))}<dl>{told}</dl></section>"
