"""The folder of a learned model: plain JSON and tensors, never a pickle.

``model.json`` names the method, its arguments and what was learned in plain values, and the files
that belong to it: ``vectors.safetensors`` is the table of vectors, if there is one, as
:meth:`Embeddings.save` writes it; ``state.safetensors`` holds other arrays; ``parts`` the folders
of models within. A model that replaces another goes into files of other names, and ``model.json``,
which is written last, changes from the one to the other at once.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kinspace import tensors
from kinspace.durable import replace_file
from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder
from kinspace.errors import InvalidInput, ModelNotFound, PathNotFound, ReadError

FORMAT = 1
_MODEL = "model.json"
_NAMES = {
    "vectors": ("vectors.safetensors", "vectors-2.safetensors"),
    "state": ("state.safetensors", "state-2.safetensors"),
    "parts": ("parts", "parts-2"),
}
"""Two names for each kind of file: one for the model that is there, one for the next."""


@dataclass
class Saved:
    """What a folder holds.

    Attributes
    ----------
    method : str
        A name of :mod:`.methods`.
    params : dict
        The learner's arguments, as plain values.
    facts : dict
        What was learned, as plain values.
    vectors : Embeddings, optional
    state : dict of ndarray
        Everything else.
    parts : dict
        Models within, by name: encoders that can be saved when it is written, and their folders
        when it is read.
    """

    method: str
    params: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    vectors: Embeddings | None = None
    state: dict[str, NDArray[Any]] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)


def is_learned(folder: str | Path) -> bool:
    """Whether a folder holds a learned model."""
    return (Path(folder) / _MODEL).is_file()


def write(folder: str | Path, saved: Saved) -> None:
    """Write a learned model; a folder that held one before holds the old or the new one.

    Raises
    ------
    InvalidInput
        If the path is a file, or a folder with other things in it.
    """
    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and (is_learned(folder) or _is_ours(folder))):
        raise InvalidInput(
            f"{folder} exists and is not a learned model.", "Name a new or an empty folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    taken = _named(folder)
    names = {kind: next(n for n in pair if n not in taken) for kind, pair in _NAMES.items()}
    held = {"vectors": saved.vectors is not None, "state": saved.state, "parts": saved.parts}
    if saved.vectors is not None:
        saved.vectors.save(folder / names["vectors"])
    if saved.state:
        tensors.write(folder / names["state"], saved.state, {})
    if saved.parts:
        _remove(folder / names["parts"])
        for name, part in saved.parts.items():
            (folder / names["parts"]).mkdir(exist_ok=True)
            part.save(folder / names["parts"] / name)
    record = {
        "format": FORMAT,
        "method": saved.method,
        "params": saved.params,
        "facts": saved.facts,
        "files": {kind: name for kind, name in names.items() if held[kind]},
    }
    replace_file(folder / _MODEL, (json.dumps(record, indent=2) + "\n").encode())
    for name in _ours() - _named(folder) - {_MODEL}:
        _remove(folder / name)


def read(folder: str | Path, method: str | None = None) -> Saved:
    """Read what :func:`write` wrote; arrays are mapped into memory.

    Parameters
    ----------
    folder : str or Path
    method : str, optional
        The method that the model must be of.

    Raises
    ------
    ModelNotFound
        If the folder holds no learned model.
    ReadError
        If a file is damaged, or the model is of another method.
    """
    folder = Path(folder)
    record = _record(folder)
    if method is not None and record["method"] != method:
        raise ReadError(
            f"{folder} holds a model of the method {record['method']!r}, not {method!r}.",
            "Load it with ks.load, which finds out.",
        )
    saved = Saved(record["method"], record["params"], record["facts"])
    try:
        names = record["files"]
        if "vectors" in names:
            saved.vectors = Embeddings.load(folder / names["vectors"])
        if "state" in names:
            saved.state = tensors.read(folder / names["state"])[0]
        if "parts" in names:
            saved.parts = {path.name: path for path in (folder / names["parts"]).iterdir()}
    except (PathNotFound, OSError) as error:
        raise _broken(folder, error) from error
    return saved


def load(folder: str | Path) -> Encoder[Any]:
    """The learned model of a folder, whatever its method.

    Raises
    ------
    ModelNotFound, ReadError
    """
    from kinspace.learn.methods import method

    learner = method(_record(Path(folder))["method"]).learner()
    found: Encoder[Any] = learner.load(folder)
    return found


def _record(folder: Path) -> dict[str, Any]:
    if not is_learned(folder):
        raise ModelNotFound(f"There is no learned model in {folder}.", "Check the path.")
    try:
        record = json.loads((folder / _MODEL).read_text("utf-8"))
        found = {name: record[name] for name in ("format", "method", "params", "facts", "files")}
        newer = found["format"] > FORMAT
        if any(found["files"][kind] not in _NAMES[kind] for kind in found["files"]):
            raise ValueError("model.json names files of other kinds")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise _broken(folder, error) from error
    if newer:
        raise ReadError(f"{folder} was written by a later Kinspace.", "Install a newer version.")
    return found


def _named(folder: Path) -> set[str]:
    """The files that the model of a folder names, if there is a whole one."""
    try:
        return set(_record(folder)["files"].values())
    except (ModelNotFound, ReadError):
        return set()


def _ours() -> set[str]:
    """All names that a model's files may have, and what a stopped save leaves of them."""
    names = {name for pair in _NAMES.values() for name in pair} | {_MODEL}
    return names | {f"{name}.partial" for name in names}


def _is_ours(folder: Path) -> bool:
    """Whether nothing is in a folder but what a save that was stopped has left, if anything."""
    return {path.name for path in folder.iterdir()} <= _ours()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _broken(folder: Path, error: Exception) -> ReadError:
    return ReadError(
        f"{folder} is not a whole model: {error}.", "Learn it again, or copy it again."
    )
