"""An index in one file: its arrays and what it was made with, as safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from kinspace import tensors
from kinspace.errors import KinspaceError, PathNotFound, ReadError

_FORMAT: Final = "kinspace-index-1"


def write_arrays(
    path: str | Path, kind: str, arrays: Mapping[str, NDArray[Any]], options: Mapping[str, Any]
) -> None:
    """Write an index, complete or not at all.

    Parameters
    ----------
    path : str or Path
    kind : str
        The name of its class.
    arrays : mapping of str to ndarray
    options : mapping of str to plain values
        What its constructor takes.

    Raises
    ------
    PathNotFound
        If the folder does not exist.
    """
    if not Path(path).parent.is_dir():
        raise PathNotFound(f"There is no folder {Path(path).parent}.", "Make it first.")
    meta = {"format": _FORMAT, "kind": kind, "options": json.dumps(dict(options))}
    tensors.write(Path(path), arrays, meta)


@contextmanager
def read_arrays(
    path: str | Path, kind: str
) -> Iterator[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
    """Give an index's arrays and options; whatever is wrong with them is told as damage.

    Raises
    ------
    PathNotFound
        If there is no such file.
    ReadError
        If the file is damaged or something else.
    """
    if not Path(path).is_file():
        raise PathNotFound(f"There is no index {path}.", "Check the path.")
    try:
        arrays, meta = tensors.read(Path(path))
        if (meta.get("format"), meta.get("kind")) != (_FORMAT, kind):
            raise ValueError(f"it holds something else than {kind}")
        yield arrays, json.loads(meta["options"])
    except (OSError, KeyError, ValueError, TypeError, IndexError, KinspaceError) as error:
        said = error.message if isinstance(error, KinspaceError) else error
        raise ReadError(f"{path} is not a whole index: {said}.", "Build it again.") from error
