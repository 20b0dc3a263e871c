"""reStructuredText: sections by underlined headings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kinspace.read.content import Content
from kinspace.read.formats.outline import LONGEST_TITLE, Heading, outline
from kinspace.read.section import Section

_ADORNMENT = re.compile(r"^([!-/:-@\[-`{-~])\1+[ \t]*$\n?", re.M)
_ROLE = re.compile(
    r":[\w:.-]+:`([^`<]*?)(?:\s*<[^`]*>)?`|``([^`]*)``|`([^`<]*?)(?:\s*<[^`]*>)?`_{0,2}"
)
_MIN_SHORT = 4  # a shorter line under a longer title is no underline, says docutils


def sections(content: Content) -> Iterator[Section]:
    """One section for each heading that has text under it."""
    text = content.text()
    yield from outline(text, _headings(text))


def _headings(text: str) -> Iterator[Heading]:
    """Headings; which adornment means which level is told by the order of their appearance."""
    styles: list[tuple[str, bool]] = []
    for match in _ADORNMENT.finditer(text):
        start = match.start()
        if start == 0:
            continue
        above = text.rfind("\n", 0, start - 1) + 1
        title = text[above : start - 1]
        line = match[0].strip()
        if not title.strip() or _ADORNMENT.fullmatch(title):
            continue
        if len(line) < min(_MIN_SHORT, len(title.rstrip())):
            continue
        over = text.rfind("\n", 0, above - 1) + 1 if above else 0
        overlined = above > 0 and text[over : above - 1].strip() == line
        if title[0].isspace() and not overlined:
            continue
        if title.startswith(".. "):
            continue
        style = (line[0], overlined)
        if style not in styles:
            styles.append(style)
        yield Heading(
            over if overlined else above, match.end(), styles.index(style) + 1, _clean(title)
        )


def _clean(title: str) -> str:
    return (
        _ROLE.sub(lambda m: m[1] or m[2] or m[3] or "", title[:LONGEST_TITLE])
        .replace("*", "")
        .strip()
    )
