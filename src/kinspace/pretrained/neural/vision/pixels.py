"""Images to the pixels that a model takes, prepared ahead in threads, in batches of bounded size.

The common preparation (resize, cut out the middle, scale, normalise) is done here on bytes, and
the arithmetic on whole batches; its pixels are those of transformers' own processor, to rounding.
Any other preparation is left to that processor.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import MissingExtra, ReadError
from kinspace.pretrained.neural.folders.opening import quiet
from kinspace.read.images import ImageLike, read_image

Features = dict[str, NDArray[Any]]
"""What a model takes of one image, by the name of its argument."""

_THREADS: Final = 4
"""More threads than this decode faster than any model here reads."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """The common preparation: resize, cut out the middle, scale and normalise.

    Attributes
    ----------
    shortest : int or None
        Resize so that the shorter side has so many pixels …
    size : (height, width) or None
        … or to this size, whatever the shape.
    resample : int
        Pillow's number of the filter.
    crop : (height, width) or None
        What is cut out of the middle.
    scale, shift : array of float32, shape (3,)
        A byte ``x`` of channel ``c`` becomes ``scale[c] * x + shift[c]``.
    """

    shortest: int | None
    size: tuple[int, int] | None
    resample: int
    crop: tuple[int, int] | None
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]

    def bytes_of(self, image: Any) -> NDArray[np.uint8] | None:
        """An image as (height, width, 3) bytes; None where it is smaller than what is cut out."""
        width, height = image.size
        if self.shortest is not None:
            long = int(self.shortest * max(width, height) / min(width, height))
            width, height = (self.shortest, long) if width <= height else (long, self.shortest)
        elif self.size is not None:
            height, width = self.size
        if self.crop is not None:
            if self.crop[0] > height or self.crop[1] > width:
                return None
            top, left = (height - self.crop[0]) // 2, (width - self.crop[1]) // 2
            box = (left, top, left + self.crop[1], top + self.crop[0])
        if (width, height) != image.size:
            image = image.resize((width, height), self.resample)
        return np.asarray(image if self.crop is None else image.crop(box))


def read_preparation(processor: Any) -> Preparation | None:
    """The preparation of a processor of transformers; None if it does something else."""
    from transformers.image_processing_backends import PilBackend

    own = ("_preprocess", "resize", "center_crop", "rescale", "normalize", "process_image")
    kind = type(processor)
    if not isinstance(processor, PilBackend) or any(
        getattr(kind, name) is not getattr(PilBackend, name) for name in own
    ):
        return None
    if getattr(processor, "do_pad", False) or not getattr(processor, "do_rescale", False):
        return None
    size = _sizes(processor, "size") if getattr(processor, "do_resize", False) else {}
    crop = _sizes(processor, "crop_size") if getattr(processor, "do_center_crop", False) else {}
    if set(size) not in (set(), {"shortest_edge"}, {"height", "width"}):
        return None
    if set(crop) not in (set(), {"height", "width"}):
        return None
    mean, std = np.zeros(3), np.ones(3)
    if getattr(processor, "do_normalize", False):
        mean, std = np.asarray(processor.image_mean), np.asarray(processor.image_std)
    if mean.shape not in ((), (3,)) or std.shape not in ((), (3,)):
        return None
    resample = getattr(processor, "resample", None)
    return Preparation(
        shortest=size.get("shortest_edge"),
        size=(size["height"], size["width"]) if "height" in size else None,
        resample=2 if resample is None else int(resample),  # bilinear, as in transformers
        crop=(crop["height"], crop["width"]) if crop else None,
        scale=np.broadcast_to(processor.rescale_factor / std, 3).astype(np.float32),
        shift=np.broadcast_to(-mean / std, 3).astype(np.float32),
    )


def _sizes(processor: Any, name: str) -> dict[str, int]:
    """A size without what it leaves open."""
    said = getattr(processor, name, None) or {}
    return {key: int(value) for key, value in dict(said).items() if value is not None}


def open_processor(folder: Path) -> Any:
    """The image processor of a model's folder, by Pillow: its pixels are the same everywhere.

    Raises
    ------
    MissingExtra
        If Pillow is not installed.
    ReadError
        If the folder has none that can be read.
    """
    try:
        import PIL  # noqa: F401 - transformers would raise an error of its own
    except ImportError as error:
        raise MissingExtra("Reading images", "images") from error
    from transformers import AutoImageProcessor

    with quiet():
        try:
            return AutoImageProcessor.from_pretrained(
                str(folder), local_files_only=True, backend="pil"
            )
        except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
            raise ReadError(
                f"{folder} does not say how images are prepared: {error}.",
                "A preprocessor_config.json or a processor_config.json belongs to the model.",
            ) from error


class Pixels:
    """From images to what a model takes.

    Parameters
    ----------
    processor : transformers.BaseImageProcessor
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.preparation = read_preparation(processor)

    def of(self, item: ImageLike) -> Features:
        """Read and prepare one image; bytes where the arithmetic can wait for the batch."""
        image = read_image(item)
        if self.preparation is not None:
            prepared = self.preparation.bytes_of(image)
            if prepared is not None:
                return {"pixel_values": prepared}
        features = self.processor(images=[image], return_tensors="np")
        return {name: np.asarray(value)[0] for name, value in features.items()}

    def together(self, images: Sequence[Features], device: str, dtype: Any) -> dict[str, Any]:
        """Tensors of several images of one shape, on a device; floats in a precision."""
        import torch

        found: dict[str, Any] = {}
        for name in images[0]:
            table = torch.from_numpy(np.stack([features[name] for features in images])).to(device)
            if name == "pixel_values" and table.dtype == torch.uint8 and self.preparation:
                scale, shift = (
                    torch.from_numpy(part).to(device)
                    for part in (self.preparation.scale, self.preparation.shift)
                )
                table = torch.addcmul(shift, table.float(), scale).permute(0, 3, 1, 2)
            found[name] = table.to(dtype) if table.is_floating_point() else table
        return found

    def batches(
        self, items: Sequence[ImageLike], size: int
    ) -> Iterator[tuple[slice, list[Features]]]:
        """Images in batches of one shape, read ahead in threads.

        Parameters
        ----------
        items : sequence of images
        size : int
            The most images of a batch; at most twice as many are held.

        Yields
        ------
        tuple of slice and list of features
            Which items they are, and what the model takes of each.
        """
        threads = min(_THREADS, os.cpu_count() or 1)
        with ThreadPoolExecutor(threads, thread_name_prefix="kinspace-images") as pool:
            ahead: deque[Future[Features]] = deque()
            waiting = iter(items)
            start, held = 0, list[Features]()
            try:
                while True:
                    for item in waiting:
                        # Opened, but not read: two threads must not read from one file.
                        is_open = bool(getattr(item, "tile", None))
                        ahead.append(pool.submit(self.of, read_image(item) if is_open else item))
                        if len(ahead) >= size:
                            break
                    if not ahead:
                        break
                    features = ahead.popleft().result()
                    if held and (len(held) == size or _shapes(held[0]) != _shapes(features)):
                        yield slice(start, start + len(held)), held
                        start, held = start + len(held), []
                    held.append(features)
                if held:
                    yield slice(start, start + len(held)), held
            finally:
                for future in ahead:
                    future.cancel()


def _shapes(features: Features) -> list[tuple[Any, ...]]:
    return [(name, value.shape, value.dtype.str) for name, value in features.items()]
