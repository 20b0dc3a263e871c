"""What the scripts of this folder share: the machine, tables, targets, and results on the disk."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def data_folder() -> Path:
    """The real data: ``$KINSPACE_DATA``, or ``../shared/data`` beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("KINSPACE_DATA") or beside)
    if not folder.is_dir():
        raise SystemExit(f"There is no data in {folder}: set KINSPACE_DATA to its folder.")
    return folder


def machine() -> dict[str, Any]:
    """What the figures are taken on, and how busy it is just now."""
    model = re.search(r"model name\s*: (.*)", _text("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _text("/proc/meminfo"))
    return {
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[1]) / 2**20) if memory else None,
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def versions(*packages: str) -> dict[str, str]:
    """The installed version of each package, Kinspace's first."""
    return {name: _version(name) for name in ("kinspace", *packages)}


def write(name: str, result: dict[str, Any], *, whole: bool = True) -> None:
    """Write ``results/NAME.json``; a part of a measurement does not replace the whole."""
    if not whole:
        print("\nnothing written: this was a part of the measurement")
        return
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nwritten: {path}")


def show(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table: the first column to the left, all others to the right."""
    lines = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


@dataclass(frozen=True)
class Target:
    """One figure that was asked for, beside the one that came out."""

    what: str
    asked: float
    got: float | None
    at_least: bool = True

    @property
    def met(self) -> bool | None:
        """Whether it is reached, None if it was not measured."""
        if self.got is None:
            return None
        return self.got >= self.asked if self.at_least else self.got <= self.asked

    def row(self) -> list[Any]:
        """The line of the table."""
        state = {True: "yes", False: "NO", None: "not measured"}[self.met]
        return [self.what, ("≥ " if self.at_least else "≤ ") + _cell(self.asked), self.got, state]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        sign = "at least" if self.at_least else "at most"
        return {"what": self.what, sign: self.asked, "got": self.got, "met": self.met}


def show_targets(targets: Sequence[Target]) -> None:
    """Print what was asked for beside what came out."""
    if not targets:
        return
    print()
    show(["", "asked for", "got", "met"], [target.row() for target in targets])


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile of durations, in ms."""
    ordered = sorted(seconds)
    ninety_ninth = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    return {
        "p50_ms": round(1000 * statistics.median(ordered), 3),
        "p99_ms": round(1000 * ninety_ninth, 3),
    }


def peak_memory() -> float:
    """The most MB that this process has had in memory, mapped files included.

    Not ``ru_maxrss``: for a new process that starts at what its parent held.
    """
    found = re.search(r"VmHWM:\s*(\d+) kB", _text("/proc/self/status"))
    return round(int(found[1]) * 1024 / 1e6, 1) if found else float("nan")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "from the source tree" if name == "kinspace" else "not installed"


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
