"""Images from files, bytes, Pillow and arrays, and what cannot be one."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kinspace.errors import InvalidInput, KinspaceError, PathNotFound, ReadError
from kinspace.read.images import image_files, is_image, read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(item: Any) -> Any:
    image = read_image(item)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_files_and_bytes_without_loss(kind: str, tmp_path: Path) -> None:
    raw = encoded(Image.fromarray(PIXELS), kind)
    (tmp_path / "picture").write_bytes(raw)
    assert (pixels(raw) == PIXELS).all()
    assert (pixels(bytearray(raw)) == PIXELS).all()
    assert (pixels(tmp_path / "picture") == PIXELS).all()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_files_with_loss(kind: str) -> None:
    flat = np.full((16, 16, 3), (200, 60, 60), np.uint8)
    assert np.abs(pixels(encoded(Image.fromarray(flat), kind)).astype(int) - flat).max() < 6


def test_arrays() -> None:
    assert (pixels(PIXELS) == PIXELS).all()
    assert (pixels(PIXELS / np.float32(255)) == PIXELS).all()
    grey = PIXELS[..., 0]
    for shape in (grey, grey[..., None]):
        assert (pixels(shape) == grey[..., None]).all()
    with_alpha = np.concatenate([PIXELS, PIXELS[..., :1]], axis=2)
    assert (pixels(with_alpha) == PIXELS).all()


def test_modes_of_pillow() -> None:
    grey = Image.fromarray(PIXELS[..., 0])
    assert (pixels(grey) == PIXELS[..., :1]).all()
    assert (pixels(grey.convert("1")) == np.asarray(grey.convert("1"))[..., None] * 255).all()
    assert (pixels(Image.fromarray(PIXELS).convert("RGBA")) == PIXELS).all()
    few = Image.fromarray(PIXELS).quantize(8)
    assert (
        pixels(encoded(few, "PNG", transparency=b"\0\1\2")) == np.asarray(few.convert("RGB"))
    ).all()


def test_sixteen_bits_become_eight() -> None:
    deep = PIXELS[..., 0].astype(np.uint16) * 257
    assert (pixels(encoded(Image.fromarray(deep), "PNG")) == PIXELS[..., :1]).all()


def test_pictures_of_a_camera_that_was_turned_are_turned_back() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    raw = encoded(Image.fromarray(PIXELS), "PNG", exif=exif)
    assert (pixels(raw) == np.rot90(PIXELS, -1)).all()


def test_the_first_picture_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    raw = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (pixels(raw) == (255, 0, 0)).all()


def test_the_same_pixels_as_transformers(tmp_path: Path) -> None:
    from transformers.image_utils import load_image

    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=exif)
    assert (pixels(tmp_path / "a.jpg") == np.asarray(load_image(str(tmp_path / "a.jpg")))).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_damage_is_a_typed_error(kind: str, tmp_path: Path) -> None:
    raw = encoded(Image.fromarray(np.tile(PIXELS, (8, 8, 1))), kind)
    path = tmp_path / "cut off"
    for keep in (0, 1, 10, len(raw) // 4, len(raw) // 2):
        path.write_bytes(raw[:keep])
        with pytest.raises(ReadError, match="cut off"):
            read_image(path)
        with pytest.raises((ReadError, InvalidInput), match=f"of {keep:,} bytes"):
            read_image(raw[:keep])
    rng = np.random.default_rng(1)
    for _ in range(40):
        broken = bytearray(raw)
        for place in rng.integers(0, len(raw), 6):
            broken[place] = rng.integers(0, 256)
        with contextlib.suppress(KinspaceError):  # nothing else may come of it
            read_image(bytes(broken))


def test_files_that_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("dear diary")
    (tmp_path / "figure.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    for name in ("notes.jpg", "figure.eps"):
        with pytest.raises(ReadError, match=name):
            read_image(tmp_path / name)
    with pytest.raises(PathNotFound):
        read_image(tmp_path / "none.png")
    with pytest.raises(PathNotFound):
        read_image(tmp_path)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused() -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    for side in (9_500, 20_000, 60_000):
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        rows = zlib.compress(bytes(100_000))
        raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows)
        with pytest.raises(ReadError, match="pixels"):
            read_image(raw + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 20, 30), np.uint8),
        np.zeros((20, 30, 2), np.uint8),
        np.zeros((2, 20, 30, 3), np.uint8),
        np.zeros((30, 3), np.uint8),
        np.zeros((0, 30, 3), np.uint8),
        np.zeros(9, np.uint8),
        np.zeros((20, 30), np.int64),
        np.full((20, 30), 7.0),
        np.full((20, 30), np.nan),
        np.full((20, 30), "a"),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_arrays_that_are_no_images(array: Any) -> None:
    with pytest.raises(InvalidInput):
        read_image(array)


@pytest.mark.parametrize("item", [3, None, ["a.png"], object()])
def test_things_that_are_no_images(item: Any) -> None:
    with pytest.raises(InvalidInput, match="is not an image"):
        read_image(item)
    assert not is_image(item)


def test_what_is_meant_as_an_image() -> None:
    for item in (Path("a.png"), b"", PIXELS, Image.fromarray(PIXELS)):
        assert is_image(item)
    assert not is_image("a.png")


def test_image_files_of_folders(tmp_path: Path) -> None:
    for name in ("b.jpg", "a/c.PNG", "a/notes.txt", ".hidden/d.jpg", "odd"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    root = tmp_path / "in"
    assert image_files([root]) == [root / "a" / "c.PNG", root / "b.jpg"]
    assert image_files([str(root / "odd"), root / "a"]) == [root / "odd", root / "a" / "c.PNG"]
    with pytest.raises(PathNotFound):
        image_files([root / "none"])
