"""What tells one item from another: a digest of its content, whatever the item is."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np

from kinspace.read.images import SUFFIXES, is_pillow

_BYTES: Final = 16
"""Two of 2**40 items share a digest of so many bytes with a probability of 2**-49."""

_IMAGES: Final = frozenset(ending.lstrip(".") for ending in SUFFIXES)
_LONGEST_PATH: Final = 4096


def digest_of(item: Any) -> bytes | None:
    """A digest of an item's content: 16 bytes; None for what cannot be told apart.

    Parameters
    ----------
    item : str, bytes, Path, ndarray, PIL image, or what JSON can write
        A path stands for the content of its file; a text that is the path of an image, which
        some encoders take for one, for both.

    Examples
    --------
    >>> digest_of("a cat") == digest_of("a cat"), digest_of("a cat") == digest_of(b"a cat")
    (True, False)
    """
    if isinstance(item, str):
        return _of_text(item)
    if isinstance(item, bytes | bytearray | memoryview):
        return _digest(b"bytes", bytes(item))
    if isinstance(item, Path):
        return _of_file(item)
    if isinstance(item, np.ndarray):
        return None if item.dtype.hasobject else _of_array(b"array", item)
    if is_pillow(item):  # what is seen, not how it was packed
        palette = item.convert("RGBA") if item.mode in ("P", "PA") else item
        return _of_array(f"image {palette.mode}".encode(), np.asarray(palette))
    try:
        text = json.dumps(item, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return _digest(b"json", text.encode("utf-8", "surrogatepass"))


def _digest(kind: bytes, *parts: Any) -> bytes:
    found = blake2b(digest_size=_BYTES, person=kind[:16])
    for part in parts:
        found.update(part)
    return found.digest()


def _of_text(text: str) -> bytes | None:
    raw = text.encode("utf-8", "surrogatepass")
    if text[-5:].rpartition(".")[2].lower() in _IMAGES and len(text) < _LONGEST_PATH:
        try:
            if Path(text).is_file():
                found = _of_file(Path(text))
                return None if found is None else _digest(b"path", raw, found)
        except (OSError, ValueError):
            pass
    return _digest(b"text", raw)


def _of_array(kind: bytes, array: np.ndarray[Any, Any]) -> bytes:
    about = f"{array.dtype.str} {array.shape} ".encode()
    return _digest(kind, about, np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _of_file(path: Path) -> bytes | None:
    from hashlib import file_digest

    try:
        with path.open("rb") as file:
            return _digest(b"file", file_digest(file, "sha256").digest())
    except OSError:
        return None  # the encoder says what is wrong with it
