"""What was encoded so far, kept beside the file that it becomes, so that nothing is done twice.

A folder holds a plain file for each array, to which rows are only added, and a journal. A line of
the journal says how long each file was when a window of items was done; what lies beyond the last
line, of a window that was cut off, is cut off too when the work goes on.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from kinspace.bulk.entries import Entry
from kinspace.errors import InvalidInput, PathNotFound, StoreFull, StoreLocked
from kinspace.space import Space

_JOURNAL: Final = "journal.jsonl"

STREAMS: Final[dict[str, dict[str, np.dtype[Any]]]] = {
    "dense": {"vectors": np.dtype("<f4")},
    "binary": {"vectors": np.dtype("<f4")},
    "sparse": {
        "data": np.dtype("<f4"), "indices": np.dtype("<i8"), "lengths": np.dtype("<i8"),
    },
    "multi": {"values": np.dtype("<f4"), "lengths": np.dtype("<i8")},
}  # fmt: skip
"""For each form of a space: the arrays that are kept, and their types."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the work has come.

    Attributes
    ----------
    rows : int
    digest : str
        Of all ids and items up to here, by which it is seen whether the input is the same.
    counts : dict of str to int
        What was counted on the way.
    sizes : dict of str to int
        Bytes of each file.
    """

    rows: int = 0
    digest: str = sha256().hexdigest()
    counts: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


class Work:
    """Unfinished work, open for more.

    Parameters
    ----------
    folder : Path
        It is there, and nobody else works in it.
    space : Space
    with_items : bool
        Whether the texts are kept beside their vectors.
    mark : Mark
        How far it had come.
    """

    def __init__(self, folder: Path, space: Space, with_items: bool, mark: Mark) -> None:
        self.folder = folder
        self.space = space
        self.with_items = with_items
        self.mark = mark
        self.names = [*STREAMS[space.form], "ids", *(["items"] if with_items else [])]
        self._files: dict[str, IO[bytes]] = {}
        self._sizes = {name: mark.sizes.get(name, 0) for name in self.names}
        for name in self.names:
            file = (folder / name).open("ab")
            file.truncate(mark.sizes.get(name, 0))
            self._files[name] = file

    def add(self, entries: Sequence[Entry], vectors: Any) -> None:
        """Add the vectors of a window, in the form of the space; nothing is committed yet."""
        with _room(self.folder):
            for name, array in _arrays(vectors, self.space).items():
                kept = np.ascontiguousarray(array, STREAMS[self.space.form][name])
                self._files[name].write(kept.reshape(-1).view(np.uint8).data)
            self._files["ids"].write(_lines(entry.id for entry in entries))
            if self.with_items:
                self._files["items"].write(_lines(str(entry.item) for entry in entries))
        self._sizes = {name: file.tell() for name, file in self._files.items()}

    def commit(self, rows: int, digest: str, counts: Mapping[str, int]) -> None:
        """Make all windows that were added last, whatever happens to this process or machine.

        Raises
        ------
        StoreFull
            If the disk is; the last commit stays.
        """
        with _room(self.folder):
            for file in self._files.values():
                file.flush()
                os.fsync(file.fileno())
            self.mark = Mark(rows, digest, dict(counts), self._sizes)
            _append(self.folder / _JOURNAL, asdict(self.mark))

    def open(self, name: str) -> IO[bytes]:
        """A file of what was committed, to be read from the start."""
        return (self.folder / name).open("rb")

    def close(self) -> None:
        """Let the files go."""
        for file in self._files.values():
            with suppress(OSError):  # what a full disk did not take is not committed
                file.close()


@contextmanager
def unfinished(
    target: Path, space: Space, about: Mapping[str, Any], *, with_items: bool, restart: bool
) -> Iterator[Work]:
    """The work on a file: new, or as far as an earlier run came.

    Parameters
    ----------
    target : Path
        What the work will become.
    space : Space
    about : mapping of str to plain values
        What must be the same to go on.
    with_items : bool
    restart : bool
        Throw earlier work away.

    Raises
    ------
    InvalidInput
        If the earlier work is another's: of another model, or with other options.
    StoreLocked
        If another process is at it.
    PathNotFound
        If there is no folder for the target.
    """
    from kinspace.store.lock import WriterLock

    if not target.parent.is_dir():
        raise PathNotFound(f"There is no folder {target.parent}.", "Make it first.")
    folder = folder_of(target)
    folder.mkdir(exist_ok=True)
    lock = WriterLock(folder)
    try:
        lock.acquire()
    except StoreLocked as error:
        raise StoreLocked(
            f"{target} is being made by {lock.holder()}.", "Wait until it has finished."
        ) from error
    try:
        if restart:
            (folder / _JOURNAL).unlink(missing_ok=True)
        mark = _resumed(folder, {"space": space.to_dict(), **about})
        work = Work(folder, space, with_items, mark)
        try:
            yield work
        finally:
            work.close()
    finally:
        lock.release()


def folder_of(target: Path) -> Path:
    """Where unfinished work on a file lies."""
    return target.with_name(target.name + ".unfinished")


def remove(target: Path) -> None:
    """Throw the work on a file away: it is finished."""
    shutil.rmtree(folder_of(target), ignore_errors=True)


def _resumed(folder: Path, about: Mapping[str, Any]) -> Mark:
    """The last mark of the journal, whose end may be cut off; a new journal if there is none."""
    path = folder / _JOURNAL
    about = json.loads(json.dumps(about))
    first, marks, end = _read(path)
    if first is None or (not marks and first != about):  # nothing was done that could be lost
        path.unlink(missing_ok=True)
        _append(path, about)
        return Mark()
    differs = [name for name in about if first.get(name) != about[name]]
    if differs:
        name = differs[0]
        raise InvalidInput(
            f"{folder} holds unfinished work with another {name}: {first.get(name)}, "
            f"not {about[name]}.",
            "Go on with the same model and options, or give --restart to begin anew.",
        )
    with path.open("r+b") as file:
        file.truncate(end)
    for mark in reversed(marks):
        there = {name: (folder / name) for name in mark.sizes}
        if there and all(
            p.is_file() and p.stat().st_size >= mark.sizes[n] for n, p in there.items()
        ):
            return mark
    return Mark()


def _read(path: Path) -> tuple[dict[str, Any] | None, list[Mark], int]:
    """What the work is about, its marks, and where the journal's last whole line ends."""
    first: dict[str, Any] | None = None
    marks: list[Mark] = []
    end = 0
    if not path.is_file():
        return first, marks, end
    with path.open("rb") as file:
        for line in file:
            try:
                value = json.loads(line)
                if not line.endswith(b"\n"):
                    break
                if first is None:
                    first = dict(value)
                else:
                    marks.append(replace(Mark(), **value))
            except (ValueError, TypeError):
                break
            end += len(line)
    return first, marks, end


def _append(path: Path, value: Mapping[str, Any]) -> None:
    with path.open("ab") as file:
        file.write(json.dumps(value).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _arrays(vectors: Any, space: Space) -> dict[str, Any]:
    if space.form == "sparse":
        lengths = np.diff(vectors.indptr)
        return {"data": vectors.data, "indices": vectors.indices, "lengths": lengths}
    if space.form == "multi":
        return {"values": vectors.values, "lengths": vectors.lengths}
    return {"vectors": vectors}


def _lines(values: Any) -> bytes:
    """Each value as JSON on a line; ASCII alone, so that no character is taken for a line's end."""
    return "".join(json.dumps(value) + "\n" for value in values).encode()


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StoreFull(
            f"{folder} could not be written: {error.strerror}. What was committed stays.",
            "Free some space; the same command goes on from there.",
        ) from error
