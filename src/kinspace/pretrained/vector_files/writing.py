"""Writing files of vectors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.durable import sync_folder
from kinspace.embeddings import Embeddings
from kinspace.encoder import Progress
from kinspace.errors import InvalidInput, InvalidParameter, PathNotFound
from kinspace.pretrained.vector_files.binary import write_binary
from kinspace.pretrained.vector_files.block import Block
from kinspace.pretrained.vector_files.guess import Format, by_name, check_format, open_bytes
from kinspace.pretrained.vector_files.text import write_text

_ROWS = 1 << 13
_UNWRITTEN = {
    "fasttext": "Save a FastText model instead, or write word2vec-binary.",
    "gensim": "Write word2vec-binary; gensim's KeyedVectors.load_word2vec_format reads it.",
}


def write_vectors(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - what it is called everywhere
    *,
    spaces: str | None = None,
    progress: Progress | None = None,
) -> None:
    r"""Write words and vectors to a file that other programs read.

    The file is complete or absent: it is written beside and renamed. With ``.gz``, ``.bz2`` or
    ``.xz`` at the end it is packed. Text holds each number as short as it reads back as the same
    float32, so that every format keeps vectors bit for bit.

    Parameters
    ----------
    embeddings : Embeddings
        With ids: strings, or whole numbers.
    path : path
    format : {"word2vec", "word2vec-binary", "glove", "safetensors"}, optional
        By default the ending tells: ``.txt`` and ``.vec`` are word2vec's text (GloVe's, if the name
        begins with "glove"), ``.bin`` its binary format, ``.safetensors`` that of
        :meth:`Embeddings.save`, which alone keeps the space.
    spaces : str, optional
        What to write for a blank inside a word, such as ``"_"``.
    progress : callable, optional
        Called with rows done and rows in all.

    Raises
    ------
    InvalidInput
        If there are no ids, or one cannot stand in such a file: it is empty, or has a blank in it.
    InvalidParameter
        If the format is unknown, or one that is only read.
    PathNotFound
        If the folder does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from kinspace.space import Space
    >>> e = Embeddings([[1, 0], [0.1, -2]], Space("by hand", "0000", dim=2), ["cat", "café"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_vectors(e, folder + "/words.txt")
    ...     Path(folder, "words.txt").read_text("utf-8")
    '2 2\ncat 1 0\ncafé 0.1 -2\n'
    """
    if embeddings.space.form != "dense":
        raise InvalidInput(
            f"Vectors of the form {embeddings.space.form!r} have no such file.",
            "Save them with embeddings.save.",
        )
    chosen = target_format(path, format)
    if chosen == "safetensors":
        embeddings.save(Path(path))
        return
    if embeddings.ids is None:
        raise InvalidInput("The rows have no names.", "Give Embeddings whose ids are words.")
    ids, vectors = embeddings.ids, np.asarray(embeddings)
    blocks = (
        Block(ids[row : row + _ROWS], vectors[row : row + _ROWS])
        for row in range(0, len(ids), _ROWS)
    )
    write_blocks(
        blocks, (len(ids), embeddings.space.dim), path, chosen, spaces=spaces, progress=progress
    )


def target_format(path: str | os.PathLike[str], name: str | None) -> Format:
    """The format to write, by what was asked for or else by the file's name.

    Raises
    ------
    InvalidParameter
        If it is unknown, or one that is only read.
    """
    chosen = by_name(path) if name is None else check_format(name)
    if chosen in _UNWRITTEN:
        raise InvalidParameter(f"The format {chosen!r} is only read.", _UNWRITTEN[chosen])
    return chosen


def write_blocks(
    blocks: Iterable[Block],
    shape: tuple[int, int],
    path: str | os.PathLike[str],
    kind: Format,
    *,
    spaces: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Write blocks of rows, such as those of a :class:`VectorFile`, as they come.

    Parameters
    ----------
    blocks : iterable of Block
    shape : (int, int)
        How many rows there will be, and their dimensions.
    path : path
    kind : {"word2vec", "word2vec-binary", "glove"}
    spaces, progress
        As for :func:`write_vectors`.

    Raises
    ------
    InvalidInput, PathNotFound
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise PathNotFound(f"There is no folder {path.parent}.", "Make it first.")
    if spaces is not None and (not spaces or spaces.split() != [spaces]):
        raise InvalidParameter(f"{spaces!r} cannot stand for a blank.", "Give '_', say.")
    partial = path.with_name(path.name + ".partial")
    try:
        with open_bytes(partial, "wb", path.name) as file:
            if kind != "glove":
                file.write(b"%d %d\n" % shape)
            rows = _named(blocks, shape[0], path, spaces, progress)
            (write_binary if kind == "word2vec-binary" else write_text)(file, rows)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def _named(
    blocks: Iterable[Block],
    total: int,
    path: Path,
    spaces: str | None,
    progress: Progress | None,
) -> Iterator[tuple[list[bytes], NDArray[np.float32]]]:
    """The rows with their words as bytes."""
    done = 0
    for block in blocks:
        yield [_written(word, path, spaces) for word in block.words], block.vectors
        done += len(block)
        if progress is not None:
            progress(done, total)


def _written(word: Any, path: Path, spaces: str | None) -> bytes:
    """A word as it stands in the file."""
    if not isinstance(word, str | int):
        raise InvalidInput(f"The id {word!r:.80} is no word.", "Turn ids into strings.")
    text = str(word)
    if spaces is not None:
        text = spaces.join(text.split())
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"The word {text!r:.80} holds half a character (a lone surrogate).",
            "Clean it with: text.encode('utf-8', 'replace').decode().",
        ) from error
    # What bytes.split takes for blanks; a space of another script, such as U+00A0, may stay.
    if raw.split() != [raw]:
        raise InvalidInput(
            f"The word {text!r:.80} is empty or has a blank in it: it cannot stand in {path.name}.",
            'Write something else for blanks (spaces="_"), or a .safetensors file.',
        )
    return raw
