"""Fetching a file from its public address: whole and checked, or not at all.

Bytes go to a partial file beside the target and are hashed on the way; what a broken connection
left is continued the next time, where the server can do that.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from kinspace.durable import sync_folder
from kinspace.errors import ChecksumMismatch, DownloadFailed

TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as dead."""
TRIES = 3
PAUSE = 1.0
"""Seconds before the second try; twice as many before each further one."""

_PIECE = 1 << 16
_LOST = (URLError, TimeoutError, ConnectionError, http.client.HTTPException)


class _Again(Exception):
    """A try that failed in a way that the next one may not."""


def download(
    address: str,
    target: Path,
    *,
    sha256: str,
    size: int,
    remedy: str,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Fetch a file.

    Parameters
    ----------
    address : str
        ``https://…`` (``http://`` too, since the checksum decides).
    target : Path
        Where it shall lie; it appears there when it is whole and checked.
    sha256 : str
    size : int
        How many bytes it has.
    remedy : str
        What the user can do if it cannot be had.
    progress : callable, optional
        Called with the number of bytes that are there.

    Raises
    ------
    DownloadFailed
        If the address does not answer, refuses, or breaks off again and again.
    ChecksumMismatch
        If what comes is another file.
    """
    if urlsplit(address).scheme not in ("http", "https"):
        raise DownloadFailed(f"{address} is no address of the web.", remedy)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _claimed(target) as partial:
        _fetch(address, partial, sha256, size, remedy, progress or (lambda done: None))
        partial.replace(target)
    sync_folder(target.parent)


def _fetch(
    address: str, partial: Path, sha256: str, size: int, remedy: str, tell: Callable[[int], None]
) -> None:
    """Try until the partial file is whole and right."""
    reason = ""
    for turn in range(TRIES):
        if turn:
            time.sleep(PAUSE * 2 ** (turn - 1))
        resumed = partial.exists() and partial.stat().st_size > 0
        try:
            found = _one_try(address, partial, size, tell)
        except _Again as error:
            reason = str(error)
            continue
        except HTTPError as error:
            raise DownloadFailed(
                f"{address} answers {error.code} {error.reason}.", remedy
            ) from None
        except OSError as error:
            raise DownloadFailed(f"{partial.parent} cannot be written: {error}.", remedy) from error
        if found == sha256:
            return
        partial.unlink()
        if not resumed:
            raise ChecksumMismatch(
                f"{address} is another file than is meant: its sha256 is {found}, wanted {sha256}.",
                f"Its source may have changed. {remedy}",
            )
        reason = "what was there of it did not fit the rest"
    raise DownloadFailed(f"{address} could not be fetched: {reason}.", remedy)


def _one_try(address: str, partial: Path, size: int, tell: Callable[[int], None]) -> str:
    """Fetch what is missing; the checksum of the whole."""
    digest = hashlib.sha256()
    have = 0
    if partial.exists():
        digest.update(partial.read_bytes())
        have = partial.stat().st_size
    if have > size:
        digest, have = hashlib.sha256(), 0
    if have == size:
        return digest.hexdigest()
    try:
        with _opened(address, have) as answer:
            if have and not _continues(answer, have):
                digest, have = hashlib.sha256(), 0
            with partial.open("ab" if have else "wb") as file:
                while piece := answer.read(_PIECE):
                    file.write(piece)
                    digest.update(piece)
                    have += len(piece)
                    tell(min(have, size))
                    if have > size:  # another file; there is no need to see where it ends
                        break
                file.flush()
                os.fsync(file.fileno())
    except HTTPError as error:
        error.close()  # it holds the connection
        if error.code in (408, 416, 425, 429) or error.code >= 500:
            if error.code == 416:
                partial.unlink(missing_ok=True)
            raise _Again(f"it answers {error.code} {error.reason}") from None
        raise
    except _LOST as error:
        raise _Again(_said(error)) from None
    if have < size:
        raise _Again(f"it broke off after {have:,} of {size:,} bytes")
    return digest.hexdigest()


def _opened(address: str, have: int) -> http.client.HTTPResponse:
    headers = {"User-Agent": "kinspace", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    answer: http.client.HTTPResponse = urlopen(Request(address, headers=headers), timeout=TIMEOUT)
    return answer


def _continues(answer: http.client.HTTPResponse, have: int) -> bool:
    """Whether the server goes on where we left off."""
    given = answer.headers.get("Content-Range", "")
    return answer.status == http.HTTPStatus.PARTIAL_CONTENT and given.startswith(f"bytes {have}-")


def _said(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    return str(reason) or type(reason).__name__


@contextmanager
def _claimed(target: Path) -> Iterator[Path]:
    """The partial file of a target, under a name that no other process uses.

    What is left of it afterwards gets its common name back, for the next one to continue.
    """
    common = target.with_name(target.name + ".partial")
    own = target.with_name(f"{target.name}.{os.getpid()}.partial")
    with suppress(FileNotFoundError):
        common.replace(own)
    try:
        yield own
    finally:
        with suppress(FileNotFoundError):
            own.replace(common)
