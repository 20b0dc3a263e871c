"""JSON files of a model's folder, read with errors that name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kinspace.errors import ReadError


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises
    ------
    ReadError
        If the file is missing or damaged, or holds something else.
    """
    value = _read(path)
    if not isinstance(value, dict):
        raise _damaged(path, "it does not hold an object")
    return value


def read_optional(path: Path) -> dict[str, Any]:
    """The object in a JSON file, empty if there is no such file.

    Raises
    ------
    ReadError
        If the file is damaged, or holds something else.
    """
    return read_object(path) if path.is_file() else {}


def read_records(path: Path) -> list[dict[str, Any]]:
    """The list of objects in a JSON file.

    Raises
    ------
    ReadError
        If the file is missing or damaged, or holds something else.
    """
    value = _read(path)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise _damaged(path, "it does not hold a list of objects")
    return value


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> ReadError:
    return ReadError(f"{path} cannot be read: {why}.", "Get or make the model again.")
