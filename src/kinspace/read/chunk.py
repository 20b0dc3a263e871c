"""Cut a text into passages by structure and token budget, with overlap, in linear time.

From where a passage starts, the budget reaches a certain character. The passage ends at the
strongest boundary before it, so that a paragraph (or a function) that fits a passage is never
cut, and a sentence (or a line) only if it is longer than a whole passage. The next passage
starts a little earlier, where whole sentences fit the overlap, unless it starts something new.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.read.boundaries import boundaries
from kinspace.read.options import ReadOptions
from kinspace.read.section import Section
from kinspace.read.tokens import UNIT, running_tokens, total_tokens

_BLOCK = 1 << 18  # characters looked at together: bounds the memory, whatever the text's length
_SURELY = 150  # hundredths of a token: no ASCII character costs more, alone or starting a run
_JOINERS = "\u200d\ufe0f\ufe0e"
_BLANK_START = re.compile(r"\s*\n")


class Chunk(NamedTuple):
    """A piece of a section: its text, first and last line, counted from 0, and headings."""

    text: str
    first: int
    last: int
    headings: tuple[str, ...]


class Span(NamedTuple):
    """A piece as offsets: ``start`` to ``end``, of which ``start`` to ``new`` is overlap."""

    start: int
    new: int
    end: int


def chunks(section: Section, options: ReadOptions) -> Iterator[Chunk]:
    """The pieces of a section.

    Every character that is not white space is in at least one of them.

    Parameters
    ----------
    section : Section
        What to cut. Its text may be an iterable of pieces, then it is never held as a whole.
    options : ReadOptions
        ``max_tokens``, ``overlap`` and ``tokenizer`` count here.

    Yields
    ------
    Chunk
        Text, first and last line within the section from 0, headings.

    Examples
    --------
    >>> options = ReadOptions(max_tokens=5, overlap=0)
    >>> [c.text for c in chunks(Section("One two three. Four five."), options)]
    ['One two three.', 'Four five.']
    """
    if isinstance(section.text, str) and _fits(section.text, options):
        yield from _emit(section, section.text, [Span(0, 0, len(section.text))], 0, 0)
        return
    pieces = _pieces(section.text)
    smallest = want = max(_BLOCK, 64 * options.max_tokens)
    block, offset, line, new, last = "", 0, 0, 0, False
    while not last:
        block, last = _grow(block, pieces, want)
        spans = _spans(block, section, options, offset, new)
        if last:
            yield from _emit(section, block, spans, offset, line)
            return
        # The last two may yet end elsewhere, once what follows them is known.
        yield from _emit(section, block, spans[:-2], offset, line)
        start, new, _ = spans[-2:][0] if spans else Span(len(block), len(block), len(block))
        want = smallest if start else 2 * want
        line += block.count("\n", 0, start)
        offset += start
        new -= start
        block = block[start:]


def _fits(text: str, options: ReadOptions) -> bool:
    if len(text) > _BLOCK:
        return False
    budget = options.max_tokens * UNIT
    if options.tokenizer is None and text.isascii() and len(text) * _SURELY <= budget:
        return True
    return total_tokens(text, options.tokenizer) <= budget


def _pieces(text: str | Iterable[str]) -> Iterator[str]:
    if not isinstance(text, str):
        return iter(text)
    return (text[i : i + _BLOCK] for i in range(0, len(text), _BLOCK))


def _grow(block: str, pieces: Iterator[str], want: int) -> tuple[str, bool]:
    """The block with ``want`` more characters, and whether that was the end."""
    parts, size = [block], 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= want:
            return "".join(parts), False
    return "".join(parts), True


def _emit(
    section: Section, block: str, spans: list[Span], offset: int, line: int
) -> Iterator[Chunk]:
    """Spans of a block as chunks; the block starts at ``offset`` and ``line`` of the section."""
    counted = 0
    starts = [at for at, _ in section.marks]
    for start, new, end in spans:
        text = block[start:end]
        blank = _BLANK_START.match(text)
        first = start + (blank.end() if blank else 0)
        text = block[first:end].rstrip()
        if not text.strip():
            continue
        line += block.count("\n", counted, first)
        counted = first
        headings = section.headings
        if starts:
            content = max(new, first)
            content += len(block[content:end]) - len(block[content:end].lstrip())
            at = bisect_right(starts, offset + content) - 1
            headings = section.marks[at][1] if at >= 0 else headings
        yield Chunk(text, line, line + text.count("\n"), headings)


def _spans(text: str, section: Section, options: ReadOptions, offset: int, new: int) -> list[Span]:
    """The spans of a block that starts at ``offset``; its first ``new`` characters are overlap."""
    marks = [at - offset for at, _ in section.marks]
    levels = boundaries(text, section.style, marks)
    glue = section.glue - offset
    if glue > 0:
        levels = [level[bisect_right(level, glue) :] for level in levels]
    totals = running_tokens(text, options.tokenizer)
    budget, overlap = options.max_tokens * UNIT, options.overlap_tokens * UNIT
    return _Cutter(text, levels, frozenset(marks), totals, budget, overlap).spans(new)


@dataclass(slots=True)
class _Cutter:
    """Cuts one block. Costs are in hundredths of a token."""

    text: str
    levels: list[list[int]]
    marks: frozenset[int]
    totals: NDArray[np.int64]
    budget: int
    overlap: int

    def spans(self, new: int) -> list[Span]:
        """All spans; the text before ``new`` is overlap with a span of an earlier block."""
        found: list[Span] = []
        size, start = len(self.text), 0
        while new < size:
            limit = int(self.totals.searchsorted(self.totals[start] + self.budget, "right")) - 1
            end = size if limit >= size else self._end(start, new, max(limit, start + 1))
            if end is None:  # what comes next is kept whole only without the overlap
                start = new
                continue
            if self.totals[end] > self.totals[new] or not self.text[new:end].isspace():
                found.append(Span(start, new, end))
            start, new = self._overlap_start(start, end), end
        return found

    def _end(self, start: int, new: int, limit: int) -> int | None:
        """The best place to cut after ``new`` and up to ``limit``."""
        for level in self.levels:
            at = bisect_right(level, limit)
            after = level[at] if at < len(level) else len(self.text)
            end = level[at - 1] if at else 0
            if end == new > start and self._cost(new, after) <= self.budget:
                return None
            if end <= new:
                continue
            if self._cost(end, after) <= self.budget or self._cost(start, end) >= self.budget // 2:
                return end
        return self._word_end(new, limit)

    def _word_end(self, new: int, limit: int) -> int | None:
        """Between two words, else between two characters that may be parted."""
        space = max(self.text.rfind(c, new, limit) for c in " \n\t")
        if space >= new and self.text[new:space].strip():
            return space + 1
        if limit <= new:
            return None
        end = limit
        while new + 1 < end and _sticks(self.text, end):
            end -= 1
        return end

    def _overlap_start(self, start: int, end: int) -> int:
        """Where the span after one from ``start`` to ``end`` starts."""
        if not self.overlap or end in self.marks:
            return end
        earliest = int(self.totals.searchsorted(self.totals[end] - self.overlap, "left"))
        earliest = max(earliest, start + 1)
        weakest = self.levels[-1]
        at = bisect_left(weakest, earliest)
        if at < len(weakest) and weakest[at] <= end:
            return weakest[at]
        space = self.text.find(" ", earliest, end)  # amid a sentence: whole words at least
        if space >= 0:
            return space + 1
        while earliest < end and _sticks(self.text, earliest):
            earliest += 1
        return earliest

    def _cost(self, start: int, end: int) -> int:
        return int(self.totals[end] - self.totals[start])


def _sticks(text: str, at: int) -> bool:
    """Whether the character at ``at`` belongs to the one before it."""
    return (
        text[at] in _JOINERS or text[at - 1] in _JOINERS[:1] or unicodedata.combining(text[at]) > 0
    )
