"""What a parser works on: the files of one split, and what the record says about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kinspace.datasets.files import unpack
from kinspace.errors import ReadError


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a file, and what to call it when something is wrong with it."""

    name: str
    data: bytes

    def text(self, encoding: str = "utf-8-sig") -> str:
        r"""The text, unpacked if it is packed, its lines ended by ``\n``.

        Raises
        ------
        ReadError
            If it is written in another encoding.
        """
        data = unpack(self.name, self.data)
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self.wrong(line, f"this is no {encoding.removesuffix('-sig')}") from None
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def lines(self, encoding: str = "utf-8-sig") -> list[str]:
        r"""The lines without their ends; what follows the last ``\n`` only if there is something.

        Examples
        --------
        >>> Blob("a.txt", b"one\r\n\r\ntwo\r\n").lines()
        ['one', '', 'two']
        """
        lines = self.text(encoding).split("\n")
        return lines if lines[-1] else lines[:-1]

    def wrong(self, line: int, what: str) -> ReadError:
        """The error for a line that cannot be understood."""
        return ReadError(
            f"{self.name}, line {line}: {what}.", "Check that it is the file that is meant."
        )


@dataclass(frozen=True)
class Material:
    """What is given to a parser.

    Parameters
    ----------
    name : str
        What the content is to be called.
    split : str
    options : mapping
        The record's.
    files : mapping of str to Blob
        By role.
    """

    name: str
    split: str
    options: Mapping[str, Any]
    files: Mapping[str, Blob]

    @property
    def encoding(self) -> str:
        """How the files are encoded, as the record says."""
        return str(self.options.get("encoding", "utf-8-sig"))

    @property
    def only(self) -> Blob:
        """The file of a split that has just one."""
        (file,) = self.files.values()
        return file
