"""Pictures as services take them: their type, and their bytes as base64."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from kinspace.errors import InvalidInput, PathNotFound, ReadError
from kinspace.read.images import is_pillow

_LARGEST = 5 << 20
"""Bytes of a picture; the services take no larger ones."""

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def is_picture(item: Any) -> bool:
    """Whether an item is meant as a picture: a path, bytes, or an image of Pillow."""
    return isinstance(item, Path | bytes) or is_pillow(item)


def require(item: Any) -> None:
    """Raise unless a picture is there and of a type that services take.

    Raises
    ------
    InvalidInput
        If it is none of the types that services take, or larger than 5 MiB.
    PathNotFound, ReadError
        If the file is not there or cannot be read.
    """
    if isinstance(item, Path):
        try:
            with item.open("rb") as file:
                head, size = file.read(16), item.stat().st_size
        except FileNotFoundError as error:
            raise PathNotFound(f"There is no picture at {item}.", "Check the path.") from error
        except OSError as error:
            raise ReadError(f"{item} cannot be read: {error}.", "Check the file.") from error
    elif isinstance(item, bytes):
        head, size = item[:16], len(item)
    else:
        return
    shown = str(item) if isinstance(item, Path) else f"{item!r:.60}"
    if _kind(head) is None:
        raise InvalidInput(
            f"{shown} is no PNG, JPEG, GIF or WebP.", "Convert it, for example with Pillow."
        )
    if size > _LARGEST:
        raise InvalidInput(
            f"{shown} has {size:,} bytes, and services take {_LARGEST:,}.", "Make it smaller."
        )


def encoded(item: Any) -> tuple[str, str]:
    """The type of a picture and its bytes as base64.

    Raises
    ------
    InvalidInput, PathNotFound, ReadError
        Those of :func:`require`; also for an image of Pillow that PNG cannot hold.

    Examples
    --------
    >>> encoded(b"GIF89a")
    ('image/gif', 'R0lGODlh')
    """
    require(item)
    if isinstance(item, Path):
        raw = item.read_bytes()
    elif isinstance(item, bytes):
        raw = item
    else:
        raw = _as_png(item)
        require(raw)
    return _kind(raw) or "", base64.b64encode(raw).decode()


def _kind(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _STARTS if head.startswith(start)), None)


def _as_png(image: Any) -> bytes:
    held = io.BytesIO()
    try:
        image.save(held, "PNG")
    except (OSError, ValueError) as error:  # a mode that PNG does not know
        raise InvalidInput(
            f"{image!r:.60} cannot be written as PNG: {error}.", 'Convert it: image.convert("RGB").'
        ) from error
    return held.getvalue()
