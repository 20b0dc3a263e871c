"""gensim's own files: ``KeyedVectors.save`` and models that hold such a table, never unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import ReadError
from kinspace.pretrained.vector_files.inert import Made, Name, NotInert, array_of, inert

_TABLES = ("wv", "dv", "docvecs")
"""The attributes of gensim's models that hold a table: of words, of documents."""
_EXPORT = "Export it in gensim with model.wv.save_word2vec_format(path, binary=True)."


def read_keyed_vectors(path: Path) -> tuple[list[Any], NDArray[np.float32]]:
    """The keys and vectors of a table that gensim saved, or of the words of a model.

    Files of gensim 1 to 4 are known. The pickle is read as inert values, so that a file from
    anywhere can be opened; arrays that gensim laid beside it (``….vectors.npy``) are found there.

    Returns
    -------
    keys : list of str or int
    vectors : ndarray of float32, shape (n, dim)

    Raises
    ------
    ReadError
        If it is no such file, a part is missing, or only gensim could make vectors of it.
    """
    try:
        with path.open("rb") as file:
            root = inert(file)
        return _table(root, path)
    except NotInert as error:
        raise ReadError(f"{path} is not a whole file of gensim: {error}.", _EXPORT) from error


def _table(root: Any, path: Path) -> tuple[list[Any], NDArray[np.float32]]:
    if not isinstance(root, Made) or not isinstance(root.state, dict):
        raise NotInert("it holds no table of vectors")
    for attribute in _TABLES:
        inner = root.state.get(attribute)
        if isinstance(inner, Made) and isinstance(inner.state, dict):
            return _table(inner, path.with_name(f"{path.name}.{attribute}"))
    state = root.state
    keys = next(
        (state[n] for n in ("index_to_key", "index2word", "index2entity") if n in state), None
    )
    if not isinstance(keys, list):
        raise NotInert("it holds no table of vectors")
    name = root.by.name if isinstance(root.by, Name) else ""
    if "vectors_ngrams" in state or "FastText" in name:
        raise ReadError(f"{path} is a fastText table, of n-grams.", _EXPORT)
    vectors = _vectors(state, path)
    if len(vectors) != len(keys):
        raise NotInert(f"there are {len(keys)} keys for {len(vectors)} vectors")
    return keys, np.ascontiguousarray(vectors, np.float32)


def _vectors(state: dict[Any, Any], path: Path) -> NDArray[Any]:
    """The table itself: in the pickle, or beside it."""
    for name in ("vectors", "syn0", "vectors_docs"):
        found = array_of(state.get(name))
        if found is None and name in state.get("__numpys", ()):
            found = _beside(path, name)
        if found is not None:
            if found.ndim != 2:
                raise NotInert(f"its vectors have {found.ndim} axes")
            return found
    raise NotInert("its vectors are missing")


def _beside(path: Path, name: str) -> NDArray[Any]:
    """An array that gensim laid beside the file."""
    plain, packed = (path.with_name(f"{path.name}.{name}.{end}") for end in ("npy", "npz"))
    try:
        if packed.is_file():
            with np.load(packed, allow_pickle=False) as arrays:
                return np.asarray(arrays["val"])
        return np.asarray(np.load(plain, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError as error:
        raise ReadError(
            f"{path} has its vectors in a file beside it, {plain.name}, which is not there.",
            "Copy all files that gensim saved.",
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ReadError(f"{plain} is not a whole array: {error}.", "Copy it again.") from error
