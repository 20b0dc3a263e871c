"""What a transformer does between its dense layers, on rows without padding.

On processors with tiles of bfloat16 (AMX), kernels of ours: :mod:`kinspace.engines.attention`,
``activation`` and ``normalisation``. Elsewhere torch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.pretrained.neural.running.batches import Batch
from kinspace.pretrained.neural.running.packed_weights import Weights
from kinspace.pretrained.neural.running.setting import Setting, has_tiles

_LONGEST = 4096
"""Tokens of a text up to which attention by tiles keeps a row of scores near at hand."""
_WIDTH = 16
"""Columns that our kernels take at a time."""


def rounding(total: int) -> int:
    """Of what the number of rows is made a multiple, by rows of zeros that nobody reads.

    For every new shape oneDNN makes code of its own, and keeps a thousand of them: 1.5 GB.
    """
    return 16 if total <= 256 else 128


def _kernels(setting: Setting) -> bool:
    return setting.precision == "bfloat16" and has_tiles()


def embedding(weights: Weights, setting: Setting) -> Callable[[Batch], Any]:
    """From a batch to rows: words, positions and types, summed and normalised in float32."""
    import torch

    norm, project = weights.norm, weights.project
    words, positions, types = weights.words, weights.positions, weights.types

    def by_torch(batch: Batch) -> Any:
        rows = words[torch.from_numpy(batch.ids)]
        rows += positions[torch.from_numpy(batch.positions + weights.offset)]
        if types is not None:
            rows += types[0 if batch.types is None else torch.from_numpy(batch.types)]
        rows = norm(rows)
        rows = (rows if project is None else project(rows)).to(setting.dtype)
        return torch.nn.functional.pad(rows, (0, 0, 0, -len(rows) % rounding(len(rows))))

    if not _kernels(setting) or project is not None or words.shape[1] % _WIDTH:
        return by_torch
    from kinspace.engines.normalisation_code import fast_embeddings

    kinds = torch.zeros(1, words.shape[1]) if types is None else types
    tables = [_floats(table) for table in (words, positions, kinds)]
    weight, bias = _floats(norm.weight)[None], _floats(norm.bias)[None]
    run = fast_embeddings()

    def by_kernel(batch: Batch) -> Any:
        types = np.zeros_like(batch.ids) if batch.types is None else batch.types
        rows = (batch.ids, batch.positions + weights.offset, types)
        if any(int(r.max(initial=0)) >= len(t) for r, t in zip(rows, tables, strict=True)):
            return by_torch(batch)  # which says what is wrong; the kernel trusts what it is given
        total = len(batch.ids)
        out = torch.zeros(total + -total % rounding(total), words.shape[1], dtype=torch.bfloat16)
        pairs = [part for both in zip(tables, rows, strict=True) for part in both]
        run(*pairs, weight, bias, norm.eps, np.empty_like(weight), _numbers(out))
        return out

    return by_kernel


def norm_of_sum(module: Any, setting: Setting) -> Callable[[Any, Any], Any]:
    """From rows, which are overwritten, and others to their normalised sums.

    Parameters
    ----------
    module : torch.nn.LayerNorm
    setting : Setting
    """
    from torch.nn.functional import layer_norm

    if _kernels(setting) and len(module.weight) % _WIDTH == 0:
        from kinspace.engines.normalisation_code import fast_sums

        run, epsilon = fast_sums(), module.eps
        scale, shift = _floats(module.weight)[None], _floats(module.bias)[None]

        def by_kernel(rows: Any, others: Any) -> Any:
            room = np.empty_like(scale)
            run(_numbers(rows), _numbers(others), scale, shift, epsilon, room)
            return rows

        return by_kernel
    weight, bias = (p.detach().to(setting.dtype) for p in (module.weight, module.bias))
    return lambda rows, others: layer_norm(
        rows.add_(others), weight.shape, weight, bias, module.eps
    )


def activation(name: str, setting: Setting) -> Callable[[Any], Any]:
    """A function of rows, which may be overwritten, by transformers' name for it."""
    from transformers.activations import ACT2FN

    any_rows: Callable[[Any], Any] = ACT2FN[name]
    if name != "gelu" or not _kernels(setting):
        return any_rows
    from kinspace.engines.activation_code import fast_gelu

    run = fast_gelu()

    def gelu(rows: Any) -> Any:
        if rows.shape[1] % _WIDTH:
            return any_rows(rows)
        run(_numbers(rows))
        return rows

    return gelu


def attention(heads: int, size: int, setting: Setting) -> Callable[[Any, Batch], Any]:
    """From queries, keys and values (total, 3 · hidden) to rows (total, hidden)."""
    from kinspace.engines.attention import LARGEST

    if not _kernels(setting) or size % 32 or size > LARGEST:
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
        out = _empty(qkv, batch, self._heads * self._size)
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

    out = _empty(qkv, batch, heads * size)
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


def _empty(qkv: Any, batch: Batch, hidden: int) -> Any:
    """Rows to be written to; those after the batch's own are zeros."""
    out = qkv.new_empty(len(qkv), hidden)
    out[len(batch.ids) :] = 0
    return out


def _floats(tensor: Any) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = tensor.detach().float().contiguous().numpy()
    return numbers


def _numbers(rows: Any) -> NDArray[np.uint16]:
    """bfloat16 as the bits that numpy can hold; the same memory."""
    import torch

    numbers: NDArray[np.uint16] = rows.view(torch.uint16).numpy()
    return numbers
