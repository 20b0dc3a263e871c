"""Read ``.bin`` and ``.ftz`` files, with an eye on every length."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.product import CENTROIDS, ProductTable
from kinspace.errors import PathNotFound, ReadError
from kinspace.pretrained.fasttext_file.content import (
    KINDS,
    LOSSES,
    MAGIC,
    VERSION,
    Content,
    Kind,
    Options,
)


def is_fasttext_file(path: str | Path) -> bool:
    """Whether a file begins as those of Facebook's fastText do."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == struct.pack("<i", MAGIC)


def kind_of(path: str | Path) -> Kind:
    """What a model file of Facebook's fastText holds, from its head.

    Returns
    -------
    {"cbow", "sg", "sup"}
        ``sup`` is a classifier, the others are word vectors.

    Raises
    ------
    PathNotFound
    ReadError
        If it is something else, or of another version.
    """
    with _opened(path) as reader:
        return reader.head().kind


def read(path: str | Path) -> Content:
    """Read a model file of Facebook's fastText, quantised or not.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    PathNotFound
    ReadError
        If it is something else, of another version, truncated, or holds NaN.
    """
    with _opened(path) as reader:
        return reader.content()


@contextmanager
def _opened(path: str | Path) -> Iterator[_Reader]:
    path = Path(path)
    if not path.is_file():
        raise PathNotFound(f"There is no file {path}.", "Check the path.")
    with path.open("rb") as file:
        yield _Reader(path, file)


