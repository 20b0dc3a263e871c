"""Source code: a section for each definition at the margin, with the names around each piece.

No grammar is needed: a definition is a line that starts like one, and what it holds is what
is indented deeper. That is so for code in the usual layout; other code is cut at blank lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from kinspace.read.content import Content
from kinspace.read.section import Section

_DEFINITION = re.compile(
    r"(?:(?:export|default|declare|public|private|protected|internal|static|abstract|final|sealed"
    r"|open|override|virtual|async|unsafe|inline|const|extern|pub(?:\([\w:]+\))?|data|partial"
    r"|readonly|suspend|mutating|local|case|typedef)\s+)*"
    r"(?:def|defp|defmodule|class|interface|struct|enum|trait|impl(?:<[^>]*>)?|fn|func|fun|function"
    r"|module|namespace|object|protocol|extension|record|union|sub|proc|message|service)(?!\w)\*?\s*"
    r"(?:\([^)]*\)\s*)?(?P<name>[\w.:$]*\w[!?]?)"
)
_ASSIGNED = re.compile(
    r"(?:(?:export|default|const|let|var|local)\s+)*(?P<name>[\w.$]+)\s*(?:<-|=)\s*"
    r"(?:async\s+)?(?:function\b|\([^()]*\)\s*=>|\w+\s*=>)"
)
_CALLABLE = re.compile(r"~?[A-Za-z_][\w:]*")
_KEYWORDS = (
    "return else if for while switch case throw new await yield raise print assert not and or in is"
    " from import del with elif except goto delete typedef using do go defer select catch foreach"
    " synchronized match until unless when loop try finally"
)
_NO_TYPE = frozenset(_KEYWORDS.split())
_ATTACHED = ("@", "#", "//", "/*", "*", "--", ";;", "[", "%%")
_GOES_ON = re.compile(r"[])}{]|(?:end|else|elif|except|finally|catch|public|private|protected)\b")


class _Mark(NamedTuple):
    start: int
    names: tuple[str, ...]


def sections(content: Content) -> Iterator[Section]:
    """One section for each definition at the margin, and one for what is between two of them."""
    text = content.text()
    marks = list(_marks(text))
    starts = [mark.start for mark in marks if len(mark.names) < 2]
    cuts = [*sorted({0, *starts}), len(text)]
    line, at = 1, 0
    for start, end in pairwise(cuts):
        inner = []
        while at < len(marks) and marks[at].start < end:
            inner.append((marks[at].start - start, marks[at].names))
            at += 1
        if text[start:end].strip():
            headings = inner[0][1] if inner else ()
            yield Section(text[start:end], line, headings, marks=inner, style="code")
        line += text.count("\n", start, end)


def _marks(text: str) -> Iterator[_Mark]:
    """Where definitions start, with the comments and decorators right above, and where they end."""
    path: list[tuple[int, str]] = []
    above: tuple[int, int] | None = None  # start and indent of comments that wait for their owner
    start = 0
    for line in text.split("\n"):
        here, start = start, start + len(line) + 1
        stripped = line.strip()
        if not stripped:
            above = None
            continue
        indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
        name = _defined(stripped, indent)
        if name:
            while path and path[-1][0] >= indent:
                path.pop()
            path.append((indent, name))
            yield _Mark(above[0] if above else here, tuple(n for _, n in path))
            above = None
        elif stripped.startswith(_ATTACHED):
            above = above or (here, indent)
        elif not _GOES_ON.match(stripped) and not (above and indent > above[1]):
            begins = above[0] if above else here
            above = None
            if path and indent <= path[-1][0]:
                while path and path[-1][0] >= indent:
                    path.pop()
                yield _Mark(begins, tuple(n for _, n in path))


def _defined(line: str, indent: int) -> str | None:
    """The name that a line defines, if it is the first line of a definition."""
    match = _DEFINITION.match(line) or _ASSIGNED.match(line)
    if match:
        return match["name"]
    if line[-1] != "{" and (indent or line[-1] not in "),"):
        return None
    head, paren, rest = line.partition("(")
    words = head.replace("*", " ").replace("&", " ").split()
    if not paren or not words or words[0] in _NO_TYPE or "=" in head or "=>" in rest:
        return None
    if len(words) == 1 and line[-1] != "{":
        return None
    return words[-1] if _CALLABLE.fullmatch(words[-1]) and "function" not in rest else None
