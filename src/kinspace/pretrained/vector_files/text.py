"""Vectors as text: a word and its numbers a line, with or without a first line of counts.

word2vec's text, GloVe's and fastText's ``.vec`` differ in that first line alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.decimals import read_rows, write_rows
from kinspace.errors import DimensionMismatch, InvalidVectors, ReadError
from kinspace.pretrained.vector_files.block import Block, Reading

_PIECE = 1 << 24
_ODD = 1 << 14
"""Places for numbers that need a second look, in one go."""


def dim_of_line(line: bytes) -> int:
    """How many numbers follow a word: all from the end of the line that are numbers.

    Examples
    --------
    >>> dim_of_line(b"cat 0.1 -2e-3 7\\n"), dim_of_line(b"at name 1 2"), dim_of_line(b"cat")
    (3, 2, 0)
    """
    _, *tokens = line.split() if line[:1] not in (b" ", b"\t") else [b"", *line.split()]
    dim = 0
    for token in reversed(tokens):
        if not _is_number(token):
            break
        dim += 1
    return dim


def read_text(file: IO[bytes], dim: int, header: int, reading: Reading) -> Iterator[Block]:
    """The rows of a file in blocks of some megabytes.

    Parameters
    ----------
    file : binary file
        After its first line, if that one counts.
    dim : int
    header : int
        How many lines were read already.
    reading : Reading

    Raises
    ------
    ReadError
        If the last line is cut short, or something else than a number is in a number's place.
    DimensionMismatch
        If another line has more or fewer numbers.
    InvalidVectors
        If there is NaN or infinity.
    """
    lines, rows = header, 0
    for whole, is_cut in _whole_lines(file):
        for block in _Piece(whole, lines, dim, reading, is_cut=is_cut).blocks(rows):
            rows += len(block)
            yield block
        lines += whole.count(b"\n")


def _whole_lines(file: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Pieces of a file that end with a line; and whether that line had no end in the file."""
    rest = b""
    while piece := file.read(_PIECE):
        data = rest + piece
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if cut:
            yield data[:cut], False
    if rest:
        yield rest + b"\n", True


class _Piece:
    """Whole lines of a file."""

    def __init__(
        self, data: bytes, lines: int, dim: int, reading: Reading, *, is_cut: bool
    ) -> None:
        self.data = data
        self.lines = lines
        self.dim = dim
        self.reading = reading
        self.is_cut = is_cut

    def blocks(self, rows: int) -> Iterator[Block]:
        """The rows; several blocks only where many numbers are odd."""
        data = np.frombuffer(self.data, np.uint8)
        odd = np.empty((max(self.dim, _ODD), 4), np.int64)
        at = 0
        while at < len(data):
            most = min(self.data.count(b"\n", at), (len(data) - at) // (2 * self.dim) + 1)
            vectors = np.empty((most, self.dim), np.float32)
            names = np.empty((most, 2), np.int64)
            found, at, odds, short = read_rows(data, at, vectors, names, odd)
            for row, column, start, end in odd[:odds].tolist():
                vectors[row, column] = self.look(start, end)
            words = [self.data[a:b] for a, b in names[:found].tolist()]
            for row, word in enumerate(words):
                if b" " in word and _is_number(word.rpartition(b" ")[2]):
                    raise self.wrong(int(names[row, 0]))
            if short:
                raise self.wrong(at)
            if found:
                yield Block(self.reading.decode(words, rows + 1), vectors[:found])
                rows += found

    def look(self, start: int, end: int) -> float:
        """A number that is none of the usual."""
        token = self.data[start:end]
        if not _is_number(token):
            raise ReadError(
                f"{self.place(start)}: {token[:40].decode('utf-8', 'replace')!r} is not a number.",
                "Check that this is a file of vectors, a word and its numbers a line.",
            )
        with np.errstate(over="ignore"):
            value = np.float32(float(token))
        if not np.isfinite(value):
            raise InvalidVectors(
                f"{self.place(start)}: the vector of {self.word(start)!r} has {value}.",
                "Remove the line, or make the file again.",
            )
        return float(value)

    def wrong(self, at: int) -> Exception:
        """The error for a line with too few or too many numbers."""
        line = self.data[at : self.data.index(b"\n", at)]
        said = f"{self.place(at)}: {self.word(at)!r} has {len(line.split()) - 1} numbers"
        if self.is_cut and self.data.index(b"\n", at) == len(self.data) - 1:
            return ReadError(
                f"{said} where {self.dim} are needed: the file is truncated.", "Copy it again."
            )
        return DimensionMismatch(
            f"{said} where {self.dim} are needed.", "Remove the line, or make the file again."
        )

    def place(self, at: int) -> str:
        """The file and the line."""
        line = self.lines + self.data.count(b"\n", 0, at) + 1
        return f"{self.reading.path}, line {line}"

    def word(self, at: int) -> str:
        """The first word of the line that holds a byte."""
        start = self.data.rfind(b"\n", 0, at) + 1
        return self.data[start:].split(None, 1)[0][:40].decode("utf-8", "replace")


def write_text(file: IO[bytes], blocks: Iterable[tuple[list[bytes], NDArray[np.float32]]]) -> None:
    """Write rows as lines, each number as short as it reads back as the same float32."""
    for words, vectors in blocks:
        lines = write_rows(vectors)
        file.write(b"".join([w + n + b"\n" for w, n in zip(words, lines, strict=True)]))


def _is_number(token: Any) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return b"_" not in token
