"""The two ways from texts to dense vectors.

The usual one is :class:`ByBackbone`: our tokens, the layers by the fast loop, and the modules after
them in float32. Models that do not begin with a transformer for plain texts (word vectors, a chat
template, two towers) go :class:`ByModules`, where sentence-transformers does all.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.pretrained.neural.dense.pooling import pool
from kinspace.pretrained.neural.running import loop
from kinspace.pretrained.neural.running.backbone import Backbone, States
from kinspace.pretrained.neural.running.batches import Batch, batches
from kinspace.pretrained.neural.running.tokens import Tokenizer, Tokens

_TEXTS_AT_ONCE: Final = 64
"""Of a model that sentence-transformers runs."""


class ByBackbone:
    """Texts through our loop, and the modules after the transformer in float32.

    Parameters
    ----------
    tokens : Tokenizer
    backbone : Backbone
    after : sequence of torch.nn.Module
        Those of sentence-transformers, on the setting's device.
    skips_prompt : bool
        Whether the prompt is left out of the pooling.
    sees_every_layer : bool
        Whether the modules want the states of all layers.
    device : str
    budget : int
        The most tokens of a batch.
    """

    def __init__(
        self,
        tokens: Tokenizer,
        backbone: Backbone,
        after: Sequence[Any],
        *,
        skips_prompt: bool,
        sees_every_layer: bool,
        device: str,
        budget: int,
    ) -> None:
        self.tokens = tokens
        self.backbone = backbone
        self.budget = budget
        self._after = list(after)
        self._skips_prompt = skips_prompt
        self._sees_every_layer = sees_every_layer
        # On a GPU, many small steps take longer than a padded one.
        on_cpu = device == "cpu" and not sees_every_layer
        self._pools_packed = on_cpu and _name(self._after[0]) == "Pooling"
        self._ends_normalised = _name(self._after[-1]) == "Normalize"
        self._prompt_lengths: dict[str, int] = {}

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self.tokens.tokenizer

    def __call__(
        self, texts: Sequence[str], side: Side, prompt: str
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Vectors, and tokens cut off; a text without tokens becomes zeros."""
        skip = self._prompt_length(prompt) if prompt and self._skips_prompt else 0
        tokens, rows = loop.rows_of(
            texts,
            self.tokens,
            lambda batch: self._vectors(batch, skip),
            prompt=prompt,
            budget=self.budget,
            side_by_side=self.backbone.side_by_side,
        )
        return self._averaged(tokens, rows), tokens.cut

    @functools.cached_property
    def dim(self) -> int:
        """The length of a vector, found by making one."""
        import torch

        with torch.inference_mode():
            return int(self._vectors(next(batches(self.tokens(["a"]), self.budget)), 0).shape[1])

    def _vectors(self, batch: Batch, skip: int) -> NDArray[np.float32]:
        """The vectors of a batch, shape (n, dim); zeros for texts that have no tokens."""
        filled = int(np.count_nonzero(batch.lengths))  # the longest come first
        if filled < len(batch.lengths):
            rows = np.zeros((len(batch.lengths), self.dim), np.float32)
            if filled:
                kept = slice(filled)
                some = replace(batch, pieces=batch.pieces[kept], lengths=batch.lengths[kept])
                rows[:filled] = self._vectors(some, skip)
            return rows
        if self._pools_packed:
            states = self.backbone.states(batch)
            modes = self._after[0].pooling_mode
            named = (modes,) if isinstance(modes, str) else modes
            features = {"sentence_embedding": pool(states.rows, batch, named, skip=skip)}
            found = _through(self._after[1:], features)
        else:
            found = _through(self._after, self._features(batch, skip))
        vectors: NDArray[np.float32] = found.cpu().numpy()
        return vectors

    def _features(self, batch: Batch, skip: int) -> dict[str, Any]:
        """What the modules after a transformer look for, in float32."""
        import torch

        features: dict[str, Any] = {}
        if self._sees_every_layer:
            every = self.backbone.every_layer(batch, range(self.backbone.layers + 1))
            features["all_layer_embeddings"] = tuple(states.padded()[0] for states in every)
            states: States = every[-1]
        else:
            states = self.backbone.states(batch)
        padded, mask = states.padded()
        ids = torch.zeros_like(mask)
        ids[mask.bool()] = torch.from_numpy(batch.ids).to(mask.device)
        features |= {"token_embeddings": padded, "attention_mask": mask, "input_ids": ids}
        features["sentence_lengths"] = mask.sum(1)
        if skip:
            features["prompt_length"] = skip
        return features

    def _prompt_length(self, prompt: str) -> int:
        """Tokens of a prompt, without a special one at its end."""
        if prompt not in self._prompt_lengths:
            ids = self.tokens([""], prompt).ids.tolist()
            ends_special = bool(ids) and ids[-1] in self.tokenizer.all_special_ids
            self._prompt_lengths[prompt] = len(ids) - ends_special
        return self._prompt_lengths[prompt]

    def _averaged(self, tokens: Tokens, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """One vector for each text, from those of its pieces."""
        means = tokens.averaged(rows)
        if means is not rows and self._ends_normalised:
            means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        return means


class ByModules:
    """Texts through sentence-transformers' own code, in float32."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return getattr(self._model, "tokenizer", None)

    @functools.cached_property
    def dim(self) -> int:
        """The length of a vector, found by making one."""
        return int(self(["a"], "document", "")[0].shape[1])

    def __call__(
        self, texts: Sequence[str], side: Side, prompt: str
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Vectors; what is cut off is not known here, and counts as nothing."""
        import torch

        known = {"prompt": prompt} if prompt else {}
        parts = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            some = list(texts[start : start + _TEXTS_AT_ONCE])
            with torch.inference_mode():
                features = self._model.preprocess(some, task=side, **known)
                placed = {name: _placed(value, self._model) for name, value in features.items()}
                features = self._model.forward(placed, task=side)
                parts.append(_zeros_of_nothing(features))
        return torch.cat(parts).cpu().numpy(), np.zeros(len(texts), np.int64)


def _through(modules: Sequence[Any], features: dict[str, Any]) -> Any:
    for module in modules:
        features = module(features)
    return features["sentence_embedding"].float()


def _zeros_of_nothing(features: dict[str, Any]) -> Any:
    """The vectors, with zeros for texts without tokens, for which poolings give anything."""
    vectors, mask = features["sentence_embedding"].float(), features.get("attention_mask")
    return vectors if mask is None else vectors.masked_fill(mask.sum(1, keepdim=True) == 0, 0)


def _placed(value: Any, model: Any) -> Any:
    return value.to(model.device) if hasattr(value, "to") else value


def _name(module: Any) -> str:
    return type(module).__name__
