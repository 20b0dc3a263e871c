"""What lies in a model's folder: its kind, its modules, and what its files say of its vectors.

Two layouts are read: that of sentence-transformers, whose ``modules.json`` names what runs one
after the other, and that of transformers, which has a ``config.json`` alone. Nothing is loaded,
so that a folder of gigabytes is looked at in a moment, and damage is found before torch meets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from kinspace.errors import ReadError
from kinspace.metric import Metric
from kinspace.pretrained.neural.folders import weights
from kinspace.pretrained.neural.folders.records import read_object, read_optional, read_records
from kinspace.space import fingerprint_of

Kind = Literal["dense", "sparse", "multi", "clip", "image", "reranker"]

_SPARSE: Final = {"SpladePooling", "SparseStaticEmbedding", "SparseAutoEncoder", "MLMTransformer"}
_SAVED_AS: Final[dict[str, Kind]] = {
    "SparseEncoder": "sparse",
    "MultiVectorEncoder": "multi",
    "ColBERT": "multi",  # PyLate's name
    "CrossEncoder": "reranker",
}
"""The ``model_type`` of ``config_sentence_transformers.json``."""

_CLIP: Final = {
    "clip", "siglip", "siglip2", "chinese_clip", "align", "altclip", "metaclip_2", "clipseg",
}  # fmt: skip
_OWN_TOKENIZER: Final = {"BoW", "WordEmbeddings", "StaticEmbedding", "Router", "CLIPModel"}
"""Modules that keep their tokenizer in a layout of their own."""

_RESIZING: Final = {
    "Pooling": ("embedding_dimension", "word_embedding_dimension"),
    "Dense": ("out_features",),
    "SparseAutoEncoder": ("hidden_dim",),
}
"""Modules after which vectors have another length, and where they say which."""

_POOLING: Final = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""How versions before 5.4 wrote the pooling, in the order in which vectors are joined."""

_TOKENIZER: Final = (
    "tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model",
    "tokenizer.model", "bpe.codes", "source.spm", "sentencepiece.model", "vocab.bpe",
)  # fmt: skip
_IDENTITY: Final = re.compile(r".*\.(json|txt|model|jinja|metadata|codes|spm|bpe)")
"""Files other than weights that change vectors …"""
_APART: Final = re.compile(
    r"(.*/)?(onnx|openvino|eval|runs|checkpoint-\d+|\.[^/]*)(/.*)?|"
    r"(.*/)?(trainer_state|model_args|train_results|eval_results|all_results|data_config|.*\.index)\.json|"
    r"(.*/)?(requirements|LICENSE|NOTICE)\.txt"
)
"""… and those among them that do not."""


