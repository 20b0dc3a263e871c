"""Markdown: sections by heading, front matter as fields."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kinspace.read.content import Content
from kinspace.read.formats.frontmatter import front_matter
from kinspace.read.formats.outline import LONGEST_TITLE, Heading, outline
from kinspace.read.section import Section

_LINE = re.compile(
    r"^ {0,3}(?:(?P<hashes>#{1,6})(?:[ \t]+(?P<title>[^\n]*))?"
    r"|(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)"
    r"|(?P<under>=+|-+)[ \t]*)$\n?",
    re.M,
)
_NO_TITLE = re.compile(r"\s*$|\s{4}|\t|\s*(?:[#>|+*-]|\d+[.)])\s|\s*(?:`{3}|~{3}|[|])|\s*[-=]+\s*$")
_MARKUP = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])|`+|\*+|(?<!\w)_+|_+(?!\w)")


def sections(content: Content) -> Iterator[Section]:
    """One section for each heading that has text under it."""
    yield from markdown_sections(content.text())


def markdown_sections(text: str) -> Iterator[Section]:
    r"""Sections of a Markdown text.

    Examples
    --------
    >>> [s.headings for s in markdown_sections("# A\none\n```\n# no heading\n```\n## B\ntwo")]
    [('A',), ('A', 'B')]
    """
    fields, start = front_matter(text)
    yield from outline(text, _headings(text, start), start=start, fields=fields)


def _headings(text: str, start: int) -> Iterator[Heading]:
    fence = ""
    for match in _LINE.finditer(text, start):
        mark = match["fence"]
        if fence:  # in fenced code, only its closing fence counts
            if mark and mark[0] == fence[0] and len(mark) >= len(fence) and not match["info"]:
                fence = ""
        elif mark:
            if "`" not in match["info"] or mark[0] == "~":
                fence = mark
        elif match["hashes"]:
            title = re.sub(r"(?:^|[ \t]+)#+[ \t]*$", "", match["title"] or "")
            yield Heading(match.start(), match.end(), len(match["hashes"]), _clean(title))
        else:
            above = _line_above(text, start, match.start())
            if above is not None and not _NO_TITLE.match(title := text[above : match.start() - 1]):
                yield Heading(above, match.end(), 1 if "=" in match["under"] else 2, _clean(title))


def _line_above(text: str, start: int, at: int) -> int | None:
    """Where the line before the one at ``at`` starts."""
    return None if at <= start else max(start, text.rfind("\n", 0, at - 1) + 1)


def _clean(title: str) -> str:
    """A heading without its markup."""
    return _MARKUP.sub(lambda m: m[1] or "", title[:LONGEST_TITLE]).strip()
