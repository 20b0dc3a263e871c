"""Which format a file of vectors has, by its first bytes, or should get, by its name."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import IO, Literal, cast, get_args

from kinspace.errors import InvalidParameter, PathNotFound, ReadError
from kinspace.read.kinds import PACKED, split_packed

Format = Literal["word2vec", "word2vec-binary", "glove", "fasttext", "gensim", "safetensors"]
"""
- ``word2vec``: text, after a line with the counts of words and dimensions; fastText's ``.vec`` too.
- ``word2vec-binary``: the same counts, then floats.
- ``glove``: text without that line.
- ``fasttext``: a model of Facebook's fastText, ``.bin`` or ``.ftz``.
- ``gensim``: what gensim's ``KeyedVectors.save`` or ``Word2Vec.save`` wrote.
- ``safetensors``: what :meth:`Embeddings.save` writes.
"""

_FASTTEXT = (793712314).to_bytes(4, "little")
_PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
_ENDINGS: dict[str, Format] = {
    ".bin": "word2vec-binary", ".txt": "word2vec", ".vec": "word2vec", ".w2v": "word2vec",
    ".glove": "glove", ".safetensors": "safetensors",
}  # fmt: skip
_LONGEST_HEADER = 64
_SAMPLE = 1 << 14


def check_format(name: str) -> Format:
    """The format, if there is one of that name.

    Raises
    ------
    InvalidParameter
    """
    for known in get_args(Format):
        if name == known:
            return cast("Format", known)
    raise InvalidParameter(
        f"Unknown format {name!r}.", f"Choose one of: {', '.join(get_args(Format))}."
    )


def open_bytes(path: Path, mode: Literal["rb", "wb"] = "rb", name: str = "") -> IO[bytes]:
    """Open a file; one with ``.gz`` and the like at the end of its name is unpacked.

    Parameters
    ----------
    path : Path
    mode : {"rb", "wb"}
    name : str
        The name that decides about packing, where the file has another one for now.

    Raises
    ------
    PathNotFound, ReadError
    """
    _, packed = split_packed(name or path.name)
    if mode == "wb" and packed == "zst":
        raise InvalidParameter("Zstandard is only read.", "Write .gz, .bz2 or .xz instead.")
    try:
        if packed is None:
            return path.open(mode)
        opener = importlib.import_module(PACKED[packed]).open
        return cast("IO[bytes]", opener(path) if mode == "rb" else opener(path, mode))
    except FileNotFoundError:
        raise PathNotFound(f"There is no file {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise ReadError(f"{path} is a folder.", "Name a file in it.") from None
    except OSError as error:
        raise ReadError(f"{path} cannot be opened: {error}.", "Check the path.") from error


def header_of(line: bytes) -> tuple[int, int] | None:
    """The counts of words and dimensions, if a first line says them.

    Examples
    --------
    >>> header_of(b"3000000 300\\n"), header_of(b"the 0.1 0.2\\n")
    ((3000000, 300), None)
    """
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1])


def guess(path: str | os.PathLike[str]) -> Format:
    """The format of a file, by its first bytes.

    Raises
    ------
    PathNotFound
        If there is no such file.
    ReadError
        If it begins as no such file does.
    """
    path = Path(path)
    with open_bytes(path) as file:
        try:
            start = file.read(_SAMPLE)
        except (OSError, EOFError) as error:
            raise ReadError(f"{path} is damaged: {error}.", "Copy it again.") from error
    if not start:
        raise ReadError(f"{path} is empty.", "Make the file again.")
    if start.startswith(_FASTTEXT):
        return "fasttext"
    if start.startswith(_PICKLES):
        return "gensim"
    if start[4:9] == b"\0\0\0\0{":
        return "safetensors"
    if start.startswith(b"\x93NUMPY"):
        raise ReadError(
            f"{path} holds numbers without words.",
            "Name the file beside it that gensim saved, without .vectors.npy at its end.",
        )
    if start.startswith(b"PK\x03\x04"):
        raise ReadError(f"{path} is a zip archive.", "Unpack it, and name the file in it.")
    return _text_or_binary(path, start)


def _text_or_binary(path: Path, start: bytes) -> Format:
    first, _, rest = start.partition(b"\n")
    if header_of(first) is not None:
        _, _, numbers = rest.partition(b" ")
        return "word2vec" if _is_written(numbers.partition(b"\n")[0]) else "word2vec-binary"
    # The line may be longer than the sample: its last number is cut then, and left out.
    _, *numbers_ = first.rsplit(None, 1)[0].split() if len(first) == len(start) else first.split()
    if numbers_ and _is_written(numbers_[-1]):
        return "glove"
    raise ReadError(
        f"{path} is no file of vectors that is known here.",
        f"Known are: {', '.join(get_args(Format))}.",
    )


def _is_written(numbers: bytes) -> bool:
    """Whether these bytes could be numbers in text; floats in binary are practically never."""
    return not numbers.translate(None, b"0123456789+-.eE \t\rnaifNAIFty")


def by_name(path: str | os.PathLike[str]) -> Format:
    """The format that a new file of this name should have.

    Raises
    ------
    InvalidParameter
        If the name's ending says nothing.

    Examples
    --------
    >>> by_name("words.bin"), by_name("words.vec.gz"), by_name("glove.mine.txt")
    ('word2vec-binary', 'word2vec', 'glove')
    """
    name = split_packed(Path(path).name)[0].lower()
    found = _ENDINGS.get(Path(name).suffix)
    if found == "word2vec" and name.startswith("glove"):
        return "glove"
    if found is None:
        endings = ", ".join(_ENDINGS)
        raise InvalidParameter(
            f"The ending of {path} names no format.", f"Name the format, or give it: {endings}."
        )
    return found
