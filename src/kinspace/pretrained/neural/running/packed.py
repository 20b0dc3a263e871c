"""BERT and its like on a processor, without padding: as fast as its dense layers.

The tokens of a batch stand in one table, text after text, so that dense layers and
normalisations never see padding; attention alone knows where a text begins. What is done
between the dense layers is in :mod:`.packed_steps`; bench/transformer_encoding.py says how fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kinspace.pretrained.neural.running.backbone import States
from kinspace.pretrained.neural.running.batches import Batch
from kinspace.pretrained.neural.running.dense_layer import dense
from kinspace.pretrained.neural.running.packed_steps import (
    activation,
    attention,
    embedding,
    norm_of_sum,
)
from kinspace.pretrained.neural.running.packed_weights import Layer, Weights
from kinspace.pretrained.neural.running.setting import Setting


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
        self._embed = embedding(weights, setting)
        hidden = weights.layers[0].query.weight.shape[0]
        attend = attention(weights.heads, hidden // weights.heads, setting)
        activate = activation(weights.activation, setting)
        self._layers = [_Layer(layer, attend, activate, setting) for layer in weights.layers]
        self.layers = len(self._layers)

    def states(self, batch: Batch) -> States:
        """The last layer's states."""
        return self.every_layer(batch, [self.layers])[0]

    def every_layer(self, batch: Batch, wanted: Sequence[int]) -> list[States]:
        """The states of the wanted layers: 0 is the embedding layer, ``layers`` the last."""
        rows = self._embed(batch)
        found = {0: rows} if 0 in wanted else {}
        for number in range(1, max(wanted, default=0) + 1):
            rows = self._layers[number - 1](rows, batch)
            if number in wanted:
                found[number] = rows
        return [States(found[number][: len(batch.ids)], batch.lengths) for number in wanted]


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
        self._attention_norm = norm_of_sum(layer.attention_norm, setting)
        self._norm = norm_of_sum(layer.norm, setting)

    def __call__(self, rows: Any, batch: Batch) -> Any:
        mixed = self._attend(self._qkv(rows), batch)
        rows = self._attention_norm(self._attention_output(mixed), rows)
        inner = self._activate(self._inner(rows))
        return self._norm(self._outer(inner), rows)
