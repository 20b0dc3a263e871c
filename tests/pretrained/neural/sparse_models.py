"""Tiny sparse encoders with random weights, saved by sentence-transformers as real ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pretrained.neural.cross_encoders import loud
from tests.pretrained.neural.tiny import (
    Make,
    bert,
    bert_config,
    distilbert_config,
    made,
    roberta_config,
    seeded,
    wordpiece,
)


def masked_bert(folder: Path) -> Path:
    """A BERT with the head of a masked language model, as transformers saves it."""
    from transformers import BertForMaskedLM

    config = bert_config(len(wordpiece(folder)))
    loud(seeded(lambda: BertForMaskedLM(config))).save_pretrained(folder)
    return folder


def masked_distilbert(folder: Path) -> Path:
    """A DistilBERT, whose head is made otherwise; the SPLADEs of Naver are such."""
    from transformers import DistilBertForMaskedLM

    config = distilbert_config(folder)
    loud(seeded(lambda: DistilBertForMaskedLM(config))).save_pretrained(folder)
    return folder


def masked_roberta(folder: Path) -> Path:
    """A RoBERTa, whose words are pieces of bytes."""
    from transformers import RobertaForMaskedLM

    config = roberta_config(folder)
    loud(seeded(lambda: RobertaForMaskedLM(config))).save_pretrained(folder)
    return folder


def splade(
    folder: Path, pooling: str = "max", activation: str = "relu", base: Make = masked_bert
) -> Path:
    """A SPLADE."""
    return save(folder, *_splade_modules(pooling, activation, base))


def prompted(folder: Path) -> Path:
    """A SPLADE with prompts and a limit of its own on how many words a vector has."""
    prompts = {"query": "who : ", "document": "page "}
    return save(folder, *_splade_modules("max", "relu"), prompts=prompts, max_active_dims=7)


def inference_free(folder: Path) -> Path:
    """Documents by a language model, queries by a table of weights in which some are 0."""
    import torch
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding

    transformer, pooling = _splade_modules("max", "log1p_relu")
    weights = torch.linspace(0.1, 2, len(transformer.tokenizer))
    weights[20:30] = 0
    table = SparseStaticEmbedding(transformer.tokenizer, weight=weights)
    return save(
        folder,
        Router.for_query_document(query_modules=[table], document_modules=[transformer, pooling]),
    )


def coded(folder: Path) -> Path:
    """A dense model with a sparse autoencoder behind it (CSR)."""
    import torch
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        code = SparseAutoEncoder(32, 64, k=8, k_aux=16, normalize=True)
    return save(folder, Transformer(str(made(bert))), Pooling(32, "mean"), code)


def save(folder: Path, *modules: Any, **settings: Any) -> Path:
    """Save modules as a sparse encoder."""
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(modules=list(modules), device="cpu", **settings)
    model.eval().save(str(folder), create_model_card=False)
    return folder


def _splade_modules(pooling: str, activation: str, base: Make = masked_bert) -> tuple[Any, Any]:
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    transformer = Transformer(str(made(base)), transformer_task="fill-mask")
    return transformer, SpladePooling(pooling, activation)
