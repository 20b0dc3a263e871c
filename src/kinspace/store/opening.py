"""Making a new collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from kinspace.encoder import Encoder
from kinspace.errors import CollectionNotFound, InvalidInput, InvalidParameter, StoreError
from kinspace.space import Space
from kinspace.store.database import Database
from kinspace.store.sqlite_errors import damaged

DTYPES: Final = ("float16", "float32")


def check_new(path: Path, space: Space | None, *, create: bool, dtype: str) -> None:
    """Raise unless a collection of such vectors may be made in a folder."""
    if not create:
        raise CollectionNotFound(
            f"There is no collection in {path}.", f"Make one with: kinspace index FILES -c {path}"
        )
    if path.is_file():
        raise InvalidParameter(f"{path} is a file.", "A collection is a folder: name another.")
    if path.is_dir() and any(p.name not in ("writer.lock",) for p in path.iterdir()):
        raise InvalidParameter(
            f"{path} holds other files and no collection.", "Name an empty or a new folder."
        )
    if dtype not in DTYPES:
        raise InvalidParameter(f"dtype is {dtype!r}.", f"Choose one of: {', '.join(DTYPES)}.")
    if space is not None and space.form != "dense":
        raise InvalidInput(
            f"A collection keeps dense vectors, and those of {space} are {space.form}.",
            "Learn a dense space from them (LSA), or search them with Embeddings.nearest.",
        )


def make_folder(path: Path) -> None:
    """Make the folder of a new collection, and those that it lies in."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The folder {str(path)!r} cannot be made: {error}.", "Name another folder."
        ) from error


def found(
    database: Database,
    encoder: Encoder[Any] | None,
    space: Space | None,
    dtype: str,
) -> Encoder[Any] | None:
    """Write down what a new collection is; two processes may do so at the same moment."""
    if encoder is None and space is None:
        from kinspace.loading import load

        encoder = load()
    made = encoder.space if encoder is not None else space
    assert made is not None
    with database.transaction():
        if database.meta("space") is None:
            database.set_meta("space", made.to_dict())
            database.set_meta("dtype", dtype)
            database.set_meta("encoder", made.model if encoder is not None else None)
    return encoder


def made_of(database: Database) -> tuple[Space, str]:
    """The space of a collection and how it keeps vectors.

    Raises
    ------
    CorruptStore
    """
    values, dtype = database.meta("space"), database.meta("dtype")
    try:
        space = Space.from_dict(values)
    except (TypeError, InvalidParameter) as error:
        raise damaged(database.path, "what its vectors are of cannot be read") from error
    if dtype not in DTYPES:
        raise damaged(database.path, f"its vectors are of the unknown type {dtype!r}")
    return space, str(dtype)
