"""The three ways from a pair's states to its scores: classes, words of a decoder, or modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kinspace.pretrained.neural.running.backbone import Backbone
from kinspace.pretrained.neural.running.batches import Batch
from kinspace.pretrained.neural.running.heads import Head


class ByClasses:
    """The head of a classifier.

    Parameters
    ----------
    backbone : Backbone
    head : Head
    padding : int or None
        The token by which the head finds where a text ends; without one, pairs are scored one by
        one.
    """

    def __init__(self, backbone: Backbone, head: Head, padding: int | None) -> None:
        self.backbone = backbone
        self.head = head
        self.padding = padding

    def __call__(self, batch: Batch) -> Any:
        """Logits, float32, shape (n, labels)."""
        import torch

        states, mask = self.backbone.states(batch).padded()
        if self.padding is None:
            lengths = batch.lengths.tolist()
            return torch.cat(
                [self.head(states[i : i + 1, :size]) for i, size in enumerate(lengths)]
            ).float()
        ids = torch.full(mask.shape, self.padding, dtype=torch.int64, device=mask.device)
        ids[mask.bool()] = torch.from_numpy(batch.ids).to(mask.device)
        return self.head(states, ids, mask).float()


class ByNextWord:
    """What a decoder would say next: how much rather "yes" than "no".

    Parameters
    ----------
    backbone : Backbone
    head : Head
    answer : torch.nn.Module
        The ``LogitScore`` of sentence-transformers.
    """

    def __init__(self, backbone: Backbone, head: Head, answer: Any) -> None:
        self.backbone = backbone
        self.head = head
        self.answer = answer

    def __call__(self, batch: Batch) -> Any:
        """Scores, float32, shape (n, 1)."""
        states = self.backbone.states(batch)
        last = states.rows[np.cumsum(states.lengths) - 1]
        features = {self.answer.module_input_name: self.head(last[:, None]).float()}
        return self.answer(features)["scores"]


class ByModules:
    """Modules of sentence-transformers, run one after the other in float32.

    Parameters
    ----------
    backbone : Backbone
    modules : sequence of torch.nn.Module
        The last one gives ``scores``.
    """

    def __init__(self, backbone: Backbone, modules: Sequence[Any]) -> None:
        self.backbone = backbone
        self.modules = modules

    def __call__(self, batch: Batch) -> Any:
        """Scores, float32, shape (n, labels)."""
        states, mask = self.backbone.states(batch).padded()
        features = {"token_embeddings": states, "attention_mask": mask}
        for module in self.modules:
            features = module(features)
        return features["scores"].float()
