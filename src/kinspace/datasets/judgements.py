"""Judgements (qrels): which documents answer a query, and how well. Read and written in each form.

TREC's four columns, BEIR's table, or JSON as ranx writes it: trec_eval, ir-measures, BEIR's tools
and ranx read what is written here, and the other way round.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from kinspace.datasets.columns import (
    check_cells,
    ending,
    nested,
    quoted,
    read_text,
    table,
    unquoted,
    write_text,
)
from kinspace.errors import InvalidJudgements, ReadError

Qrels = Mapping[str, Mapping[str, int]]
"""Grades of documents by query; 0 and below is not relevant."""

BEIR_HEADER = ("query-id", "corpus-id", "score")
_GRADE_NAMES = ("score", "grade", "relevance", "rel")


def read_judgements(path: str | Path) -> dict[str, dict[str, int]]:
    """Grades of documents by query.

    A name that ends in .json holds JSON. Any other holds columns, as its first line does: four are
    TREC's query, iteration, document and grade, three are query, document and grade, as BEIR has
    them. They are apart by white space; in a .tsv, and where the first line has three that are, by
    tabs, so that ids may have blanks. A first line of names is passed over. All may be compressed
    (.gz, .bz2, .xz).

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    PathNotFound
        If there is no such file.
    ReadError
        If it is not what it claims to be; the message names the line.
    InvalidJudgements
        If a query gives a document two different grades.
    DuplicateId
        If JSON has a name twice.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = Path(place) / "qrels.txt"
    ...     write_judgements({"q1": {"d1": 2, "d2": 0}}, file)
    ...     file.read_text(), read_judgements(file)
    ('q1 0 d1 2\\nq1 0 d2 0\\n', {'q1': {'d1': 2, 'd2': 0}})
    """
    file = Path(path)
    text = read_text(file)
    if ending(file) == ".json":
        return nested(text, file, int)
    first = next((line.rstrip("\r") for line in text.split("\n") if line.strip()), "")
    width, separator = _form(first, file)
    found: dict[str, dict[str, int]] = {}
    for at, (where, columns) in enumerate(table(text, file, width, separator)):
        if at == 0 and columns[-1].strip().lower() in _GRADE_NAMES:
            continue
        query, document = columns[0], columns[-2]
        if width == 4:
            query, document = unquoted(query, columns[1], document)
        grade = _grade(columns[-1], where)
        before = found.setdefault(query, {}).setdefault(document, grade)
        if before != grade:
            raise InvalidJudgements(
                f"{where}: query {query!r} gave document {document!r} the grade {before} before, "
                f"now {grade}.",
                "Keep one of them.",
            )
    return found


def write_judgements(qrels: Qrels, path: str | Path) -> None:
    """Write judgements in the form that the file's name asks for.

    BEIR's table in a .tsv, JSON in a .json, else TREC's columns; compressed if in .gz.

    Raises
    ------
    InvalidInput
        If the form is BEIR's and an id holds a tab or a line break, which part its columns.
    """
    file = Path(path)
    kind = ending(file)
    rows = [(query, d, int(grade)) for query, found in qrels.items() for d, grade in found.items()]
    if kind == ".json":
        plain = {q: {d: int(grade) for d, grade in found.items()} for q, found in qrels.items()}
        text = json.dumps(plain)
    elif kind == ".tsv":
        for query, document, _ in rows:
            check_cells(query, document)
        text = "".join(f"{query}\t{d}\t{grade}\n" for query, d, grade in [BEIR_HEADER, *rows])
    else:
        text = "".join(f"{quoted(query, '0', d)} {grade}\n" for query, d, grade in rows)
    write_text(file, text)


def _form(first: str, file: Path) -> tuple[int, str | None]:
    """How many columns a file has, by its first line, and what they are apart by."""
    between_tabs, words = len(first.split("\t")), len(first.split())
    if ending(file) == ".tsv":
        return (4 if between_tabs == 4 else 3), "\t"
    if words != 4 and between_tabs == 3:
        return 3, "\t"
    return (3 if words == 3 else 4), None


def _grade(cell: str, where: str) -> int:
    """A whole number, which some tools write as 1.0."""
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not value.is_integer():
        raise ReadError(f"{where}: {cell!r} is not a whole number.", "Give grades such as 0 and 1.")
    return int(value)
