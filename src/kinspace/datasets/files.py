"""The files of a dataset: found on this machine or fetched, and always the ones that are meant."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import logging
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kinspace.datasets.download import download
from kinspace.datasets.places import data_folder, datasets_cache
from kinspace.datasets.record import Dataset, File
from kinspace.durable import replace_file
from kinspace.errors import ChecksumMismatch, DatasetNotFound, DownloadFailed, ReadError

Progress = Callable[[int, int, str], None]
"""Called with how many bytes are there, how many there will be, and of what."""

_LARGE = 1 << 20  # bytes; smaller files are hashed each time, which takes less than a look-up
_log = logging.getLogger(__name__)
_seen: set[tuple[str, int, int, str]] = set()

BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError,
    NotImplementedError,  # zipfile's word for a method that it does not know
)  # fmt: skip
"""What the standard library raises over damaged archives."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is on this machine: by itself, or inside an archive."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path} ({self.member})" if self.member else str(self.path)


def find(file: File) -> Found | None:
    """Where a file is: under ``$KINSPACE_DATA`` (packed or unpacked), else in the cache."""
    root = data_folder()
    if root is not None:
        if (root / file.path).is_file():
            return Found(root / file.path, file.member)
        if (root / file.place).is_file():
            return Found(root / file.place)
    cached = datasets_cache() / file.place
    return Found(cached) if cached.is_file() else None


def at_hand(record: Dataset, split: str | None = None) -> bool:
    """Whether all files of a dataset, or of one split, are on this machine."""
    return all(find(file) is not None for file in record.files_of(split))


def fetch(
    record: Dataset, split: str | None = None, *, progress: Progress | None = None
) -> list[Path]:
    """Download what is missing of a dataset, or of one split of it.

    Parameters
    ----------
    record : Dataset
    split : str, optional
        All splits if not given.
    progress : callable, optional

    Returns
    -------
    list of Path
        What was downloaded; empty if all was there.

    Raises
    ------
    DownloadFailed
        If a file has no address, or its address does not answer.
    ChecksumMismatch
        If another file comes.
    """
    missing = [file for file in record.files_of(split) if find(file) is None]
    if not missing:
        return []
    for file in missing:
        if not file.address:
            raise DownloadFailed(
                f"{record.name} cannot be fetched: {file.path} has no public address.",
                record.by_hand or _remedy(file),
            )
    total = sum(file.bytes for file in missing)
    licence = record.licence.rstrip(".")
    _log.info("fetching %s: %s bytes from %s; licence: %s", record.name, f"{total:,}",
              record.source, licence)  # fmt: skip
    done, paths = 0, []
    for file in missing:
        target = datasets_cache() / file.place

        def tell(here: int, before: int = done, what: str = file.place) -> None:
            if progress is not None:
                progress(before + here, total, what)

        download(
            file.address, target, sha256=file.sha256, size=file.bytes,
            remedy=_remedy(file), progress=tell,
        )  # fmt: skip
        done += file.bytes
        paths.append(target)
    return paths


def read(record: Dataset, file: File) -> bytes:
    """The bytes of a file, which are those that the record means.

    Raises
    ------
    DatasetNotFound
        If it is not on this machine.
    ReadError
        If it cannot be read, or its archive is damaged.
    ChecksumMismatch
        If it is another one.
    """
    found = find(file)
    if found is None:
        raise DatasetNotFound(
            f"{record.name} is not on this machine: {file.place} is missing.",
            record.by_hand
            or f"Allow the download (kinspace datasets fetch {record.name}), or set KINSPACE_DATA "
            "to the folder that holds it.",
        )
    try:
        status = found.path.stat()
        data = _member(found) if found.member else found.path.read_bytes()
    except (*BROKEN, KeyError) as error:
        raise ReadError(f"{found} cannot be read: {error}.", _remedy(file)) from error
    key = (str(found), status.st_size, status.st_mtime_ns, file.sha256)
    if key in _seen or (len(data) >= _LARGE and _noted(key)):
        return data
    try:
        sum_found = members_sum(data) if file.packed else hashlib.sha256(data).hexdigest()
    except BROKEN as error:
        raise ReadError(f"{found} cannot be read: {error}.", _remedy(file)) from error
    if sum_found != file.sha256:
        raise ChecksumMismatch(
            f"{found} is another file than {record.name} means: its sha256 is {sum_found}, "
            f"wanted {file.sha256}.",
            _remedy(file, found.path),
        )
    _seen.add(key)
    if len(data) >= _LARGE:
        _note(key)
    return data


def check(record: Dataset, split: str | None = None) -> None:
    """See that the files of a dataset, or of one split, are there and are the ones meant."""
    for file in record.files_of(split):
        read(record, file)


def members_sum(data: bytes) -> str:
    """A checksum over the names and contents of an archive's files, however it is packed."""
    digest = hashlib.sha256()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = [
            (item.name.removeprefix("./"), hashlib.sha256(_content(archive, item)).hexdigest())
            for item in archive
            if item.isfile()
        ]
    for name, content in sorted(found):
        digest.update(f"{content}  {name}\n".encode())
    return digest.hexdigest()


def _content(archive: tarfile.TarFile, item: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(item)
    return file.read() if file else b""


def _member(found: Found) -> bytes:
    if found.path.suffix == ".zip":
        with zipfile.ZipFile(found.path) as packed:
            return packed.read(found.member)
    with tarfile.open(found.path) as archive:
        return _content(archive, archive.getmember(found.member))


def unpack(name: str, data: bytes) -> bytes:
    """The bytes inside a ``.gz`` or ``.bz2`` file; others as they are.

    Raises
    ------
    ReadError
        If it is damaged.
    """
    try:
        if name.endswith(".gz"):
            return gzip.decompress(data)
        return bz2.decompress(data) if name.endswith(".bz2") else data
    except (*BROKEN, ValueError) as error:
        raise ReadError(f"{name} is damaged: {error}.", "Fetch it again.") from error


def _remedy(file: File, wrong: Path | None = None) -> str:
    put = (
        f"put the file at {datasets_cache() / file.place}, "
        f"or set KINSPACE_DATA to a folder that has it as {file.path}"
    )
    if wrong is None:
        return f"Check the connection; or {put}."
    if datasets_cache() in wrong.parents:
        return f"Remove {wrong}, so that it is fetched anew."
    return f"Replace {wrong} by the file at {file.address or 'its source'}, or {put}."


# -- what was verified before ------------------------------------------------------------------


def _ledger() -> Path:
    return datasets_cache() / "verified.json"


def _entries() -> dict[str, list[object]]:
    try:
        found = json.loads(_ledger().read_text("utf-8"))
    except (OSError, ValueError):  # none yet, or not one of ours: it is hashed again
        return {}
    return found if isinstance(found, dict) else {}


def _noted(key: tuple[str, int, int, str]) -> bool:
    return _entries().get(key[0]) == list(key[1:])


def _note(key: tuple[str, int, int, str]) -> None:
    """Remember a verified file by its size and time; not being able to is no harm."""
    with suppress(OSError):
        _ledger().parent.mkdir(parents=True, exist_ok=True)
        entries = _entries() | {key[0]: list(key[1:])}
        replace_file(_ledger(), json.dumps(entries, indent=1).encode())
