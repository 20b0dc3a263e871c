"""One module for each kind of file: from `Content` to `Section`s."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import cast

from kinspace.read.content import Content
from kinspace.read.section import Section

_MODULES = {
    "text": "plain",
    "markdown": "markdown",
    "rst": "rst",
    "html": "html",
    "code": "code",
    "json": "json",
    "jsonl": "json",
    "csv": "csv",
    "tsv": "csv",
    "notebook": "notebook",
    "document": "document",
}


def sections(content: Content) -> Iterator[Section]:
    """The sections of a file, read as its kind says.

    Raises
    ------
    Unreadable
        If the file cannot be opened or gives no text; maybe after some sections.
    """
    module = importlib.import_module(f"kinspace.read.formats.{_MODULES[content.source.kind]}")
    return cast(Iterator[Section], module.sections(content))
