"""Files that were packed by zstd."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any

_CHUNK = 1 << 13  # small, since each byte of it may unpack to thousands


class _Unpacked(io.RawIOBase):
    """Unpacks a file on the way: any number of frames, each of which must be whole."""

    def __init__(self, path: str) -> None:
        import zstandard

        self._file = Path(path).open("rb")  # noqa: SIM115
        self._unpacker = zstandard.ZstdDecompressor()
        self._broken = zstandard.ZstdError
        self._frame: Any = None
        self._packed = self._waiting = b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        while not self._waiting and self._more():
            pass
        size = min(len(buffer), len(self._waiting))
        buffer[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size

    def _more(self) -> bool:
        """Unpack a little; False at the end."""
        self._packed = self._packed or self._file.read(_CHUNK)
        if not self._packed:
            if self._frame is not None:
                raise EOFError("the file ends inside a frame")
            return False
        if self._frame is None:
            self._frame = self._unpacker.decompressobj()
        try:
            self._waiting = self._frame.decompress(self._packed)
        except self._broken as error:
            raise OSError(str(error)) from error
        self._packed = self._frame.unused_data if self._frame.eof else b""
        self._frame = None if self._frame.eof else self._frame
        return True


def open(path: str) -> IO[bytes]:  # noqa: A001 - as gzip, bz2 and lzma call it
    """A packed file, opened for reading what it unpacks to.

    Raises
    ------
    OSError, EOFError
        On reading, if the file is damaged or ends too early.
    """
    return io.BufferedReader(_Unpacked(path), 1 << 18)
