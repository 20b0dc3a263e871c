"""Results that are kept, so that what was measured once is not measured again."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Final

from kinspace.durable import replace_file
from kinspace.evaluate.machine import kinspace_version
from kinspace.evaluate.results import Result
from kinspace.evaluate.saved import (
    FORMAT,
    as_bytes,
    file_name,
    result_body,
    result_head,
    result_of,
    write_run,
)
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Task
from kinspace.places import cache_folder
from kinspace.space import fingerprint_of

METHOD: Final = 2
"""Raised when a figure would come out otherwise than before: older results are not used then."""


class Cache:
    """A folder of results, a file each, found by what would change them.

    Parameters
    ----------
    folder : Path
        Made when the first result is put into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, system: System, task: Task, seed: int) -> Path:
        """Where a result lies: by fingerprints of system and task, seed, and version."""
        key = fingerprint_of(
            FORMAT, METHOD, kinspace_version(), system.fingerprint, task.fingerprint, task.main,
            seed,
        )  # fmt: skip
        return self.folder / f"{file_name(task.kind)}-{key}.json.gz"

    def get(self, system: System, task: Task, seed: int) -> Result | None:
        """A result that was kept; None if there is none, or its file is damaged."""
        path = self.path(system, task, seed)
        run_file = _run_beside(path)
        try:
            found = json.loads(gzip.decompress(path.read_bytes()))
            if found["has_run"] and not run_file.is_file():
                return None
            names = {"task": task.name, "system": system.name}  # they may have had others then
            lies = run_file if found["has_run"] else None
            return result_of(found["head"] | names, found["body"], lies)
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
            return None  # measured again, and the file replaced

    def put(self, system: System, task: Task, seed: int, result: Result) -> None:
        """Keep a result: wholly, or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(system, task, seed)
        write_run(result, _run_beside(path))  # first: with the other file the result is there
        content = {
            "head": result_head(result),
            "body": result_body(result),
            "has_run": result.outcome.run is not None,
        }
        raw = as_bytes(json.dumps(content, ensure_ascii=False, allow_nan=False))
        replace_file(path, gzip.compress(raw, 6))


def _run_beside(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".json.gz") + ".trec.gz")


def cache_at(place: bool | str | Path) -> Cache | None:
    """The cache of evaluations: at a path, in the user's cache folder (True), or none (False)."""
    if place is False:
        return None
    return Cache(cache_folder() / "evaluations" if place is True else Path(place))
