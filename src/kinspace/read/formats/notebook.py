"""Jupyter notebooks: their cells as one Markdown text, without outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kinspace.read.content import Content, Unreadable
from kinspace.read.formats.markdown import markdown_sections
from kinspace.read.section import Section


def sections(content: Content) -> Iterator[Section]:
    """One section for each heading; line numbers are those of the converted text."""
    try:
        notebook = json.loads(content.text())
        language = notebook.get("metadata", {}).get("kernelspec", {}).get("language", "")
        cells = [_cell(cell, language) for cell in notebook["cells"]]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise Unreadable("not convertible", f"no notebook: {error}") from error
    yield from markdown_sections("\n\n".join(cell for cell in cells if cell))


def _cell(cell: dict[str, Any], language: str) -> str:
    source = cell.get("source", "")
    text = source if isinstance(source, str) else "".join(source)
    if not text.strip():
        return ""
    return text if cell.get("cell_type") == "markdown" else f"```{language}\n{text}\n```"
