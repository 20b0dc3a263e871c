"""Filters written as text: ``year >= 2020 and lang in [en, de]``."""

from __future__ import annotations

import re
from typing import Any, Final

from kinspace.errors import InvalidFilter

MAX_DEPTH: Final = 24
"""SQLite's parser holds 100 symbols, and a level of ours takes up to four."""

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
        if depth > MAX_DEPTH:
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
