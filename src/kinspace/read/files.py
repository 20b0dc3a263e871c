"""`passages` and `read_file`: from files to passages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from kinspace.errors import MissingExtra, ReadError
from kinspace.read.chunk import chunks
from kinspace.read.content import Content, Unreadable
from kinspace.read.formats import sections
from kinspace.read.options import ReadOptions, Settings, resolve
from kinspace.read.passage import Passage
from kinspace.read.report import LoggedReport, Notice, Report
from kinspace.read.source import Source
from kinspace.read.walk import Paths, sources


def passages(
    paths: Paths,
    options: ReadOptions | None = None,
    *,
    report: Report | None = None,
    **settings: Unpack[Settings],
) -> Iterator[Passage]:
    r"""The passages of files, and of all files in folders, one after the other.

    Only what is being read is in memory: a corpus larger than memory is fine.

    Parameters
    ----------
    paths : path or iterable of paths
        Files and folders. See `sources` for which files of a folder are read.
    options : ReadOptions, optional
        How to find, read and cut.
    report : Report, optional
        Takes what was passed over or repaired; without it that goes to the log
        ``kinspace.read``.
    **settings
        Single options by name, such as ``max_tokens=128`` or ``text_field="abstract"``;
        they count more than ``options``.

    Yields
    ------
    Passage
        In the order of the paths, in a folder by name, in a file from top to bottom.

    Raises
    ------
    PathNotFound
        At the call, if a path does not exist.
    InvalidParameter
        At the call, if an option does not exist or is out of range.
    ReadError
        If a file that was given by its own name cannot be read. Files in folders are
        reported instead.
    MissingExtra
        If such a file needs a package that is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "a.md").write_text("# Guide\n\n## Install\n\nRun pip.")
    ...     for passage in passages(folder):
    ...         print(passage.start_line, passage.end_line, passage.context)
    1 5 Guide › Install
    """
    chosen = resolve(options, **settings)
    report = LoggedReport() if report is None else report
    found = sources(paths, chosen, report=report)
    return (p for source in found for p in read_file(source, chosen, report=report))


def read_file(
    source: Source, options: ReadOptions | None = None, *, report: Report | None = None
) -> Iterator[Passage]:
    """The passages of one file.

    Parameters
    ----------
    source : Source
        As `sources` gives it.
    options : ReadOptions, optional
        How to read and cut.
    report : Report, optional
        Takes what is wrong with the file; without it that goes to the log ``kinspace.read``.

    Yields
    ------
    Passage
        From top to bottom, ``part`` counting from 0.

    Raises
    ------
    ReadError
        If ``source.named`` and the file cannot be read; else that is reported as skipped.
    MissingExtra
        If ``source.named`` and a package to read it is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    ...     _ = file.write(b"Some text.")
    ...     file.flush()
    ...     [p.text for p in read_file(Source(file.name, 10, 0, "text"))]
    ['Some text.']
    """
    options = options or ReadOptions()
    report = LoggedReport() if report is None else report
    try:
        yield from _passages(Content(source, options, report), options)
    except Unreadable as problem:
        if source.named and problem.reason != "empty":
            what = f"{problem.reason}: {problem.detail}" if problem.detail else problem.reason
            raise ReadError(f"{source.path!r} cannot be read ({what}).", problem.remedy) from None
        report.add(Notice(source.path, problem.reason, problem.detail))
    except MissingExtra as missing:
        if source.named:
            raise
        report.add(Notice(source.path, "missing extra", str(missing)))


def _passages(content: Content, options: ReadOptions) -> Iterator[Passage]:
    part = 0
    path = content.source.path
    for section in sections(content):
        lines = section.lines
        for text, first, last, headings in chunks(section, options):
            if lines is None:
                start, end = section.line + first, section.line + last
            else:
                start, end = lines[first][0], lines[last][1]
            fields = dict(section.fields)
            yield Passage(text, path, start, end, headings, fields, part, section.row)
            part += 1
