"""Where a text may be cut: paragraphs and sentences of prose, blocks and lines of code.

A boundary is the offset of the first character after a cut. Levels go from the strongest
to the weakest, and each contains the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kinspace.read.section import Style

# Each begins with one character or one set of them, which `re` finds at the speed of C.
_LINE_END = re.compile(r"\n\s*+")
_SENTENCE_END = re.compile(r"[.!?…][.!?…]{0,8}+[\"')\]»”’*_]{0,8}+\s++(?![a-z])")
_WIDE_SENTENCE_END = re.compile(r"[。！？][。！？」』）”’]*+\s*+")
_ABBREVIATED = (
    "mr mrs ms dr prof st sr jr vs etc e.g i.e cf al fig figs eq eqs no nos vol pp ed eds dept univ"
    " approx ca inc ltd co corp gen col lt sgt capt rev hon gov sen rep jan feb mar apr jun jul aug"
    " sep sept oct nov dec z.b bzw usw"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_LIST_ITEM = re.compile(r"[-*+•‣>|#=:]|\d{1,3}[.)]|\(?[a-z][.)] ")
_SHORT_LINE = 40  # a shorter line was not broken for want of room, so its end means something
_LONG_LINE = 120  # nor was a longer one: nobody wraps text there


def boundaries(text: str, style: Style, marks: Iterable[int] = ()) -> list[list[int]]:
    r"""Where a text may be cut, from the best places to the worst.

    Parameters
    ----------
    text : str
        With lines ended by ``\n``.
    style : str
        ``"prose"``: before marks, between paragraphs, between sentences.
        ``"code"``: before marks, at blank lines, at the ends of lines.
    marks : iterable of int
        Offsets at which something new is known to start.

    Returns
    -------
    list of list of int
        One sorted list for each level, each contained in the next.

    Examples
    --------
    >>> boundaries("One. Two.\n\nThree.", "prose")
    [[11], [5, 11]]
    """
    blocks, lines = _lines(text, every_line=style == "code")
    inner = lines if style == "code" else lines + _sentences(text)
    strongest = sorted({m for m in marks if 0 < m < len(text)})
    levels = [strongest] if strongest else []
    for found in (blocks, inner):
        below = levels[-1] if levels else []
        levels.append(sorted({*found, *below}))
    return levels


def _lines(text: str, *, every_line: bool) -> tuple[list[int], list[int]]:
    """Starts of lines after a blank one, and starts of all lines that are not mere wrapping."""
    blocks: list[int] = []
    lines: list[int] = []
    line_start = 0
    for match in _LINE_END.finditer(text):
        first, end = match.span()
        start = text.rfind("\n", first, end) + 1
        if end == len(text):
            break
        if start > first + 1:
            blocks.append(start)
        if (
            every_line
            or not _SHORT_LINE <= first - line_start <= _LONG_LINE
            or _LIST_ITEM.match(text, end)
        ):
            lines.append(start)
        line_start = start
    return blocks, lines


def _sentences(text: str) -> list[int]:
    """Starts of sentences. A line break in a sentence is a space like any other."""
    found = []
    for match in _SENTENCE_END.finditer(text):
        first, end = match.span()
        if end == len(text):
            break
        if text[end].islower() or (text[first] == "." and _abbreviated(text, first)):
            continue
        found.append(text.rfind("\n", first, end) + 1 or end)
    if not text.isascii():
        found += [match.end() for match in _WIDE_SENTENCE_END.finditer(text)]
    return found


def _abbreviated(text: str, stop: int) -> bool:
    """Whether the full stop at ``stop`` ends an abbreviation or an initial."""
    before = text[max(0, stop - 8) : stop].split()
    word = before[-1].lstrip("(\"'“") if before else ""
    return (len(word) == 1 and word.isalpha() and word.isupper()) or word.lower() in _ABBREVIATIONS
