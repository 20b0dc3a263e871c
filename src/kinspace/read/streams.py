"""`lines` and `texts`: streams that start anew each time, to train on more than once."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Unpack

from kinspace.errors import ReadError
from kinspace.read.content import Content, Unreadable
from kinspace.read.files import passages
from kinspace.read.options import ReadOptions, Settings, resolve
from kinspace.read.report import LoggedReport, Notice, Report
from kinspace.read.source import Source
from kinspace.read.walk import Paths, listed, sources

_EVERYTHING = ReadOptions(max_bytes=sys.maxsize, ignore_files=False)
"""What is read of a folder to learn from: as a rule it is large, and git does not keep it."""


class Lines(Iterable[str]):
    """The lines of text files; see `lines`."""

    def __init__(self, paths: Paths, *, report: Report | None = None) -> None:
        self.paths = listed(paths)
        self.report = report

    def __iter__(self) -> Iterator[str]:
        report = LoggedReport() if self.report is None else self.report
        for source in self._sources(report):
            try:
                yield from Content(source, _EVERYTHING, report).lines()
            except Unreadable as problem:
                if not source.named:
                    report.add(Notice(source.path, problem.reason, problem.detail))
                elif problem.reason != "empty":
                    what = f"{problem.reason} {problem.detail}".strip()
                    raise ReadError(
                        f"{source.path!r} cannot be read ({what}).",
                        "Give a text file that may be read.",
                    ) from None

    def _sources(self, report: Report) -> Iterator[Source]:
        found = sources(self.paths, _EVERYTHING, report=report)
        return (source for source in found if source.named or source.kind != "document")

    def version(self) -> str:
        """Differs if a file does: a hash of names, sizes and dates."""
        return _version(self._sources(Report()))

    def __repr__(self) -> str:
        return f"lines({', '.join(map(repr, self.paths))})"


class Texts(Iterable[str]):
    """The texts of all passages; see `texts`."""

    def __init__(self, paths: Paths, options: ReadOptions, report: Report | None) -> None:
        self.paths = listed(paths)
        self.options = options
        self.report = report

    def __iter__(self) -> Iterator[str]:
        for passage in passages(self.paths, self.options, report=self.report):
            yield passage.text

    def version(self) -> str | None:
        """Differs if a file or an option does: a hash of names, sizes, dates and options.

        None where a tokenizer counts the tokens of passages, since nothing tells two apart.
        """
        if self.options.tokenizer is not None:
            return None
        return _version(sources(self.paths, self.options, report=Report()), repr(self.options))

    def __repr__(self) -> str:
        return f"texts({', '.join(map(repr, self.paths))})"


def lines(paths: Paths, *, report: Report | None = None) -> Lines:
    r"""The lines of text files, from the start each time they are iterated over.

    Parameters
    ----------
    paths : path or iterable of paths
        Text files, and folders of them at any depth. With ``.gz``, ``.bz2``, ``.xz`` or ``.zst``
        at the end a file is unpacked on the way. Of a folder all files are read that are text, in
        the order of names, whatever their size and ``.gitignore`` say; hidden ones are not.
    report : Report, optional
        Takes warnings about bytes that are invalid in a file's encoding, and what was passed
        over in folders; without it that goes to the log ``kinspace.read``.

    Returns
    -------
    iterable of str
        Lines without their ends, blank ones included.

    Raises
    ------
    PathNotFound
        At the call, if there is no such file or folder.
    EmptyInput
        At the call, if there are no paths.
    ReadError
        On iteration, if a file that was given by its own name cannot be read or is no text.

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
    stream = Lines(paths, report=report)
    sources(stream.paths, _EVERYTHING, report=Report())  # raises here, not when it is read
    return stream


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


def _version(found: Iterable[Source], *more: str) -> str:
    digest = hashlib.sha256("\0".join(more).encode())
    for source in found:
        place = os.path.abspath(source.path)
        line = f"{place}\0{source.size}\0{source.mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]
