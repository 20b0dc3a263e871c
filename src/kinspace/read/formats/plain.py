"""Plain text: one section, never held in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from kinspace.read.content import Content
from kinspace.read.section import Section


def sections(content: Content) -> Iterator[Section]:
    """The whole file as one section."""
    yield Section(content.pieces())
