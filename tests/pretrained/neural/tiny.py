"""Tiny models with random weights, saved by transformers in the layouts that real ones have.

Every function writes a model into a folder and gives the folder back; :func:`made` makes it
once a session. Texts that share words and differ in length are in :data:`TEXTS`.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = (
    "the a an of in on to and is was be it he she they we you i not no yes with for from by at "
    "cat dog kitten car truck road river bank money account water tree house city old new big "
    "small red green blue good bad fast slow day night sun moon star sea ship bird fish king "
    "queen man woman child book word paper page test model vector space near far who what where "
    "when why how runs sat walks swims flies reads writes opens closes likes query : passage . , "
    "! ? ; - ' un ##s ##ing ##ed ##er ##ly ##ness"
).split()
LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
TEXTS = [
    "the cat sat on the river bank",
    "a dog",
    "",
    "she opens a bank account in the new city , and walks home by the sea at night .",
    "Who likes the KING's old books?",
    "kitten " * 40,
    "unreadable zebras, quickly: xylophones & naïve café 日本",
    "sun",
    "the cat sat on the bank of the river",
    "sun and moon and star",
]

Make = Callable[[Path], Path]


@functools.cache
def _root() -> Path:
    folder = tempfile.mkdtemp(prefix="kinspace-tiny-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def made(make: Make, *options: Any) -> Path:
    """The folder of a tiny model, made at the first call; do not write into it."""
    name = "-".join([make.__name__, *(str(option) for option in options)]).replace("/", "_")
    folder = _root() / name
    return make(folder, *options)


def wordpiece(folder: Path, longest: int = 64) -> Any:
    """BERT's kind of tokenizer over :data:`WORDS` and single letters, saved into a folder."""
    from transformers import BertTokenizerFast

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
    pieces += [*WORDS, *(one for one in LETTERS if one not in WORDS)]
    pieces += [f"##{one}" for one in LETTERS if f"##{one}" not in pieces]
    vocabulary = {piece: place for place, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = BertTokenizerFast(vocab=vocabulary, do_lower_case=True, model_max_length=longest)
    tokenizer.save_pretrained(folder)
    return tokenizer


def bytes_tokenizer(folder: Path, longest: int = 64, *, kind: str = "gpt2") -> Any:
    """A byte-level BPE tokenizer, as GPT-2 (no special tokens, no padding) or RoBERTa have."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if kind == "roberta" else ["<|end|>"]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator([f"{word} {word}" for word in WORDS], trainer)
    named: dict[str, Any] = {"eos_token": "<|end|>", "bos_token": "<|end|>", "unk_token": "<|end|>"}
    if kind == "roberta":
        ends = [(one, inner.token_to_id(one)) for one in ("</s>", "<s>")]
        inner.post_processor = processors.RobertaProcessing(*ends)
        named = {
            "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>",
            "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
        }  # fmt: skip
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=longest, **named)
    tokenizer.save_pretrained(folder)
    return tokenizer


def seeded(build: Callable[[], Any], seed: int = 1) -> Any:
    """A model with random weights, the same ones every time; biases and scales random too."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def bert_config(size: int, **changes: Any) -> Any:
    """A configuration of BERT: 2 layers, 4 heads of size 8."""
    from transformers import BertConfig

    values: dict[str, Any] = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 64, "vocab_size": size,
    }  # fmt: skip
    return BertConfig(**(values | changes))


def bert(folder: Path, head: str = "") -> Path:
    """A BERT as transformers saves it; ``head`` is "", "MaskedLM" or "SequenceClassification"."""
    import transformers

    tokenizer = wordpiece(folder)
    labels = {"num_labels": 1} if head == "SequenceClassification" else {}
    config = bert_config(len(tokenizer), **labels)
    build = getattr(transformers, f"BertFor{head}" if head else "BertModel")
    seeded(lambda: build(config)).save_pretrained(folder)
    return folder


def roberta_config(folder: Path, **changes: Any) -> Any:
    """The sizes of a tiny RoBERTa; its tokenizer is saved in the folder."""
    from transformers import RobertaConfig

    tokenizer = bytes_tokenizer(folder, kind="roberta", longest=62)
    return RobertaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, vocab_size=len(tokenizer), type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=0, eos_token_id=2, **changes,
    )  # fmt: skip


def distilbert_config(folder: Path) -> Any:
    """The sizes of a tiny DistilBERT; its tokenizer is saved in the folder."""
    from transformers import DistilBertConfig

    return DistilBertConfig(
        dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=64,
        vocab_size=len(wordpiece(folder)),
    )  # fmt: skip


def roberta(folder: Path) -> Path:
    """A RoBERTa: positions start behind the padding's, and there are no token types."""
    from transformers import RobertaModel

    config = roberta_config(folder)
    seeded(lambda: RobertaModel(config)).save_pretrained(folder)
    return folder


def distilbert(folder: Path) -> Path:
    """A DistilBERT, whose configuration names its sizes otherwise."""
    from transformers import DistilBertModel

    config = distilbert_config(folder)
    seeded(lambda: DistilBertModel(config)).save_pretrained(folder)
    return folder


def gpt2(folder: Path) -> Path:
    """A decoder: each token sees those before it; no token to pad with, none that are special."""
    from transformers import GPT2Config, GPT2Model

    tokenizer = bytes_tokenizer(folder)
    config = GPT2Config(
        n_embd=32, n_layer=2, n_head=4, n_positions=64, vocab_size=len(tokenizer),
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    seeded(lambda: GPT2Model(config)).save_pretrained(folder)
    return folder


def qwen(folder: Path) -> Path:
    """A Qwen3 that pads on the left, as embedding models made from decoders do."""
    from transformers import Qwen3Config, Qwen3Model

    tokenizer = bytes_tokenizer(folder)
    tokenizer.pad_token = "<|end|>"
    tokenizer.save_pretrained(folder)
    settings = folder / "tokenizer_config.json"
    settings.write_text(settings.read_text().replace("{", '{"padding_side": "left",', 1))
    config = Qwen3Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, intermediate_size=64, max_position_embeddings=64, vocab_size=len(tokenizer),
        bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    seeded(lambda: Qwen3Model(config)).save_pretrained(folder)
    return folder


def t5(folder: Path) -> Path:
    """The encoder of a T5: relative positions, no position table."""
    from transformers import T5Config, T5EncoderModel

    tokenizer = bytes_tokenizer(folder, kind="roberta")
    config = T5Config(
        d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    seeded(lambda: T5EncoderModel(config)).save_pretrained(folder)
    return folder


def sentence_model(folder: Path, *after: Any, base: Make = bert, **settings: Any) -> Path:
    """A sentence-transformers model: a tiny transformer, then the modules given.

    Parameters
    ----------
    folder : Path
    *after
        Modules of sentence-transformers; mean pooling by default.
    base : callable
        Which transformer.
    **settings
        What ``SentenceTransformer`` takes: ``prompts``, ``default_prompt_name``,
        ``similarity_fn_name``. ``max_seq_length`` is the transformer's.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    longest = settings.pop("max_seq_length", None)
    transformer = Transformer(str(made(base)))
    if longest is not None:
        transformer.max_seq_length = longest
    modules = [transformer, *(after or (Pooling(32, "mean"),))]
    model = SentenceTransformer(modules=modules, device="cpu", **settings)
    model.eval().save(str(folder), create_model_card=False)
    return folder
