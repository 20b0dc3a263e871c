"""On what a figure was measured: the machine, and the versions of all that took part."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = (
    "kinspace", "numpy", "scipy", "scikit-learn", "numba", "faiss-cpu", "tantivy", "tokenizers",
    "torch", "transformers", "sentence-transformers",
)  # fmt: skip


@cache
def kinspace_version() -> str:
    """The version of Kinspace that is installed."""
    try:
        return version("kinspace")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "unknown"


def machine() -> dict[str, Any]:
    """The machine and the versions of what took part, as plain values.

    Returns
    -------
    dict
        ``system``, ``processor``, ``cores`` (those this process may use), ``memory_bytes``,
        ``python``, and ``versions`` of the packages that are installed.

    Examples
    --------
    >>> machine()["cores"] >= 1
    True
    """
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "memory_bytes": _memory(),
        "python": platform.python_version(),
        "versions": _versions(),
    }


def now() -> str:
    """The time, in UTC, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def _processor() -> str:
    if sys.platform.startswith("linux"):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
