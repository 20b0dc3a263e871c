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
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from kinspace.errors import InvalidFilter

Filter = Mapping[str, Any]
Sql = tuple[str, list[Any]]

_ORDER: Final = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
OPERATORS: Final = ("$eq", "$ne", *_ORDER, "$in", "$nin", "$exists", "$not")
_GROUPS: Final = ("$and", "$or", "$not")
_MAX_DEPTH: Final = 60
"""SQLite's own limit for nested expressions is 1000; a dozen of ours need fewer each."""


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
    ('((id = ?))', ['a'])
    """
    return _group(parse(where) if isinstance(where, str) else where, 0)


def _group(where: Any, depth: int) -> Sql:
    if not isinstance(where, Mapping):
        raise InvalidFilter(
            f"A filter is a dict; this is {where!r}.", 'For example {"year": {"$gte": 2020}}.'
        )
    if depth > _MAX_DEPTH:
        raise InvalidFilter(
            f"The filter is nested more than {_MAX_DEPTH} deep.", "Write it flatter, with $in."
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
    return f"({word.join(p[0] for p in parts)})", [v for p in parts for v in p[1]]


def _negate(part: Sql) -> Sql:
    # A comparison with a missing field is NULL in SQL, and NOT NULL is NULL: make it false first.
    return f"(NOT coalesce({part[0]}, 0))", part[1]


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
    if operand is None:
        return "'null'", None
    if isinstance(operand, bool):
        return ("'true'" if operand else "'false'"), None
    if isinstance(operand, int):
        # Beyond 64 bits SQLite holds whole numbers as floats, in the field too.
        return "'integer','real'", operand if -(2**63) <= operand < 2**63 else float(operand)
    if isinstance(operand, float):
        if operand != operand:
            raise InvalidFilter(f"{path} is compared with NaN.", "NaN equals nothing.")
        return "'integer','real'", operand
    if isinstance(operand, str):
        try:
            operand.encode()
        except UnicodeEncodeError as error:
            raise InvalidFilter(f"{path}: the text is broken: {error}.", "Mend it.") from error
        return "'text'", operand
    raise InvalidFilter(
        f"{path} is compared with {operand!r}.", "Compare with a text, a number, a boolean or None."
    )


def _json_path(path: str) -> str:
    names = path.split(".")
    if not all(names) or any(c in path for c in '"\0'):
        raise InvalidFilter(
            f"{path!r} is not the path of a field.", "Write names joined by dots, without quotes."
        )
    return "$" + "".join(f'."{name}"' for name in names)


# -- as text -----------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<number>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w.-]))
  | (?P<sign><=|>=|!=|<>|==|=|<|>|[(),\[\]])
  | (?P<word>[^\s()<>=!,\[\]"']+)
    )""",
    re.VERBOSE,
)
_SIGNS: Final = {
    "=": "$eq", "==": "$eq", "!=": "$ne", "<>": "$ne",
    ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte",
}  # fmt: skip
_WORDS: Final = {"true": True, "false": False, "null": None, "none": None}


def parse(text: str) -> dict[str, Any]:
    """Read a filter written as text.

    Comparisons with ``= != < <= > >=``, ``in [..]``, ``not in [..]`` and ``exists`` are joined
    by ``and``, ``or`` and ``not``, with parentheses. Texts may stand without quotes where they
    are one word.

    Returns
    -------
    dict
        The same filter as :func:`to_sql` takes.

    Raises
    ------
    InvalidFilter
        With the place where reading stopped.

    Examples
    --------
    >>> parse('year >= 2020 and not (lang = de or tags in [draft, old])')
    {'$and': [{'year': {'$gte': 2020}}, {'$not': {'$or': [{'lang': {'$eq': 'de'}}, \
{'tags': {'$in': ['draft', 'old']}}]}}]}
    """
    return _Parser(text).whole()


class _Parser:
    """Recursive descent: or → and → not → comparison."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                raise self.error(place)
            kind = match.lastgroup
            self.tokens.append((kind, match[kind], match.start(kind)))
            place = match.end()
        self.at = 0

    def whole(self) -> dict[str, Any]:
        found = self.either(0)
        if self.at < len(self.tokens):
            raise self.error(self.tokens[self.at][2])
        return found

    def either(self, depth: int) -> dict[str, Any]:
        parts = [self.both(depth)]
        while self.take("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else {"$or": parts}

    def both(self, depth: int) -> dict[str, Any]:
        parts = [self.one(depth)]
        while self.take("and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else {"$and": parts}

    def one(self, depth: int) -> dict[str, Any]:
        if depth > _MAX_DEPTH:
            raise self.error(self.tokens[self.at][2] if self.at < len(self.tokens) else 0)
        if self.take("not"):
            return {"$not": self.one(depth + 1)}
        if self.take("("):
            found = self.either(depth + 1)
            self.need(")")
            return found
        return self.comparison()

    def comparison(self) -> dict[str, Any]:
        kind, name, place = self.next()
        if kind not in ("word", "text"):
            raise self.error(place)
        path = _unquote(name) if kind == "text" else name
        if self.take("exists"):
            return {path: {"$exists": True}}
        if self.take("not"):
            self.need("in")
            return {path: {"$nin": self.values()}}
        if self.take("in"):
            return {path: {"$in": self.values()}}
        _, sign, place = self.next()
        if sign not in _SIGNS:
            raise self.error(place)
        return {path: {_SIGNS[sign]: self.value()}}

    def values(self) -> list[Any]:
        close = "]" if self.take("[") else ")"
        if close == ")":
            self.need("(")
        found = []
        while not self.take(close):
            found.append(self.value())
            if not self.take(","):
                self.need(close)
                break
        return found

    def value(self) -> Any:
        kind, token, place = self.next()
        if kind == "text":
            return _unquote(token)
        if kind == "number":
            return float(token) if any(c in token for c in ".eE") else int(token)
        if kind == "word":
            return _WORDS.get(token.lower(), token)
        raise self.error(place)

    def next(self) -> tuple[str, str, int]:
        if self.at == len(self.tokens):
            raise self.error(len(self.text))
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, token: str) -> bool:
        if self.at < len(self.tokens):
            kind, found, _ = self.tokens[self.at]
            if kind != "text" and found.lower() == token:
                self.at += 1
                return True
        return False

    def need(self, token: str) -> None:
        if not self.take(token):
            place = self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.text)
            raise self.error(place, f"{token!r} is expected")

    def error(self, place: int, what: str = "the filter cannot be read on") -> InvalidFilter:
        shown = f"{self.text[:place]}⟨here⟩{self.text[place:]}"
        return InvalidFilter(
            f"In {shown[:200]!r} {what}.",
            "For example: year >= 2020 and lang in [en, de] and not draft = true.",
        )


def _unquote(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1])
