"""Filters over a record's fields: `{"year": {"$gte": 2020}}` or `'year >= 2020'`.

What a filter means
-------------------
- A path like ``author.name`` goes into nested fields; ``id`` is the record's id.
- A value is compared with values of its own kind: numbers with numbers, texts with texts
  (by code point), booleans with booleans. Anything else is unequal, and neither less nor greater.
- A field that holds a list satisfies a comparison if one of its elements does.
- ``$eq`` with None asks for an explicit null; a missing field equals nothing.
- ``$ne`` and ``$nin`` are the exact opposites of ``$eq`` and ``$in``, so a missing field
  satisfies them.
- ``$exists`` asks whether the field is there, null included.
- ``$and``, ``$or`` (lists) and ``$not`` (a filter) combine; several keys in one dict all hold.

A filter becomes a condition of SQL, so it runs before the ``k`` best are taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf, isfinite
from typing import Any, Final

import numpy as np

from kinspace.errors import InvalidFilter
from kinspace.store.filter_text import MAX_DEPTH, parse

Filter = Mapping[str, Any]
Sql = tuple[str, list[Any]]

_ORDER: Final = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
OPERATORS: Final = ("$eq", "$ne", *_ORDER, "$in", "$nin", "$exists", "$not")
_GROUPS: Final = ("$and", "$or", "$not")
_MAX_VALUES: Final = 32_000
"""SQLite takes 32,766 values in one statement, and a comparison needs about five."""
_LONG: Final = 50
"""Parts from which on they are joined by CASE, whose depth does not grow with their number."""


def to_sql(where: Filter | str) -> Sql:
    """Turn a filter into an SQL condition over the ``records`` table.

    Parameters
    ----------
    where : dict or str
        Text is parsed by :func:`parse`.

    Returns
    -------
    condition : str
    values : list
        For the condition's question marks.

    Raises
    ------
    InvalidFilter
        If it cannot be understood.

    Examples
    --------
    >>> condition, values = to_sql({"id": "a"})
    >>> condition, values
    ('(id = ?)', ['a'])
    """
    condition, values = _group(parse(where) if isinstance(where, str) else where, 0)
    if len(values) > _MAX_VALUES:
        raise InvalidFilter(
            "The filter has too many comparisons.", "Compare with many values at once: use $in."
        )
    return condition, values


def _group(where: Any, depth: int) -> Sql:
    if not isinstance(where, Mapping):
        raise InvalidFilter(
            f"A filter is a dict; this is {where!r}.", 'For example {"year": {"$gte": 2020}}.'
        )
    if depth > MAX_DEPTH:
        raise InvalidFilter(
            f"The filter is nested more than {MAX_DEPTH} deep.", "Write it flatter, with $in."
        )
    parts = []
    for key, value in where.items():
        if not isinstance(key, str):
            raise InvalidFilter(f"{key!r} is not the name of a field.", "Use a string.")
        if key in ("$and", "$or"):
            parts.append(_many(key, value, depth))
        elif key == "$not":
            parts.append(_negate(_group(value, depth + 1)))
        elif key.startswith("$"):
            raise InvalidFilter(
                f"{key} is not an operator that joins filters.", f"Use {', '.join(_GROUPS)}."
            )
        else:
            parts.append(_field(key, value, depth))
    return _join(parts, " AND ", "1")


def _many(key: str, value: Any, depth: int) -> Sql:
    if not isinstance(value, list | tuple):
        raise InvalidFilter(f"{key} needs a list of filters; this is {value!r}.", "Use [ … ].")
    parts = [_group(part, depth + 1) for part in value]
    return _join(parts, " AND ", "1") if key == "$and" else _join(parts, " OR ", "0")


def _join(parts: list[Sql], word: str, empty: str) -> Sql:
    if not parts:
        return f"({empty})", []
    if len(parts) == 1:
        return parts[0]
    values = [value for part in parts for value in part[1]]
    if len(parts) < _LONG:
        return f"({word.join(part[0] for part in parts)})", values
    negated = "NOT " if empty == "1" else ""
    cases = " ".join(f"WHEN {negated}{part[0]} THEN {1 - int(empty)}" for part in parts)
    return f"(CASE {cases} ELSE {empty} END)", values


def _negate(part: Sql) -> Sql:
    # No part is ever NULL, of which NOT would be NULL too: a missing field makes it 0.
    return f"(NOT {part[0]})", part[1]


def _field(path: str, value: Any, depth: int) -> Sql:
    if not isinstance(value, Mapping):
        return _compare(path, "$eq", value, depth)
    if not value or not all(isinstance(k, str) and k.startswith("$") for k in value):
        raise InvalidFilter(
            f"{path} is compared with {value!r}, which is neither a value nor operators.",
            f"Use a value, or one of {', '.join(OPERATORS)}; nested fields as {path}.name.",
        )
    return _join(
        [_compare(path, op, operand, depth) for op, operand in value.items()], " AND ", "1"
    )


def _compare(path: str, op: str, operand: Any, depth: int) -> Sql:
    if depth > MAX_DEPTH:
        raise InvalidFilter(
            f"The filter of {path} is nested more than {MAX_DEPTH} deep.", "Write it flatter."
        )
    if op == "$not":
        return _negate(_field(path, operand, depth + 1))
    if op in ("$ne", "$nin"):
        return _negate(_compare(path, "$eq" if op == "$ne" else "$in", operand, depth))
    if op == "$exists":
        if not isinstance(operand, bool):
            raise InvalidFilter(f"$exists of {path} needs true or false.", "It is not a value.")
        known = "1" if path == "id" else "json_type(fields, ?) IS NOT NULL"
        found: Sql = (f"({known})", [] if path == "id" else [_json_path(path)])
        return found if operand else _negate(found)
    if op == "$in":
        if not isinstance(operand, list | tuple | set | frozenset):
            raise InvalidFilter(f"$in of {path} needs a list; this is {operand!r}.", "Use [ … ].")
        return _in(path, list(operand))
    if op in _ORDER:
        if operand is None or isinstance(operand, bool):
            raise InvalidFilter(
                f"{op} of {path} cannot compare with {operand!r}.", "Give a number or a text."
            )
        return _test(path, _ORDER[op], operand)
    if op == "$eq":
        return _test(path, "=", operand)
    raise InvalidFilter(f"{op} is not an operator.", f"Use one of: {', '.join(OPERATORS)}.")


def _in(path: str, operands: list[Any]) -> Sql:
    """One of many: the operands of a kind go together as one JSON list, however many they are."""
    alike: dict[str, list[Any]] = {}
    for operand in operands:
        kinds, value = _kind(path, operand)
        alike.setdefault(kinds, []).append(value)
    parts = []
    for kinds, values in alike.items():
        plain = kinds == "'text'" or (kinds.endswith("'real'") and all(map(isfinite, values)))
        if plain:
            parts.append(_in_list(path, kinds, json.dumps(values, ensure_ascii=False)))
        else:
            parts += [_test(path, "=", o) for o in operands if _kind(path, o)[0] == kinds]
    return _join(parts, " OR ", "0")


def _in_list(path: str, kinds: str, values: str) -> Sql:
    among = "IN (SELECT value FROM json_each(?))"
    if path == "id":
        return (f"(id {among})", [values]) if kinds == "'text'" else ("(0)", [])
    return _over_elements(path, kinds, f"json_extract(fields, ?) {among}", f"value {among}", values)


def _test(path: str, sign: str, operand: Any) -> Sql:
    """One comparison with one value, over the field itself or over the elements of its list."""
    kinds, value = _kind(path, operand)
    if path == "id":
        return (f"(id {sign} ?)", [value]) if isinstance(operand, str) else ("(0)", [])
    if value is None:
        return _over_elements(path, kinds)
    return _over_elements(
        path, kinds, f"json_extract(fields, ?) {sign} ?", f"value {sign} ?", value
    )


def _over_elements(
    path: str, kinds: str, itself: str = "", element: str = "", value: Any = None
) -> Sql:
    """A test of a field, or of the elements of its list, after a test of the kind."""
    place = _json_path(path)
    own = [value] if itself else []
    condition = (
        f"(CASE WHEN json_type(fields, ?) IN ({kinds}) THEN {itself or 1} "
        f"WHEN json_type(fields, ?) = 'array' THEN EXISTS (SELECT 1 FROM json_each(fields, ?) "
        f"WHERE type IN ({kinds}){' AND ' + element if element else ''}) ELSE 0 END)"
    )
    return condition, [place, *([place, *own] if itself else []), place, place, *own]


def _kind(path: str, operand: Any) -> tuple[str, Any]:
    """The JSON types that an operand is compared with, and its value for SQL."""
    operand = operand.item() if isinstance(operand, np.generic) else operand
    if operand is None:
        return "'null'", None
    if isinstance(operand, bool):
        return ("'true'" if operand else "'false'"), None
    if isinstance(operand, int):
        return "'integer','real'", operand if -(2**63) <= operand < 2**63 else _as_float(operand)
    if isinstance(operand, float):
        if operand != operand:
            raise InvalidFilter(f"{path} is compared with NaN.", "NaN equals nothing.")
        return "'integer','real'", operand
    if isinstance(operand, str):
        try:
            operand.encode()
        except UnicodeEncodeError as error:
            raise InvalidFilter(f"{path}: the text is broken: {error}.", "Mend it.") from error
        if "\0" in operand:  # SQLite reads a text of JSON up to there
            raise InvalidFilter(f"{path} is compared with a text that holds NUL.", "Leave it out.")
        return "'text'", operand
    raise InvalidFilter(
        f"{path} is compared with {operand!r}.", "Compare with a text, a number, a boolean or None."
    )


def _as_float(number: int) -> float:
    """Beyond 64 bits SQLite holds whole numbers as floats, in the field too."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def _json_path(path: str) -> str:
    names = path.split(".")
    try:
        path.encode()
        readable = all(names) and '"' not in path
    except UnicodeEncodeError:
        readable = False
    if not readable:
        raise InvalidFilter(
            f"{path!r} is not the path of a field.", "Write names joined by dots, without quotes."
        )
    # Names are written as they stand in the JSON: there a backslash, for one, is two.
    return "$" + "".join(f".{json.dumps(name, ensure_ascii=False)}" for name in names)
