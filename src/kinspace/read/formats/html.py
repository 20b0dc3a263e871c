"""HTML: title and headings, the text of blocks; no scripts, styles, or navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from kinspace.read.content import Content
from kinspace.read.formats.outline import LONGEST_TITLE
from kinspace.read.section import Section

_UNSEEN = frozenset(("script", "style", "template", "noscript", "svg", "math", "head", "object"))
_AROUND = frozenset(("nav", "menu", "dialog", "select", "button"))
_IN_HEAD = frozenset(("title", "meta"))
_BLOCK_NAMES = (
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody"
    " tfoot thead tr ul br option"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_PARAGRAPHS = _BLOCKS - {"br", "li", "tr", "dt", "dd", "tbody", "thead", "tfoot", "option"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_NAMED = frozenset(("author", "description", "keywords", "date"))
_PAIRS = (("<!--", "-->"), ("<![", "]"), ("<", ">"))
_SPACES = re.compile(r"[ \t\n\r\f]+")


def sections(content: Content) -> Iterator[Section]:
    """One section for each heading that has text under it."""
    text = _ended(content.text())
    reader = _read(text, _UNSEEN | _AROUND)
    if reader.open_unseen and reader.open_unseen[0] in _AROUND:
        reader = _read(text, _UNSEEN)  # never closed: better with its navigation than half a page
    yield from reader.sections()


def _ended(text: str) -> str:
    """The text without the start of anything that never ends.

    The parser would look for each of those ends again and again, up to the end of the file.
    """
    for start, end in _PAIRS:
        at = text.rfind(end) + len(end) if end in text else 0
        if text.find(start, at) >= 0:
            text = text[:at] + text[at:].replace(start, "&lt;" + start[1:])
    return text


def _read(text: str, unseen: frozenset[str]) -> _Reader:
    reader = _Reader(unseen)
    reader.feed(text)
    reader.close()
    reader.end_line(paragraph=True)
    return reader


class _Reader(HTMLParser):
    """Gathers lines of text, each with the lines of the file that it came from."""

    def __init__(self, unseen: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.unseen = unseen
        self.open_unseen: list[str] = []
        self.fields: dict[str, str] = {}
        self.lines: list[tuple[str, int, int]] = []  # text, first and last line of the file
        self.found: list[tuple[int, int, str]] = []  # line above, level, heading
        self._parts: list[str] = []
        self._first = self._last = 1
        self._placed = False  # whether the line of text has any yet
        self._pre = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self.open_unseen.clear()  # a head that was not closed ends here
        if tag in _IN_HEAD:
            self._start_in_head(tag, dict(attrs))
        elif tag in self.unseen:
            self.open_unseen.append(tag)
        elif not self.open_unseen and tag in _BLOCKS:
            self.end_line(paragraph=tag in _PARAGRAPHS)
            self._pre += tag == "pre"
            if tag == "li":
                self._parts.append("- ")
        elif not self.open_unseen and tag in ("td", "th") and self._parts:
            self._parts.append(" | ")

    def _start_in_head(self, tag: str, attrs: dict[str, str | None]) -> None:
        name, value = (attrs.get("name") or "").lower(), attrs.get("content")
        if tag == "title":
            self._in_title = "title" not in self.fields and "svg" not in self.open_unseen
        elif name in _NAMED and value:
            self.fields.setdefault(name, _SPACES.sub(" ", value).strip())

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self.open_unseen:
            del self.open_unseen[self.open_unseen.index(tag) :]
        elif not self.open_unseen and tag in _BLOCKS:
            if tag in _HEADINGS:
                self._end_heading(_HEADINGS[tag])
            self.end_line(paragraph=tag in _PARAGRAPHS)
            if tag == "pre" and self._pre:
                self._pre -= 1

    def handle_data(self, data: str) -> None:
        if self._in_title:
            title = f"{self.fields.get('title', '')} {data}"
            self.fields["title"] = _SPACES.sub(" ", title).strip()
        elif self.open_unseen:
            return
        elif self._pre:
            self._add_lines(data)
        elif data.strip() or self._parts:
            self._place(data)
            self._parts.append(data)

    def _place(self, data: str) -> None:
        first, _ = self.getpos()
        if not self._placed:
            self._first = first + data[: len(data) - len(data.lstrip())].count("\n")
        if data.strip():
            self._placed = True
            self._last = first + data.rstrip().count("\n")

    def _add_lines(self, data: str) -> None:
        first, _ = self.getpos()
        for number, line in enumerate(data.split("\n")):
            if number and (self._parts != [""] or (self.lines and self.lines[-1][0])):
                self.lines.append(("".join(self._parts).rstrip(), self._first, self._last))
            if number:
                self._parts.clear()
            if not self._parts:
                self._first = first + number
            self._last = first + number
            self._parts.append(line)

    def end_line(self, *, paragraph: bool) -> None:
        """End the line of text, and with ``paragraph`` leave a blank one after it."""
        text = "".join(self._parts)
        text = text.rstrip() if self._pre else _SPACES.sub(" ", text).strip()
        self._parts.clear()
        self._placed = False
        if text.strip(" -|"):
            self.lines.append((text, self._first, self._last))
        if paragraph and self.lines and self.lines[-1][0]:
            self.lines.append(("", self._last, self._last))

    def _end_heading(self, level: int) -> None:
        title = _SPACES.sub(" ", "".join(self._parts)).strip()[:LONGEST_TITLE]
        if title:
            self.found.append((len(self.lines), level, title))

    def sections(self) -> Iterator[Section]:
        """Sections, each from one heading to the next; a heading without text joins the next."""
        path: list[tuple[int, str]] = []
        above: tuple[str, ...] = ()
        start = body = 0
        for at, level, title in [*self.found, (len(self.lines), 0, "")]:
            if any(line for line, _, _ in self.lines[body:at]) or not level:
                yield from self._section(start, body, at, above)
                start = at
            while path and path[-1][0] >= level:
                path.pop()
            path.append((level, title))
            above = tuple(t for _, t in path)
            body = min(at + 2, len(self.lines))  # the heading and the blank line after it

    def _section(
        self, start: int, body: int, end: int, above: tuple[str, ...]
    ) -> Iterator[Section]:
        lines = self.lines[start:end]
        if any(line for line, _, _ in lines):
            glue = sum(len(line) + 1 for line, _, _ in self.lines[start:body])
            yield Section(
                "\n".join(line for line, _, _ in lines),
                headings=above,
                fields=dict(self.fields),
                glue=glue,
                lines=[(first, last) for _, first, last in lines],
            )
