"""Token ids to hidden states: any transformer by its own code, known ones by a faster way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kinspace.pretrained.neural.running.batches import Batch
from kinspace.pretrained.neural.running.setting import Setting


@dataclass(frozen=True, slots=True)
class States:
    """The hidden states of a batch, without padding.

    Attributes
    ----------
    rows : torch.Tensor, shape (total, hidden)
        In the precision of the setting.
    lengths : array of int64, shape (n,)
        Tokens of each text.
    """

    rows: Any
    lengths: NDArray[np.int64]

    def padded(self) -> tuple[Any, Any]:
        """The states as (n, longest, hidden) float32, and a mask (n, longest) of int64."""
        import torch

        rows = self.rows.float()
        longest = int(self.lengths.max())
        if int(self.lengths.min()) == longest:
            mask = torch.ones(len(self.lengths), longest, dtype=torch.int64, device=rows.device)
            return rows.view(len(self.lengths), longest, -1), mask
        filled = np.arange(longest) < self.lengths[:, None]
        mask = torch.from_numpy(filled).to(rows.device)
        table = rows.new_zeros(*filled.shape, rows.shape[1])
        table[mask] = rows
        return table, mask.long()


class Backbone(Protocol):
    """A transformer without what comes after it."""

    @property
    def layers(self) -> int:
        """How many layers there are, the embedding layer not counted."""

    @property
    def side_by_side(self) -> bool:
        """Whether several threads should run a batch each, instead of one batch with several."""

    def states(self, batch: Batch) -> States:
        """The last layer's states."""

    def every_layer(self, batch: Batch, wanted: Sequence[int]) -> list[States]:
        """The states of the wanted layers: 0 is the embedding layer, ``layers`` the last."""


class PaddedBackbone:
    """Any model of `transformers`, run by its own code.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        On its device, in its precision, in evaluation mode.
    """

    side_by_side = False

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers = int(getattr(model.config, "num_hidden_layers", 0))
        self._most = int(getattr(model.config, "max_position_embeddings", 0) or 0)

    def states(self, batch: Batch) -> States:
        """The last layer's states."""
        features, kept = self._features(batch)
        return States(self.model(**features).last_hidden_state[kept], batch.lengths)

    def every_layer(self, batch: Batch, wanted: Sequence[int]) -> list[States]:
        """The states of the wanted layers: 0 is the embedding layer, ``layers`` the last."""
        features, kept = self._features(batch)
        found = self.model(**features, output_hidden_states=True).hidden_states
        return [States(found[layer][kept], batch.lengths) for layer in wanted]

    def _features(self, batch: Batch) -> tuple[dict[str, Any], Any]:
        import torch

        device = self.model.device
        longest = self._rounded(int(batch.lengths.max()))
        filled = torch.from_numpy(np.arange(longest) < batch.lengths[:, None])
        ids = torch.zeros(filled.shape, dtype=torch.int64)
        ids[filled] = torch.from_numpy(batch.ids)
        seen = filled
        if batch.seen is not None:
            seen = torch.from_numpy(np.arange(longest) < batch.seen[:, None])
        features = {"input_ids": ids.to(device), "attention_mask": seen.long().to(device)}
        if batch.types is not None:
            types = torch.zeros(filled.shape, dtype=torch.int64)
            types[filled] = torch.from_numpy(batch.types)
            features["token_type_ids"] = types.to(device)
        return features, filled.to(device)

    def _rounded(self, longest: int) -> int:
        """A multiple of 8 in bfloat16 on a processor: oneDNN keeps code for every new shape."""
        import torch

        if self.model.device.type != "cpu" or self.model.dtype != torch.bfloat16:
            return longest
        multiple = longest + -longest % 8
        return multiple if multiple <= self._most else longest


def open_backbone(model: Any, setting: Setting) -> Backbone:
    """The fastest way to run a model that gives its own states.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        In float32; where it is not left behind for copies of its weights, it is brought to the
        setting's device and precision.
    """
    from kinspace.pretrained.neural.running.dense_layer import by_int8
    from kinspace.pretrained.neural.running.packed import PackedBackbone
    from kinspace.pretrained.neural.running.packed_weights import weights_of

    weights = weights_of(model) if setting.device == "cpu" else None
    if weights is not None:
        return PackedBackbone(weights, setting)
    model.eval().to(device=setting.device, dtype=setting.dtype)
    if setting.precision == "int8":
        by_int8(model)
    return PaddedBackbone(model)
