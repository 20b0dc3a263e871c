"""Images to vectors by networks that were trained to name what is in them, or to see at all."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side
from kinspace.errors import InvalidInput, InvalidParameter, MissingExtra, ReadError, require_choice
from kinspace.pretrained.neural.folders.layout import Layout, fingerprint
from kinspace.pretrained.neural.folders.model import FolderModel
from kinspace.pretrained.neural.folders.opening import open_model, quiet
from kinspace.pretrained.neural.running.setting import Precision, Setting
from kinspace.pretrained.neural.vision.pixels import Pixels, open_processor
from kinspace.pretrained.neural.vision.reading import (
    check_images,
    choose_for_images,
    encode_images,
    place,
    run_modules,
)
from kinspace.read.images import SUFFIXES, ImageLike, is_image
from kinspace.space import Space

ImagePooling = Literal["penultimate", "cls", "mean", "max", "pooler"]


class ImageEncoder(FolderModel, Encoder["ImageLike | str"]):
    """A network of images (ViT, DINOv2, Swin, ResNet, ConvNeXt …) without its last layer.

    Folders of transformers are read, and those of sentence-transformers whose first module reads
    images. An image is a path, bytes, a Pillow image or a numpy array. Images are read ahead in
    threads. Loading waits for the first use.

    Parameters
    ----------
    name : str or Path
        What :func:`kinspace.pretrained.resolve.resolve` understands: a path or a name.
    pooling : {"penultimate", "cls", "mean", "max", "pooler"}
        What becomes the vector. ``"penultimate"``: what the classifier reads, in a network that
        has one; else what its files state; else the class token, where there is one; else what
        the network itself pools. ``"cls"``: the class token of the last layer. ``"mean"`` and
        ``"max"``: over the patches, or the places, of the last layer. ``"pooler"``: what the
        network itself pools, which for some is learned. Other than the default is another space.
    device : str
        ``"auto"`` takes a GPU where torch sees one.
    precision : {"auto", "float32", "bfloat16", "float16"}
        "auto" takes the fastest that the device has instructions for. Not part of the space.
    batch_images : int
        The most images of one batch; at most twice as many are held in memory.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Attributes
    ----------
    pooling_ : str
        What ``"penultimate"`` came to: ``"classifier"``, ``"stated"``, ``"cls"`` or ``"pooler"``;
        else the pooling that was asked for.

    Raises
    ------
    InvalidParameter
        At the first use, if a parameter is outside its range, or the network has no class token
        or pooler and it is asked for.
    ModelNotFound
        At the first use, if there is no such model on this machine.
    MissingExtra
        At the first use, if the extra ``neural`` or ``images`` is not installed.
    ReadError
        At the first use, if the folder holds something that cannot be loaded; later, if an image
        cannot be read.

    References
    ----------
    Razavian, Azizpour, Sullivan & Carlsson 2014, "CNN Features off-the-shelf: an Astounding
    Baseline for Recognition". Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words".
    """

    batch_cost: ClassVar[int] = 512  # an image costs 1
    items_held: ClassVar[int] = 512  # opened images take megabytes each

    def __init__(
        self,
        name: str | Path,
        *,
        pooling: ImagePooling = "penultimate",
        device: str = "auto",
        precision: Precision = "auto",
        batch_images: int = 32,
        download: bool = False,
    ) -> None:
        self.name = name
        self.pooling = pooling
        self.device = device
        self.precision = precision
        self.batch_images = batch_images
        self.download = download

    @functools.cached_property
    def setting(self) -> Setting:
        """Where the model runs, in which precision, and why."""
        return choose_for_images(self.device, self.precision)

    @property
    def pooling_(self) -> str:
        """What becomes the vector, by its own name."""
        return self._model.pooling

    @functools.cached_property
    def space(self) -> Space:
        """The space of the vectors; its fingerprint covers weights, preparation and pooling."""
        model = self._model
        changed = [] if self.pooling == "penultimate" else [("pooling", self.pooling)]
        digest = fingerprint(self.layout, *changed)
        return Space(Path(self.name).name, digest, model.dim, self.layout.metric)

    def _costs(self, items: list[ImageLike | str]) -> NDArray[np.int64]:
        return np.ones(len(items), np.int64)

    def _encode_batch(self, items: Sequence[ImageLike | str], side: Side) -> NDArray[np.float32]:
        model = self._model
        images = [_image(item) for item in items]
        return encode_images(images, model.pixels, model.vectors, self.setting, self.batch_images)

    @functools.cached_property
    def _model(self) -> ImageModel:
        check_images(self.batch_images)
        require_choice("pooling", self.pooling, ImagePooling)
        setting, layout = self.setting, self.layout
        if layout.kind != "image":
            raise ReadError(
                f"{self.folder} is no model of images alone: it is {layout.kind}.",
                "Load it with ks.load, without kind.",
            )
        return open_image_model(layout, self.pooling, setting)


def _image(item: Any) -> ImageLike:
    """An image; a str is taken as its path."""
    if not isinstance(item, str):
        if is_image(item):
            image: ImageLike = item
            return image
        raise InvalidInput(
            f"{item!r:.80} is not an image.", "Give paths, bytes, Pillow images or numpy arrays."
        )
    if Path(item[-8:]).suffix.lower() in SUFFIXES and "\n" not in item and "\0" not in item:
        return Path(item)
    raise InvalidInput(
        f"{item!r:.80} is a text, and this model reads images.",
        "Give pathlib.Path for files; for texts beside images, load a CLIP model.",
    )


@dataclass(frozen=True)
class ImageModel:
    """A network of images, ready to run.

    Attributes
    ----------
    vectors : callable
        From what ``pixels`` gives to a tensor of shape (n, dim).
    pixels : Pixels
    dim : int
    pooling : str
        What becomes the vector.
    """

    vectors: Callable[[dict[str, Any]], Any]
    pixels: Pixels
    dim: int
    pooling: str


def open_image_model(layout: Layout, pooling: ImagePooling, setting: Setting) -> ImageModel:
    """Open a folder of a network of images.

    Raises
    ------
    InvalidParameter
        If the network has no such pooling.
    ReadError
        If it cannot be loaded.
    """
    pixels = Pixels(open_processor(layout.transformer))
    if layout.modules and pooling == "penultimate":
        model = open_model("SentenceTransformer", layout.folder)
        modules = list(model)
        place(modules[0], setting)
        for module in modules[1:]:
            module.to(setting.device)
        vectors: Callable[[dict[str, Any]], Any] = _Modules(modules)
        pooling_ = "stated"
    elif pooling == "penultimate" and layout.architecture.endswith("ForImageClassification"):
        network = place(_load("AutoModelForImageClassification", layout, pooling), setting)
        _without_classifier(network, layout)
        vectors, pooling_ = _Headless(network), "classifier"
    else:
        network = place(_load("AutoModel", layout, pooling), setting)
        pooling_ = _resolved(network) if pooling == "penultimate" else pooling
        if pooling_ == "cls" and not _prefix(network):
            raise InvalidParameter(
                f"{layout.architecture} has no class token.", 'Give pooling="mean" or "pooler".'
            )
        vectors = _Pooled(network, pooling_)
    blank = np.zeros((64, 64, 3), np.uint8)
    dim = encode_images([blank], pixels, vectors, setting, 1).shape[1]
    return ImageModel(vectors, pixels, dim, pooling_)


def _load(kind: str, layout: Layout, pooling: str) -> Any:
    """A network of transformers, all of whose weights are in its files."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra("An image model", "neural") from error
    with quiet(), _without_report():
        try:
            network, found = getattr(transformers, kind).from_pretrained(
                str(layout.transformer),
                local_files_only=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as error:  # the libraries' errors have no common root
            raise ReadError(
                f"{layout.folder} cannot be loaded as an image model: {error}.",
                "Check that the folder is complete.",
            ) from error
    missing = sorted(found["missing_keys"])
    if pooling == "pooler" and any(name.startswith("pooler.") for name in missing):
        raise InvalidParameter(
            f"The files of {layout.folder} hold no weights of a pooler.",
            'Give pooling="cls" or "mean".',
        )
    missing = [name for name in missing if not name.startswith("pooler.")]
    if missing:
        raise ReadError(
            f"{layout.folder} lacks weights that its network needs: {', '.join(missing[:3])}"
            f"{' …' if len(missing) > 3 else ''}.",
            "Get the model again, whole.",
        )
    return network


@contextlib.contextmanager
def _without_report() -> Iterator[None]:
    """Without transformers' table of weights that are missing or left over."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


class _Modules:
    """A model of sentence-transformers."""

    def __init__(self, modules: list[Any]) -> None:
        self.modules = modules

    def __call__(self, features: dict[str, Any]) -> Any:
        return run_modules(self.modules, {**features, "modality": "image"})


class _Headless:
    """A classifier whose last layer gives what it was given."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(self, features: dict[str, Any]) -> Any:
        return self.network(**features).logits.flatten(1)


class _Pooled:
    """A network whose last layer is pooled."""

    def __init__(self, network: Any, pooling: str) -> None:
        self.network = network
        self.pooling = pooling
        self.prefix = _prefix(network)

    def __call__(self, features: dict[str, Any]) -> Any:
        found = self.network(**features)
        if self.pooling == "pooler":
            pooled = getattr(found, "pooler_output", None)
            if pooled is None:
                raise InvalidParameter(
                    f"{type(self.network).__name__} has no pooler.", 'Give pooling="mean".'
                )
            return pooled.flatten(1)
        states = found.last_hidden_state.float()
        if self.pooling == "cls":
            return states[:, 0]
        if states.ndim == 4:  # (n, channels, height, width)
            states = states.flatten(2).transpose(1, 2)
        patches = states[:, self.prefix :]
        return patches.mean(1) if self.pooling == "mean" else patches.amax(1)


def _without_classifier(network: Any, layout: Layout) -> None:
    """Put in place of the last layer one that gives what it is given."""
    import torch

    heads = [name for name, _ in network.named_children() if "classifier" in name]
    heads = heads or [name for name, _ in network.named_children() if name in ("head", "fc")]
    if not heads:
        raise InvalidParameter(
            f"{layout.architecture} has no classifier that is known.",
            'Give pooling="mean", "max", "cls" or "pooler".',
        )
    for name in heads:
        setattr(network, name, torch.nn.Identity())


def _resolved(network: Any) -> str:
    """The class token, where there is one; else what the network pools; else the mean."""
    if _prefix(network):
        return "cls"
    is_pooled = getattr(network, "pooler", None) is not None
    return "pooler" if is_pooled else "mean"


def _prefix(network: Any) -> int:
    """How many tokens stand before the patches: class, distillation and register tokens."""
    parameters = {name.rpartition(".")[2]: value for name, value in network.named_parameters()}
    if "cls_token" not in parameters:
        return 0
    registers = parameters.get("register_tokens")
    return (
        1
        + ("distillation_token" in parameters)
        + (0 if registers is None else int(registers.shape[1]))
    )
