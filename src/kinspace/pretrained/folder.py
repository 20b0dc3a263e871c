"""The folder that a static model lives in, in the layout of model2vec.

``model.safetensors`` holds ``embeddings`` (rows, dim) and perhaps ``weights`` and
``mapping`` (vocabulary,); ``tokenizer.json`` and ``config.json`` lie beside it. The two
layouts of sentence-transformers that model2vec reads are read too. Nothing is unpickled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from kinspace import tensors
from kinspace.durable import replace_file
from kinspace.errors import InvalidInput, ModelNotFound, ReadError

_LAYOUTS: Final = (
    # table, tokenizer, configuration, name of the table
    ("model.safetensors", "tokenizer.json", "config.json", "embeddings"),
    ("model.safetensors", "tokenizer.json", "config.json", "rows"),  # what model2vec cannot do
    (
        "model.safetensors", "tokenizer.json",
        "config_sentence_transformers.json", "embedding.weight",
    ),
    (
        "0_StaticEmbedding/model.safetensors", "0_StaticEmbedding/tokenizer.json",
        "config_sentence_transformers.json", "embedding.weight",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Contents:
    """What a folder holds.

    Attributes
    ----------
    table : ndarray, shape (rows, dim)
        Mapped from the file, not read.
    weights, mapping : ndarray of shape (vocabulary,), or None
    tokenizer : str
        The text of ``tokenizer.json``.
    config, recipe : dict
    digest : str or None
        What :func:`write` was given.
    """

    table: NDArray[Any]
    weights: NDArray[Any] | None
    mapping: NDArray[Any] | None
    tokenizer: str
    config: dict[str, Any]
    recipe: dict[str, Any] | None
    digest: str | None


def is_static(folder: Path) -> bool:
    """Whether a folder holds a static model; looks at the header of its table only."""
    try:
        return _layout(folder) is not None and _ends_with_its_mean(folder)
    except ReadError:
        return (folder / "config.json").is_file() and not _is_transformer(folder)


def dim_of(folder: Path) -> int | None:
    """The dimension of a static model's table, from its header; None if that is damaged."""
    try:
        layout = _layout(folder)
        return None if layout is None else _header(folder / layout[0])[layout[3]]["shape"][1]
    except ReadError:
        return None


def read(folder: Path) -> Contents:
    """Read a static model.

    Raises
    ------
    ModelNotFound
        If the folder is not there, or holds no static model.
    ReadError
        If one of its files is damaged.
    """
    layout = _layout(folder)
    if layout is None:
        what = "There is no folder" if not folder.is_dir() else "There is no static model in"
        raise ModelNotFound(
            f"{what} {folder}.",
            "A static model has model.safetensors, tokenizer.json and config.json.",
        )
    table, tokenizer, config, name = layout
    arrays, meta = tensors.read(folder / table)
    recipe = folder / "recipe.json"
    return Contents(
        table=arrays[name],
        weights=arrays.get("weights"),
        mapping=arrays.get("mapping"),
        tokenizer=_text(folder / tokenizer),
        config=_object(folder / config),
        recipe=_object(recipe) if recipe.is_file() else None,
        digest=meta.get("kinspace"),
    )


def write(folder: Path, contents: Contents) -> None:
    """Write a static model; each file is whole or as it was, ``config.json`` comes last.

    Raises
    ------
    InvalidInput
        If the path is a file, or a folder with other things in it.
    """
    if folder.exists() and not (folder.is_dir() and (_is_empty(folder) or is_static(folder))):
        raise InvalidInput(
            f"{folder} exists and is not a static model.", "Name a new or an empty folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    alone = not _is_model2vec(contents)
    arrays = {
        "rows" if alone else "embeddings": contents.table,
        "weights": contents.weights,
        "mapping": contents.mapping,
    }
    held = {name: array for name, array in arrays.items() if array is not None}
    meta = {"kinspace": contents.digest} if contents.digest else {}
    tensors.write(folder / "model.safetensors", held, meta)
    replace_file(folder / "tokenizer.json", contents.tokenizer.encode())
    if alone:
        (folder / "modules.json").unlink(missing_ok=True)
    else:
        replace_file(folder / "modules.json", _json(_modules(contents.config)))
    if contents.recipe is None:
        (folder / "recipe.json").unlink(missing_ok=True)
    else:
        replace_file(folder / "recipe.json", _json(contents.recipe))
    replace_file(folder / "config.json", _json(contents.config))


def _is_model2vec(contents: Contents) -> bool:
    """Whether model2vec makes the same vectors from these contents."""
    mapping = contents.mapping
    return "pooling" not in contents.config and (mapping is None or not (mapping < 0).any())


def _modules(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The model as sentence-transformers sees it."""
    parts = [("StaticEmbedding", ".")]
    if config.get("normalize"):
        parts.append(("Normalize", "1_Normalize"))
    return [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(parts)
    ]


def _layout(folder: Path) -> tuple[str, str, str, str] | None:
    for table, tokenizer, config, name in _LAYOUTS:
        if all((folder / file).is_file() for file in (table, tokenizer, config)):
            shape = _header(folder / table).get(name, {}).get("shape", ())
            if len(shape) == 2:
                return table, tokenizer, config, name
    return None


def _ends_with_its_mean(folder: Path) -> bool:
    """Whether nothing but bringing to length 1 comes after the mean of the tokens."""
    try:
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        kinds = {str(module["type"]).rpartition(".")[2] for module in modules}
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return kinds <= {"StaticEmbedding", "Normalize"}


def _is_transformer(folder: Path) -> bool:
    try:
        kind = _object(folder / "config.json").get("model_type", "model2vec")
        return bool(kind != "model2vec")
    except ReadError:
        return False


def _header(path: Path) -> dict[str, dict[str, Any]]:
    """What the tables of a model are, from the head of its file."""
    try:
        return tensors.header(path)[0]
    except OSError as error:
        raise _damaged(path, error) from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(path))
        if not isinstance(value, dict):
            raise ValueError("it does not hold an object")
        return value
    except ValueError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ReadError:
    return ReadError(f"{path} cannot be read: {error}.", "Get or make the model again.")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _is_empty(folder: Path) -> bool:
    return next(folder.iterdir(), None) is None
