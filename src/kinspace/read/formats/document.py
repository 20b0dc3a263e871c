"""PDF, DOCX, PPTX and XLSX, by way of markitdown (the ``documents`` extra) and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kinspace.errors import MissingExtra
from kinspace.read.content import Content, Unreadable, reason_of
from kinspace.read.formats.markdown import markdown_sections
from kinspace.read.section import Section

if TYPE_CHECKING:
    from markitdown import MarkItDown

_SLIDE = re.compile(r"^<!-- Slide number: (\d+) -->[ \t]*$", re.M)
_MISSING = ("MissingDependencyException", "ModuleNotFoundError", "ImportError")


def sections(content: Content) -> Iterator[Section]:
    """Sections of the converted text, by page or slide where these are known, then by heading.

    Raises
    ------
    MissingExtra
        If markitdown, or what it needs for this kind of file, is not installed.
    """
    text = _converted(content.source.path)
    if not text.strip():
        raise Unreadable("no text", "nothing but pictures, or empty")
    line = 0
    for page, part in _pages(text):
        for section in markdown_sections(part):
            fields = section.fields if page is None else {**section.fields, "page": page}
            yield replace(section, line=section.line + line, fields=fields)
        line += part.count("\n")


def _pages(text: str) -> Iterator[tuple[int | None, str]]:
    """Pages (after form feeds) or slides with their numbers, from 1; else all of the text."""
    slides = list(_SLIDE.finditer(text))
    if slides:
        ends = [slide.start() for slide in slides[1:]] + [len(text)]
        yield None, text[: slides[0].start()]
        for slide, end in zip(slides, ends, strict=True):
            yield int(slide[1]), text[slide.end() : end]
    elif "\f" in text.strip("\f"):
        yield from enumerate(text.split("\f"), start=1)
    else:
        yield None, text


@lru_cache(maxsize=1)
def _converter() -> MarkItDown:
    try:
        from markitdown import MarkItDown
    except ImportError as error:
        raise MissingExtra("Reading PDF, DOCX, PPTX and XLSX", "documents") from error
    return MarkItDown(enable_plugins=False)


def _converted(path: str) -> str:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise Unreadable(reason_of(error), str(error)) from error
    converter = _converter()
    try:
        text: str = converter.convert_local(path).markdown
    except Exception as error:  # markitdown passes on what its many parsers raise
        causes = [error, *_causes(error)]
        if any(type(cause).__name__ in _MISSING for cause in causes):
            suffix = path.rpartition(".")[2].upper()
            raise MissingExtra(f"Reading {suffix}", "documents") from error
        reason = (str(causes[-1]) or type(causes[-1]).__name__).split("\n", 1)[0]
        raise Unreadable("not convertible", reason) from error
    if text.startswith("%PDF-"):  # what it takes for plain text when it cannot read a PDF
        raise Unreadable("not convertible", "a damaged PDF")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _causes(error: Exception) -> Iterator[BaseException]:
    """What each of markitdown's parsers failed over."""
    for attempt in getattr(error, "attempts", None) or ():
        if attempt.exc_info and attempt.exc_info[1]:
            yield attempt.exc_info[1]
