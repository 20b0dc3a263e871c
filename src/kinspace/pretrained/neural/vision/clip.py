"""Texts and images in one space: CLIP, SigLIP and their kin."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side, require_texts
from kinspace.errors import InvalidInput, ReadError, require_choice
from kinspace.pretrained.neural.folders.layout import Layout, fingerprint
from kinspace.pretrained.neural.folders.model import TextModel
from kinspace.pretrained.neural.folders.opening import open_model
from kinspace.pretrained.neural.folders.sides import Prompts, stated_prompts
from kinspace.pretrained.neural.running.batches import Batch, check_budget
from kinspace.pretrained.neural.running.loop import rows_of
from kinspace.pretrained.neural.running.setting import Precision, Setting
from kinspace.pretrained.neural.running.tokens import Tokenizer
from kinspace.pretrained.neural.vision.pixels import Pixels, open_processor
from kinspace.pretrained.neural.vision.reading import (
    check_images,
    choose_for_images,
    encode_images,
    place,
    run_modules,
)
from kinspace.pretrained.overlong import Long
from kinspace.read.images import SUFFIXES, ImageLike, is_image
from kinspace.space import Space

IMAGE_COST = 1 << 12
"""What an image costs beside a character of a text: 512 images are handed over together."""


_SMALL = 512
"""Tokens of a batch that is no faster for being smaller."""


class ClipEncoder(TextModel, Encoder["str | ImageLike"]):
    """Texts and images in one space, so that a text finds images and an image its like.

    Folders of sentence-transformers are read (those of CLIPModel and later ones), and those of
    transformers itself: CLIP, MetaCLIP 2, SigLIP, SigLIP 2, Chinese-CLIP, AltCLIP, ALIGN. A text
    is a ``str``; an image is a :class:`pathlib.Path`, bytes, a Pillow image or a numpy array, and
    both may stand in one list. Images are read ahead in threads. Loading waits for the first use.

    Parameters
    ----------
    name : str or Path
        What :func:`kinspace.pretrained.resolve.resolve` understands: a path or a name.
    device : str
        ``"auto"`` takes a GPU where torch sees one.
    precision : {"auto", "float32", "bfloat16", "float16"}
        Of the two towers. "auto" takes the fastest that the device has instructions for. Not part
        of the space.
    batch_tokens : int
        The most tokens of one batch of texts.
    batch_images : int
        The most images of one batch; at most twice as many are held in memory.
    long : {"truncate", "mean", "error"}
        What becomes of texts longer than the model reads (CLIP: 77 tokens): cut; encoded in pieces
        whose vectors are averaged, each by its number of tokens; or refused.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Attributes
    ----------
    truncated_ : dict of str to int
        How many ``texts`` were cut since the encoder was made, and how many ``tokens`` they lost.

    Raises
    ------
    InvalidParameter
        At the first use, if a parameter is outside its range.
    ModelNotFound
        At the first use, if there is no such model on this machine.
    MissingExtra
        At the first use, if the extra ``neural`` or ``images`` is not installed.
    ReadError
        At the first use, if the folder holds something that cannot be loaded; later, if an image
        cannot be read.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
    Zhai, Mustafa, Kolesnikov & Beyer 2023, "Sigmoid Loss for Language Image Pre-Training".
    """

    batch_cost: ClassVar[int] = 512 * IMAGE_COST
    sorts_by_cost: ClassVar[bool] = True
    items_held: ClassVar[int] = 1024  # opened images take megabytes each

    def __init__(
        self,
        name: str | Path,
        *,
        device: str = "auto",
        precision: Precision = "auto",
        batch_tokens: int = 4096,
        batch_images: int = 32,
        long: Long = "truncate",
        download: bool = False,
    ) -> None:
        self.name = name
        self.device = device
        self.precision = precision
        self.batch_tokens = batch_tokens
        self.batch_images = batch_images
        self.long = long
        self.download = download

    @functools.cached_property
    def setting(self) -> Setting:
        """Where the model runs, in which precision, and why."""
        return choose_for_images(self.device, self.precision)

    @functools.cached_property
    def space(self) -> Space:
        """The space of texts and images; its fingerprint covers weights, tokenizer and pixels."""
        model = self._model
        changed = [] if self.long != "mean" else [("long", "mean")]
        return Space(
            Path(self.name).name,
            fingerprint(self.layout, *changed),
            model.dim,
            self.layout.metric,
        )

    @property
    def tokenizer(self) -> Any:
        """The fast tokenizer (``tokenizers.Tokenizer``) of the model, or None if it has none."""
        return getattr(self._model.tokenizer.tokenizer, "backend_tokenizer", None)

    def _costs(self, items: list[str | ImageLike]) -> NDArray[np.int64]:
        return np.array(
            [len(item) if isinstance(item, str) else IMAGE_COST for item in items], np.int64
        )

    def _encode_batch(self, items: Sequence[str | ImageLike], side: Side) -> NDArray[np.float32]:
        kinds = np.array([is_image(item) for item in items], bool)
        vectors = np.empty((len(items), self.space.dim), np.float32)
        texts = [item for item in items if not is_image(item)]
        if texts:
            require_texts(texts)
            vectors[~kinds] = self._encode_texts([str(text) for text in texts], side)
        if len(texts) < len(items):
            model = self._model
            vectors[kinds] = encode_images(
                [item for item in items if not isinstance(item, str)],
                model.pixels,
                model.of_images,
                self.setting,
                self.batch_images,
            )
        return vectors

    def _encode_texts(self, texts: list[str], side: Side) -> NDArray[np.float32]:
        """Vectors of texts; those of a text's pieces are averaged, each by its tokens."""
        for text in texts:
            if Path(text[-8:]).suffix.lower() in SUFFIXES and len(text) < 4096:
                _refuse_path(text)
        model = self._model
        tokens, pieces = rows_of(
            texts,
            model.tokenizer,
            lambda batch: model.of_texts(batch).float().cpu().numpy(),
            prompt=model.prompts.of(side),
            budget=self.batch_tokens,
        )
        self._count(tokens.cut)
        means = tokens.averaged(pieces)
        if means is not pieces and model.is_normalised:
            means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        return means

    @functools.cached_property
    def _model(self) -> ClipModel:
        check_images(self.batch_images)
        check_budget(self.batch_tokens)
        require_choice("long", self.long, Long)
        setting, layout = self.setting, self.layout
        if layout.kind != "clip":
            raise ReadError(
                f"{self.folder} is no model of texts and images: it is {layout.kind}.",
                "Load it with ks.load, without kind.",
            )
        return open_clip(layout, setting, self.long, self.batch_tokens)


