"""Some rows of a file, and what is checked of them whatever the format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import DuplicateId, InvalidVectors, ReadError

Repeated = Literal["refuse", "first"]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Rows that follow one another.

    Attributes
    ----------
    words : list of str (of int, where gensim has numbered documents)
    vectors : ndarray of float32, shape (n, dim)
    """

    words: list[Any]
    vectors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read.

    Attributes
    ----------
    path : Path
    encoding : str
        Of the words.
    errors : {"strict", "replace", "ignore", "surrogateescape" …}
        What becomes of bytes that are invalid in it, as in :meth:`bytes.decode`.
    repeated : {"refuse", "first"}
        What becomes of a word that comes again.
    limit : int, optional
        How many rows are read at most.
    """

    path: Path
    encoding: str = "utf-8"
    errors: str = "strict"
    repeated: Repeated = "refuse"
    limit: int | None = None

    def decode(self, words: Iterable[bytes], first: int) -> list[str]:
        """Words from their bytes.

        Parameters
        ----------
        words : iterable of bytes
        first : int
            The number of the first, from 1, for the message.

        Raises
        ------
        ReadError
            If one is not of the encoding.
        """
        encoding, errors = self.encoding, self.errors
        decoded: list[str] = []
        try:
            for word in words:
                decoded.append(word.decode(encoding, errors))  # noqa: PERF401 - its place is told
        except UnicodeDecodeError as error:
            raise ReadError(
                f"{self.path}: word {first + len(decoded)}, {error.object[:40]!r}, is not "
                f"{self.encoding}.",
                'Name the encoding of its words (encoding="latin-1"), or replace such bytes '
                '(errors="replace").',
            ) from error
        return decoded

    def checked(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The same blocks, if their numbers are finite and no word comes twice.

        Raises
        ------
        InvalidVectors, DuplicateId
        """
        seen: set[Any] = set()
        for block in blocks:
            self._require_finite(block)
            fresh = set(block.words)
            if len(fresh) == len(block) and seen.isdisjoint(fresh):
                seen |= fresh
                yield block
                continue
            kept = []
            for row, word in enumerate(block.words):
                if word not in seen:
                    seen.add(word)
                    kept.append(row)
                elif self.repeated == "refuse":
                    raise DuplicateId(
                        f"{self.path}: the word {word!r} comes twice.",
                        'Keep the first of such words (repeated="first"), as gensim does.',
                    )
            yield Block([block.words[row] for row in kept], block.vectors[kept])

    def _require_finite(self, block: Block) -> None:
        if np.isfinite(np.vdot(block.vectors, block.vectors)):
            return  # a sum of squares may overflow, so that it only acquits
        finite = np.isfinite(block.vectors)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            raise InvalidVectors(
                f"{self.path}: the vector of {block.words[row]!r} has "
                f"{block.vectors[row, column]} at position {column}.",
                "Remove the line, or make the file again.",
            )
