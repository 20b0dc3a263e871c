"""`lines` and `texts`: streams that start anew each time, to train on more than once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Unpack

from kinspace.errors import PathNotFound, ReadError
from kinspace.read.content import Content, Unreadable
from kinspace.read.files import passages
from kinspace.read.options import ReadOptions, Settings, resolve
from kinspace.read.report import LoggedReport, Report
from kinspace.read.source import Source
from kinspace.read.walk import Paths, listed


class Lines(Iterable[str]):
    """The lines of a text file; see `lines`."""

    def __init__(self, path: str | os.PathLike[str], *, report: Report | None = None) -> None:
        self.path = os.fspath(path)
        self.report = report

    def __iter__(self) -> Iterator[str]:
        source = Source(self.path, 0, 0, "text", named=True)
        content = Content(source, ReadOptions(), self.report or LoggedReport())
        try:
            yield from content.lines()
        except Unreadable as problem:
            if problem.reason == "vanished":
                raise PathNotFound(f"There is no file {self.path!r}.", "Check the path.") from None
            if problem.reason != "empty":
                what = f"{problem.reason} {problem.detail}".strip()
                raise ReadError(
                    f"{self.path!r} cannot be read ({what}).", "Give a text file that may be read."
                ) from None

    def __repr__(self) -> str:
        return f"lines({self.path!r})"


class Texts(Iterable[str]):
    """The texts of all passages; see `texts`."""

    def __init__(self, paths: Paths, options: ReadOptions, report: Report | None) -> None:
        self.paths = listed(paths)
        self.options = options
        self.report = report

    def __iter__(self) -> Iterator[str]:
        for passage in passages(self.paths, self.options, report=self.report):
            yield passage.text

    def __repr__(self) -> str:
        return f"texts({', '.join(map(repr, self.paths))})"


def lines(path: str | os.PathLike[str], *, report: Report | None = None) -> Lines:
    r"""The lines of a text file, from the start each time they are iterated over.

    Parameters
    ----------
    path : path
        A text file; with ``.gz``, ``.bz2`` or ``.xz`` at the end it is unpacked on the way.
    report : Report, optional
        Takes warnings about bytes that are invalid in the file's encoding.

    Returns
    -------
    iterable of str
        Lines without their ends, blank ones included.

    Raises
    ------
    PathNotFound
        At the call, if there is no such file.
    ReadError
        On iteration, if it cannot be read or is no text.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    ...     _ = file.write(b"one\ntwo\n")
    ...     file.flush()
    ...     stream = lines(file.name)
    ...     list(stream), list(stream)
    (['one', 'two'], ['one', 'two'])
    """
    if not Path(path).exists():
        raise PathNotFound(f"There is no file {os.fspath(path)!r}.", "Check the path.")
    return Lines(path, report=report)


def texts(
    paths: Paths,
    options: ReadOptions | None = None,
    *,
    report: Report | None = None,
    **settings: Unpack[Settings],
) -> Texts:
    r"""The texts of all passages, from the start each time they are iterated over.

    Parameters
    ----------
    paths, options, report, **settings
        As for `passages`.

    Returns
    -------
    iterable of str
        The text of each passage.

    Raises
    ------
    InvalidParameter
        At the call, if an option does not exist or is out of range.
    PathNotFound, ReadError, MissingExtra
        On iteration, as for `passages`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    ...     _ = file.write(b"One.\n\nTwo.")
    ...     file.flush()
    ...     stream = texts(file.name, max_tokens=3, overlap=0)
    ...     list(stream), list(stream)
    (['One.', 'Two.'], ['One.', 'Two.'])
    """
    return Texts(paths, resolve(options, **settings), report)
