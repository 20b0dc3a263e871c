"""Which models are at hand, what a name stands for, and loading by name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from kinspace.errors import ModelNotFound

if TYPE_CHECKING:
    from kinspace.encoder import Encoder

DEFAULT: Final = "default"
_DEFAULT_FOLDER: Final = Path(__file__).parent / "default"
_DEFAULT_LICENCE: Final = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model without loading it.

    Attributes
    ----------
    name : str
        What :func:`load` takes.
    kind : {"static", "transformer"}
    where : str
        The folder; empty if the model is not on this machine.
    dim : int or None
        The length of its vectors, if its files say so.
    bytes : int
        The size of its files.
    licence : str
        As the model's files state it; empty if they do not.
    at_hand : bool
        Whether it can be loaded without a download.
    note : str
        Where it comes from, or how to get it.
    """

    name: str
    kind: Literal["static", "transformer"]
    where: str
    dim: int | None
    bytes: int
    licence: str
    at_hand: bool
    note: str


def load(name: str | Path = DEFAULT, *, download: bool = False) -> Encoder[str]:
    """Load a model by name or path.

    Parameters
    ----------
    name : str or Path
        ``"default"`` for the shipped static model of English; the folder of a static model
        (model2vec's layout) or of a sentence-transformers model; or the name of a model, such
        as ``"all-MiniLM-L6-v2"``, that an installed package or the hub's cache holds.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Returns
    -------
    Encoder
        A :class:`~kinspace.pretrained.static.StaticEncoder` or a
        :class:`~kinspace.pretrained.transformer.TransformerEncoder`.

    Raises
    ------
    ModelNotFound
        If there is no such model; the message lists those at hand.
    ReadError
        If a static model's files are damaged.

    Examples
    --------
    >>> import kinspace as ks
    >>> model = ks.load()
    >>> vectors = model.encode(["a cat", "a kitten", "a car"])
    >>> vectors.nearest(vectors[:1], k=2).ids
    [0, 1]
    """
    from kinspace.pretrained import folder as files

    place = _find(name, download=download)
    if files.is_static(place):
        from kinspace.pretrained.static import StaticEncoder

        return StaticEncoder.load(place, name=_short(name))
    from kinspace.pretrained.transformer import TransformerEncoder

    return TransformerEncoder(name, download=download)


def describe(name: str | Path = DEFAULT) -> ModelInfo:
    """What a name or path stands for, without loading the model.

    Raises
    ------
    ModelNotFound
        If there is no such model on this machine; the message lists those at hand.

    Examples
    --------
    >>> describe("default").kind
    'static'
    """
    place = _find(name, download=False)
    note = "shipped with Kinspace" if place == _DEFAULT_FOLDER else "a folder"
    return _look(place, str(name), note)


def models() -> list[ModelInfo]:
    """The models that :func:`load` knows by name: the default, those in packages and caches."""
    from kinspace.pretrained.resolve import CARRIED, hub_cache, resolve

    found = []
    if _DEFAULT_FOLDER.is_dir():
        found.append(_look(_DEFAULT_FOLDER, DEFAULT, "shipped with Kinspace"))
    for full, (package, _) in CARRIED.items():
        name, wheel = full.rpartition("/")[2], package.replace("_", "-")
        try:
            found.append(_look(resolve(full), name, f"from the package {wheel}"))
        except ModelNotFound:
            found.append(
                ModelInfo(name, "transformer", "", None, 0, "", False, f"pip install {wheel}")
            )
    for folder in sorted(hub_cache().glob("models--*--*")):
        full = folder.name.removeprefix("models--").replace("--", "/", 1)
        try:
            info = _look(resolve(full), full, "from the hub's cache")
        except ModelNotFound:  # a download that was broken off
            continue
        found = [other for other in found if other.where != info.where]
        found.append(info)
    return found


def _find(name: str | Path, *, download: bool) -> Path:
    if name == DEFAULT:
        if _DEFAULT_FOLDER.is_dir():
            return _DEFAULT_FOLDER
        raise ModelNotFound(
            f"The default model is missing from {_DEFAULT_FOLDER}.", "Install kinspace again."
        )
    from kinspace.pretrained.resolve import resolve

    try:
        place = resolve(name, download=download)
    except ModelNotFound as error:
        names = ", ".join(info.name for info in models() if info.at_hand)
        raise ModelNotFound(error.message, f"{error.remedy} At hand: {names}.") from error
    if not any((place / file).is_file() for file in ("config.json", "modules.json")):
        raise ModelNotFound(
            f"There is no model in {place}.",
            "A model's folder has a config.json, a tokenizer.json and a model.safetensors.",
        )
    return place


def _look(folder: Path, name: str, note: str) -> ModelInfo:
    from kinspace.pretrained import folder as files

    static = files.is_static(folder)
    files_ = [path for path in folder.rglob("*") if path.is_file()]
    info = ModelInfo(
        name=name,
        kind="static" if static else "transformer",
        where=str(folder),
        dim=files.dim_of(folder) if static else _hidden_size(folder),
        bytes=sum(path.stat().st_size for path in files_),
        licence=_licence(folder),
        at_hand=True,
        note=note,
    )
    return replace(info, licence=_DEFAULT_LICENCE) if folder == _DEFAULT_FOLDER else info


def _hidden_size(folder: Path) -> int | None:
    """The dimension of a transformer; what layers after it change is not seen here."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        return int(config["hidden_size"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _licence(folder: Path) -> str:
    """The ``license:`` line at the head of a model card."""
    try:
        head = (folder / "README.md").read_text("utf-8", errors="replace").split("---")[1]
    except (OSError, IndexError):
        return ""
    line = re.search(r"^license:\s*(\S+)", head, re.MULTILINE)
    return line[1] if line else ""


def _short(name: str | Path) -> str:
    return Path(name).expanduser().resolve().name if Path(name).is_dir() else str(name)
