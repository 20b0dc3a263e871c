"""Sets of the user's own, in the formats that others write too."""

from __future__ import annotations

from kinspace.datasets.own.beir import write_beir
from kinspace.datasets.own.detect import read_path

__all__ = ["read_path", "write_beir"]
