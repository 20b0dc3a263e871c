"""Rows of tables and records of JSON: which field is the text, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

from kinspace.read.content import Content, Unreadable
from kinspace.read.section import Section

_LOOKED_AT = 200
_USUAL = (
    *("text", "body", "content", "contents", "abstract", "passage", "document", "description"),
    *("summary", "review", "comment", "message", "article", "paragraph", "sentence", "question"),
    *("caption", "snippet", "claim", "utterance"),
)
"""Names under which the text of a row is usually found, the likeliest first."""


class Row(NamedTuple):
    """A row or record, and its first and last line in the file."""

    values: dict[str, Any]
    first: int
    last: int


def row_sections(rows: Iterator[Row], content: Content) -> Iterator[Section]:
    """One section for each row: its text field as the text, all else as fields.

    A row without text stands with its title, else it is reported.

    Raises
    ------
    Unreadable
        If there is no field to take the text from.
    """
    head = list(islice(rows, _LOOKED_AT))
    if not head:
        raise Unreadable("no text", "no rows")
    names = _chosen(head, content.options.text_fields)
    id_field = content.options.id_field
    for number, row in enumerate(chain(head, rows), start=1):
        text = "\n".join(t for name in names if (t := as_text(row.values.get(name))))
        fields = {k: v for k, v in row.values.items() if k not in names and v not in (None, "")}
        if not text:
            text = as_text(fields.get("title"))
        if not text:
            content.warn("missing text", f"nothing in {' or '.join(names)!r}", row.first)
            continue
        if id_field is not None:
            if row.values.get(id_field) in (None, ""):
                content.warn("broken row", f"nothing in {id_field!r}, its id", row.first)
            else:
                fields["id"] = str(row.values[id_field])
        where = (row.first, row.last)
        yield Section(
            text, row.first, fields=fields, row=number, lines=[where] * (text.count("\n") + 1)
        )


def as_text(value: Any) -> str:
    r"""A string as it is, a list of strings as lines; empty for all else.

    Examples
    --------
    >>> as_text(["One.", "Two."]), as_text(3)
    ('One.\nTwo.', '')
    """
    if isinstance(value, str):
        return value if value.strip() else ""
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return "\n".join(v for v in value if v.strip())
    return ""


def _chosen(rows: list[Row], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The fields to take the text from: those wanted, else a usual name, else the longest."""
    texts: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.values.items():
            texts.setdefault(name, []).append(as_text(value))
    have = ", ".join(repr(name) for name in texts)
    if wanted:
        if not any(name in texts for name in wanted):
            missing = " or ".join(repr(name) for name in wanted)
            raise Unreadable("no text", f"no field {missing}", f"It has: {have}.")
        return wanted
    filled = {name: sum(map(_has_words, found)) for name, found in texts.items()}
    by_lower = {name.lower(): name for name in reversed(texts) if filled[name] * 10 >= len(rows)}
    for usual in _USUAL:
        if usual in by_lower:
            return (by_lower[usual],)
    often = [name for name in texts if filled[name] * 2 >= len(rows)]
    if not often:
        raise Unreadable("no text", "no field with words in it", f"It has: {have or 'none'}.")
    return (max(often, key=lambda name: sum(map(len, texts[name]))),)


def _has_words(text: str) -> bool:
    return any(c.isalpha() for c in text[:200])
