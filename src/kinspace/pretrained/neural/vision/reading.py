"""What image models share: where they run, in which batches, and what comes after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter
from kinspace.pretrained.neural.running.setting import Precision, Setting, choose
from kinspace.pretrained.neural.vision.pixels import Pixels
from kinspace.read.images import ImageLike


def choose_for_images(device: str, precision: Precision) -> Setting:
    """Where an image model runs, and in which precision; there is no int8 for images.

    Raises
    ------
    InvalidParameter
        If int8 is asked for, or what
        :func:`~kinspace.pretrained.neural.running.setting.choose` refuses.
    """
    if precision == "int8":
        raise InvalidParameter("Image models do not run in int8.", 'Give precision="auto".')
    return choose(device, precision)


def place(model: Any, setting: Setting) -> Any:
    """Bring a model to its device and precision.

    Channels come last in memory: in bfloat16 with AMX, that takes ResNet-50 from 28 to 14 ms an
    image and MobileNetV2 from 10 to 6, and changes nothing for ConvNeXt, Swin and ViT.
    """
    import torch

    model = model.eval().to(device=setting.device, dtype=setting.dtype)
    return model.to(memory_format=torch.channels_last)


def encode_images(
    items: Sequence[ImageLike],
    pixels: Pixels,
    model: Callable[[dict[str, Any]], Any],
    setting: Setting,
    size: int,
) -> NDArray[np.float32]:
    """Encode images in batches, while the next ones are read.

    Parameters
    ----------
    items : sequence of images
        At least one.
    pixels : Pixels
    model : callable
        From what ``pixels`` gives to a tensor of shape (n, dim).
    setting : Setting
    size : int
        The most images of a batch.

    Returns
    -------
    ndarray of float32, shape (len(items), dim)
    """
    import torch

    vectors: NDArray[np.float32] | None = None
    with torch.inference_mode():
        for rows, features in pixels.batches(items, size):
            found = model(pixels.together(features, setting.device, setting.dtype))
            table: NDArray[np.float32] = found.float().cpu().numpy()
            if vectors is None:
                vectors = np.empty((len(items), table.shape[1]), np.float32)
            vectors[rows] = table
    assert vectors is not None
    return vectors


def run_modules(modules: Sequence[Any], features: dict[str, Any]) -> Any:
    """Run modules of sentence-transformers one after the other; after the first, in float32.

    Parameters
    ----------
    modules : sequence of modules
    features : dict
        With ``"modality"``: ``"text"`` or ``"image"``.

    Returns
    -------
    torch.Tensor, shape (n, dim)
    """
    features = modules[0](features)
    for name, value in features.items():
        if hasattr(value, "is_floating_point") and value.is_floating_point():
            features[name] = value.float()
    for module in modules[1:]:
        features = module(features)
    return features["sentence_embedding"]


def check_images(batch_images: int) -> None:
    """Raise :class:`InvalidParameter` unless a batch may hold an image."""
    if batch_images < 1:
        raise InvalidParameter(f"A batch cannot hold {batch_images} images.", "Give 1 or more.")
