"""What is encoded, one after the other, out of files of texts, folders and images."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from kinspace.errors import InvalidParameter, ReadError
from kinspace.read import ReadOptions, Report, Source, read_file, sources
from kinspace.read.content import Content, Unreadable
from kinspace.read.formats import sections
from kinspace.read.images import SUFFIXES, image_files
from kinspace.read.kinds import PACKED
from kinspace.read.walk import Paths, listed

STANDARD_INPUT: Final = "-"

_ROWS: Final = ("json", "jsonl", "csv", "tsv")
_PACKED: Final = tuple(f".{ending}" for ending in PACKED)


class Entry(NamedTuple):
    """One thing to encode, under the id that it has in the file of vectors."""

    id: str | int
    item: Any


class Entries(Iterable[Entry]):
    r"""The texts (or images) of files and folders, from the start each time they are iterated over.

    A text file gives its lines, blank ones too; JSON, JSON Lines, CSV and TSV give their rows;
    images are given as paths; any other file, and each file of a folder, gives its passages.
    Rows without text, and lines that are broken, are left out and reported.

    Parameters
    ----------
    paths : path or iterable of paths
        Files and folders; ``"-"`` is standard input: lines, or JSON Lines where a field is named.
    field : str, optional
        Which field of a row is the text; guessed if not given.
    id_field : str, optional
        Which field of a row is its id. By default rows and lines are numbered from 0, with the
        file's name before the number where there are several files.
    images : bool
        Whether folders give their images, and not their texts.
    report : Report, optional
        Takes what was left out or repaired.

    Attributes
    ----------
    share : float or None
        How much of the files was read so far, 0 to 1; None if that is not known.

    Raises
    ------
    PathNotFound
        At the call, if there is no such file or folder.
    ReadError
        On iteration, if a file that was given by its own name cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
    ...     _ = file.write('{"key": "a", "text": "A cat."}\n{"key": "b", "text": "A car."}\n')
    ...     file.flush()
    ...     list(Entries(file.name, id_field="key"))
    [Entry(id='a', item='A cat.'), Entry(id='b', item='A car.')]
    """

    def __init__(
        self,
        paths: Paths,
        *,
        field: str | None = None,
        id_field: str | None = None,
        images: bool = False,
        report: Report | None = None,
    ) -> None:
        self.paths = listed(paths)
        self.report = Report() if report is None else report
        self.options = ReadOptions(text_field=field, id_field=id_field, max_bytes=sys.maxsize)
        self.images = images
        self.share: float | None = None
        self._meter = _Meter()
        if STANDARD_INPUT in self.paths:
            if len(self.paths) > 1:
                raise InvalidParameter("Standard input is read alone.", "Name it or files.")
        else:
            self._sources()

    def __iter__(self) -> Iterator[Entry]:
        if self.paths == [STANDARD_INPUT]:
            yield from self._standard_input()
            return
        found = self._sources()
        whole = sum(size for _, size in found) or 1
        before = 0
        alone = len(found) == 1
        for source, size in found:
            self._meter.read = 0
            entries = [Entry(str(source), source)] if isinstance(source, Path) else (
                self._entries(source, "" if alone else f"{source.path}:")
            )  # fmt: skip
            for entry in entries:
                packed = isinstance(source, Source) and source.path.endswith(_PACKED)
                self.share = None if packed else min(1.0, (before + self._meter.read) / whole)
                yield entry
            before += size

    @property
    def left_out(self) -> int:
        """How many rows had no text, or were broken."""
        return self.report.counts["missing text"] + self.report.counts["broken row"]

    def _sources(self) -> list[tuple[Source | Path, int]]:
        """Files of texts, and paths of images, with their sizes in bytes."""
        found: list[tuple[Source | Path, int]] = []
        for path in self.paths:
            is_image = Path(path).suffix.lower() in SUFFIXES and Path(path).is_file()
            if is_image or self.images:
                found += [(file, file.stat().st_size) for file in image_files([path])]
            else:
                of_path = sources([path], self.options, report=self.report)
                found += [(source, source.size) for source in of_path]
        return found

    def _entries(self, source: Source, prefix: str) -> Iterator[Entry]:
        is_lines = source.kind == "text" and source.named
        if is_lines or source.kind in _ROWS:
            content = _Measured(source, self.options, self.report, self._meter)
            yield from self._lines(content, prefix) if is_lines else self._rows(content, prefix)
            return
        for passage in read_file(source, self.options, report=self.report):
            yield Entry(f"{passage.path}#{passage.part}", passage.text)
        self._meter.read = source.size

    def _standard_input(self) -> Iterator[Entry]:
        has_fields = self.options.text_fields or self.options.id_field
        source = Source("standard input", 0, 0, "jsonl" if has_fields else "text", named=True)
        content = _StandardInput(source, self.options, self.report)
        yield from self._rows(content, "") if has_fields else self._lines(content, "")

    def _lines(self, content: Content, prefix: str) -> Iterator[Entry]:
        try:
            for number, line in enumerate(content.lines()):
                yield Entry(f"{prefix}{number}" if prefix else number, line)
        except Unreadable as problem:
            _refuse(content.source, problem)

    def _rows(self, content: Content, prefix: str) -> Iterator[Entry]:
        in_lines = content.source.kind == "jsonl"
        try:
            for section in sections(content):
                if section.row is None:
                    raise Unreadable("no text", "it holds no rows")
                text = section.text if isinstance(section.text, str) else "".join(section.text)
                # A line of JSON Lines keeps its number also after one that is broken.
                number = (section.line if in_lines else section.row) - 1
                name = section.fields.get("id") if self.options.id_field else None
                yield Entry(name or (f"{prefix}{number}" if prefix else number), text)
        except Unreadable as problem:
            _refuse(content.source, problem)


@dataclass(slots=True)
class _Meter:
    """How many bytes of a file were read."""

    read: int = 0


class _Measured(Content):
    """A file that is measured while it is read."""

    def __init__(self, source: Source, options: ReadOptions, report: Report, meter: _Meter) -> None:
        super().__init__(source, options, report)
        self._meter = meter

    def pieces(self) -> Iterator[str]:
        for piece in super().pieces():
            yield piece
            self._meter.read += len(piece.encode("utf-8", "replace"))


class _StandardInput(Content):
    """What is piped into this process."""

    def pieces(self) -> Iterator[str]:
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        while piece := sys.stdin.read(1 << 16):
            yield newlines.decode(piece)
        yield newlines.decode("", final=True)


def _refuse(source: Source, problem: Unreadable) -> None:
    """Say that a file cannot be read; one that is empty merely holds nothing."""
    if problem.reason == "empty":
        return
    what = f"{problem.reason}: {problem.detail}" if problem.detail else problem.reason
    raise ReadError(
        f"{source.path!r} cannot be read ({what}).", problem.remedy or "Give a file of texts."
    ) from None
