"""The report as Markdown, for a README, an issue, or a wiki."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kinspace.evaluate.report import Report
from kinspace.evaluate.reports.figures import (
    BEST,
    LEGEND,
    NOTHING,
    cost_columns,
    failures,
    findings,
    half_width,
    mark,
    measure_name,
    method,
    notes,
    number,
    probability,
    signed,
    skips,
)


def page(report: Report) -> str:
    """The whole report: quality, costs, paired comparisons, and how it was measured."""
    parts = [f"# Evaluation of {len(report.systems)} systems on {len(report.tasks)} tasks", ""]
    parts += [*(f"- {escape(sentence)}" for sentence in findings(report)), ""]
    parts += ["## Quality", "", *_quality(report), "", LEGEND, ""]
    parts += ["## Costs", "", *_costs(report), ""]
    parts += ["## Paired comparisons", "", *_comparisons(report), ""]
    parts += _beside(report)
    parts += ["## How it was measured", "", *(f"- {escape(one)}" for one in method(report)), ""]
    parts += _machine(report)
    return "\n".join(parts)


def escape(text: str) -> str:
    """Text that stays text: neither a table's bar, nor a line's end, nor HTML, nor emphasis."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{c}" if c in "\\`*_[]|" else c for c in flat)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table; the first column is text, the others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _quality(report: Report) -> list[str]:
    tasks = [task for task in report.tasks if report.of(task)]
    heads = ["system"]
    for task in tasks:
        main = measure_name(next(iter(report.of(task).values())).main)
        heads.append(f"{escape(task)}<br>{main}")
    with_mean = len(report.shared) > 1
    if with_mean:
        heads.append(f"mean<br>{len(report.shared)} tasks")
    rows = []
    judged = {one.system for one in report}
    for system in report.systems:
        row = [escape(system)]
        for task in tasks:
            if (task, system) not in report:
                row.append(NOTHING)
                continue
            score, sign = report[task, system].score, mark(report, task, system)
            shown = f"{number(score.value)} {half_width(score)}"
            row.append(f"**{shown}** {sign}" if sign == BEST else f"{shown} {sign}".strip())
        if with_mean and system in judged:
            mean = report.mean(system)
            row.append(f"{number(mean.value)} {half_width(mean)}")
        elif with_mean:
            row.append(NOTHING)
        rows.append(row)
    return table(heads, rows)


def _costs(report: Report) -> list[str]:
    columns = cost_columns(report)
    rows = []
    for system in report.systems:
        cells = [column.cell(system) for column in columns]
        rows.append(
            [
                escape(system),
                *(
                    f"**{cell}**" if system in column.best() else cell
                    for cell, column in zip(cells, columns, strict=True)
                ),
            ]
        )
    lines = table(["system", *(column.title for column in columns)], rows)
    return [*lines, "", *(f"- {column.title}: {column.explanation}" for column in columns)]


def _comparisons(report: Report) -> list[str]:
    rows = []
    for task in report.tasks:
        for one in report.comparisons(task):
            found = one.comparison
            rows.append(
                [
                    f"{escape(task)}: {escape(one.a)} − {escape(one.b)}",
                    f"{signed(found.difference)} [{signed(found.low)}, {signed(found.high)}]",
                    probability(one.adjusted),
                    number(found.detectable),
                ]
            )
    if not rows:
        return ["There is one system only: nothing to compare."]
    return table(["pair", "difference", "p (Holm)", "smallest detectable"], rows)


def _beside(report: Report) -> list[str]:
    """Notes, what was skipped and what failed."""
    lines: list[str] = []
    if told := notes(report):
        lines += ["## Notes", "", *(f"- {escape(note)}" for note in told), ""]
    if report.skipped:
        lines += ["## Not judged", "", *(f"- {escape(one)}" for one in skips(report)), ""]
    if report.failed:
        broken = (f"{message} {remedy}" for message, remedy in failures(report))
        lines += ["## Failed", "", *(f"- {escape(one)}" for one in broken), ""]
    return lines


def _machine(report: Report) -> list[str]:
    if not report.machine:
        return []
    found = report.machine
    versions = ", ".join(f"{name} {value}" for name, value in found["versions"].items())
    return [
        "## Machine and versions",
        "",
        f"{escape(str(found['processor']))}, {found['cores']} cores, {escape(found['system'])}, "
        f"Python {found['python']}; {escape(versions)}. Made {report.made}.",
        "",
    ]
