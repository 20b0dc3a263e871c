"""One file for a table: the vectors, their space and their ids, as safetensors.

``vectors`` holds a dense table; ``data``, ``indices`` and ``indptr`` a sparse one, as scipy names
them; ``values`` and ``starts`` items of several vectors each; ``ids`` is JSON. Any reader of
safetensors opens it.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace import multi, sparse, tensors
from kinspace.errors import InvalidInput, KinspaceError, PathNotFound, ReadError
from kinspace.space import Space

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FORMAT: Final = "kinspace-embeddings-1"


def write(
    path: Path,
    vectors: NDArray[np.float32] | csr_array,
    space: Space,
    ids: Sequence[Hashable] | None,
) -> None:
    """Write a table; the file is complete or absent.

    Raises
    ------
    InvalidInput
        If ids are neither strings nor whole numbers.
    PathNotFound
        If the folder does not exist.
    """
    if not path.parent.is_dir():
        raise PathNotFound(f"There is no folder {path.parent}.", "Make it first.")
    named: dict[str, NDArray[Any]]
    if sparse.is_sparse(vectors):
        named = {part: getattr(vectors, part) for part in ("data", "indices", "indptr")}
    elif multi.is_multi(vectors):
        named = {part: getattr(vectors, part) for part in ("values", "starts")}
    else:
        named = {"vectors": vectors}
    if ids is not None:
        if not all(isinstance(name, str | int) for name in ids):
            raise InvalidInput(
                "Only ids that are strings or whole numbers can be saved.",
                "Turn the others into strings.",
            )
        named["ids"] = np.frombuffer(json.dumps(ids).encode(), np.uint8)
    tensors.write(path, named, {"format": FORMAT, "space": json.dumps(space.to_dict())})


def read(
    path: Path,
) -> tuple[NDArray[np.float32] | csr_array, Space, list[Hashable] | None]:
    """Map a table into memory: its vectors, its space and its ids.

    Raises
    ------
    PathNotFound
        If there is no such file.
    ReadError
        If the file is damaged or something else. Only names and sizes are looked at; whether the
        numbers are finite shows when they are used.
    """
    if not path.is_file():
        raise PathNotFound(f"There is no file {path}.", "Check the path.")
    try:
        named, meta = tensors.read(path)
        space = Space.from_dict(json.loads(meta["space"]))
        vectors = _vectors(named, space)
        ids = json.loads(named["ids"].tobytes()) if "ids" in named else None
        if ids is not None and (type(ids) is not list or len(ids) != vectors.shape[0]):
            raise ValueError(f"its ids are not a list of {vectors.shape[0]} names")
    except (OSError, KeyError, ValueError, TypeError) as error:
        said = error.message if isinstance(error, KinspaceError) else error
        raise ReadError(
            f"{path} is not a whole file of embeddings: {said}.", "Encode and save it again."
        ) from error
    return vectors, space, ids


def _vectors(named: dict[str, NDArray[Any]], space: Space) -> NDArray[np.float32] | csr_array:
    if space.form == "sparse":
        from scipy.sparse import csr_array

        parts = (named["data"], named["indices"], named["indptr"])
        return csr_array(parts, shape=(len(parts[2]) - 1, space.dim))
    vectors = named["values" if space.form == "multi" else "vectors"]
    if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != space.dim:
        raise ValueError(f"its vectors are {vectors.dtype} of shape {vectors.shape}")
    if space.form == "multi":
        return multi.MultiVectors(vectors, named["starts"])
    return vectors
