"""word2vec's binary format: counts in a line of text, then each word, a blank, and its floats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import ReadError
from kinspace.pretrained.vector_files.block import Block, Reading

_PIECE = 1 << 24
_LONGEST = 1 << 16
"""Bytes of a word; where no blank comes for so long, there is no word."""


def read_binary(file: IO[bytes], count: int, dim: int, reading: Reading) -> Iterator[Block]:
    """The rows of a file in blocks of some megabytes.

    Parameters
    ----------
    file : binary file
        After its first line.
    count, dim : int
        What that line says.
    reading : Reading

    Raises
    ------
    ReadError
        If there are fewer rows than the file says, or more.
    """
    most = count if reading.limit is None else min(count, reading.limit)
    rest, rows = b"", 0
    while rows < most:
        piece = file.read(max(_PIECE, 8 * dim))
        data = rest + piece
        words, vectors, at = _rows(data, dim, most - rows)
        rest = data[at:]
        if words:
            yield Block(reading.decode(words, rows + 1), vectors)
        rows += len(words)
        if rows < most and not piece:
            raise ReadError(
                f"{reading.path} is truncated: it says {count:,} vectors and holds {rows:,}.",
                "Copy it again.",
            )
        if rows < most and len(rest) > _LONGEST and b" " not in rest[:_LONGEST]:
            raise ReadError(
                f"{reading.path} is damaged after {rows:,} vectors: no word follows.",
                "Copy it again.",
            )
    if most == count and (rest + file.read(2)).strip(b"\r\n"):
        raise ReadError(
            f"{reading.path} says {count:,} vectors of {dim} dimensions and holds more.",
            "Check that its first line belongs to it.",
        )


def _rows(data: bytes, dim: int, most: int) -> tuple[list[bytes], NDArray[np.float32], int]:
    """The whole rows of a piece, at most so many, and where what is left of it starts."""
    words: list[bytes] = []
    places: list[int] = []
    at, width = 0, 4 * dim
    while len(words) < most:
        blank = data.find(b" ", at)
        if blank < 0 or blank + 1 + width > len(data):
            break
        words.append(data[at:blank].lstrip(b"\n"))  # the C tool ends rows with a new line
        places.append(blank + 1)
        at = blank + 1 + width
    vectors = np.empty((len(places), dim), np.float32)
    for row, place in enumerate(places):
        vectors[row] = np.frombuffer(data, "<f4", dim, place)
    return words, vectors, at


def write_binary(
    file: IO[bytes], blocks: Iterable[tuple[list[bytes], NDArray[np.float32]]]
) -> None:
    """Write rows as word, blank, floats."""
    for words, vectors in blocks:
        raw, width = vectors.astype("<f4").tobytes(), 4 * vectors.shape[1]
        parts = [
            b"%s %s" % (word, raw[row * width : (row + 1) * width])
            for row, word in enumerate(words)
        ]
        file.write(b"".join(parts))
