"""The files of texts that were cut into words: numbers, lengths, names, and a record of all three.

Each only grows. The record is written after them, so that a process that is stopped leaves at
worst some bytes beyond what the record tells of; they are cut off when it is opened again.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from kinspace.durable import replace_file
from kinspace.errors import InvalidInput, ReadError

FORMAT = 1
RECORD = "texts.json"
_NUMBERS, _LENGTHS, _NAMES = "numbers.u32", "lengths.u32", "names.jsonl"
_WIDTH = 4  # bytes of a number


class TokenFiles:
    """Numbers of words, lengths of texts, and names of words, in files.

    Attributes
    ----------
    tokenizer : dict
        What cut the texts.
    items, words, names : int
        Texts, words, and numbers given out so far.
    complete : bool
        Whether these are all texts.
    """

    def __init__(self, folder: Path | None, tokenizer: dict[str, Any], version: str | None) -> None:
        self.folder, self.tokenizer, self.version = folder, tokenizer, version
        self.items = self.words = self.names = self._names_bytes = 0
        self.complete = False
        self._closing = ExitStack()
        self.close = finalize(self, self._closing.close)  # by hand, or when nobody uses them
        self._numbers = self._file(_NUMBERS)
        self._lengths = self._file(_LENGTHS)
        self._words = self._file(_NAMES)

    @classmethod
    def open(
        cls, folder: str | Path | None, tokenizer: dict[str, Any], version: str | None
    ) -> TokenFiles:
        """Those of a folder, as far as they are of the same texts; else empty ones.

        Raises
        ------
        InvalidInput
            If the folder holds other things.
        ReadError
            If its files are shorter than they should be.
        """
        if folder is None:
            return cls(None, tokenizer, version)
        folder = Path(folder)
        if folder.exists() and not (
            folder.is_dir() and ((folder / RECORD).exists() or not any(_others(folder)))
        ):
            raise InvalidInput(
                f"{folder} holds other things than texts as numbers.",
                "Name a new or an empty folder.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        found = cls(folder, tokenizer, version)
        found._lock(alone=False)
        if not (found._same(record := found._recorded()) and record["complete"]):
            found._lock(alone=True)
        found._resume(found._recorded())
        return found

    def append(self, numbers: NDArray[Any], lengths: NDArray[Any], names: list[str]) -> None:
        """Write some texts down, and the names of words that are new in them."""
        line = (json.dumps(names) + "\n").encode() if names else b""
        for file, piece in (
            (self._numbers, np.ascontiguousarray(numbers, "<u4").tobytes()),
            (self._lengths, np.ascontiguousarray(lengths, "<u4").tobytes()),
            (self._words, line),
        ):
            file.write(piece)
            file.flush()
        self.items += len(lengths)
        self.words += len(numbers)
        self.names += len(names)
        self._names_bytes += len(line)
        self._record()

    def finish(self) -> None:
        """Say that these are all texts."""
        self.complete = True
        self._record()
        if self.folder is not None:
            self._lock(alone=False)

    def numbers_of(self, first: int, last: int) -> NDArray[np.uint32]:
        """The numbers of some of the words."""
        return self._read(self._numbers, first, last)

    def lengths_of(self, first: int, last: int) -> NDArray[np.int64]:
        """How many words each of some texts has."""
        return self._read(self._lengths, first, last).astype(np.int64)

    def names_in_blocks(self) -> Iterator[list[str]]:
        """The names of all numbers from 0 on, some at a time."""
        place = 0
        while place < self._names_bytes:
            line = self._line(place)
            place += len(line)
            yield json.loads(line)

    # -- inside --------------------------------------------------------------------------------

    def _file(self, name: str) -> IO[bytes]:
        if self.folder is None:
            return self._closing.enter_context(tempfile.TemporaryFile(prefix="kinspace-"))
        return self._closing.enter_context((self.folder / name).open("a+b"))

    def _read(self, file: IO[bytes], first: int, last: int) -> NDArray[np.uint32]:
        # pread: two who go through the same files at once do not disturb each other.
        raw, start = b"", first * _WIDTH
        while len(raw) < (last - first) * _WIDTH:
            more = os.pread(file.fileno(), (last - first) * _WIDTH - len(raw), start + len(raw))
            if not more:
                raise ReadError(f"The texts in {self.folder} end too early.", "Remove the folder.")
            raw += more
        return np.frombuffer(raw, "<u4")

    def _line(self, place: int) -> bytes:
        pieces: list[bytes] = []
        while True:
            piece = os.pread(self._words.fileno(), 1 << 20, place)
            end = piece.find(b"\n") + 1
            pieces.append(piece[:end] if end else piece)
            if end or not piece:
                return b"".join(pieces)
            place += len(piece)

    def _record(self) -> None:
        if self.folder is None:
            return
        for file in (self._numbers, self._lengths, self._words):
            os.fsync(file.fileno())
        record = {
            "format": FORMAT,
            "tokenizer": self.tokenizer,
            "version": self.version,
            "items": self.items,
            "words": self.words,
            "names": self.names,
            "names_bytes": self._names_bytes,
            "complete": self.complete,
        }
        replace_file(self.folder / RECORD, json.dumps(record).encode())

    def _same(self, record: dict[str, Any]) -> bool:
        """Whether a record is of the same texts, cut by the same tokenizer."""
        return (
            self.version is not None
            and record.get("format") == FORMAT
            and record.get("tokenizer") == self.tokenizer
            and record.get("version") == self.version
        )

    def _resume(self, record: dict[str, Any]) -> None:
        """Go on from what the folder holds, if that is of the same texts; else from nothing."""
        if self._same(record):
            self.items, self.words, self.names = (record[n] for n in ("items", "words", "names"))
            self._names_bytes, self.complete = record["names_bytes"], record["complete"]
        else:
            (self._place() / RECORD).unlink(missing_ok=True)
        ends = (self.words * _WIDTH, self.items * _WIDTH, self._names_bytes)
        for file, end in zip((self._numbers, self._lengths, self._words), ends, strict=True):
            if os.fstat(file.fileno()).st_size < end:
                raise ReadError(
                    f"The texts in {self.folder} are shorter than their record says.",
                    "Remove the folder; they are cut again.",
                )
            if not self.complete:
                file.truncate(end)

    def _recorded(self) -> dict[str, Any]:
        try:
            found = json.loads((self._place() / RECORD).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _place(self) -> Path:
        assert self.folder is not None
        return self.folder

    def _lock(self, *, alone: bool) -> None:
        """Any number may read; who writes does so alone."""
        if os.name != "posix":
            return
        import fcntl

        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        try:
            fcntl.flock(self._numbers, kind | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise InvalidInput(
                f"Another process works with the texts in {self.folder} just now.",
                "Wait for it, or name another folder.",
            ) from error


def _others(folder: Path) -> Iterator[str]:
    """What a folder holds that is not ours."""
    ours = {RECORD, RECORD + ".partial", _NUMBERS, _LENGTHS, _NAMES}
    return (each.name for each in folder.iterdir() if each.name not in ours)
