"""Where the command line keeps collections that nobody named."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from kinspace.places import cache_folder


def collection_for(paths: Sequence[str | Path]) -> Path:
    """The collection that is kept in the cache for some files and folders."""
    from kinspace.store.sync import absolute

    whole = sorted({absolute(path) for path in paths})
    digest = hashlib.sha256("\n".join(whole).encode("utf-8", "replace")).hexdigest()[:12]
    name = "".join(c if c.isalnum() else "-" for c in Path(whole[0]).name)[:40]
    return cache_folder() / "collections" / f"{name}-{digest}.kin"


def shown(path: str) -> str:
    """A path as people in this folder would write it."""
    from kinspace.store.sync import absolute

    here = absolute(".").rstrip("/")
    return path[len(here) + 1 :] if path.startswith(here + "/") else path
