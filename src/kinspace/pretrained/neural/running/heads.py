"""A transformer in two: the layers, run the fast way, and its head, run by its own code.

Each architecture has a head of its own (over words, or for classes). To run all of them on states
that came from elsewhere, the layers are taken out of the model, and what gives the states back is
put in their place.
"""

from __future__ import annotations

import threading
from typing import Any

from kinspace.errors import ReadError
from kinspace.pretrained.neural.running.backbone import Backbone, open_backbone
from kinspace.pretrained.neural.running.setting import Setting


class Head:
    """What a model makes of its last layer's states.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Without its layers; ``given`` stands in their place.
    given : torch.nn.Module
        Gives back the states in its attribute ``own``, which each thread sees apart.
    """

    def __init__(self, model: Any, given: Any) -> None:
        self.model = model
        self._given = given

    def __call__(self, states: Any, ids: Any = None, mask: Any = None) -> Any:
        """The model's logits.

        Parameters
        ----------
        states : torch.Tensor, shape (n, longest, hidden)
        ids, mask : torch.Tensor of int64, shape (n, longest), optional
            Token ids and where there are any, for heads that look for a text's last token or
            average over its tokens. All ones by default.
        """
        import torch

        shape = states.shape[:2]
        everywhere = torch.ones(shape, dtype=torch.int64, device=states.device)
        self._given.own.states = states  # each thread's own: batches may run side by side
        try:
            return self.model(
                input_ids=everywhere if ids is None else ids,
                attention_mask=everywhere if mask is None else mask,
            ).logits
        finally:
            self._given.own.states = None


def split(model: Any, setting: Setting, *, head: Any) -> tuple[Backbone, Head]:
    """Take the layers out of a model.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With a head, in float32; afterwards it has no layers any more.
    setting : Setting
        Where both run, and the precision of the layers.
    head : torch.dtype
        The precision of the head. A head that shares weights with the layers needs theirs.

    Raises
    ------
    ReadError
        If layers and head of this architecture cannot be told apart.
    """
    layers = model.base_model
    if layers is model or model.config.is_encoder_decoder:
        raise ReadError(
            f"{type(model).__name__} cannot be run: it is not layers with one head.",
            "Take a model whose transformer is an encoder or a decoder alone.",
        )
    given = _given(getattr(layers, "pooler", None))
    if given.pooler is not None:
        layers.pooler = None  # it belongs to the head, in the head's precision
    setattr(model, model.base_model_prefix, given)
    backbone = open_backbone(layers, setting)
    model.eval().to(device=setting.device, dtype=head)
    return backbone, Head(model, given)


def _given(pooler: Any) -> Any:
    """A module that answers as a model's layers do, with the states it was given."""
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions as Output

    class Given(torch.nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.pooler = pooler
            self.own = threading.local()

        def forward(self, *_: Any, **__: Any) -> Output:
            states = self.own.states
            pooled = None if self.pooler is None else self.pooler(states)
            return Output(last_hidden_state=states, pooler_output=pooled)

    return Given()