@dataclass(frozen=True, slots=True)
class Module:
    """One line of ``modules.json``: a class, by its name, and the folder of its files."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Layout:
    """What the files of a model say of it.

    Attributes
    ----------
    folder : Path
    kind : {"dense", "sparse", "multi", "clip", "image", "reranker"}
    architecture : str
        As the transformer's ``config.json`` names it: ``"BertModel"``; empty without one.
    modules : tuple of str
        The classes of sentence-transformers in order; empty for a plain transformer.
    dim : int or None
        The length of a vector, where the files say it.
    longest : int or None
        The most tokens of a text; None where nothing limits it.
    prompts : dict of str to str
        What stands before a text, by name.
    default_prompt : str or None
        The name of the one that is used where none is asked for.
    pooling : tuple of str
        How tokens become a text's vector; several are joined. What is usual for a plain
        transformer; empty for models that do not pool.
    metric : str
        How the vectors are compared.
    licence : str
        As the model card states it; empty if it does not.
    transformer : Path
        The folder of the transformer's own files.
    """

    folder: Path
    kind: Kind
    architecture: str
    modules: tuple[str, ...]
    dim: int | None
    longest: int | None
    prompts: dict[str, str]
    default_prompt: str | None
    pooling: tuple[str, ...]
    metric: Metric
    licence: str
    transformer: Path


def read_layout(folder: Path) -> Layout:
    """Look at a model's folder.

    Raises
    ------
    ReadError
        If files are missing (weights, tokenizer), or one is damaged.
    """
    modules = _modules(folder)
    transformer = modules[0].folder if modules else folder
    config = _config(folder, transformer, modules)
    settings = read_optional(folder / "config_sentence_transformers.json")
    names = tuple(module.name for module in modules)
    kind = _kind(folder, config, settings, names)
    pooling = _pooling(modules) if modules or kind != "dense" else _usual_pooling(config)
    layout = Layout(
        folder=folder,
        kind=kind,
        architecture=str((config.get("architectures") or [config.get("model_type", "")])[0]),
        modules=names,
        dim=_dim(config, modules, pooling, kind),
        longest=_longest(transformer, config),
        prompts=_prompts(settings),
        default_prompt=settings.get("default_prompt_name"),
        pooling=pooling,
        metric=_metric(folder, settings, kind),
        licence=licence_of(folder),
        transformer=transformer,
    )
    _check(layout)
    return layout


def fingerprint(layout: Layout, *overrides: Any) -> str:
    """Hash all that changes a model's vectors: 16 hexadecimal digits.

    Parameters
    ----------
    layout : Layout
        Weights, tokenizer, pooling, prompts and modules are hashed as the files have them.
    *overrides
        What the caller changes of that, as values that JSON can write: ``("pooling", "cls")``.
        Nothing for what the files say already. Precision and device are no part of it.
    """
    parts: list[Any] = []
    for path in _identity(layout.folder):
        parts += [path.relative_to(layout.folder).as_posix(), weights.digest(path)]
    return fingerprint_of(*parts, *overrides)


def _identity(folder: Path) -> Iterator[Path]:
    """The files that change vectors, in order of their names."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if _APART.fullmatch(name) or not path.is_file():
            continue
        if _IDENTITY.fullmatch(name) or path in weights.used(path.parent):
            yield path


# -- what the files say ------------------------------------------------------------------------


def _modules(folder: Path) -> list[Module]:
    listed = folder / "modules.json"
    if not listed.is_file():
        return []
    found = []
    for record in read_records(listed):
        kind, path = record.get("type"), record.get("path")
        if not isinstance(kind, str) or not isinstance(path, str):
            raise ReadError(f"{listed} has a module without type or path.", "Get the model again.")
        place = (folder / path).resolve()
        if not place.is_relative_to(folder.resolve()):
            raise ReadError(f"{listed} names {path!r}, outside the model.", "Do not use it.")
        found.append(Module(kind.rpartition(".")[2], folder / path))
    if not found:
        raise ReadError(f"{listed} names no modules.", "Get the model again.")
    return found


def _config(folder: Path, transformer: Path, modules: list[Module]) -> dict[str, Any]:
    path = transformer / "config.json"
    if path.is_file():
        return read_object(path)
    if not modules or modules[0].name == "Transformer":
        raise ReadError(f"{path} is missing from the model in {folder}.", "Get the model again.")
    return {}


def _kind(
    folder: Path, config: dict[str, Any], settings: dict[str, Any], names: tuple[str, ...]
) -> Kind:
    saved = _SAVED_AS.get(str(settings.get("model_type")))
    if saved is not None:
        return saved
    architectures = [str(name) for name in config.get("architectures") or []]
    if _SPARSE & set(names):
        return "sparse"
    if "MultiVectorMask" in names or "HF_ColBERT" in architectures:
        return "multi"
    if (folder / "artifact.metadata").is_file():
        return "multi"
    if "LogitScore" in names:
        return "reranker"
    if "CLIPModel" in names or config.get("model_type") in _CLIP:
        return "clip"
    if _is_image(folder, architectures):
        return "image"
    if not names and any(name.endswith("ForSequenceClassification") for name in architectures):
        return "reranker"
    return "dense"


def _is_image(folder: Path, architectures: list[str]) -> bool:
    if any(name.endswith("ForImageClassification") for name in architectures):
        return True
    has_text = any((folder / name).is_file() for name in _TOKENIZER)
    return (folder / "preprocessor_config.json").is_file() and not has_text


