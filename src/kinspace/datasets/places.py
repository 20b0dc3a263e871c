"""Where datasets lie: the folder that the user names, and the cache."""

from __future__ import annotations

import os
from pathlib import Path

from kinspace.errors import PathNotFound
from kinspace.places import cache_folder


def datasets_cache() -> Path:
    """Where downloaded files of datasets are kept."""
    return cache_folder() / "datasets"


def data_folder() -> Path | None:
    """The folder of the user's own copies, ``$KINSPACE_DATA``, if there is one.

    Raises
    ------
    PathNotFound
        If the variable names a folder that does not exist.
    """
    given = os.environ.get("KINSPACE_DATA")
    if not given:
        return None
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise PathNotFound(
            f"KINSPACE_DATA names {given!r}, which is no folder.",
            "Set it to the folder that holds the datasets, or unset it.",
        )
    return folder
