"""From headings found in a text to sections that know the path of headings above them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kinspace.read.section import Section

LONGEST_TITLE = 300
"""Characters of a heading that are kept; what is longer is no heading but a mistake."""

_BLANK = re.compile(r"\s*")


class Heading(NamedTuple):
    """A heading: where it starts, where the text under it starts, its level (1 is highest)."""

    start: int
    body: int
    level: int
    title: str


def outline(
    text: str,
    headings: Iterable[Heading],
    *,
    start: int = 0,
    fields: dict[str, Any] | None = None,
) -> Iterator[Section]:
    r"""Cut a text before each heading.

    A heading with nothing under it but another heading goes with that one.

    Parameters
    ----------
    text : str
        All of the text, with lines ended by ``\n``.
    headings : iterable of Heading
        In order.
    start : int
        Where the text proper starts, after any front matter.
    fields : dict, optional
        For every section.

    Yields
    ------
    Section
        With ``headings``, the line it starts on, and its own heading glued to what follows.

    Examples
    --------
    >>> found = [Heading(0, 4, 1, "A"), Heading(4, 9, 2, "B")]
    >>> [(s.text, s.headings) for s in outline("# A\n## B\ntext", found)]
    [('# A\n## B\ntext', ('A', 'B'))]
    """
    fields = fields or {}
    path: list[tuple[int, str]] = []
    above: tuple[str, ...] = ()
    glue, line, counted = start, 1, 0
    for heading in headings:
        if text[glue : heading.start].strip():
            line += text.count("\n", counted, start)
            counted = start
            yield Section(text[start : heading.start], line, above, fields, glue=glue - start)
            start = heading.start
        while path and path[-1][0] >= heading.level:
            path.pop()
        path.append((heading.level, heading.title))
        above = tuple(title for _, title in path if title)
        glue = _line_start(text, heading.body)
    if text[start:].strip():
        line += text.count("\n", counted, start)
        yield Section(text[start:], line, above, fields, glue=glue - start)


def _line_start(text: str, body: int) -> int:
    """Where the first line that is not blank starts, from ``body`` on."""
    match = _BLANK.match(text, body)
    end = match.end() if match else body
    return max(body, text.rfind("\n", body, end) + 1)
