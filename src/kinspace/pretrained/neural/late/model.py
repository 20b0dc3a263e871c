"""Opening a late-interaction model: how each side is read, and what its vectors go through.

sentence-transformers reads the folder, whoever saved it: itself, PyLate, or Stanford's ColBERT
(``artifact.metadata`` and a ``linear.weight`` among the weights). The layers are run by a
backbone (:mod:`kinspace.pretrained.neural.running.backbone`), and the small modules after them by
their own code in float32.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import ReadError
from kinspace.metric import Metric
from kinspace.multi import MultiVectors, joined
from kinspace.pretrained.neural.folders.layout import Layout
from kinspace.pretrained.neural.folders.opening import open_model
from kinspace.pretrained.neural.running.backbone import Backbone, open_backbone
from kinspace.pretrained.neural.running.batches import Batch, batches
from kinspace.pretrained.neural.running.loop import run
from kinspace.pretrained.neural.running.setting import Setting
from kinspace.pretrained.neural.running.tokens import Tokenizer, Tokens
from kinspace.pretrained.overlong import Long


@dataclass(frozen=True, slots=True)
class Expansion:
    """Tokens that are put behind a query until it has so many (Khattab and Zaharia, 2020).

    Attributes
    ----------
    token : int
        ``[MASK]`` as a rule.
    length : int
    is_seen : bool
        Whether the query's own tokens attend to them; in classic ColBERT they do not.
    """

    token: int
    length: int
    is_seen: bool


class SideTokenizer(Tokenizer):
    """A tokenizer for one side of a search.

    Parameters
    ----------
    tokenizer, longest, long
        As :class:`~kinspace.pretrained.neural.running.tokens.Tokenizer` takes them.
    filler : int
        What a text without tokens is given, so that it has one vector.
    expansion : Expansion, optional
    lowercase : bool
    """

    def __init__(
        self,
        tokenizer: Any,
        longest: int,
        long: Long,
        *,
        filler: int,
        expansion: Expansion | None = None,
        lowercase: bool = False,
    ) -> None:
        super().__init__(tokenizer, longest, long)
        self.filler = filler
        self.expansion = expansion
        self.lowercase = lowercase

    def __call__(self, texts: Sequence[str], prompt: str = "") -> Tokens:
        """Tokenise texts, each after the prompt, and expand them if this side does."""
        if self.lowercase:
            texts, prompt = [text.lower() for text in texts], prompt.lower()
        tokens = super().__call__(texts, prompt)
        if not tokens.lengths.all():
            tokens = _lengthened(tokens, np.maximum(tokens.lengths, 1), self.filler)
        if self.expansion is None:
            return tokens
        seen = tokens.lengths
        longer = np.maximum(seen, self.expansion.length)
        tokens = _lengthened(tokens, longer, self.expansion.token)
        return tokens if self.expansion.is_seen else replace(tokens, seen=seen)


class LateModel:
    """A late-interaction model, ready to run.

    Parameters
    ----------
    modules : sequence of torch.nn.Module
        Those of a ``sentence_transformers.MultiVectorEncoder``, in order.
    prompts : dict of str to str or None
        What stands before a text, by the name of the side.
    setting : Setting
    long : {"truncate", "mean", "error"}
        ``"mean"`` for pieces that are all kept.
    lowercase : bool
    budget : int
        The most tokens of a batch.
    """

    def __init__(
        self,
        modules: Sequence[Any],
        prompts: dict[str, str | None],
        setting: Setting,
        *,
        long: Long,
        lowercase: bool,
        budget: int,
    ) -> None:
        import torch

        transformer, *after = modules
        self.setting = setting
        self.budget = budget
        widths = [module.out_features for module in after if hasattr(module, "out_features")]
        self.dim = int([transformer.get_embedding_dimension(), *widths][-1])
        kinds = {type(module).__name__ for module in after}
        self.metric: Metric = "cosine" if "Normalize" in kinds else "dot"
        self.sides: dict[Side, SideTokenizer] = {
            side: _side(transformer, side, long, lowercase) for side in ("query", "document")
        }
        self.prompts: dict[Side, str] = {
            "query": prompts.get("query") or "", "document": _document_prompt(prompts)
        }  # fmt: skip
        self.after = [module.to(setting.device, torch.float32).eval() for module in after]
        self.backbone: Backbone = open_backbone(transformer.model, setting)

    def __call__(self, texts: Sequence[str], side: Side) -> tuple[MultiVectors, NDArray[np.int64]]:
        """The vectors of texts, and how many tokens of each were left out."""
        parts: list[MultiVectors] = []
        places: list[NDArray[np.int64]] = []
        cut, owner = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for tokens, batch, (table, kept) in run(
            texts,
            self.sides[side],
            self._model(side),
            prompt=self.prompts[side],
            budget=self.budget,
            side_by_side=self.backbone.side_by_side,
        ):
            parts.append(_items(table, kept))
            places.append(batch.pieces)
            cut, owner = tokens.cut, tokens.owner
        together = joined(parts, self.dim)
        pieces: MultiVectors = together[np.argsort(np.concatenate([*places, cut[:0]]))]
        firsts = np.searchsorted(owner, np.arange(len(cut) + 1))
        return MultiVectors(pieces.values, pieces.starts[firsts]), cut

    def tokens(self, texts: Sequence[str], side: Side) -> list[list[str]]:
        """The tokens whose vectors are kept, in the order of the vectors."""
        import torch

        tokenizer = self.sides[side]
        tokens = tokenizer(texts, self.prompts[side])
        found: list[list[str]] = [[] for _ in texts]
        names = tokenizer.tokenizer.convert_ids_to_tokens
        for batch in batches(tokens, self.budget):
            features = self._features(batch, self.setting.device)
            features["token_embeddings"] = torch.zeros(*features["input_ids"].shape, 1)
            for module in self.after:
                if type(module).__name__ == "MultiVectorMask":
                    features = module(features, task=side)
            kept = features["attention_mask"].bool()
            for place, ids, mask in zip(batch.pieces, features["input_ids"], kept, strict=True):
                found[tokens.owner[place]] += names(ids[mask].tolist())
        return found

    def _model(self, side: Side) -> Callable[[Batch], Any]:
        """From a batch to vectors (n, longest, dim), and which of them are kept (n, longest)."""

        def model(batch: Batch) -> Any:
            table, _ = self.backbone.states(batch).padded()
            features = {**self._features(batch, table.device), "token_embeddings": table}
            for module in self.after:
                taken = getattr(module, "forward_kwargs", ())
                features = module(features, **({"task": side} if "task" in taken else {}))
            found = features["token_embeddings"].float().cpu().numpy()
            return found, features["attention_mask"].bool().cpu().numpy()

        return model

    def _features(self, batch: Batch, device: Any) -> dict[str, Any]:
        """What the modules after the layers look at, with padding."""
        import torch

        columns = np.arange(int(batch.lengths.max()))
        filled = columns < batch.lengths[:, None]
        seen = filled if batch.seen is None else columns < batch.seen[:, None]
        ids = np.zeros(filled.shape, np.int64)
        ids[filled] = batch.ids
        return {
            "input_ids": torch.from_numpy(ids).to(device),
            "attention_mask": torch.from_numpy(seen.astype(np.int64)).to(device),
            "query_expansion_positions": torch.from_numpy(filled & ~seen).to(device),
        }


def open_late(
    layout: Layout, setting: Setting, *, long: Long, lowercase: bool, budget: int
) -> LateModel:
    """Open a folder of a late-interaction model, or of a dense one as if it were.

    Raises
    ------
    ReadError
        If sentence-transformers cannot load it, or it reads images.
    """
    with _without_warnings():  # that a dense model is converted, which is what is wanted
        model = open_model("MultiVectorEncoder", layout.folder)
    modules = list(model)
    if type(modules[0]).__name__ != "Transformer" or "text" not in modules[0].modalities:
        raise ReadError(
            f"{layout.folder} is no late-interaction model of texts.", "Give one of texts."
        )
    if layout.kind == "dense" and "Dense" not in layout.modules:
        # sentence-transformers adds a random projection, to be trained.
        modules = [module for module in modules if type(module).__name__ != "Dense"]
    return LateModel(modules, model.prompts, setting, long=long, lowercase=lowercase, budget=budget)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    log = logging.getLogger("sentence_transformers.base.model")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _side(transformer: Any, side: Side, long: Long, lowercase: bool) -> SideTokenizer:
    """How a side is read: its length, and what is put behind a query."""
    tokenizer = transformer.tokenizer
    stated = transformer.query_length if side == "query" else transformer.document_length
    longest = stated or transformer.max_seq_length or transformer.config.max_position_embeddings
    said = transformer.query_expansion if side == "query" else None
    expansion = None
    if said is not None:
        if tokenizer.padding_side == "left":
            raise ReadError(
                "The model expands queries, and its tokenizer pads on the left.",
                "Save it with a tokenizer that pads on the right.",
            )
        token = tokenizer.mask_token_id if said["token"] is None else None
        if said["token"] is not None:
            token = tokenizer.convert_tokens_to_ids(said["token"])
        token = tokenizer.eos_token_id if token is None else token
        expansion = Expansion(int(token), said["length"], said["attend"])
        if said["strategy"] == "fixed":
            longest, long = said["length"], "error" if long == "error" else "truncate"
        elif stated:
            longest = max(stated, said["length"])
    filler = next(
        (one for one in (tokenizer.eos_token_id, tokenizer.pad_token_id) if one is not None), 0
    )
    return SideTokenizer(
        tokenizer, int(longest), long, filler=filler, expansion=expansion, lowercase=lowercase
    )


def _document_prompt(prompts: dict[str, str | None]) -> str:
    names = [name for name in ("document", "passage", "corpus") if name in prompts]
    return prompts[names[0]] or "" if names else ""


def _lengthened(tokens: Tokens, lengths: NDArray[np.int64], token: int) -> Tokens:
    """The pieces with one token behind them until they are so long."""
    ids = np.full(int(lengths.sum()), token, np.int64)
    shift = np.cumsum(lengths) - lengths - (np.cumsum(tokens.lengths) - tokens.lengths)
    ids[np.arange(len(tokens.ids)) + np.repeat(shift, tokens.lengths)] = tokens.ids
    return replace(tokens, ids=ids, lengths=lengths)


def _items(table: NDArray[np.float32], kept: NDArray[np.bool_]) -> MultiVectors:
    """The vectors that are kept; a text of which none is has one of zeros."""
    empty: NDArray[np.bool_] = np.logical_not(kept.any(axis=1))
    if empty.any():
        kept = kept.copy()
        kept[empty, 0] = True
        table = np.where(empty[:, None, None], np.float32(0), table)
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    return MultiVectors(np.ascontiguousarray(table[kept]), starts)