@dataclass(frozen=True)
class ClipModel:
    """A model of texts and images, ready to run.

    Attributes
    ----------
    modules : list
        Modules of sentence-transformers; the first holds both towers.
    tokenizer : Tokenizer
    pixels : Pixels
    dim : int
    prompts : Prompts
        What stands before a text.
    setting : Setting
    filled : int or None
        Texts are filled with padding, which the model reads, to so many tokens.
    budget : int
        The most tokens that go through the model together.
    """

    modules: list[Any]
    tokenizer: Tokenizer
    pixels: Pixels
    dim: int
    prompts: Prompts
    setting: Setting
    filled: int | None
    budget: int

    @property
    def is_normalised(self) -> bool:
        """Whether all vectors have length 1."""
        return type(self.modules[-1]).__name__ == "Normalize"

    def of_images(self, features: dict[str, Any]) -> Any:
        """Vectors of prepared images, shape (n, dim)."""
        return run_modules(self.modules, {**features, "modality": "image"})

    def of_texts(self, batch: Batch) -> Any:
        """Vectors of tokenised texts, shape (n, dim)."""
        import torch

        tokenizer = self.tokenizer.tokenizer
        starts = np.cumsum(batch.lengths) - batch.lengths
        found = []
        for first, last in self._padded_parts(batch.lengths):
            lengths = batch.lengths[first:last]
            mask = np.arange(self.filled or lengths[0]) < lengths[:, None]
            if self.filled and tokenizer.padding_side == "left":
                mask = mask[:, ::-1]
            ids = np.full(mask.shape, tokenizer.pad_token_id or 0, np.int64)
            ids[mask] = batch.ids[starts[first] : starts[first] + lengths.sum()]
            features = {"input_ids": ids}
            if not self.filled:  # SigLIP was trained without a mask
                features["attention_mask"] = mask.astype(np.int64)
            device = self.setting.device
            tensors = {name: torch.from_numpy(value).to(device) for name, value in features.items()}
            found.append(run_modules(self.modules, {**tensors, "modality": "text"}))
        return torch.cat(found)

    def _padded_parts(self, lengths: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        """Parts of a batch, the longest first, that are padded by a sixth at most, or are small."""
        first = 0
        while first < len(lengths):
            width = self.filled or int(lengths[first])
            last = first + max(1, self.budget // width)
            if not self.filled:
                alike = int(np.searchsorted(-lengths, -(width * 5 // 6), side="right"))
                last = min(last, max(alike, first + 1 + _SMALL // width))
            yield first, min(last, len(lengths))
            first = last


def open_clip(layout: Layout, setting: Setting, long: Long, budget: int) -> ClipModel:
    """Open a folder of a model of texts and images.

    Raises
    ------
    ReadError
        If sentence-transformers cannot load it, or it does not read both texts and images.
    """
    pixels = Pixels(open_processor(layout.transformer))
    model = open_model("SentenceTransformer", layout.folder)
    modules = list(model)
    reads = getattr(modules[0], "modality_config", {})
    if not {"text", "image"} <= set(reads):
        raise ReadError(
            f"{layout.folder} reads {', '.join(map(str, reads))}, not texts and images.",
            "A CLIP model has two towers; load others with ks.load.",
        )
    tokenizer, inner = modules[0].tokenizer, modules[0].model.config
    words = getattr(inner, "text_config", inner)
    places = getattr(words, "max_position_embeddings", None)
    limits = [one for one in (modules[0].max_seq_length, places) if one]
    longest = min(limits, default=77)
    place(modules[0], setting)
    for module in modules[1:]:
        module.to(setting.device)
    # SigLIP pools at the last place and was trained with every text filled to the end.
    is_filled = str(inner.model_type).startswith("siglip")
    return ClipModel(
        modules=modules,
        tokenizer=Tokenizer(tokenizer, longest, long),
        pixels=pixels,
        dim=int(model.get_embedding_dimension() or layout.dim or 0),
        prompts=stated_prompts(layout.prompts, layout.default_prompt),
        setting=setting,
        filled=longest if is_filled else None,
        budget=budget,
    )


def _refuse_path(text: str) -> None:
    """Raise :class:`InvalidInput` if a text is the path of an image that is there."""
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):  # not a path at all
        return
    if is_file:
        raise InvalidInput(
            f"{text!r} is the path of an image, and a str is encoded as a text.",
            "Give pathlib.Path for images.",
        )
