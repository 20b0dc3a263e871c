"""What is derived from the truth: files with a manifest that says how far they go.

Each part of a collection (keyword index, vector table, neighbour index) has a manifest beside
its files: which rows they cover, how long each file is and its checksum. The manifest is
replaced as a whole after the files are on disk. So a part is exactly what its manifest says,
or it is damaged and built again from the truth.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kinspace.durable import replace_file

VERSION: Final = 1
_BLOCK: Final = 1 << 20


@dataclass
class Manifest:
    """What a derived part holds.

    Parameters
    ----------
    last_seq : int
        The highest row number that was taken in.
    buried : int
        The number of the last burial (tombstone) that was taken in.
    files : dict
        Size, mtime in ns and CRC-32 by file name, relative to the part's folder.
    values : dict
        Whatever else the part needs to know.
    """

    last_seq: int = 0
    buried: int = 0
    files: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Replace the manifest on disk as a whole."""
        content = {"version": VERSION, **self.__dict__}
        body = json.dumps(content, sort_keys=True)
        replace_file(path, json.dumps({"crc": zlib.crc32(body.encode()), "body": body}).encode())

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest; :class:`Damaged` says what is wrong with it."""
        try:
            outer = json.loads(path.read_bytes())
            if zlib.crc32(outer["body"].encode()) != outer["crc"]:
                raise Damaged(f"{path.name} has changed")
            content = json.loads(outer["body"])
            if content.pop("version") != VERSION:
                raise Damaged(f"{path.name} is of another version")
            return cls(**content)
        except FileNotFoundError as error:
            raise Damaged(f"{path.name} is missing") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Damaged(f"{path.name} cannot be read ({error})") from error

    def note(self, folder: Path, name: str, crc: int | None = None) -> None:
        """Note a file as it now lies on disk."""
        status = (folder / name).stat()
        crc = checksum(folder / name, status.st_size) if crc is None else crc
        self.files[name] = [status.st_size, status.st_mtime_ns, crc]

    def verify(self, folder: Path, *, whole: bool = False, names: Iterable[str] = ()) -> None:
        """Check the files against the manifest.

        A file whose size and mtime are as noted is taken as unchanged, unless ``whole`` asks
        for the checksum of every byte.

        Raises
        ------
        Damaged
        """
        for name in names or self.files:
            size, mtime_ns, crc = self.files[name]
            try:
                status = (folder / name).stat()
                if status.st_size < size:
                    raise Damaged(f"{name} is {size - status.st_size} bytes too short")
                same = status.st_size == size and status.st_mtime_ns == mtime_ns
                if (whole or not same) and checksum(folder / name, size) != crc:
                    raise Damaged(f"{name} has changed")
            except FileNotFoundError as error:
                raise Damaged(f"{name} is missing") from error
            except OSError as error:
                raise Damaged(f"{name} cannot be read ({error.strerror})") from error


class Damaged(Exception):
    """A derived part is not what its manifest says; the message says why. Never leaves the room."""


def checksum(path: Path, size: int, crc: int = 0) -> int:
    """CRC-32 of the first ``size`` bytes of a file."""
    with path.open("rb") as file:
        left = size
        while left > 0:
            block = file.read(min(_BLOCK, left))
            if not block:
                break
            crc = zlib.crc32(block, crc)
            left -= len(block)
    return crc