class _Reader:
    """Takes values from the file one after the other."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.left = path.stat().st_size

    def head(self) -> Options:
        magic, version = self.numbers("ii") if self.left >= 8 else (0, 0)
        if magic != MAGIC:
            raise ReadError(
                f"{self.path} is not a model of Facebook's fastText.",
                "Give a .bin or .ftz file; text files of vectors (.vec) are read otherwise.",
            )
        if version > VERSION:
            raise self.broken(f"it is of version {version}, and {VERSION} is the last known")
        return self.options(version)

    def content(self) -> Content:
        options = self.head()
        size, words, labels, tokens, kept = self.numbers("iiiqq")
        if not (0 <= words <= size and labels == size - words and kept >= -1):
            raise self.broken(f"its vocabulary of {size} has {words} words and {labels} labels")
        names, counts = self.vocabulary(size, words)
        pairs = self.array("<i4", 2 * kept).reshape(kept, 2) if kept >= 0 else None
        quantised = self.flag()
        inputs = self.quantised(options.dim) if quantised else self.matrix(options.dim)
        outputs = self.quantised(options.dim) if self.flag() and quantised else None
        content = Content(
            options, names[:words], counts[:words], names[words:], counts[words:], tokens, pairs,
            inputs, self.matrix(options.dim) if outputs is None else outputs,
        )  # fmt: skip
        self.check(content)
        return content

    def options(self, version: int) -> Options:
        *numbers, t = self.numbers("12id")
        dim, ws, epoch, least, neg, grams, loss, kind, bucket, minn, maxn, rate = numbers
        if not (1 <= loss <= len(LOSSES) and 1 <= kind <= len(KINDS) and dim > 0 and bucket >= 0):
            raise self.broken("its options are out of range")
        if version == 11 and KINDS[kind - 1] == "sup":
            maxn = 0  # classifiers had no character n-grams then, whatever the file says
        return Options(
            dim, ws, epoch, least, neg, grams, LOSSES[loss - 1], KINDS[kind - 1], bucket, minn,
            maxn, rate, t,
        )  # fmt: skip

    def vocabulary(self, size: int, words: int) -> tuple[list[str], NDArray[np.int64]]:
        """Names and counts: each a string that ends in 0, a count and a kind."""
        if size * 10 > self.left:  # an empty name takes as much
            raise self.broken("it ends within the vocabulary")
        names, counts = [], np.empty(size, np.int64)
        rest, place = b"", 0
        for i in range(size):
            while (end := rest.find(b"\0", place)) < 0 or len(rest) < end + 10:
                more = self.file.read(1 << 20)
                if not more:
                    raise self.broken("it ends within the vocabulary")
                rest, place = rest[place:] + more, 0
            names.append(rest[place:end].decode("utf-8", "backslashreplace"))
            counts[i], kind = struct.unpack_from("<qb", rest, end + 1)
            if kind != int(i >= words):
                raise self.broken(f"{names[-1]!r:.80} is neither a word nor a label")
            place = end + 10
        self.file.seek(place - len(rest), 1)
        self.left = self.path.stat().st_size - self.file.tell()
        return names, counts

    def matrix(self, dim: int) -> NDArray[np.float32]:
        rows, columns = self.numbers("qq")
        if columns != dim or rows < 0:
            raise self.broken(f"a table is of {rows} × {columns}, and vectors of {dim}")
        values = self.array("<f4", rows * columns).reshape(rows, columns)
        if not np.isfinite(values).all():
            raise self.broken("it holds NaN or infinity")
        return values

    def quantised(self, dim: int) -> ProductTable:
        has_norms = self.flag()
        rows, columns, size = self.numbers("qqi")
        codes = self.array("u1", size)
        width, centroids = self.centroids()
        if columns != dim or size != rows * -(-dim // width) or len(centroids) != CENTROIDS * dim:
            raise self.broken(f"its codes of {rows} × {columns} do not fit vectors of {dim}")
        codes = codes.reshape(rows, -1)
        if not has_norms:
            return ProductTable(dim, width, codes, centroids)
        return ProductTable(
            dim, width, codes, centroids, self.array("u1", rows), self.centroids()[1]
        )

    def centroids(self) -> tuple[int, NDArray[np.float32]]:
        dim, _, width, _ = self.numbers("4i")
        if dim < 1 or width < 1:
            raise self.broken(f"its codes are of parts of {width} of {dim}")
        values = self.array("<f4", CENTROIDS * dim)
        if not np.isfinite(values).all():
            raise self.broken("it holds NaN or infinity")
        return width, values

    def check(self, content: Content) -> None:
        """Tables must have a row for each word and bucket, and for each word or label."""
        options = content.options
        kept, supervised = content.kept, options.kind == "sup"
        extra = len(content.inputs) - len(content.words)
        if kept is not None:
            numbers, rows = np.sort(kept[:, 1]), kept[:, 0]
            within = not len(rows) or 0 <= rows.min() <= rows.max() < options.bucket
            if not within or not np.array_equal(numbers, np.arange(extra)):
                raise self.broken("its pruned buckets do not fit its table")
        elif extra != options.bucket:
            raise self.broken(f"it has {len(content.inputs)} rows for {len(content.words)} words")
        wanted = len(content.labels if supervised else content.words)
        if len(content.outputs) != wanted:
            raise self.broken(f"it has {len(content.outputs)} output rows where {wanted} are due")

    # -- values --------------------------------------------------------------------------------

    def numbers(self, kinds: str) -> tuple[Any, ...]:
        return struct.unpack("<" + kinds, self.bytes(struct.calcsize("<" + kinds)))

    def flag(self) -> bool:
        return self.bytes(1) != b"\0"

    def bytes(self, size: int) -> bytes:
        if not 0 <= size <= self.left:
            raise self.broken("it ends too soon")
        self.left -= size
        return self.file.read(size)

    def array(self, kind: str, size: int) -> NDArray[Any]:
        if not 0 <= size * np.dtype(kind).itemsize <= self.left:
            raise self.broken("it ends too soon")
        self.left -= size * np.dtype(kind).itemsize
        return np.fromfile(self.file, kind, size)

    def broken(self, why: str) -> ReadError:
        return ReadError(
            f"{self.path} is not a whole model of fastText: {why}.", "Download or copy it again."
        )
