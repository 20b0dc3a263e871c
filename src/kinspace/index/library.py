"""What all indexes made by FAISS share: its files and its threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter, PathNotFound, ReadError


@contextmanager
def threads_for(queries: NDArray[np.float32]) -> Iterator[None]:
    """FAISS's threads for a search: one for one query, as sharing it costs more than it gives."""
    import faiss

    threads = faiss.omp_get_max_threads()
    if len(queries) == 1:
        faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def write_index(index: Any, path: str | Path) -> None:
    """Write an index to a file, complete or not at all.

    Raises
    ------
    InvalidParameter
        If there is no index yet.
    """
    import faiss

    if index is None:
        raise InvalidParameter("There is nothing to save.", "Add vectors first.")
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    faiss.write_index(index, str(partial))
    partial.replace(path)


def read_index(path: str | Path, kind: str) -> Any:
    """Read an index whose FAISS class is called ``kind``.

    Raises
    ------
    PathNotFound, ReadError
    """
    import faiss

    if not Path(path).is_file():
        raise PathNotFound(f"There is no index {path}.", "Check the path.")
    try:
        read = faiss.read_index(str(path))
    except RuntimeError as error:
        raise ReadError(f"{path} is not a whole index: {error}.", "Build it again.") from error
    if not isinstance(read, getattr(faiss, kind)):
        raise ReadError(f"{path} holds a {type(read).__name__}, not {kind}.", "Build it again.")
    return read
