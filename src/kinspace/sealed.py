"""Arrays and plain values in one file, everything in it under checksums: safetensors, sealed.

Each array has a checksum of its own (CRC-32), and the header, which names them, has another. All
are compared before anything is made of the content, so that no other reader, FAISS's above all,
ever sees a damaged byte.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace import tensors
from kinspace.errors import KinspaceError, PathNotFound, ReadError

_OWN: Final = "checksum"
_NONE: Final = "0" * 8
_PIECE: Final = 1 << 24

Content = tuple[dict[str, NDArray[Any]], dict[str, Any]]
"""Arrays, and plain values."""


@dataclass(frozen=True)
class Seal:
    """Files of one format.

    Parameters
    ----------
    format : str
        Its name and version, as the file says it.
    what : str
        What such a file holds, with its article: ``"an index"``.
    remedy : str
        What to do about a damaged one.
    """

    format: str
    what: str
    remedy: str

    def write(
        self,
        path: str | Path,
        kind: str,
        arrays: Mapping[str, NDArray[Any]],
        options: Mapping[str, Any],
    ) -> None:
        """Write a file, complete or not at all.

        Parameters
        ----------
        path : str or Path
        kind : str
            The name of the class of what is written.
        arrays : mapping of str to ndarray
        options : mapping of str to plain values
            Whatever else belongs to it, for JSON.

        Raises
        ------
        PathNotFound
            If the folder does not exist.
        """
        if not Path(path).parent.is_dir():
            raise PathNotFound(f"There is no folder {Path(path).parent}.", "Make it first.")
        sums = {name: f"{_crc(np.ascontiguousarray(a)):08x}" for name, a in sorted(arrays.items())}
        meta = {
            "format": self.format,
            "kind": kind,
            "options": json.dumps(dict(options), sort_keys=True),
            "checksums": json.dumps(sums),
            _OWN: _NONE,
        }
        tensors.write(Path(path), arrays, meta, sign=_signed)

    @contextmanager
    def read(self, path: str | Path, kind: str) -> Iterator[Content]:
        """Give a file's arrays, memory-mapped, and its options, after all checksums were compared.

        Whatever goes wrong with them inside the ``with`` is told as damage too.

        Raises
        ------
        PathNotFound
            If there is no such file.
        ReadError
            If the file is damaged or something else.
        """
        self._require(path)
        try:
            arrays, meta = self._checked(Path(path))
            if meta.get("kind") != kind:
                raise ValueError(f"it holds a {meta.get('kind')}, not a {kind}")
            yield arrays, json.loads(meta["options"])
        except (OSError, KeyError, ValueError, TypeError, IndexError, KinspaceError) as error:
            said = error.message if isinstance(error, KinspaceError) else error
            whole = self.what.replace(" ", " whole ", 1).replace("an ", "a ", 1)
            raise ReadError(f"{path} is not {whole}: {said}.", self.remedy) from error

    def kind_of(self, path: str | Path) -> str:
        """The class of what is in a file, by its header alone.

        Raises
        ------
        PathNotFound, ReadError
        """
        self._require(path)
        meta = tensors.header(Path(path))[1]
        if not isinstance(meta, dict) or meta.get("format") != self.format:
            raise ReadError(f"{path} is not {self.what} of Kinspace.", self.remedy)
        return str(meta["kind"])

    def _require(self, path: str | Path) -> None:
        if not Path(path).is_file():
            thing = self.what.partition(" ")[2]
            raise PathNotFound(f"There is no {thing} {path}.", "Check the path.")

    def _checked(self, path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError("its header is cut off")
            head = length.to_bytes(8, "little") + file.read(length)
        arrays, meta = tensors.read(path)
        if meta.get("format") != self.format:
            raise ValueError("it was written by another version, or by something else")
        own = f'"{_OWN}": "{meta[_OWN]}"'.encode()
        if _signed(head.replace(own, f'"{_OWN}": "{_NONE}"'.encode(), 1)) != head:
            raise ValueError("the checksum of its header differs")
        sums = json.loads(meta["checksums"])
        for name, array in arrays.items():
            if sums[name] != f"{_crc(array):08x}":
                raise ValueError(f"the checksum of {name} differs")
        return arrays, meta


def _signed(head: bytes) -> bytes:
    """A header in which the place of its own checksum, which is of zeros so far, is filled in."""
    blank = f'"{_OWN}": "{_NONE}"'.encode()
    return head.replace(blank, f'"{_OWN}": "{zlib.crc32(head):08x}"'.encode(), 1)


def _crc(array: NDArray[Any]) -> int:
    flat = array.reshape(-1).view(np.uint8)
    crc = 0
    for start in range(0, len(flat), _PIECE):
        crc = zlib.crc32(flat[start : start + _PIECE].data, crc)
    return crc
