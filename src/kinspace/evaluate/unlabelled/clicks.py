"""Query logs with clicks: what people looked for, and which of the answers they took.

A click is weak praise: people click what stands on top. Where the log says at which position an
answer stood, each click is divided by the chance that anyone looks there, which is taken to fall
with the position as a power law, ``position ** -eta``: inverse propensity weighting (Joachims,
Swaminathan and Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017). What was
never shown can still not be clicked: such judgements favour systems like the one that was logged.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.errors import (
    EmptyInput,
    InvalidJudgements,
    InvalidParameter,
    PathNotFound,
    ReadError,
)

ETA = 1.0
"""How steeply attention falls with the position; 0 is no correction."""

HEAVIEST = 20.0
"""The most that one click counts: weights are clipped, or few clicks far down outweigh all."""

GRADES = ((2 / 3, 3), (1 / 3, 2), (0.0, 1))
"""Shares of the weight of a query's best document from which on a grade is given."""

_COLUMNS = {
    "query": ("query", "q"),
    "document": ("id", "document", "clicked", "clicked_id", "doc_id"),
    "position": ("position", "rank"),
    "count": ("count", "clicks"),
    "shown": ("shown", "impressions"),
}


@dataclass(frozen=True, slots=True)
class Click:
    """One row of a log.

    Parameters
    ----------
    query : str
    document : str
        The id of what was clicked.
    position : int, optional
        Where it stood, from 1.
    count : int
        How often it was clicked; 0 says that it was shown and not clicked.
    shown : int, optional
        How often it was shown for the query.
    """

    query: str
    document: str
    position: int | None = None
    count: int = 1
    shown: int | None = None


def read_clicks(path: str | Path) -> list[Click]:
    """Read a log: JSON lines or CSV with a header.

    Parameters
    ----------
    path : str or Path
        Columns are ``query`` and ``id`` (the clicked document), and, where known,
        ``position`` (from 1), ``count`` and ``shown``.

    Raises
    ------
    PathNotFound, ReadError
        If the file is not there, or a row cannot be understood; the message names the line.
    EmptyInput
        If there are no rows.
    """
    path = Path(path)
    if not path.is_file():
        raise PathNotFound(f"There is no file {str(path)!r}.", "Check the path.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} cannot be read: {error}.", "Give a text file in UTF-8.") from error
    rows = _json_rows(path, text) if path.suffix in (".jsonl", ".ndjson") else _csv_rows(path, text)
    found = [_click(path, line, row) for line, row in rows]
    if not found:
        raise EmptyInput(f"{path} holds no clicks.", "Give at least one row.")
    return found


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, raw in enumerate(text.split("\n"), 1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw)
        except ValueError as error:
            raise ReadError(f"{path}, line {line} is not JSON: {error}.", _REMEDY) from error
        if not isinstance(row, dict):
            raise ReadError(f"{path}, line {line} is {raw[:60]!r}.", _REMEDY)
        yield line, row


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    delimiter = "\t" if path.suffix == ".tsv" else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, {key: value for key, value in row.items() if value}
    except csv.Error as error:
        raise ReadError(f"{path}, line {reader.line_num + 1}: {error}.", _REMEDY) from error


_REMEDY = 'Give rows with "query" and "id", and optionally "position", "count" and "shown".'


def _click(path: Path, line: int, row: Mapping[str, Any]) -> Click:
    values = {
        name: next((row[key] for key in keys if row.get(key) is not None), None)
        for name, keys in _COLUMNS.items()
    }
    query, document = values["query"], values["document"]
    if not isinstance(query, str) or not query.strip() or document is None:
        raise ReadError(f"{path}, line {line} has no query or no id: {dict(row)!r:.80}.", _REMEDY)
    numbers = {
        name: _whole(path, line, name, values[name], least)
        for name, least in (("position", 1), ("count", 0), ("shown", 1))
    }
    count = numbers["count"]
    return Click(
        query, str(document), numbers["position"], 1 if count is None else count, numbers["shown"]
    )


def _whole(path: Path, line: int, name: str, value: Any, least: int) -> int | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not number.is_integer() or number < least:
        raise ReadError(
            f"{path}, line {line}: {name} is {value!r}.", f"Give a whole number from {least} on."
        )
    return int(number)


