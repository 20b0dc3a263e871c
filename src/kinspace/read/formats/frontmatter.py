"""Front matter: the few lines of YAML or TOML above a Markdown text, as fields."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_FENCED = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)^(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.S | re.M)
_ENTRY = re.compile(r"([\w.@/ -]+?)[ \t]*:(?:[ \t]+(.*))?$")
_ITEM = re.compile(r"[ \t]*-[ \t]+(.*)$")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(\.\d+)?")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


def front_matter(text: str) -> tuple[dict[str, Any], int]:
    r"""The fields above a text, and where the text proper starts.

    Of YAML, what front matter is written in: ``key: value`` with strings, numbers, true and
    false, lists in brackets or as dashed lines. What is nested deeper is left out.

    Parameters
    ----------
    text : str
        With lines ended by ``\n``.

    Returns
    -------
    dict, int
        No fields and 0 where there is no front matter.

    Examples
    --------
    >>> front_matter("---\ntitle: A day\nyear: 2021\ntags: [a, b]\n---\nText")
    ({'title': 'A day', 'year': 2021, 'tags': ['a', 'b']}, 45)
    """
    match = _FENCED.match(text)
    if match is None:
        return {}, 0
    if match[1] == "+++":
        try:
            return _plain(tomllib.loads(match[2])), match.end()
        except tomllib.TOMLDecodeError:
            return {}, match.end()
    fields = _yaml(match[2])
    return (fields, match.end()) if fields or not match[2].strip() else ({}, 0)


def _yaml(block: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    open_key = ""
    for line in block.split("\n"):
        item = _ITEM.match(line)
        entry = _ENTRY.match(line)
        if item and open_key and isinstance(fields.setdefault(open_key, []), list):
            fields[open_key].append(_value(item[1]))
        elif entry and not line[0].isspace():
            open_key = ""
            if entry[2] is None or not entry[2].strip():
                open_key = entry[1]
            else:
                fields[entry[1]] = _value(entry[2])
    return fields


def _value(written: str) -> Any:
    written = re.sub(r"\s+#.*$", "", written).strip() if written[:1] not in "\"'" else written
    written = written.strip()
    if len(written) > 1 and written[0] == written[-1] and written[0] in "\"'":
        return written[1:-1]
    if written.startswith("[") and written.endswith("]"):
        return [_value(part) for part in written[1:-1].split(",") if part.strip()]
    if written.lower() in _WORDS:
        return _WORDS[written.lower()]
    number = _NUMBER.fullmatch(written)
    if number:
        return float(written) if number[1] else int(written)
    return written


def _plain(value: Any) -> Any:
    """TOML's dates as text, so that all fields can be written as JSON."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool) else str(value)
