"""The folder of a learned model: plain JSON and tensors, never a pickle.

``model.json`` names the method, its arguments and what was learned in plain values;
``vectors.safetensors`` is the table of vectors, as :meth:`Embeddings.save` writes it, if there is
one; ``state.safetensors`` holds other arrays. ``model.json`` is written last and names the
checksums' sizes, so that a folder that was broken off is found out.
"""

from __future__ import annotations

import json
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
_MODEL, _VECTORS, _STATE = "model.json", "vectors.safetensors", "state.safetensors"


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
    """

    method: str
    params: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    vectors: Embeddings | None = None
    state: dict[str, NDArray[Any]] = field(default_factory=dict)


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
    if folder.exists() and not (
        folder.is_dir() and (is_learned(folder) or next(folder.iterdir(), None) is None)
    ):
        raise InvalidInput(
            f"{folder} exists and is not a learned model.", "Name a new or an empty folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MODEL).unlink(missing_ok=True)
    if saved.vectors is not None:
        saved.vectors.save(folder / _VECTORS)
    if saved.state:
        tensors.write(folder / _STATE, saved.state, {})
    record = {
        "format": FORMAT,
        "method": saved.method,
        "params": saved.params,
        "facts": saved.facts,
        "vectors": saved.vectors is not None,
        "state": sorted(saved.state),
    }
    replace_file(folder / _MODEL, (json.dumps(record, indent=2) + "\n").encode())


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
        if record["vectors"]:
            saved.vectors = Embeddings.load(folder / _VECTORS)
        if record["state"]:
            saved.state = tensors.read(folder / _STATE)[0]
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
        return {name: record[name] for name in ("method", "params", "facts", "vectors", "state")}
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise _broken(folder, error) from error


def _broken(folder: Path, error: Exception) -> ReadError:
    return ReadError(
        f"{folder} is not a whole model: {error}.", "Learn it again, or copy it again."
    )
