"""Results and reports as JSON, for the cache and for folders that people keep.

A result has a head (figures, costs, where it was measured) and a body (the figures of single
items). In report.json the heads come first, indented, for people; the bodies follow at the end,
one a line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.durable import replace_file
from kinspace.errors import PathNotFound, ReadError
from kinspace.evaluate.costs import Costs
from kinspace.evaluate.estimate import Estimate, Sample
from kinspace.evaluate.machine import kinspace_version
from kinspace.evaluate.report import Report
from kinspace.evaluate.results import Failed, Paired, Result, Skipped
from kinspace.evaluate.task import Outcome

FORMAT: Final = 1
"""Of report.json and of the cache; raised when an older file would be misread."""


def result_head(result: Result) -> dict[str, Any]:
    """A result's figures, as plain values."""
    return {
        "task": result.task,
        "kind": result.kind,
        "system": result.system,
        "main": result.main,
        "measures": {
            name: {"value": one.value, "low": one.low, "high": one.high}
            for name, one in result.measures.items()
        },
        "notes": list(result.outcome.notes),
        "costs": result.costs.to_dict(),
        "origin": dict(result.origin),
    }


def result_body(result: Result) -> dict[str, Any]:
    """A result's figures of single items, as plain values."""
    outcome = result.outcome
    columns: dict[int, tuple[int, NDArray[Any]]] = {}  # several samples may share one

    def place(column: NDArray[Any]) -> int:
        return columns.setdefault(id(column), (len(columns), column))[0]

    samples = {
        name: {
            "statistic": sample.statistic,
            "columns": {key: place(column) for key, column in sample.columns.items()},
        }
        for name, sample in outcome.samples.items()
    }
    return {
        "task": result.task,
        "system": result.system,
        "items": list(outcome.items),
        "texts": dict(result.texts),
        "samples": samples,
        "columns": [_column(column) for _, column in columns.values()],
        "query_seconds": _column(outcome.query_seconds),
    }


def result_of(
    head: Mapping[str, Any], body: Mapping[str, Any], run_file: Path | None = None
) -> Result:
    """The result that a head and a body were made of; a run is read when it is asked for."""
    columns = [_array(column) for column in body["columns"]]
    samples = {
        name: Sample(one["statistic"], {key: columns[at] for key, at in one["columns"].items()})
        for name, one in body["samples"].items()
    }
    seconds = _array(body["query_seconds"]).astype(np.float64)
    return Result(
        task=head["task"],
        kind=head["kind"],
        system=head["system"],
        main=head["main"],
        measures={name: Estimate(**one) for name, one in head["measures"].items()},
        outcome=Outcome(samples, body["items"], head["notes"], None, seconds),
        costs=Costs.from_dict(head["costs"]),
        texts=body["texts"],
        origin=head["origin"],
        run_file=run_file,
    )


def _column(column: NDArray[Any]) -> dict[str, Any]:
    """Numbers as JSON has them; whole ones are written short, and the type says what they were."""
    whole = column.dtype.kind in "iub" or bool((column == np.trunc(column)).all())
    values = column.astype(np.int64).tolist() if whole else column.tolist()
    return {"dtype": "int64" if column.dtype.kind in "iub" else "float64", "values": values}


def _array(column: Mapping[str, Any]) -> NDArray[Any]:
    return np.asarray(column["values"], np.dtype(column["dtype"]))


def report_to_json(report: Report, *, items: bool = True) -> str:
    """A report as JSON; ``items=False`` leaves out the figures of single items."""
    head = {
        "format": FORMAT,
        "kinspace": kinspace_version(),
        "made": report.made,
        "parameters": report.parameters,
        "machine": report.machine,
        "tasks": report.tasks,
        "systems": report.systems,
        "results": [result_head(one) for one in report],
        "comparisons": [_paired(one) for task in report.tasks for one in report.comparisons(task)],
        "skipped": [_plain(one) for one in report.skipped],
        "failed": [_plain(one) for one in report.failed],
    }
    text = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False)
    if not items:
        return text
    bodies = (json.dumps(result_body(one), ensure_ascii=False, allow_nan=False) for one in report)
    return f'{text[:-2]},\n "items": [\n' + ",\n".join(bodies) + "\n ]\n}\n"


