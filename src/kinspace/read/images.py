"""Anything that is an image (a path, bytes, a Pillow image, an array) to RGB pixels.

Only formats that hold pixels are opened; those that hold programs (EPS, PDF, WMF) are not. Where
a camera noted that it was held sideways, the image is turned.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidInput, MissingExtra, PathNotFound, ReadError

if TYPE_CHECKING:
    from PIL.Image import Image

ImageLike: TypeAlias = "Path | bytes | Image | NDArray[Any]"

FORMATS: Final = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO",
)  # fmt: skip
"""Pillow's names of what is opened, where this Pillow knows them."""

SUFFIXES: Final = frozenset(
    ".jpg .jpeg .jpe .mpo .png .webp .gif .bmp .tif .tiff .pgm .ppm .pbm .jp2 .avif .ico".split()
)

LARGEST: Final = 89_478_485
"""The most pixels of a file: a quarter of a gibibyte as RGB, Pillow's own limit."""

_DAMAGE: Final = (
    OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError, struct.error,
    UserWarning,
)  # fmt: skip
"""What Pillow's readers raise on damaged files; a warning only where warnings are errors."""


def is_image(item: Any) -> bool:
    """Whether something is meant as an image, by its type; a ``str`` is a text.

    Examples
    --------
    >>> is_image(Path("cat.jpg")), is_image("cat.jpg")
    (True, False)
    """
    return isinstance(item, Path | bytes | bytearray | np.ndarray) or is_pillow(item)


def image_files(paths: Iterable[str | Path]) -> list[Path]:
    """The image files among paths, folders searched through; told by their suffixes.

    Parameters
    ----------
    paths : iterable of paths
        A file that is named is kept whatever its suffix.

    Returns
    -------
    list of Path
        Those of a folder sorted by path; hidden files and folders left out.

    Raises
    ------
    PathNotFound
        If there is nothing at one of the paths.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise PathNotFound(f"There is nothing at {path}.", "Check the path.")
        if not path.is_dir():
            found.append(path)
            continue
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if not hidden and file.suffix.lower() in SUFFIXES and file.is_file():
                found.append(file)
    return found


def read_image(item: ImageLike) -> Image:
    """Read an image as RGB, turned upright.

    Parameters
    ----------
    item : Path, bytes, PIL.Image.Image or ndarray
        An array is (height, width), (height, width, 1), (height, width, 3) or (height, width, 4):
        bytes, or floats between 0 and 1. Transparency is dropped, as Pillow drops it; 16 bits are
        scaled to 8; of an animation, the first frame is taken.

    Returns
    -------
    PIL.Image.Image
        In mode RGB.

    Raises
    ------
    InvalidInput
        If it is no image: another thing, other bytes, or an array that cannot be one.
    PathNotFound
        If there is no file.
    ReadError
        If a file is no image, is damaged or cut off, or unpacks to more than `LARGEST` pixels.
    MissingExtra
        If Pillow is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> read_image(np.zeros((4, 6), np.uint8)).size
    (6, 4)
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtra("Reading images", "images") from error
    if isinstance(item, np.ndarray):
        return Image.fromarray(_rgb_bytes(item))
    where = _name(item)
    opened = item if isinstance(item, Image.Image) else _opened(item, where)
    try:
        return _as_rgb(ImageOps.exif_transpose(opened))
    except _DAMAGE as error:
        raise ReadError(
            f"{where} is damaged or cut off: {error}.", "Get the file again, or leave it out."
        ) from error
    finally:
        if opened is not item:
            opened.close()


def _opened(item: Any, where: str) -> Image:
    """The head of a file; its pixels are read later."""
    from PIL import Image

    if isinstance(item, str | Path):
        if not Path(item).is_file():
            raise PathNotFound(f"There is no image file at {item}.", "Check the path.")
        source: Any = item
    elif isinstance(item, bytes | bytearray):
        source = io.BytesIO(item)
    else:
        raise InvalidInput(
            f"{item!r:.80} is not an image.",
            "Give a pathlib.Path, bytes, a Pillow image or a numpy array.",
        )
    try:
        opened = Image.open(source, formats=_known_formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(where, str(error)) from error
    except _DAMAGE as error:
        kind = InvalidInput if isinstance(item, bytes | bytearray) else ReadError
        raise kind(
            f"{where} is not an image of a known format.",
            f"These are read: {', '.join(_known_formats())}.",
        ) from error
    if opened.width * opened.height > LARGEST:
        raise _too_large(where, f"{opened.width:,} × {opened.height:,}")
    return opened


@functools.cache
def _known_formats() -> tuple[str, ...]:
    from PIL import Image

    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _too_large(where: str, how: str) -> ReadError:
    return ReadError(
        f"{where} unpacks to more than {LARGEST:,} pixels ({how}).",
        "If it is meant, open it with Pillow (Image.MAX_IMAGE_PIXELS) and give the opened image.",
    )


def _as_rgb(image: Image) -> Image:
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":  # Pillow would cut these off at 255
        table = np.asarray(image, np.float32)
        if image.mode != "F" and table.size and table.max() > 255:
            table = table / np.float32(257)  # 65,535 becomes 255
        return Image.fromarray(np.clip(np.round(table), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def _rgb_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """An array as (height, width, 3) bytes."""
    shape = array.shape
    if array.ndim == 2 and shape[1] in (1, 3, 4) and shape[0] > 4:
        raise InvalidInput(
            f"An array of shape {shape} looks like one row of an image.",
            "Give a list of images, also for one: encode([image]).",
        )
    if array.ndim not in (2, 3) or 0 in shape or (array.ndim == 3 and shape[2] not in (1, 3, 4)):
        raise InvalidInput(
            f"An array of shape {shape} is not an image.",
            "Give (height, width) or (height, width, 3); channels first: array.transpose(1, 2, 0).",
        )
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise InvalidInput(
                "An image of floats holds numbers outside 0 to 1, or NaN.",
                "Divide by 255, or give bytes (uint8).",
            )
        array = np.round(array * 255).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InvalidInput(
            f"An array of {array.dtype} is not an image.", "Give bytes (uint8), or floats 0 to 1."
        )
    if array.ndim == 2 or shape[2] == 1:
        return np.repeat(array.reshape(*shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(array[..., :3])


def is_pillow(item: Any) -> bool:
    """Whether it is a Pillow image; Pillow is not imported to find out."""
    return any(kind.__module__ == "PIL.Image" for kind in type(item).__mro__)


def _name(item: Any) -> str:
    if isinstance(item, str | Path):
        return str(item)
    if isinstance(item, bytes | bytearray):
        return f"An image of {len(item):,} bytes"
    return f"{str(getattr(item, 'filename', '')) or 'An image'}"
