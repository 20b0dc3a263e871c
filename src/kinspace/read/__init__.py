"""Read: from files to passages of text that know where they came from.

`passages` streams the passages of files and folders, `sources` only finds the files and
`read_file` reads one of them; `lines` and `texts` are streams that can be started again,
to learn from. What was passed over or repaired is told to a `Report`.
"""

from __future__ import annotations

from kinspace.read.files import passages, read_file
from kinspace.read.options import ReadOptions
from kinspace.read.passage import Passage
from kinspace.read.report import Notice, Report
from kinspace.read.source import Source
from kinspace.read.streams import lines, texts
from kinspace.read.walk import sources

__all__ = [
    "Notice",
    "Passage",
    "ReadOptions",
    "Report",
    "Source",
    "lines",
    "passages",
    "read_file",
    "sources",
    "texts",
]
