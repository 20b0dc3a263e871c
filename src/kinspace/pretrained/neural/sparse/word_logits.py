"""Logits over a vocabulary: a masked language model's head, some words at a time.

A token's logits are as many numbers as there are words, so that those of a batch leave the
processor's caches, and most time goes into carrying them around. A block of words at a time stays
near; the maximum over a text's tokens is taken before the next block is made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

from kinspace.pretrained.neural.running.dense_layer import Dense, dense
from kinspace.pretrained.neural.running.heads import Head
from kinspace.pretrained.neural.running.setting import Setting

_WORDS: Final = 4096
"""Of a block."""


class WordLogits:
    """What a head says of each word, for rows of hidden states.

    Parameters
    ----------
    head : Head
        Of a masked language model; on a processor in bfloat16 it loses its table of words, which
        is kept here in blocks.
    setting : Setting
    """

    def __init__(self, head: Head, setting: Setting) -> None:
        self._head = head
        table = head.model.get_output_embeddings()
        self.dim = int(table.weight.shape[0])
        self._blocks: list[tuple[slice, Dense]] = []
        if setting.device == "cpu" and setting.precision == "bfloat16":
            self._blocks = self._taken_apart(table, setting)

    def __call__(self, rows: Any) -> Iterator[tuple[slice, Any]]:
        """Logits of rows (total, hidden), block by block: which words, and (total, words)."""
        found = self._head(rows[None])[0]
        if not self._blocks:
            yield slice(0, self.dim), found
        for words, multiply in self._blocks:
            yield words, multiply(found)

    def _taken_apart(self, table: Any, setting: Setting) -> list[tuple[slice, Dense]]:
        """The table in blocks; nothing where the head does more with it than multiply."""
        import torch

        model = self._head.model
        place = next((name for name, module in model.named_modules() if module is table), "")
        if not place or type(table) is not torch.nn.Linear:
            return []
        bias = torch.zeros(self.dim) if table.bias is None else table.bias
        blocks = [
            (words, dense([SimpleNamespace(weight=table.weight[words], bias=bias[words])], setting))
            for words in (slice(i, min(i + _WORDS, self.dim)) for i in range(0, self.dim, _WORDS))
        ]
        parent, _, leaf = place.rpartition(".")
        with torch.inference_mode():
            states = torch.linspace(-1, 1, 3 * table.in_features, dtype=setting.dtype)
            states = states.view(1, 3, -1)
            right = self._head(states).float()
            setattr(model.get_submodule(parent), leaf, torch.nn.Identity())
            with contextlib.suppress(AttributeError, RuntimeError, TypeError):
                found = self._head(states)[0]
                ours = torch.cat([multiply(found) for _, multiply in blocks], 1).float()
                if ours.shape == right[0].shape and _agree(ours, right[0]):
                    return blocks
        setattr(model.get_submodule(parent), leaf, table)
        return []


def strongest(logits: Any) -> Any:
    """The largest logit of each word over some tokens, and at least 0: float32, shape (words,).

    Numbers of bfloat16 that are not negative are in the order of their bits, which processors
    compare nine times as fast.
    """
    import torch

    if logits.dtype != torch.bfloat16 or logits.device.type != "cpu":
        return logits.amax(0).float().clamp_min_(0)
    return logits.view(torch.int16).amax(0).clamp_min_(0).view(torch.bfloat16).float()


def _agree(a: Any, b: Any) -> bool:
    """Whether two results of bfloat16 are the same but for rounding."""
    return bool((a - b).abs().max() <= 0.02 * b.abs().max() + 1e-6)