def report_from_json(text: str) -> Report:
    """The report that :func:`report_to_json` wrote, with the figures of single items.

    Raises
    ------
    ReadError
        If the text is no such report, or was written without items or by a later Kinspace.
    """
    try:
        found = json.loads(text)
        written = found["format"]
        if written > FORMAT:
            raise ReadError(
                f"The report has format {written}; this Kinspace reads up to {FORMAT}.",
                "Update Kinspace: pip install -U kinspace",
            )
        if "items" not in found:
            raise ReadError(
                "The report was written without the figures of single items.",
                "Give the report.json of a report's folder.",
            )
        results = [result_of(h, b) for h, b in zip(found["results"], found["items"], strict=True)]
        return Report(
            results,
            tasks=found["tasks"],
            systems=found["systems"],
            skipped=[Skipped(**one) for one in found["skipped"]],
            failed=[Failed(**one) for one in found["failed"]],
            parameters=found["parameters"],
            machine=found["machine"],
            made=found["made"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(
            f"This is not a report of Kinspace: {type(error).__name__}: {error}",
            "Give the report.json that kinspace evaluate -o wrote.",
        ) from error


def save(report: Report, folder: Path) -> Path:
    """Write report.json, report.html, report.md, and runs/*.trec.gz where documents were found."""
    from kinspace.evaluate.reports import html, markdown

    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / "report.json", as_bytes(report_to_json(report)))
    replace_file(folder / "report.html", html.page(report).encode("utf-8", "replace"))
    replace_file(folder / "report.md", markdown.page(report).encode("utf-8", "replace"))
    for one in report:
        write_run(one, _run_file(folder, one))
    return folder


def as_bytes(text: str) -> bytes:
    """JSON as UTF-8; half a character (a lone surrogate) as JSON's own escape for it."""
    return text.encode("utf-8", "backslashreplace")


def write_run(result: Result, path: Path) -> None:
    """Write a result's run, if it has one, or copy the file in which it lies."""
    if result.outcome.run is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        result.outcome.run.write(path)
    elif result.run_file is not None and result.run_file != path:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, result.run_file.read_bytes())


def _run_file(folder: Path, result: Result) -> Path:
    return folder / "runs" / f"{file_name(result.task)}.{file_name(result.system)}.trec.gz"


def load(path: Path) -> Report:
    """A report from its folder or its report.json.

    Raises
    ------
    PathNotFound
        If there is no such file.
    ReadError
        If it is no report.
    """
    file = path / "report.json" if path.is_dir() else path
    if not file.is_file():
        raise PathNotFound(f"There is no {file}.", "Give the folder that -o named.")
    try:
        report = report_from_json(file.read_text("utf-8"))
        return report.with_runs(lambda one: _run_file(file.parent, one))
    except UnicodeDecodeError as error:
        raise ReadError(f"{file} is not UTF-8.", "Give a report.json.") from error
    except ReadError as error:
        raise ReadError(f"{file}: {error.message}", error.remedy) from error


def file_name(name: str) -> str:
    """A name as part of a file's name, on every system."""
    return "".join(c if c.isalnum() or c in "-_+.@" else "-" for c in name)[:80]


def _plain(one: Skipped | Failed) -> dict[str, str]:
    return {name: getattr(one, name) for name in one.__slots__}


def _paired(one: Paired) -> dict[str, Any]:
    found = one.comparison
    numbers: Iterable[tuple[str, float]] = (
        ("difference", found.difference),
        ("low", found.low),
        ("high", found.high),
        ("p", found.p),
        ("p_adjusted", one.adjusted),
        ("detectable", found.detectable),
    )
    return {"task": one.task, "measure": one.measure, "a": one.a, "b": one.b} | {
        name: value if math.isfinite(value) else None for name, value in numbers
    }