def judgements_of(
    clicks: str | Path | Iterable[Click],
    documents: Sequence[Document],
    *,
    eta: float = ETA,
    unknown: Literal["raise", "skip"] = "raise",
    name: str = "clicks",
) -> RetrievalSet:
    """Graded judgements from clicks.

    Queries that differ in case or white space only are one. A document's weight is the sum of its
    clicks, each divided by ``position ** -eta`` where positions are given; where it is given how
    often documents were shown, that sum is divided by it. Grades are 3, 2 and 1 from two thirds,
    one third and anything of the weight of the query's best document; 0 if it was shown only.

    Parameters
    ----------
    clicks : path or iterable of Click
    documents : sequence of Document
        What was searched in.
    eta : float
        From 0 (people look at all positions alike) on; 1 is usual.
    unknown : {"raise", "skip"}
        What to do about documents that do not exist (any more).
    name : str

    Raises
    ------
    InvalidJudgements
        If a document is unknown, or only some rows have a position, or how often they were shown.
    EmptyInput
        If no clicks are left.
    PathNotFound, ReadError
        As :func:`read_clicks`.

    Examples
    --------
    >>> documents = [Document("1", "A cat sleeps."), Document("2", "Cats purr.")]
    >>> log = [Click("Cats", "1", position=1), Click("cats ", "2", position=2)]
    >>> judgements_of(log, documents).qrels
    {'q1': {'1': 2, '2': 3}}
    """
    if eta < 0 or not math.isfinite(eta):
        raise InvalidParameter(f"eta is {eta}.", "Give 0 or more.")
    if unknown not in ("raise", "skip"):
        raise InvalidParameter(f"unknown is {unknown!r}.", 'Choose "raise" or "skip".')
    rows = read_clicks(clicks) if isinstance(clicks, str | Path) else list(clicks)
    by_id = {document.id: document for document in documents}
    rows = _known(rows, by_id, unknown)
    for column in ("position", "shown"):
        _all_or_none(rows, column)
    texts: dict[str, str] = {}
    weights: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    shown: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        text = " ".join(row.query.split())
        key = text.casefold()
        texts.setdefault(key, text)
        look = 1.0 if row.position is None else float(row.position) ** eta
        weights[key][row.document] += row.count * min(look, HEAVIEST)
        shown[key, row.document] += row.shown or 0
    for key, found in weights.items():
        for document in found:
            if shown[key, document]:
                found[document] = found[document] / shown[key, document]
    clicked = [key for key, found in weights.items() if max(found.values()) > 0]
    if not clicked:
        raise EmptyInput(f"{name}: no query has a click.", "Give a log with clicks.")
    names = {key: f"q{number}" for number, key in enumerate(clicked, 1)}
    return RetrievalSet(
        name,
        by_id,
        {names[key]: texts[key] for key in clicked},
        {names[key]: _grades(weights[key]) for key in clicked},
    )


def _known(
    rows: Sequence[Click], by_id: Mapping[str, Document], unknown: Literal["raise", "skip"]
) -> list[Click]:
    kept = [row for row in rows if row.document in by_id]
    if len(kept) < len(rows) and unknown == "raise":
        lost = next(row for row in rows if row.document not in by_id)
        raise InvalidJudgements(
            f"{len(rows) - len(kept)} of {len(rows)} clicks are on documents that do not "
            f"exist; the first is {lost.document!r} for the query {lost.query!r}.",
            'Give the collection that was logged, or leave them out: unknown="skip".',
        )
    if not kept:
        raise EmptyInput("No click is on a document that exists.", "Check the ids of the log.")
    return kept


def _all_or_none(rows: Sequence[Click], column: str) -> None:
    having = sum(getattr(row, column) is not None for row in rows)
    if having not in (0, len(rows)):
        raise InvalidJudgements(
            f"{len(rows) - having} of {len(rows)} rows do not say {column!r}.",
            "Give it for all rows or for none: their weights could not be compared.",
        )


def _grades(weights: Mapping[str, float]) -> dict[str, int]:
    best = max(weights.values())
    return {
        document: next(grade for share, grade in GRADES if weight >= share * best) if weight else 0
        for document, weight in weights.items()
    }
