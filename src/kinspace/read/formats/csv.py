"""CSV and TSV: a row for each record; columns other than the text become fields."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from itertools import chain, islice

from kinspace.read.content import Content
from kinspace.read.formats.rows import Row, row_sections
from kinspace.read.section import Section

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d+)?(?:[eE][+-]?\d{1,2})?")
_LONGEST_NAME = 64
_LOOKED_AT = 200
_MAX_CELL = 2**30


class _Record:
    """Cells of a row and the lines it is on."""

    __slots__ = ("cells", "first", "last")

    def __init__(self, cells: list[str], first: int, last: int) -> None:
        self.cells, self.first, self.last = cells, first, last


def sections(content: Content) -> Iterator[Section]:
    """One section for each row."""
    old = csv.field_size_limit(_MAX_CELL)  # csv knows only one limit for the whole process
    try:
        yield from row_sections(_rows(content), content)
    finally:
        csv.field_size_limit(old)


def _rows(content: Content) -> Iterator[Row]:
    lines = content.lines()
    top = list(islice(lines, 20))
    delimiter = "\t" if content.source.kind == "tsv" else _delimiter(top)
    read = _tabbed if delimiter == "\t" else _quoted
    records = read(chain(top, lines), delimiter, content)
    head = list(islice(records, _LOOKED_AT))
    names, named = _take_names(head)
    numeric = [_is_numeric(head, column) for column in range(len(names))]
    for record in chain(head, records):
        if any(record.cells[len(names) :]):
            if named:
                more = f"{len(record.cells)} cells, but {len(names)} columns have a name"
                content.warn("broken row", more, record.first)
            names += [f"column_{i}" for i in range(len(names) + 1, len(record.cells) + 1)]
            numeric += [False] * (len(names) - len(numeric))
        values = {
            name: _number(cell) if is_number else cell
            for name, cell, is_number in zip(names, record.cells, numeric, strict=False)
            if cell
        }
        yield Row(values, record.first, record.last)


def _quoted(lines: Iterator[str], delimiter: str, content: Content) -> Iterator[_Record]:
    """Records as RFC 4180 has them, quoted cells with line breaks in them too."""
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            content.warn("broken row", str(error), reader.line_num)
            continue
        if any(cells):
            yield _Record(cells, first, reader.line_num)


def _tabbed(lines: Iterator[str], delimiter: str, content: Content) -> Iterator[_Record]:
    """Records with tabs: a quotation mark is like any other, save around a whole cell."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _Record([_unquoted(cell) for cell in line.split(delimiter)], number, number)


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        inner = cell[1:-1].replace('""', "\0")
        return cell if '"' in inner else inner.replace("\0", '"')
    return cell


def _delimiter(lines: list[str]) -> str:
    """The likeliest of comma, semicolon, tab and bar, by the first lines."""
    bare = [_QUOTED.sub("", line) for line in lines if line.strip()]

    def agreement(mark: str) -> tuple[int, int]:
        counts = [line.count(mark) for line in bare]
        least = min(counts, default=0)
        return (sum(c == counts[0] for c in counts) if least else 0, least)

    return max(",;\t|", key=agreement)


def _take_names(head: list[_Record]) -> tuple[list[str], bool]:
    """Names of the columns, and whether the first row held them; it is then taken out."""
    if not head or not _are_names(head[0].cells):
        width = max((len(record.cells) for record in head), default=0)
        return [f"column_{i + 1}" for i in range(width)], False
    names: dict[str, None] = {}
    for i, cell in enumerate(head.pop(0).cells, start=1):
        name = cell.strip() or f"column_{i}"
        names[f"{name}_{i}" if name in names else name] = None
    return list(names), True


def _are_names(cells: list[str]) -> bool:
    named = [cell for cell in cells if cell.strip()]
    return len(named) >= max(1, len(cells) - 1) and not any(
        _NUMBER.fullmatch(cell) or len(cell) > _LONGEST_NAME for cell in named
    )


def _is_numeric(head: list[_Record], column: int) -> bool:
    cells = [r.cells[column] for r in head if column < len(r.cells) and r.cells[column]]
    return bool(cells) and all(map(_NUMBER.fullmatch, cells))


def _number(cell: str) -> int | float | str:
    if not _NUMBER.fullmatch(cell):
        return cell
    parse: Callable[[str], int | float] = int if _INTEGER.fullmatch(cell) else float
    return parse(cell)
