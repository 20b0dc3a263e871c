"""Making a new collection, and whose vectors it may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinspace.encoder import Encoder
from kinspace.errors import (
    CollectionNotFound,
    InvalidParameter,
    SpaceMismatch,
    StoreError,
)
from kinspace.space import Space
from kinspace.store.database import Database
from kinspace.store.migration import Other
from kinspace.store.packing import check_dtype, check_form
from kinspace.store.promise import check_recall, promised
from kinspace.store.recipe import recipe_of
from kinspace.store.vector_rows import VectorSet


def check_new(
    path: Path, space: Space | None, *, create: bool, dtype: str, recall: float | None
) -> None:
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
    check_dtype(dtype)
    if recall is not None:
        check_recall(recall)
    if space is not None:
        check_form(space)


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
    name: str | Path | None,
) -> Encoder[Any] | None:
    """Write down what a new collection is; two processes may do so at the same moment."""
    if encoder is None and space is None:
        from kinspace.loading import load

        encoder = load()
    made = encoder.space if encoder is not None else space
    assert made is not None
    recipe = recipe_of(encoder, name) if encoder is not None else None
    with database.transaction():
        if database.meta("space") is None:
            database.set_meta("space", made.to_dict())
            database.set_meta("dtype", dtype)
            database.set_meta("encoder", recipe)
            if made.form != "dense":
                database.need_format(2)
    return encoder


def promise(database: Database, recall: float | None) -> None:
    """Write down the share of the nearest that a collection is to find, if it is another.

    Raises
    ------
    InvalidParameter
    """
    if recall is None or check_recall(recall) == promised(database):
        return
    if database.read_only:
        raise InvalidParameter(
            f"{database.path.parent} finds {promised(database):.1%} of the nearest, and was opened "
            "for reading.",
            "Open it without read_only, or leave recall out.",
        )
    with database.transaction():
        database.set_meta("recall", float(recall))


def require_model(path: Path, held: VectorSet, wanted: Space, other: Other | None) -> None:
    """Raise unless vectors of a space may be kept in a collection; say how they may be.

    Raises
    ------
    SpaceMismatch
    """
    if held.space.agrees(wanted):
        return
    if other is not None and other.space.agrees(wanted):
        back = "" if other.is_new else " --back"
        remedy = f"It holds them beside: change over with: kinspace migrate {path}{back}"
    else:
        remedy = (
            "Open it without naming a model, or change to the other: "
            f"kinspace migrate {path} --model {wanted.model}"
        )
    raise SpaceMismatch(
        f"{path} holds vectors of {held.space}; those of {wanted} cannot be kept together with "
        "them.",
        remedy,
    )
