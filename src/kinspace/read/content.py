"""`Content`: the text of a file, in bounded pieces, whatever its packing and encoding."""

from __future__ import annotations

import codecs
import importlib
import io
import lzma
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, cast

from kinspace.read.encoding import SAMPLE, detect, is_binary
from kinspace.read.kinds import PACKED, split_packed
from kinspace.read.options import ReadOptions
from kinspace.read.report import Notice, Reason, Report
from kinspace.read.source import Source

_PIECE = 1 << 18
_BROKEN = (
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
)  # what gzip, bz2 and lzma raise over damaged files


class Unreadable(Exception):
    """A file that gives no text; reported, or raised as `ReadError` where the file was named."""

    def __init__(self, reason: Reason, detail: str = "", remedy: str = "") -> None:
        self.reason, self.detail, self.remedy = reason, detail, remedy
        super().__init__(reason, detail)


class Content:
    r"""The text of one file.

    Parameters
    ----------
    source : Source
        The file.
    options : ReadOptions
        ``max_bytes`` bounds what a compressed file that was found in a folder unpacks to.
    report : Report
        Takes warnings.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"one\r\ntwo\r\n")
    ...     file.flush()
    ...     source = Source(file.name, size=10, mtime_ns=0, kind="text")
    ...     list(Content(source, ReadOptions(), Report()).lines())
    ['one', 'two']
    """

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self.source = source
        self.options = options
        self.report = report

    def warn(self, reason: Reason, detail: str = "", line: int | None = None) -> None:
        """Report something about the file that does not keep it from being read."""
        self.report.add(Notice(self.source.path, reason, detail, line, skipped=False))

    def text(self) -> str:
        r"""All of the text, with its lines ended by ``\n``."""
        return "".join(self.pieces())

    def lines(self) -> Iterator[str]:
        """The lines, without their ends."""
        return split_lines(self.pieces())

    def pieces(self) -> Iterator[str]:
        r"""The text in pieces of some 256 thousand characters, its lines ended by ``\n``.

        Raises
        ------
        Unreadable
            If the file cannot be opened, or is no text.
        """
        chunks = self._bytes()
        sample = next(chunks, b"")
        if not sample:
            raise Unreadable("empty")
        if is_binary(sample):
            raise Unreadable("binary")
        encoding = detect(sample, declared=self.source.kind in ("html", "code"))
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        for piece in self._decoded(chain([sample], chunks, [b""]), encoding):
            if piece:
                yield newlines.decode(piece)
        if rest := newlines.decode("", final=True):
            yield rest

    def _decoded(self, chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
        """Decode; from the first invalid byte on, with U+FFFD in place of such bytes."""
        make = codecs.getincrementaldecoder(encoding)
        decoder, strict, read = make("strict"), True, 0
        for chunk in chunks:
            state = decoder.getstate()
            try:
                yield decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                if not strict:
                    raise
                at = max(0, read - len(state[0])) + error.start
                self.warn("invalid bytes", f"not {encoding} at byte {at}; shown as \ufffd")
                decoder, strict = make("replace"), False
                decoder.setstate(state)
                yield decoder.decode(chunk, final=not chunk)
            read += len(chunk)

    def _bytes(self) -> Iterator[bytes]:
        """The bytes, unpacked: first a sample, then larger pieces."""
        limit = None if self.source.named else self.options.max_bytes
        read = 0
        with self._open() as file:
            while True:
                try:
                    chunk = file.read(_PIECE if read else SAMPLE)
                except _BROKEN as error:
                    if self.source.named or not read:
                        raise Unreadable(reason_of(error), f"{error} after {read} bytes") from error
                    self.warn("damaged", f"{error}; read up to byte {read}")
                    return
                if not chunk:
                    return
                read += len(chunk)
                yield chunk
                if limit is not None and read > limit and split_packed(self.source.path)[1]:
                    self.warn("too large", f"unpacks to more than {limit} bytes; read up to there")
                    return

    def _open(self) -> IO[bytes]:
        path = Path(self.source.path)
        _, packed = split_packed(path.name)
        try:
            if packed is None:
                return path.open("rb")
            return cast(IO[bytes], importlib.import_module(PACKED[packed]).open(self.source.path))
        except (OSError, ValueError) as error:
            raise Unreadable(reason_of(error), str(error)) from error


def split_lines(pieces: Iterable[str]) -> Iterator[str]:
    r"""Lines without their ends, of text in pieces whose lines end with ``\n``.

    Examples
    --------
    >>> list(split_lines(["on", "e\ntw", "o"]))
    ['one', 'two']
    """
    unfinished: list[str] = []
    for piece in pieces:
        first, *others = piece.split("\n")
        unfinished.append(first)
        if others:
            yield "".join(unfinished)
            yield from others[:-1]
            unfinished = [others[-1]]
    if rest := "".join(unfinished):
        yield rest


def reason_of(error: BaseException) -> Reason:
    """The reason under which an error of the system is reported."""
    if isinstance(error, FileNotFoundError):
        return "vanished"
    if isinstance(error, PermissionError):
        return "no permission"
    if isinstance(error, IsADirectoryError):
        return "not a file"
    return "unreadable"
