"""`Section`: what a format gives to be cut: a stretch of text that no passage reaches across."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Style = Literal["prose", "code"]


@dataclass(slots=True)
class Section:
    """A stretch of text that no passage reaches across.

    Parameters
    ----------
    text : str or iterable of str
        The text, or its pieces one after the other where it may be too large for memory.
    line : int
        Line of the file on which it starts, counted from 1.
    headings : tuple of str
        The headings above it.
    fields : dict
        What else is known about it.
    glue : int
        No passage ends in the first ``glue`` characters, so that a heading stays with its text.
    marks : sequence of (int, tuple of str)
        Offsets at which something with headings of its own starts, in order; passages rather
        end there than elsewhere.
    lines : sequence of (int, int), optional
        First and last line of the file for each line of the text, where they do not match
        one to one.
    row : int, optional
        Row of a table, counted from 1.
    style : str
        ``"prose"`` is cut at paragraphs, then sentences; ``"code"`` at marks, blank lines, lines.

    Examples
    --------
    >>> Section("One. Two.", line=3).headings
    ()
    """

    text: str | Iterable[str]
    line: int = 1
    headings: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    glue: int = 0
    marks: Sequence[tuple[int, tuple[str, ...]]] = ()
    lines: Sequence[tuple[int, int]] | None = None
    row: int | None = None
    style: Style = "prose"
