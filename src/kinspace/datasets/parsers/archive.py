"""Files inside the archives that a dataset comes in."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator

from kinspace.datasets.files import BROKEN
from kinspace.datasets.material import Blob
from kinspace.errors import ReadError


def zipped(blob: Blob, *, encoding: str = "utf-8") -> Iterator[Blob]:
    """The files of a zip archive, sorted by name; without folders and README files.

    Text that is not in the given encoding is taken for Windows-1252, in which the old ones of
    such collections are written.

    Raises
    ------
    ReadError
        If the archive is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(blob.data)) as archive:
            for name in sorted(archive.namelist()):
                if not name.endswith(("/", "README")):
                    yield Blob(name, as_utf8(archive.read(name), encoding))
    except BROKEN as error:
        raise damaged(blob, error) from error


def tarred(blob: Blob) -> Iterator[Blob]:
    """The files of a tar archive, in its order.

    Raises
    ------
    ReadError
        If the archive is damaged.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(blob.data)) as archive:
            for item in archive:
                if item.isfile() and (file := archive.extractfile(item)) is not None:
                    yield Blob(item.name, file.read())
    except BROKEN as error:
        raise damaged(blob, error) from error


def as_utf8(data: bytes, encoding: str) -> bytes:
    """Text as UTF-8, which it is already or else Windows-1252."""
    try:
        return data.decode(encoding).encode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").encode()


def damaged(blob: Blob, error: Exception) -> ReadError:
    """The error for an archive that cannot be read to its end."""
    return ReadError(f"{blob.name} is damaged: {error}.", "Fetch it again.")
