"""Opening a sparse model: what its files hold becomes a way from texts to rows for each side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinspace.encoder import Side
from kinspace.errors import ReadError
from kinspace.metric import Metric
from kinspace.pretrained.neural.folders.opening import open_model
from kinspace.pretrained.neural.running.backbone import open_backbone
from kinspace.pretrained.neural.running.heads import split
from kinspace.pretrained.neural.running.setting import Setting
from kinspace.pretrained.neural.running.tokens import Tokenizer
from kinspace.pretrained.neural.sparse.lexical import ByCode, ByLanguageModel, ByTable, Way
from kinspace.pretrained.neural.sparse.word_logits import WordLogits
from kinspace.pretrained.overlong import Long


@dataclass(frozen=True)
class SparseModel:
    """A sparse model, ready to run.

    Attributes
    ----------
    ways : dict of side to callable
        From texts and a prompt to rows; the same one twice where the sides do not differ.
    dim : int
    metric : str
    tokenizer : transformers.PreTrainedTokenizerBase
    is_lexical : bool
        Whether dimensions are words.
    """

    ways: dict[Side, Way]
    dim: int
    metric: Metric
    tokenizer: Any
    is_lexical: bool


def open_sparse(
    folder: Path, setting: Setting, *, most: int | None, long: Long, budget: int
) -> SparseModel:
    """Open a folder of a sparse encoder.

    Parameters
    ----------
    folder : Path
    setting : Setting
    most : int or None
        Entries that are kept of a text; by default what the files say.
    long : {"truncate", "mean", "error"}
    budget : int
        The most tokens of a batch.

    Raises
    ------
    ReadError
        If sentence-transformers cannot load it, or its modules are none that are known.
    """
    model = open_model("SparseEncoder", folder)
    most = most or model.max_active_dims
    routes = _routes(model)
    opened = {side: _open(modules, setting, most, long, budget) for side, modules in routes.items()}
    dims = {way.dim for way in opened.values()}
    if len(dims) > 1:
        raise ReadError(
            f"In {folder}, queries and documents have {dims} dimensions.", "Get the model again."
        )
    ways: dict[Side, Way] = {
        "query": opened.get("query", opened["document"]), "document": opened["document"],
    }  # fmt: skip
    return SparseModel(
        ways=ways,
        dim=dims.pop(),
        metric=model.similarity_fn_name,
        tokenizer=model.tokenizer,
        is_lexical=not isinstance(opened["document"], ByCode),
    )


def _routes(model: Any) -> dict[Side, Sequence[Any]]:
    """The modules of each side; one entry where the sides do not differ."""
    modules = list(model)
    if type(modules[0]).__name__ != "Router":
        return {"document": modules}
    router, after = modules[0], modules[1:]
    try:
        names: dict[Side, str] = {
            side: router._resolve_route(task=side, modality="text")
            for side in ("query", "document")
        }
    except ValueError as error:
        raise ReadError(
            f"The model's Router does not know queries from documents: {error}.",
            "Take a model that was made with Router.for_query_document.",
        ) from error
    return {side: [*router.sub_modules[name], *after] for side, name in names.items()}


def _open(
    modules: Sequence[Any], setting: Setting, most: int | None, long: Long, budget: int
) -> ByLanguageModel | ByTable | ByCode:
    kinds = [type(module).__name__ for module in modules]
    if kinds == ["SparseStaticEmbedding"]:
        table = modules[0].weight.detach().numpy().astype(np.float32)
        plain = _without_special(modules[0].tokenizer)
        return ByTable(Tokenizer(plain, _longest(modules[0]), long), table, most)
    first, last = modules[0], modules[-1]
    tokenizer = Tokenizer(first.tokenizer, _longest(first), long)
    if kinds in (["Transformer", "SpladePooling"], ["MLMTransformer", "SpladePooling"]):
        # The head often shares the table of words with the layers: so it has their precision.
        backbone, head = split(first.model, setting, head=setting.dtype)
        return ByLanguageModel(
            tokenizer,
            backbone,
            WordLogits(head, setting),
            pooling=last.pooling_strategy,
            twice=last.activation_function == "log1p_relu",
            most=most,
            budget=budget,
        )
    whole = all(getattr(module, "include_prompt", True) for module in modules)
    if kinds[0] == "Transformer" and kinds[-1] == "SparseAutoEncoder" and whole:
        backbone = open_backbone(first.model, setting)
        after = [module.to(setting.device) for module in modules[1:]]
        return ByCode(tokenizer, backbone, after, dim=last.hidden_dim, most=most, budget=budget)
    raise ReadError(
        f"A sparse encoder of {', '.join(kinds)} is not known.",
        "Known are Transformer and SpladePooling; SparseStaticEmbedding; and a dense model, whose "
        "pooling includes the prompt, with a SparseAutoEncoder.",
    )


def _longest(module: Any) -> int:
    """The most tokens of a text; where nothing limits it the files have numbers without sense."""
    return min(int(module.max_seq_length or 1 << 30), 1 << 30)


def _without_special(tokenizer: Any) -> Any:
    """The tokenizer, so that it adds nothing at the ends."""
    from tokenizers.processors import TemplateProcessing

    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise ReadError(
            "The table of weights has a tokenizer of Python.", "Save it with a tokenizer.json."
        )
    fast.post_processor = TemplateProcessing(single="$A", pair="$A $B:1", special_tokens=[])
    return tokenizer
