"""Many texts to one file of vectors: in a stream, to be stopped and gone on with at any time."""

from __future__ import annotations

from kinspace.bulk.entries import Entries, Entry
from kinspace.bulk.estimate import Estimate, estimate
from kinspace.bulk.job import Progress, Summary, encode_to_file

__all__ = [
    "Entries",
    "Entry",
    "Estimate",
    "Progress",
    "Summary",
    "encode_to_file",
    "estimate",
]
