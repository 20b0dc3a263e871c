"""The files of a model's weights: which ones count, whether they are whole, and their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from kinspace import tensors
from kinspace.errors import ReadError
from kinspace.pretrained.neural.folders.records import read_object

_WHOLE = ("model.safetensors", "pytorch_model.bin")


def used(folder: Path) -> list[Path]:
    """The files of weights in a folder that are loaded; those that safetensors replace are not.

    Raises
    ------
    ReadError
        If weights are in several files, and one of them is missing.
    """
    for name in _WHOLE:
        if (folder / name).is_file():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.is_file():
            return _parts(index)
    return []


def check(path: Path) -> None:
    """Raise :class:`ReadError` unless a file of weights is as long as it says.

    For the format of torch, which says nothing of its length, only an empty file is found.
    """
    if path.suffix != ".safetensors":
        if path.stat().st_size == 0:
            raise ReadError(f"{path} is empty.", "Get the model again.")
        return
    entries, _, begin = tensors.header(path)
    try:
        end = begin + max((one["data_offsets"][1] for one in entries.values()), default=0)
    except (KeyError, TypeError, IndexError) as error:
        raise ReadError(f"{path} is damaged: {error!r}.", "Get the model again.") from error
    size = path.stat().st_size
    if size != end:
        raise ReadError(
            f"{path} is damaged: it has {size:,} bytes and should have {end:,}.",
            "Get the model again.",
        )


def names(path: Path) -> set[str]:
    """The names of the tensors in a file of safetensors; none for the format of torch."""
    return set(tensors.header(path)[0]) if path.suffix == ".safetensors" else set()


def seem_others(folder: Path, wanted: Iterable[str]) -> bool:
    """Whether a model's files seem to hold few of the tensors that it is made of.

    A head around the model, or none, changes the beginnings of names. Some architectures rename
    tensors while they are read, so that this only says where to look more closely.

    Parameters
    ----------
    folder : Path
        Of the files.
    wanted : iterable of str
        The names of the model's tensors.
    """
    held = {name for path in used(folder) for name in names(path)}
    ends = {end for name in held for end in _ends(name)}
    listed = list(wanted)
    found = sum(any(end in ends for end in _ends(name)) for name in listed)
    return bool(held) and 2 * found < len(listed)


def _ends(name: str) -> Iterator[str]:
    """A dotted name, and what is left without its first parts, of three parts or more."""
    parts = name.split(".")
    for start in range(max(len(parts) - 2, 1)):
        yield ".".join(parts[start:])


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parts(index: Path) -> list[Path]:
    """The files that an index names, each once."""
    table = read_object(index).get("weight_map")
    names = sorted({str(name) for name in table.values()}) if isinstance(table, dict) else []
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing or not names:
        what = f"{missing[0]} is not there" if missing else "it names no files"
        raise ReadError(f"{index} is incomplete: {what}.", "Get the model again, whole.")
    return [index.parent / name for name in names]
