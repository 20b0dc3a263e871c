"""Never pay twice: vectors kept on disk, found again by what was encoded and by what model."""

from __future__ import annotations

from kinspace.caching.encoder import CachedEncoder, default_folder
from kinspace.caching.storage import VectorCache

__all__ = ["CachedEncoder", "VectorCache", "default_folder"]
