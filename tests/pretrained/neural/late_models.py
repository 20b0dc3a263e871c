"""Tiny late-interaction models with random weights, in the layouts of all who save them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.pretrained.neural.tiny import bert, bert_config, made, roberta, seeded, t5, wordpiece

DIM = 8
PUNCTUATION = list(".,!?;:'-")
CLASSIC = {"strategy": "fixed", "attend": False, "length": 16}


def _projection(bias: bool = False, **options: Any) -> Any:
    import torch
    from sentence_transformers.base.modules import Dense

    identity = torch.nn.Identity()
    return Dense(32, DIM, bias=bias, activation_function=identity, **options)


def _save(folder: Path, modules: list[Any], **settings: Any) -> Path:
    from sentence_transformers import MultiVectorEncoder

    model = MultiVectorEncoder(modules=modules, device="cpu", **settings)
    model.eval().save(str(folder), create_model_card=False)
    return folder


def _modules(base: Any, *after: Any, skip: Any = PUNCTUATION, **knobs: Any) -> list[Any]:
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    head = seeded(lambda: _projection(module_input_name="token_embeddings"))
    mask = MultiVectorMask(skiplist_words=skip)
    ends = [head, mask, Normalize(module_input_name="token_embeddings"), *after]
    return [Transformer(str(made(base)), **knobs), *ends]


def marked_bert(folder: Path) -> Path:
    """A BERT whose tokenizer reads the markers as one token each."""
    bert(folder)
    tokenizer = wordpiece(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["[unused0]", "[unused1]"]})
    tokenizer.save_pretrained(folder)
    return folder


def colbert(folder: Path) -> Path:
    """ColBERT as sentence-transformers saves it: markers, masks behind queries, a skiplist."""
    prompts = {"query": "[unused0] ", "document": "[unused1] "}
    modules = _modules(marked_bert, query_expansion=CLASSIC, document_length=40)
    return _save(folder, modules, prompts=prompts)


def colbert_seen(folder: Path) -> Path:
    """Masks that are attended to, at least so many; the prompt is plain text."""
    expansion = {"strategy": "min", "attend": True, "length": 12}
    modules = _modules(bert, query_expansion=expansion, query_length=20)
    return _save(folder, modules, prompts={"query": "query: ", "passage": "passage: "})


def colbert_min(folder: Path) -> Path:
    """Masks up to a least length that are not attended to; another token than [MASK]."""
    expansion = {"strategy": "min", "attend": False, "length": 12, "token": "[PAD]"}
    return _save(folder, _modules(bert, query_expansion=expansion))


def colbert_plain(folder: Path) -> Path:
    """No expansion, no markers; punctuation left out of both sides; a query length."""
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    modules = _modules(bert, query_length=9)
    modules[2] = MultiVectorMask(PUNCTUATION, skiplist_tasks=["query", "document"])
    return _save(folder, modules)


def colbert_pooled(folder: Path) -> Path:
    """Token pooling among the modules."""
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling

    return _save(folder, _modules(bert, HierarchicalTokenPooling(2)))


def colbert_roberta(folder: Path) -> Path:
    """Another family of transformers, with expansion."""
    return _save(folder, _modules(roberta, skip=[], query_expansion=CLASSIC))


def xtr(folder: Path) -> Path:
    """XTR: a T5 encoder and a projection."""
    return _save(folder, _modules(t5, skip=[], query_length=32, document_length=48))


def xtr_published(folder: Path) -> Path:
    """A dense model that ends in a projection, from which the pooling is to be left out."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    modules = [Transformer(str(made(t5))), Pooling(32, "mean"), seeded(_projection), Normalize()]
    model = SentenceTransformer(modules=modules, device="cpu").eval()
    model.save(str(folder), create_model_card=False)
    return folder


def pylate(folder: Path) -> Path:
    """ColBERT as PyLate saves it: no mask module, and its settings in one file."""
    colbert(folder)
    listed = json.loads((folder / "modules.json").read_text())[:2]
    listed[1]["type"] = "pylate.models.Dense.Dense"
    (folder / "modules.json").write_text(json.dumps(listed))
    dense = folder / "1_Dense" / "config.json"
    said = json.loads(dense.read_text())
    kept = ("in_features", "out_features", "bias", "activation_function")
    dense.write_text(json.dumps({name: said[name] for name in kept}))
    bert_settings = folder / "sentence_bert_config.json"
    bert_settings.write_text(json.dumps({"max_seq_length": 40, "do_lower_case": False}))
    settings = {
        "model_type": "ColBERT", "prompts": {}, "similarity_fn_name": "MaxSim",
        "query_prefix": "[unused0] ", "document_prefix": "[unused1] ",
        "query_length": 14, "document_length": 30, "attend_to_expansion_tokens": False,
        "skiplist_words": PUNCTUATION, "do_query_expansion": True,
    }  # fmt: skip
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    return folder


def stanford(folder: Path) -> Path:
    """ColBERT as Stanford saves it: the projection among the weights, and ``artifact.metadata``."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertModel

    tokenizer = wordpiece(folder)
    config = bert_config(len(tokenizer))
    model = seeded(lambda: BertModel(config, add_pooling_layer=False))
    weights = {f"bert.{name}": value.contiguous() for name, value in model.state_dict().items()}
    weights["linear.weight"] = seeded(lambda: torch.nn.Linear(32, DIM, bias=False)).weight.data
    config.architectures = ["HF_ColBERT"]
    config.save_pretrained(folder)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    metadata = {
        "query_token_id": "[unused0]", "doc_token_id": "[unused1]", "query_maxlen": 16,
        "doc_maxlen": 36, "attend_to_mask_tokens": False, "mask_punctuation": True, "dim": DIM,
    }  # fmt: skip
    (folder / "artifact.metadata").write_text(json.dumps(metadata))
    return folder


ALL = [
    colbert, colbert_seen, colbert_min, colbert_plain, colbert_pooled, colbert_roberta,
    xtr, xtr_published, pylate, stanford,
]  # fmt: skip
