"""BERT and its like on a processor, without padding: as fast as its dense layers.

The tokens of a batch stand in one table, text after text, so that dense layers and
normalisations never see padding; attention alone knows where a text begins. In bfloat16, on
processors with tiles (AMX), attention and GELU are kernels of ours
(:mod:`kinspace.engines.attention_tiles`); bench/transformers.py says what each is worth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.pretrained.neural.backbone import States
from kinspace.pretrained.neural.batches import Batch
from kinspace.pretrained.neural.dense_layer import dense
from kinspace.pretrained.neural.packed_weights import Layer, Weights
from kinspace.pretrained.neural.setting import Setting, has_tiles

_LONGEST = 4096
"""Tokens of a text up to which attention by tiles keeps a row of scores near at hand."""


class PackedBackbone:
    """A transformer whose tokens are not padded.

    Parameters
    ----------
    weights : Weights
        Of the model, in float32; copies are made in the setting's precision.
    setting : Setting
        On the processor.
    """

    side_by_side = True

    def __init__(self, weights: Weights, setting: Setting) -> None:
        self._setting = setting
        self._weights = weights
        self._dtype = setting.dtype
        hidden = weights.layers[0].query.weight.shape[0]
        self._attend = _attention(weights.heads, hidden // weights.heads, setting)
        activate = _activation(weights.activation, setting)
        self._layers = [_Layer(layer, self._attend, activate, setting) for layer in weights.layers]
        self.layers = len(self._layers)

    def states(self, batch: Batch) -> States:
        """The last layer's states."""
        return self.every_layer(batch, [self.layers])[0]

    def every_layer(self, batch: Batch, wanted: Sequence[int]) -> list[States]:
        """The states of the wanted layers: 0 is the embedding layer, ``layers`` the last."""
        rows = self._embedded(batch)
        found = {0: rows} if 0 in wanted else {}
        for number in range(1, max(wanted, default=0) + 1):
            rows = self._layers[number - 1](rows, batch)
            if number in wanted:
                found[number] = rows
        return [States(found[number], batch.lengths) for number in wanted]

    def _embedded(self, batch: Batch) -> Any:
        import torch

        weights = self._weights
        rows = weights.words[torch.from_numpy(batch.ids)]
        rows += weights.positions[torch.from_numpy(batch.positions + weights.offset)]
        if weights.types is not None:
            types = batch.types
            rows += weights.types[0 if types is None else torch.from_numpy(types)]
        rows = weights.norm(rows)
        if weights.project is not None:
            rows = weights.project(rows)
        return rows.to(self._dtype)


class _Layer:
    """One layer, for rows of shape (total, hidden)."""

    def __init__(
        self, layer: Layer, attend: Callable[..., Any], activate: Callable[[Any], Any],
        setting: Setting,
    ) -> None:  # fmt: skip
        self._attend = attend
        self._activate = activate
        self._qkv = dense([layer.query, layer.key, layer.value], setting)
        self._attention_output = dense([layer.attention_output], setting)
        self._inner = dense([layer.inner], setting)
        self._outer = dense([layer.outer], setting)
        self._attention_norm = _norm(layer.attention_norm, setting)
        self._norm = _norm(layer.norm, setting)

    def __call__(self, rows: Any, batch: Batch) -> Any:
        mixed = self._attend(self._qkv(rows), batch)
        rows = self._attention_norm(self._attention_output(mixed).add_(rows))
        inner = self._activate(self._inner(rows))
        return self._norm(self._outer(inner).add_(rows))


def _norm(module: Any, setting: Setting) -> Callable[[Any], Any]:
    from torch.nn.functional import layer_norm

    weight, bias = (p.detach().to(setting.dtype) for p in (module.weight, module.bias))
    return lambda rows: layer_norm(rows, weight.shape, weight, bias, module.eps)


def _activation(name: str, setting: Setting) -> Callable[[Any], Any]:
    if name == "gelu" and setting.precision == "bfloat16" and has_tiles():
        from kinspace.engines.activation_code import fast_gelu

        bend = fast_gelu()

        def gelu(rows: Any) -> Any:
            if rows.shape[1] % 16:
                from torch.nn.functional import gelu as any_gelu

                return any_gelu(rows)
            bend(_numbers(rows))
            return rows

        return gelu
    from transformers.activations import ACT2FN

    found: Callable[[Any], Any] = ACT2FN[name]
    return found


def _attention(heads: int, size: int, setting: Setting) -> Callable[[Any, Batch], Any]:
    """From queries, keys and values (total, 3 · hidden) to rows (total, hidden)."""
    from kinspace.engines.attention import LARGEST

    if setting.precision != "bfloat16" or size % 32 or size > LARGEST or not has_tiles():
        return lambda qkv, batch: _by_length(qkv, batch, heads, size)
    return _Tiles(heads, size)


class _Tiles:
    """Attention by the processor's tiles; each thread works in a room of its own."""

    def __init__(self, heads: int, size: int) -> None:
        from kinspace.engines.attention_tiles import fast_attention

        self._heads, self._size = heads, size
        self._run = fast_attention()
        self._own = threading.local()

    def __call__(self, qkv: Any, batch: Batch) -> Any:
        longest = int(batch.lengths.max(initial=1))
        if longest > _LONGEST or batch.seen is not None:
            return _by_length(qkv, batch, self._heads, self._size)
        starts = np.concatenate([[0], np.cumsum(batch.lengths)])
        out = qkv.new_empty(qkv.shape[0], self._heads * self._size)
        room = self._room(longest)
        self._run(_numbers(qkv), starts, self._heads, self._size, room, _numbers(out))
        return out

    def _room(self, longest: int) -> tuple[Any, ...]:
        from kinspace.engines.attention import room_for

        if getattr(self._own, "longest", 0) < longest:
            self._own.longest = longest
            self._own.room = room_for(longest, self._size)
        room: tuple[Any, ...] = self._own.room
        return room


def _by_length(qkv: Any, batch: Batch, heads: int, size: int) -> Any:
    """Attention by torch, for all texts of one length together."""
    from torch.nn.functional import scaled_dot_product_attention as attention

    out = qkv.new_empty(qkv.shape[0], heads * size)
    first = 0
    for start, count, length in batch.groups():
        stop = start + count * length
        whole = qkv[start:stop].view(count, length, 3, heads, size)
        parts = (whole[:, :, part].transpose(1, 2) for part in range(3))
        seen = _seen(batch, first, count, length)
        mixed = attention(*parts, attn_mask=seen)
        out[start:stop].view(count, length, heads, size).copy_(mixed.transpose(1, 2))
        first += count
    return out


def _seen(batch: Batch, first: int, count: int, length: int) -> Any:
    """Which tokens of some texts are looked at, (count, 1, 1, length); None if all are."""
    import torch

    if batch.seen is None:
        return None
    seen = np.arange(length) < batch.seen[first : first + count, None]
    return torch.from_numpy(seen[:, None, None, :])


def _numbers(rows: Any) -> NDArray[np.uint16]:
    """bfloat16 as the bits that numpy can hold; the same memory."""
    import torch

    numbers: NDArray[np.uint16] = rows.view(torch.uint16).numpy()
    return numbers
