"""Tiny cross-encoders with random weights, saved in the layouts that real ones have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pretrained.neural.tiny import (
    bert,
    bytes_tokenizer,
    made,
    roberta_config,
    seeded,
    wordpiece,
)

SIZES: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
    "max_position_embeddings": 64,
}  # fmt: skip


def loud(model: Any) -> Any:
    """The model, its matrices four times as strong, so that different texts differ clearly."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return model


def classifier(folder: Path, kind: str = "Bert", labels: int = 1, **changes: Any) -> Path:
    """A classifier with a word-piece tokenizer, as transformers saves it."""
    import transformers

    tokenizer = wordpiece(folder)
    values = {"vocab_size": len(tokenizer), "num_labels": labels, **SIZES, **changes}
    if kind == "DistilBert":
        values = {**values, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
        values = {k: v for k, v in values.items() if k not in SIZES or k[:3] == "max"}
    config = getattr(transformers, f"{kind}Config")(**values)
    build = getattr(transformers, f"{kind}ForSequenceClassification")
    loud(seeded(lambda: build(config))).save_pretrained(folder)
    return folder


def entailment(folder: Path) -> Path:
    """Three labels with names, as models of natural language inference have."""
    names = ["contradiction", "entailment", "neutral"]
    return classifier(folder, labels=3, id2label=dict(enumerate(names)))


def modern(folder: Path, pooling: str) -> Path:
    """A ModernBERT: attention to near tokens only in some layers, and two ways of pooling."""
    ids = {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    return classifier(
        folder, "ModernBert", classifier_pooling=pooling, local_attention=16, pad_token_id=0, **ids
    )


def deberta(folder: Path) -> Path:
    """A DeBERTa with relative positions."""
    return classifier(
        folder, "DebertaV2", relative_attention=True, position_buckets=16, type_vocab_size=0,
        pos_att_type=["p2c", "c2p"],
    )  # fmt: skip


def electra(folder: Path) -> Path:
    """An ELECTRA, whose embeddings are smaller than its states."""
    return classifier(folder, "Electra", embedding_size=16)


def roberta(folder: Path) -> Path:
    """A RoBERTa: no token types, and two separators between the texts of a pair."""
    from transformers import RobertaForSequenceClassification

    config = roberta_config(folder, num_labels=1)
    loud(seeded(lambda: RobertaForSequenceClassification(config))).save_pretrained(folder)
    return folder


def qwen(folder: Path, head: str = "SequenceClassification", template: str = "") -> Path:
    """A decoder that pads on the left."""
    import transformers

    tokenizer = bytes_tokenizer(folder)
    tokenizer.pad_token = "<|end|>"
    tokenizer.padding_side = "left"
    if template:
        tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    config = transformers.Qwen3Config(
        **SIZES, num_key_value_heads=2, head_dim=8, vocab_size=len(tokenizer), num_labels=1,
        bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    build = getattr(transformers, f"Qwen3For{head}")
    loud(seeded(lambda: build(config))).save_pretrained(folder)
    return folder


TEMPLATE = "{% for m in messages %}<{{m['role']}}>{{m['content']}}{% endfor %} answer:"


def answering(folder: Path, template: str = "") -> Path:
    """A decoder that says yes or no, with or without a chat template."""
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.cross_encoder.modules import LogitScore

    transformer = Transformer(
        str(made(qwen, "CausalLM", template)), transformer_task="text-generation"
    )
    return save(folder, transformer, LogitScore(true_token_id=30, false_token_id=31))


def pooled(folder: Path) -> Path:
    """A transformer, a pooling, and a dense layer that gives the score."""
    import torch
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        last = Dense(32, 1, module_input_name="sentence_embedding", module_output_name="scores")
    return save(folder, Transformer(str(made(bert))), Pooling(32, "mean"), last)


def activated(folder: Path) -> Path:
    """A classifier whose files name an activation, and a prompt."""
    import torch
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(
        str(made(classifier)), device="cpu", activation_fn=torch.nn.Tanh(),
        prompts={"web": "query : "}, default_prompt_name="web",
    )  # fmt: skip
    model.save(str(folder), create_model_card=False)
    return folder


def save(folder: Path, *modules: Any) -> Path:
    """Save modules as a cross-encoder."""
    from sentence_transformers import CrossEncoder

    CrossEncoder(modules=list(modules), device="cpu").save(str(folder), create_model_card=False)
    return folder
