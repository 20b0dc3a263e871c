"""JSON and JSON Lines: a row for each record; other JSON is read as it is written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from kinspace.read.content import Content
from kinspace.read.formats.rows import Row, row_sections
from kinspace.read.section import Section


def _finite(written: str) -> float | None:
    number = float(written)
    return number if math.isfinite(number) else None


# NaN and infinity are no JSON, and cannot be stored as such.
_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)
_BLANK = re.compile(r"[ \t\n\r]*")
_LONE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")


def sections(content: Content) -> Iterator[Section]:
    """One section for each record.

    In a ``.json`` file the records are the objects (or strings) of its list, or of a list of
    objects that is most of its object. Without one it is cut like source code.
    """
    lines = content.lines()
    if content.source.kind == "jsonl":
        first = next(lines, "")
        lines = chain([first], lines)
        if first.strip() not in ("{", "["):  # else it is one value on many lines after all
            yield from row_sections(_line_rows(lines, content), content)
            return
    text = "\n".join(lines)
    rows = list(_element_rows(text, content))
    if rows:
        yield from row_sections(iter(rows), content)
    else:
        yield Section(text, style="code")


def _line_rows(lines: Iterable[str], content: Content) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            content.warn("broken row", _explained(error), number)
            continue
        values = _as_record(value, line)
        if values is None:
            content.warn("broken row", f"{type(value).__name__}, not an object", number)
        else:
            yield Row(values, number, number)


def _element_rows(text: str, content: Content) -> Iterator[Row]:
    """The records of a file with one JSON value, with the lines each is on."""
    try:
        at = _list_start(text)
        if at is None:
            return
        at = _skip(text, at)
        line, counted = 1, 0
        while text[at] != "]":
            value, end = _DECODER.raw_decode(text, at)
            line += text.count("\n", counted, at)
            counted = at
            last = line + text.count("\n", at, end)
            values = _as_record(value, text[at:end] if _ESCAPED.search(text, at, end) else "")
            if values is not None:
                yield Row(values, line, last)
            at = _skip(text, end)
            at = _skip(text, at + 1) if text[at] == "," else at
    except (ValueError, RecursionError, IndexError) as error:
        line = text.count("\n", 0, getattr(error, "pos", 0)) + 1
        content.warn("broken row", f"{_explained(error)}; read up to there", line)


def _list_start(text: str) -> int | None:
    """Where the first element is of the list of records, ``None`` if there is no such list."""
    at = _skip(text, 0)
    if text[at] == "[":
        return at + 1 if text[_skip(text, at + 1)] in '{"' else None
    if text[at] != "{":
        return None
    at = _skip(text, at + 1)
    while text[at] != "}":
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # past the colon
        start = at
        _, at = _DECODER.raw_decode(text, at)
        if text.startswith("[", start) and 2 * (at - start) > len(text):
            return start + 1 if text[_skip(text, start + 1)] == "{" else None
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
    return None


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _as_record(value: Any, written: str) -> dict[str, Any] | None:
    """An object, or a string as the text of one; without characters that cannot be stored."""
    if _ESCAPED.search(written):
        value = _whole(value)
    if isinstance(value, str):
        return {"text": value}
    return value if isinstance(value, dict) else None


def _whole(value: Any) -> Any:
    """The value with U+FFFD for halves of characters, which JSON can escape but nobody encode."""
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(v) for v in value]
    if isinstance(value, dict):
        return {_whole(k): _whole(v) for k, v in value.items()}
    return value


def _explained(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    return str(error) if isinstance(error, ValueError) else "ends too early"
