"""What a paid service answered, kept line by line as it comes: nothing is asked twice."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from kinspace.errors import ReadError


class Journal:
    """Answers by key, in memory and in a file of JSON lines.

    A line is written and flushed before anything else is done with an answer, so that a process
    that is killed has lost at most the calls that were under way. A last line that was cut off is
    dropped; its call is made again.

    Parameters
    ----------
    path : Path, optional
        Without one, answers are kept for the life of the object.

    Raises
    ------
    ReadError
        If the file is something else, or cannot be read.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.lock = threading.Lock()
        self._answers: dict[str, Any] = {}
        self._whole: int | None = None
        if path is not None and path.exists():
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            *lines, torn = path.read_bytes().split(b"\n")
        except OSError as error:
            raise ReadError(f"{path} cannot be read: {error}.", "Give another file.") from error
        if torn:
            self._whole = sum(len(line) + 1 for line in lines)
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
                self._answers[values["key"]] = values["answer"]
            except (ValueError, LookupError, TypeError) as error:
                raise ReadError(
                    f"{path}, line {number} is no kept answer.", "Give the file of an earlier run."
                ) from error

    def __len__(self) -> int:
        return len(self._answers)

    def __contains__(self, key: str) -> bool:
        return key in self._answers

    def get(self, key: str) -> Any:
        """The answer kept under a key, None if there is none."""
        return self._answers.get(key)

    def keep(self, key: str, answer: Any, **about: Any) -> None:
        """Keep an answer, and beside it in the file what it is about."""
        line = json.dumps({"key": key, "answer": answer, **about}, ensure_ascii=False) + "\n"
        with self.lock:
            self._answers[key] = answer
            if self.path is None:
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._whole is not None:
                os.truncate(self.path, self._whole)
                self._whole = None
            with self.path.open("ab") as file:
                file.write(line.encode("utf-8", "replace"))
