"""Reading files of vectors: whole, or in blocks where they are larger than memory."""

from __future__ import annotations

import codecs
import hashlib
import os
import zlib
from collections.abc import Iterator
from functools import cached_property
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Progress
from kinspace.errors import InvalidParameter, PathNotFound, ReadError
from kinspace.pretrained.vector_files.binary import read_binary
from kinspace.pretrained.vector_files.block import Block, Reading, Repeated
from kinspace.pretrained.vector_files.guess import (
    Format,
    check_format,
    guess,
    header_of,
    open_bytes,
)
from kinspace.pretrained.vector_files.keyed_vectors import read_keyed_vectors
from kinspace.pretrained.vector_files.text import dim_of_line, read_text
from kinspace.read.kinds import split_packed
from kinspace.space import Space, fingerprint_of

_WIDEST = 1 << 20
_WHOLE = ("gensim", "safetensors", "fasttext")
"""Formats that are not gone through, but read at once."""
_DAMAGED = (EOFError, OSError, zlib.error, LZMAError)


class VectorFile:
    """A file of words and vectors, gone through in blocks as often as one likes.

    Parameters
    ----------
    path : path
        Packed with gzip, bzip2 or xz, if its name says so.
    format : str, optional
        See :data:`~kinspace.pretrained.vector_files.guess.Format`; by default the first bytes tell.
    limit : int, optional
        Read so many rows at most; files are sorted by frequency as a rule.
    encoding : str
        Of the words.
    errors : str
        What becomes of bytes that are invalid in it: ``"strict"`` refuses, ``"replace"`` and
        ``"ignore"`` are those of :meth:`bytes.decode`.
    repeated : {"refuse", "first"}
        What becomes of words that come twice; ``"first"`` leaves out all but the first.

    Raises
    ------
    PathNotFound, InvalidParameter
    ReadError
        If the file is empty, or of another kind.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,  # noqa: A002 - what it is called everywhere
        *,
        limit: int | None = None,
        encoding: str = "utf-8",
        errors: str = "strict",
        repeated: Repeated = "refuse",
    ) -> None:
        if limit is not None and limit < 1:
            raise InvalidParameter(f"The limit is {limit}.", "Read at least one row.")
        if repeated not in ("refuse", "first"):
            raise InvalidParameter(f"Unknown {repeated!r}.", "Give 'refuse' or 'first'.")
        try:
            codecs.lookup(encoding)
            codecs.lookup_error(errors)
        except LookupError as error:
            raise InvalidParameter(f"{error}.", "See the codecs of Python.") from error
        self.path = Path(path)
        if not self.path.exists():
            raise PathNotFound(f"There is no file {path}.", "Check the path.")
        self.format: Format = guess(path) if format is None else check_format(format)
        if self.format in _WHOLE and (encoding, errors) != ("utf-8", "strict"):
            raise InvalidParameter(
                f"The words of {path} are characters, not bytes.",
                "Leave encoding and errors out.",
            )
        self._is_packed = split_packed(self.path.name)[1] is not None
        self._reading = Reading(self.path, encoding, errors, repeated, limit)

    # -- how much there is ---------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """The dimensions of a vector."""
        return self._counts[1]

    @property
    def count(self) -> int:
        """How many rows the file has, or says that it has, up to the limit.

        A file of GloVe says nothing: its lines are counted.
        """
        said = self._counts[0]
        count: int = self._lines if said is None else said
        return count if self._reading.limit is None else min(count, self._reading.limit)

    @cached_property
    def _counts(self) -> tuple[int | None, int]:
        """The rows, where the file's beginning says how many, and the dimensions."""
        if self.format in _WHOLE:
            return self._whole.vectors.shape
        with open_bytes(self.path) as file:
            first = self._guarded(file.readline)
        said = None if self.format == "glove" else header_of(first)
        if said is None and self.format != "glove":
            raise ReadError(
                f"{self.path} does not begin with the counts of words and dimensions.",
                "If it is text without them, read it as 'glove'.",
            )
        count, dim = said or (None, dim_of_line(first))
        if not 1 <= dim <= _WIDEST:
            raise ReadError(
                f"{self.path}: the first line says {dim} dimensions.", "Check that file."
            )
        self._require_room(count or 0, dim)
        return count, dim

    def _require_room(self, count: int, dim: int) -> None:
        """Raise ReadError if the file is too small to hold so much."""
        least = count * dim * (4 if self.format == "word2vec-binary" else 2)
        size = self.path.stat().st_size
        if not self._is_packed and least > size:
            raise ReadError(
                f"{self.path} is truncated: it says {count:,} vectors of {dim} dimensions, for "
                f"which {size:,} bytes are too few.",
                "Copy it again.",
            )

    @cached_property
    def _lines(self) -> int:
        with open_bytes(self.path) as file:
            return int(self._guarded(lambda: sum(1 for line in file if line.strip())))

    def _guarded(self, work: Any) -> Any:
        """Do what reads; damage of a packed file becomes a ReadError."""
        try:
            return work()
        except _DAMAGED as error:
            raise ReadError(
                f"{self.path} is damaged or truncated: {error}.", "Copy it again."
            ) from error

    # -- the rows ------------------------------------------------------------------------------

    def blocks(self, progress: Progress | None = None) -> Iterator[Block]:
        """All rows, in blocks of some megabytes.

        Parameters
        ----------
        progress : callable, optional
            Called with rows done and rows in all.

        Raises
        ------
        ReadError
            If the file is truncated or damaged, or its words are of another encoding.
        DimensionMismatch, InvalidVectors, DuplicateId
            If a row has more or fewer numbers, NaN or infinity, or a word that was there already.
        """
        most, done = self.count, 0
        blocks = self._reading.checked(self._blocks())
        while True:
            block = self._guarded(lambda: next(blocks, None))
            if block is None:
                return
            done += len(block)
            yield block
            if progress is not None:
                progress(done, most)

    def _blocks(self) -> Iterator[Block]:
        if self.format in _WHOLE:
            limit = self._reading.limit
            yield Block(self._whole.words[:limit], self._whole.vectors[:limit])
            return
        said, dim = self._counts
        with open_bytes(self.path) as file:
            if said is not None:
                file.readline()
            if self.format == "word2vec-binary":
                yield from read_binary(file, said or 0, dim, self._reading)
            else:
                yield from self._text(file, said, dim)

    def _text(self, file: IO[bytes], said: int | None, dim: int) -> Iterator[Block]:
        limit, rows = self._reading.limit, 0
        for block in read_text(file, dim, 0 if said is None else 1, self._reading):
            if limit is not None and rows + len(block) >= limit:
                yield Block(block.words[: limit - rows], block.vectors[: limit - rows])
                return
            rows += len(block)
            if said is not None and rows > said:
                raise ReadError(
                    f"{self.path} is longer than it says: it says {said:,} vectors, and line "
                    f"{said + 2:,} holds another.",
                    "Correct its first line.",
                )
            yield block
        if said is not None and rows < said:
            raise ReadError(
                f"{self.path} is truncated: it says {said:,} vectors and holds {rows:,}.",
                "Copy it again.",
            )

    @cached_property
    def _whole(self) -> Block:
        """All rows of a format that is not gone through."""
        if self.format == "gensim":
            return Block(*read_keyed_vectors(self.path))
        if self.format == "safetensors":
            found = Embeddings.load(self.path)
            if found.ids is None or not isinstance(found.vectors, np.ndarray):
                raise ReadError(f"{self.path} holds no named vectors.", "Load it with ks.load.")
            return Block(list(found.ids), found.vectors)
        raise InvalidParameter(
            f"{self.path} is a model of fastText, not a table.", "Read it with ks.read_vectors."
        )

    def read(self, progress: Progress | None = None) -> Embeddings:
        """All rows at once.

        Returns
        -------
        Embeddings
            Ids are the words. The fingerprint of the space is that of words and vectors, so that
            one table has the same space in whatever format it was kept.
        """
        if self.format == "safetensors" and self._reading.limit is None:
            return Embeddings.load(self.path)
        # What a packed file says of its size cannot be checked before it is unpacked.
        rows = 0 if self._is_packed else self.count
        vectors = np.empty((rows, self.dim), np.float32)
        words: list[Any] = []
        for block in self.blocks(progress):
            if len(words) + len(block) > len(vectors):
                vectors.resize((2 * len(vectors) + len(block), self.dim), refcheck=False)
            vectors[len(words) : len(words) + len(block)] = block.vectors
            words += block.words
        return table(self.path, words, vectors[: len(words)])

    def __repr__(self) -> str:
        return f"VectorFile({str(self.path)!r}, {self.format!r})"


def table(path: Path, words: list[Any], vectors: NDArray[np.float32]) -> Embeddings:
    """Words and vectors as embeddings of a space of their own."""
    digest = hashlib.blake2b(np.ascontiguousarray(vectors).data, digest_size=16).hexdigest()
    name = split_packed(path.name)[0].rpartition(".")[0] or path.name
    space = Space(name, fingerprint_of("table", words, digest), dim=vectors.shape[1])
    return Embeddings(vectors, space, words)
