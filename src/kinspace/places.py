"""Where Kinspace keeps what it can make or fetch again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder: ``$KINSPACE_CACHE``, or the system's place for caches."""
    if given := os.environ.get("KINSPACE_CACHE"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "kinspace" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "kinspace"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "kinspace"
