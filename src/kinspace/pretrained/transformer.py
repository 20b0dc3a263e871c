"""Any sentence-transformers model, fast on CPUs: bfloat16, and batches by token budget."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side, require_texts
from kinspace.errors import InvalidParameter, MissingExtra, ReadError
from kinspace.pretrained.resolve import resolve
from kinspace.space import Space, fingerprint_of

Precision = Literal["auto", "float32", "bfloat16"]

_IDENTITY = re.compile(
    r"(.*/)?((model|pytorch_model).*\.(safetensors|bin)|tokenizer\.json|vocab\.txt|"
    r"sentencepiece.*\.model|modules\.json|config\.json|config_sentence_transformers\.json|"
    r"sentence_.*_config\.json)"
)
"""The files of a model's folder that change its vectors."""


class TransformerEncoder(Encoder[str]):
    """A sentence-transformers model: a transformer, a pooling and what follows it.

    Batches hold about as many tokens each, of texts of like length, so that little is padded;
    on CPUs with bfloat16 instructions the transformer runs in bfloat16 and everything after it
    in float32. Loading waits for the first use.

    Parameters
    ----------
    name : str or Path
        What :func:`kinspace.pretrained.resolve.resolve` understands: a path or a name.
    precision : {"auto", "float32", "bfloat16"}
        Precision of the transformer. "auto" takes bfloat16 where the processor has instructions
        for it. Not part of the space: the vectors agree to a cosine of .999 and more.
    batch_tokens : int
        The most tokens of one batch, padding included.
    device : str
        Where torch runs it.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Raises
    ------
    InvalidParameter
        At the first use, if a parameter is outside its range.
    ModelNotFound
        At the first use, if there is no such model on this machine.
    MissingExtra
        At the first use, if the extra ``neural`` is not installed.
    ReadError
        At the first use, if the folder holds something that cannot be loaded.

    References
    ----------
    Reimers & Gurevych 2019, "Sentence-BERT".
    """

    batch_cost: ClassVar[int] = 1 << 21
    sorts_by_cost: ClassVar[bool] = True

    def __init__(
        self,
        name: str | Path,
        *,
        precision: Precision = "auto",
        batch_tokens: int = 8192,
        device: str = "cpu",
        download: bool = False,
    ) -> None:
        self.name = name
        self.precision = precision
        self.batch_tokens = batch_tokens
        self.device = device
        self.download = download

    @functools.cached_property
    def folder(self) -> Path:
        """The folder of the model's files."""
        return resolve(self.name, download=self.download)

    @functools.cached_property
    def space(self) -> Space:
        """The space of the vectors; its fingerprint covers weights, tokenizer and prompts."""
        dim = self._model.get_embedding_dimension()
        return Space(Path(self.name).name, fingerprint_folder(self.folder), int(dim))

    @property
    def tokenizer(self) -> Any:
        """The fast tokenizer (``tokenizers.Tokenizer``) of the model, or None if it has none."""
        return getattr(self._model.tokenizer, "backend_tokenizer", None)

    @functools.cached_property
    def _model(self) -> Any:
        if self.precision not in get_args(Precision):
            raise InvalidParameter(
                f"Unknown precision {self.precision!r}.",
                f"Choose one of: {', '.join(get_args(Precision))}.",
            )
        if self.batch_tokens < 1:
            raise InvalidParameter(
                f"A batch cannot hold {self.batch_tokens} tokens.", "Give 1 or more."
            )
        folder = self.folder
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtra("TransformerEncoder", "neural") from error
        with _quiet():
            try:
                model = SentenceTransformer(
                    str(folder),
                    device=self.device,
                    local_files_only=True,
                    model_kwargs={"dtype": torch.float32},
                ).eval()
            except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
                raise ReadError(
                    f"{folder} cannot be loaded as a sentence-transformers model: {error}.",
                    "Check that the folder is complete.",
                ) from error
        if self.precision == "bfloat16" or (self.precision == "auto" and _has_bfloat16(model)):
            model[0].to(torch.bfloat16)
        return model

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        import torch

        require_texts(items)
        prompt = self._prompt(side)
        lengths = self._lengths([prompt + item for item in items])
        vectors = np.empty((len(items), self.space.dim), np.float32)
        with torch.inference_mode():
            for rows in token_batches(lengths, self.batch_tokens):
                features = self._model.preprocess(
                    [items[i] for i in rows], **({"prompt": prompt} if prompt else {})
                )
                vectors[rows] = self._forward(features)
        return vectors

    def _forward(self, features: dict[str, Any]) -> NDArray[np.float32]:
        """Run the modules one after the other; all but the transformer in float32."""
        import torch

        for key, value in features.items():
            if isinstance(value, torch.Tensor):
                features[key] = value.to(self.device)
        for module in self._model:
            features = module(features)
            for key, value in features.items():
                if isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16:
                    features[key] = value.float()
        array: NDArray[np.float32] = features["sentence_embedding"].float().cpu().numpy()
        return array

    def _prompt(self, side: Side) -> str:
        """What the model's files say stands before a text of this side."""
        prompts: dict[str, str] = self._model.prompts or {}
        default = prompts.get(self._model.default_prompt_name or "", "")
        names = ("query",) if side == "query" else ("document", "passage", "corpus")
        return next((prompts[name] for name in names if prompts.get(name)), default or "")

    def _lengths(self, texts: list[str]) -> NDArray[np.int64]:
        """Tokens of each text, cut at the model's longest."""
        longest = self._model.max_seq_length or 1 << 30
        tokenizer = self.tokenizer
        if tokenizer is None:
            counts = [len(ids) for ids in self._model.tokenizer(texts)["input_ids"]]
        else:
            tokenizer.no_padding()
            counts = [len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts)]
        return np.minimum(np.asarray(counts, np.int64), longest)


def token_batches(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Positions in batches of like length whose padded size stays within a budget.

    Parameters
    ----------
    lengths : array of int64, shape (n,)
        Tokens of each text.
    budget : int
        The most tokens of a batch, padding included; a longer text is a batch by itself. A batch
        that is half full ends where the length changes: without padding, attention is faster.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(int(lengths[order[start]]), 1)
        stop = start + 1
        while stop < len(order) and (stop - start + 1) * longest <= budget:
            changes = lengths[order[stop]] != lengths[order[stop - 1]]
            if changes and 2 * (stop - start) * longest >= budget:
                break
            stop += 1
        yield order[start:stop]
        start = stop


def fingerprint_folder(folder: Path) -> str:
    """Hash the files of a model's folder that change its vectors: 16 hexadecimal digits."""
    parts: list[str] = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_file() and _IDENTITY.fullmatch(relative):
            with path.open("rb") as file:
                parts += [relative, hashlib.file_digest(file, "sha256").hexdigest()]
    return fingerprint_of(*parts)


def _has_bfloat16(model: Any) -> bool:
    """Whether bfloat16 is faster than float32 where the model runs."""
    import torch

    if model.device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capability = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    amx = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool((capability and capability()) or (amx and amx()))


class _quiet:  # noqa: N801 - used as a function
    """Without transformers' own bar while weights are loaded."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._shown = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        if self._shown:
            logging.enable_progress_bar()
