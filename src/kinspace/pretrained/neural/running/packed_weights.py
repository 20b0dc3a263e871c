"""The weights of BERT and its like, by what they do: where each family keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_BERT: Final = ("BertModel", "RobertaModel", "XLMRobertaModel", "CamembertModel", "ElectraModel")
_OFFSET: Final = ("RobertaModel", "XLMRobertaModel", "CamembertModel")
"""Families whose positions are counted from that of the padding token."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: attention, then two dense layers, each followed by a sum and a normalisation.

    Each is a module of torch: ``Linear`` or ``LayerNorm``.
    """

    query: Any
    key: Any
    value: Any
    attention_output: Any
    attention_norm: Any
    inner: Any
    outer: Any
    norm: Any


@dataclass(frozen=True, slots=True)
class Weights:
    """An encoder that normalises after each sum (Devlin et al. 2019; Vaswani et al. 2017).

    Attributes
    ----------
    words, positions, types : torch.Tensor
        Embedding tables; types are None where the family has none.
    offset : int
        The first position's row.
    norm : torch.nn.LayerNorm
    project : torch.nn.Linear or None
        From the size of the embeddings to that of the layers.
    layers : tuple of Layer
    heads : int
    activation : str
        As transformers names it: ``"gelu"``, ``"relu"``, ``"gelu_new"`` …
    """

    words: Any
    positions: Any
    types: Any | None
    offset: int
    norm: Any
    project: Any | None
    layers: tuple[Layer, ...]
    heads: int
    activation: str


def weights_of(model: Any) -> Weights | None:
    """The weights of a model of a family that is known here; None for any other."""
    name = type(model).__name__
    if name in _BERT:
        return _bert(model, name)
    return _distilbert(model) if name == "DistilBertModel" else None


def _bert(model: Any, name: str) -> Weights | None:
    config, tables = model.config, model.embeddings
    position = getattr(config, "position_embedding_type", None) or "absolute"
    if position != "absolute" or getattr(config, "is_decoder", False):
        return None
    return Weights(
        words=tables.word_embeddings.weight,
        positions=tables.position_embeddings.weight,
        types=tables.token_type_embeddings.weight,
        offset=config.pad_token_id + 1 if name in _OFFSET else 0,
        norm=tables.LayerNorm,
        project=getattr(model, "embeddings_project", None),
        layers=tuple(
            Layer(
                query=layer.attention.self.query,
                key=layer.attention.self.key,
                value=layer.attention.self.value,
                attention_output=layer.attention.output.dense,
                attention_norm=layer.attention.output.LayerNorm,
                inner=layer.intermediate.dense,
                outer=layer.output.dense,
                norm=layer.output.LayerNorm,
            )
            for layer in model.encoder.layer
        ),
        heads=config.num_attention_heads,
        activation=config.hidden_act,
    )


def _distilbert(model: Any) -> Weights:
    config, tables = model.config, model.embeddings
    return Weights(
        words=tables.word_embeddings.weight,
        positions=tables.position_embeddings.weight,
        types=None,
        offset=0,
        norm=tables.LayerNorm,
        project=None,
        layers=tuple(
            Layer(
                query=layer.attention.q_lin,
                key=layer.attention.k_lin,
                value=layer.attention.v_lin,
                attention_output=layer.attention.out_lin,
                attention_norm=layer.sa_layer_norm,
                inner=layer.ffn.lin1,
                outer=layer.ffn.lin2,
                norm=layer.output_layer_norm,
            )
            for layer in model.transformer.layer
        ),
        heads=config.n_heads,
        activation=config.activation,
    )