def _pooling(modules: list[Module]) -> tuple[str, ...]:
    for module in modules:
        if module.name == "Pooling":
            config = read_object(module.folder / "config.json")
            mode = config.get("pooling_mode")
            if mode is not None:
                return (mode,) if isinstance(mode, str) else tuple(mode)
            return tuple(name for key, name in _POOLING.items() if config.get(key)) or ("mean",)
    return ()


def _usual_pooling(config: dict[str, Any]) -> tuple[str, ...]:
    """The last token of a model that was made to continue texts, the mean of any other."""
    named = str((config.get("architectures") or [""])[0])
    continues = named.endswith("ForCausalLM") and config.get("is_causal", True)
    return ("lasttoken",) if continues else ("mean",)


def _dim(
    config: dict[str, Any], modules: list[Module], pooling: tuple[str, ...], kind: Kind
) -> int | None:
    """The length of a vector: what the last module that changes it says."""
    if kind == "reranker":
        return None
    inner = config.get("text_config")
    sizes = {**(inner if isinstance(inner, dict) else {}), **config}
    found = sizes.get("hidden_size") or sizes.get("n_embd") or sizes.get("d_model")
    found = found or sizes.get("dim")
    if kind == "clip":
        found = sizes.get("projection_dim") or found
    if kind == "image" and isinstance(sizes.get("hidden_sizes"), list):
        found = sizes["hidden_sizes"][-1]
    if kind == "sparse":
        found = sizes.get("vocab_size")
    dim = found if isinstance(found, int) else None
    for module in modules:
        if module.name not in _RESIZING or (module.name == "Pooling" and kind == "sparse"):
            continue
        said = read_object(module.folder / "config.json")
        width = next((said[key] for key in _RESIZING[module.name] if said.get(key)), dim)
        times = max(len(pooling), 1) if module.name == "Pooling" else 1
        dim = int(width) * times if width else None
    return dim


def _longest(transformer: Path, config: dict[str, Any]) -> int | None:
    """The most tokens, as sentence-transformers takes it: stated, else what both can do."""
    for path in sorted(transformer.glob("sentence_*_config.json")):
        said = read_object(path).get("max_seq_length")
        if said:
            return int(said)
    limit = read_optional(transformer / "tokenizer_config.json").get("model_max_length")
    places = config.get("max_position_embeddings") or config.get("n_positions")
    limits = [int(one) for one in (limit, places) if one and one < 1e15]
    return min(limits, default=None)


def _prompts(settings: dict[str, Any]) -> dict[str, str]:
    said = settings.get("prompts") or {}
    return {str(name): text for name, text in said.items() if isinstance(text, str)}


def _metric(folder: Path, settings: dict[str, Any], kind: Kind) -> Metric:
    said = settings.get("similarity_fn_name")
    if said is None:
        return "dot" if kind == "sparse" else "cosine"
    if said not in get_args(Metric):
        return "cosine"
    return cast("Metric", said)


def licence_of(folder: Path) -> str:
    """The ``license:`` line at the head of a model card; empty if there is none."""
    try:
        head = (folder / "README.md").read_text("utf-8", errors="replace").split("---")[1]
    except (OSError, IndexError):
        return ""
    line = re.search(r"^license:\s*(\S+)", head, re.MULTILINE)
    return line[1] if line else ""


# -- what must be there ------------------------------------------------------------------------


def _check(layout: Layout) -> None:
    """Raise :class:`ReadError` unless weights and tokenizer are there and whole."""
    first = layout.modules[0] if layout.modules else "Transformer"
    if first in _OWN_TOKENIZER:
        return
    found = weights.used(layout.transformer)
    if not found:
        raise ReadError(
            f"The model in {layout.folder} has no weights: there is neither model.safetensors nor "
            f"pytorch_model.bin in {layout.transformer}.",
            "Get the model again, whole.",
        )
    for path in found:
        weights.check(path)
    needs = layout.kind != "image"
    if needs and not any((layout.transformer / name).is_file() for name in _TOKENIZER):
        raise ReadError(
            f"The model in {layout.folder} has no tokenizer: there is neither tokenizer.json nor "
            f"a vocabulary in {layout.transformer}.",
            "Get the model again, whole; a tokenizer.json belongs to it.",
        )
