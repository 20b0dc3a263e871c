"""Transformers that give one dense vector for a text: sentence-transformers, BERT, GPT-2, T5."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Side, require_texts
from kinspace.errors import (
    InvalidInput,
    InvalidParameter,
    NotApplicable,
    require_choice,
    require_count,
)
from kinspace.pretrained.neural.dense.model import DenseModel, Wishes, open_dense
from kinspace.pretrained.neural.dense.pooling import Pooling, check_pooling
from kinspace.pretrained.neural.dense.ways import ByBackbone
from kinspace.pretrained.neural.folders.layout import fingerprint
from kinspace.pretrained.neural.folders.model import TextModel
from kinspace.pretrained.neural.folders.sides import Prompts, chosen_prompts, stated_prompts
from kinspace.pretrained.neural.inside.erasure import contributions
from kinspace.pretrained.neural.inside.token_vectors import Combine, Layers, token_vectors
from kinspace.pretrained.neural.running.setting import Precision, Setting
from kinspace.pretrained.overlong import Long
from kinspace.pretrained.spans import Merge, TokenVectors
from kinspace.space import Space

_INSTRUCTOR: Final = {f"hkunlp/instructor-{size}" for size in ("base", "large", "xl")}
"""Models that leave the prompt out of the pooling, which their files do not say."""


class TransformerEncoder(TextModel, Encoder[str]):
    """A transformer, a pooling of its tokens, and what the model's files put after it.

    Folders of sentence-transformers are read with all their modules. A plain encoder or decoder
    (BERT, RoBERTa, GPT-2, the encoder of T5) is pooled as ``pooling`` says; the default is the
    mean of its tokens, and for a model made to continue texts the last token. Batches hold about
    as many tokens each, of texts of like length. Loading waits for the first use.

    Parameters
    ----------
    name : str or Path
        What :func:`kinspace.pretrained.resolve.resolve` understands: a path or a name.
    pooling : str or sequence of str, optional
        ``"mean"``, ``"max"``, ``"cls"`` (the first token), ``"lasttoken"``, ``"weightedmean"``
        (later tokens count more) or ``"mean_sqrt_len_tokens"``; the vectors of several are joined.
        By default what the files say.
    prompt : str or mapping, optional
        What stands before every text; or a prompt for each side, as
        ``{"query": "query: ", "document": "passage: "}``. By default what the files say.
    prompt_name : str, optional
        The name of one of the model's own prompts, for both sides.
    instruction : str, optional
        What stands before every text, and is read but left out of the pooling, as INSTRUCTOR does
        (Su et al. 2023). In place of ``prompt``.
    dim : int, optional
        Keep the first dimensions only (Matryoshka; Kusupati et al. 2022), in a derived space.
    max_length : int, optional
        The most tokens of a text. By default what the files say.
    long : {"truncate", "mean", "error"}
        What becomes of texts longer than the model reads: cut; encoded in pieces whose vectors are
        averaged, each by its number of tokens; or refused.
    batch_tokens : int
        The most tokens of one batch.
    device : str
        Where it runs; ``"auto"`` takes a GPU where torch sees one.
    precision : {"auto", "float32", "bfloat16", "float16", "int8"}
        Of the transformer; what comes after it is float32. ``"auto"`` takes the fastest that the
        device has instructions for. Not part of the space: the vectors agree to a cosine of .999
        and more.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Attributes
    ----------
    truncated_ : dict of str to int
        How many ``texts`` were cut since the encoder was made, and how many ``tokens`` they lost.

    Raises
    ------
    InvalidParameter
        At the first use, if a parameter is outside its range, or the model has nothing that it
        could change.
    ModelNotFound
        At the first use, if there is no such model on this machine.
    MissingExtra
        At the first use, if the extra ``neural`` is not installed.
    ReadError
        At the first use, if the folder is incomplete or damaged.
    InvalidInput
        At the first use, if the folder holds a model of another kind.

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
        pooling: Pooling | Sequence[Pooling] | None = None,
        prompt: str | Mapping[str, str] | None = None,
        prompt_name: str | None = None,
        instruction: str | None = None,
        dim: int | None = None,
        max_length: int | None = None,
        long: Long = "truncate",
        batch_tokens: int = 4096,
        device: str = "auto",
        precision: Precision = "auto",
        download: bool = False,
    ) -> None:
        self.name = name
        self.pooling = pooling
        self.prompt = prompt
        self.prompt_name = prompt_name
        self.instruction = instruction
        self.dim = dim
        self.max_length = max_length
        self.long = long
        self.batch_tokens = batch_tokens
        self.device = device
        self.precision = precision
        self.download = download

    # -- what it is ----------------------------------------------------------------------------

    @functools.cached_property
    def prompts(self) -> Prompts:
        """What stands before documents and queries."""
        if self.instruction is not None and (self.prompt, self.prompt_name) != (None, None):
            raise InvalidParameter("Both prompt and instruction were given.", "Give one of them.")
        given = self.prompt if self.instruction is None else self.instruction
        named = self.layout.prompts
        stated = stated_prompts(named, self.layout.default_prompt)
        return chosen_prompts(stated, named, prompt=given, prompt_name=self.prompt_name)

    @functools.cached_property
    def space(self) -> Space:
        """The space; its fingerprint covers weights, tokenizer, pooling, prompts and modules."""
        whole = self._whole
        if self.dim is None or self.dim == whole.dim:
            return whole
        if not 1 <= self.dim <= whole.dim:
            raise InvalidParameter(
                f"{whole.model} has {whole.dim} dimensions; {self.dim} were asked for.",
                f"Give dim from 1 to {whole.dim}.",
            )
        return whole.derive(f"truncate {self.dim}", dim=self.dim)

    @functools.cached_property
    def setting(self) -> Setting:
        """Where the model runs, in which precision, and why."""
        return self._model.setting

    @property
    def longest(self) -> int | None:
        """The most tokens of a text; None where nothing limits it."""
        return self._model.longest

    @property
    def tokenizer(self) -> Any:
        """The fast tokenizer (``tokenizers.Tokenizer``) of the model, or None if it has none."""
        return getattr(self._model.way.tokenizer, "backend_tokenizer", None)

    @functools.cached_property
    def _whole(self) -> Space:
        """The space of whole vectors."""
        model = self._model
        digest = fingerprint(self.layout, *self._changes())
        return Space(self._called(), digest, model.dim, self.layout.metric)

    def _called(self) -> str:
        return Path(self.name).name or self.folder.resolve().name

    def _changes(self) -> list[tuple[str, Any]]:
        """What the caller wants otherwise than the files say, of what changes a vector."""
        layout, prompts = self.layout, self.prompts
        stated = stated_prompts(layout.prompts, layout.default_prompt)
        wanted: dict[str, tuple[Any, Any]] = {
            "pooling": (self._wishes.pooling, layout.pooling or None),
            "document": (prompts.document, stated.document),
            "query": (prompts.query, stated.query),
            "instruction": (self._wishes.skips_prompt, False),
            "max_length": (self.max_length, layout.longest),
            "long": ("mean" if self.long == "mean" else "truncate", "truncate"),
        }
        return [(k, now) for k, (now, was) in wanted.items() if now not in (None, was)]

    @property
    def _wishes(self) -> Wishes:
        return Wishes(
            pooling=None if self.pooling is None else check_pooling(self.pooling),
            max_length=self.max_length,
            long=self.long,
            skips_prompt=self.instruction is not None or str(self.name) in _INSTRUCTOR,
        )

    @functools.cached_property
    def _model(self) -> DenseModel:
        self._check()
        layout = self.layout
        if layout.kind not in ("dense", "reranker") or (layout.kind != "dense" and layout.modules):
            raise InvalidInput(
                f"{self.folder} holds no model that gives one dense vector for a text: its kind is "
                f"{layout.kind}.",
                "Load it with ks.load, without kind.",
            )
        return open_dense(layout, self.device, self.precision, self._wishes, self.batch_tokens)

    def _check(self) -> None:
        """Raise :class:`InvalidParameter` for values that no model could use."""
        for name in ("batch_tokens", "max_length", "dim"):
            value = getattr(self, name)
            if value is not None:
                require_count(name, value)
        require_choice("long", self.long, Long)

    # -- encoding ------------------------------------------------------------------------------

    def encode_tokens(
        self,
        texts: Iterable[str],
        layers: Layers = "last",
        combine: Combine = "mean",
        *,
        merge: Merge = "mean",
        special: bool = False,
        side: Side = "document",
    ) -> list[TokenVectors]:
        """The vectors of the tokens and words of texts, from any layer.

        Parameters
        ----------
        texts : iterable of str
        layers : int, sequence of int, or {"last", "second-to-last", "last-four", "embedding"}
            0 is the embedding layer, 1 the first, -1 the last.
        combine : {"mean", "sum", "concat"}
            What becomes of several layers.
        merge : {"mean", "first"}
            What becomes of a word's pieces.
        special : bool
            Whether special tokens, such as ``[CLS]``, are kept among the tokens.
        side : {"document", "query"}
            Whose prompt stands before the texts; its tokens are not returned.

        Returns
        -------
        list of TokenVectors
            One for each text: see :class:`~kinspace.pretrained.spans.TokenVectors`.

        Raises
        ------
        InvalidInput, InvalidParameter
        NotApplicable
            If the model does not begin with a transformer, or its tokenizer cannot say where in a
            text its tokens are.
        """
        listed = [texts] if isinstance(texts, str) else list(texts)
        require_texts(listed)
        way = self._model.way
        if not isinstance(way, ByBackbone):
            raise NotApplicable(
                f"{self._called()} has no layers that can be read by themselves.",
                "Take a model that begins with a transformer for texts.",
            )
        return token_vectors(
            listed, way.tokens, way.backbone, self._whole,
            prompt=self.prompts.of(side), budget=self.batch_tokens,
            layers=layers, combine=combine, merge=merge, special=special,
        )  # fmt: skip

    def contributions(self, query: str, text: str) -> list[tuple[str, float]]:
        """What each word of a text adds to its similarity with a query, found by erasure.

        Returns
        -------
        list of (str, float)
            In the text's order; the numbers add up to the cosine similarity. See
            :func:`~kinspace.pretrained.neural.inside.erasure.contributions`.
        """
        return contributions(self, query, text)

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        require_texts(items)
        vectors, cut = self._model.way(items, side, self.prompts.of(side))
        self._count(cut)
        if self.space.dim < vectors.shape[1]:
            return np.asarray(Embeddings(vectors, self._whole).truncate(self.space.dim).vectors)
        return vectors
