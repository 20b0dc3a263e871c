"""Rows of the user's tables: CSV, TSV and JSON Lines, with or without names of columns."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from kinspace.errors import EmptyInput, ReadError
from kinspace.read import lines

_MAX_CELL = 1 << 30


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row, and the line that it ends on."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """A table as it is read.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Names in small letters without marks, or nothing if the table has none.
    rows : sequence of Row
    """

    path: Path
    columns: Sequence[str]
    rows: Sequence[Row]

    def column(self, names: Sequence[str]) -> int | None:
        """The column that has the first of some names."""
        return next((self.columns.index(name) for name in names if name in self.columns), None)

    def cells(self, column: int) -> list[str]:
        """A column, blanks around its cells taken away.

        Raises
        ------
        ReadError
            If a row has no such cell.
        """
        for row in self.rows:
            if len(row.cells) <= column:
                raise wrong(self.path, row.line, f"{len(row.cells)} cells, not {column + 1}")
        return [row.cells[column].strip() for row in self.rows]

    def numbers(self, column: int) -> list[float]:
        """A column of numbers.

        Raises
        ------
        ReadError
            If a cell is no number.
        """
        found = []
        for row, cell in zip(self.rows, self.cells(column), strict=True):
            if not is_number(cell):
                raise wrong(self.path, row.line, f"{cell!r} is no number")
            found.append(float(cell))
        return found


def read_table(path: Path, names: frozenset[str]) -> Table:
    """Read a table.

    Parameters
    ----------
    path : Path
        JSON Lines, if its name says so; else values apart by tabs, commas, semicolons or bars.
        Between tabs a quotation mark is like any other, as in the files of STS-B.
    names : frozenset of str
        Names by two of which the first row is known to hold names.

    Raises
    ------
    EmptyInput
        If it has no rows.
    ReadError
        If a row is damaged.
    """
    suffix = path.name.removesuffix(".gz").rpartition(".")[2]
    if suffix in ("jsonl", "ndjson"):
        return _json_table(path)
    rows = list(_separated(path, suffix))
    columns: list[str] = []
    if rows and _are_names(rows[0].cells, names):
        columns = [plain_name(cell) for cell in rows.pop(0).cells]
    if not rows:
        raise EmptyInput(f"{path} has no rows.", "Give a table with at least one.")
    return Table(path, columns, rows)


def records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON Lines, with their lines.

    Raises
    ------
    ReadError
        If a line is no object.
    """
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise wrong(path, number, f"this is no JSON ({error})") from None
        if not isinstance(value, dict):
            raise wrong(path, number, f"this is a {type(value).__name__}, not an object")
        yield number, value


def wrong(path: Path, line: int, what: str, remedy: str = "") -> ReadError:
    """The error for a line that cannot be understood."""
    return ReadError(f"{path}, line {line}: {what}.", remedy or "Correct the line, or remove it.")


def is_number(cell: str) -> bool:
    """Whether a cell holds a finite number.

    Examples
    --------
    >>> is_number(" 4.5"), is_number("nan"), is_number("four")
    (True, False, False)
    """
    return bool(re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", cell))


def plain_name(cell: str) -> str:
    """The name of a column in small letters, without marks.

    Examples
    --------
    >>> plain_name("Sentence_1"), plain_name("#1 String")
    ('sentence1', '1string')
    """
    return "".join(c for c in cell.lower() if c.isalnum())


def _json_table(path: Path) -> Table:
    found = list(records(path))
    if not found:
        raise EmptyInput(f"{path} has no rows.", "Give a file with at least one.")
    keys = list(dict.fromkeys(key for _, value in found for key in value))
    rows = []
    for number, value in found:
        missing = [key for key in found[0][1] if value.get(key) is None]
        if missing:
            raise wrong(path, number, f"nothing in {missing[0]!r}")
        rows.append(Row(number, [_as_cell(value.get(key, "")) for key in keys]))
    return Table(path, [plain_name(key) for key in keys], rows)


def _are_names(cells: list[str], names: frozenset[str]) -> bool:
    known = sum(plain_name(cell) in names for cell in cells)
    return known >= min(2, len(cells)) and not any(map(is_number, cells))


def _as_cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _separated(path: Path, suffix: str) -> Iterator[Row]:
    source = lines(path)
    mark = "\t" if suffix == "tsv" else _separator(list(islice(source, 20)))
    if suffix == "csv" and mark == " ":
        mark = ","
    if mark in "\t ":
        for number, line in enumerate(source, start=1):
            if line.strip():
                yield Row(number, line.split("\t" if mark == "\t" else None))
        return
    reader = csv.reader((line + "\n" for line in source), delimiter=mark, strict=True)
    old = csv.field_size_limit(_MAX_CELL)  # csv knows only one limit for the whole process
    try:
        for cells in reader:
            if any(cells):
                yield Row(reader.line_num, [cell.removesuffix("\n") for cell in cells])
    except csv.Error as error:
        raise wrong(path, reader.line_num, str(error)) from None
    finally:
        csv.field_size_limit(old)


def _separator(top: list[str]) -> str:
    """The likeliest of tab, comma, semicolon and bar by the first lines; else blanks."""
    bare = re.sub(r'"(?:[^"]|"")*"', "", "\n".join(line for line in top if line.strip())).split(
        "\n"
    )
    least = {mark: min((line.count(mark) for line in bare), default=0) for mark in "\t,;|"}
    return next((mark for mark in "\t,;|" if least[mark]), " ")
