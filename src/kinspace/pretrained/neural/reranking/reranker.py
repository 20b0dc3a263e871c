"""Cross-encoders: how well a text answers a query, read together in one sequence."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import require_texts
from kinspace.errors import InvalidInput, InvalidParameter, ReadError, require_choice
from kinspace.pretrained.neural.folders.layout import fingerprint
from kinspace.pretrained.neural.folders.model import FolderModel
from kinspace.pretrained.neural.folders.opening import open_model
from kinspace.pretrained.neural.reranking.pairs import Pair, PairTokenizer
from kinspace.pretrained.neural.reranking.scoring import ByClasses, ByModules, ByNextWord
from kinspace.pretrained.neural.running import loop
from kinspace.pretrained.neural.running.backbone import open_backbone
from kinspace.pretrained.neural.running.batches import Batch
from kinspace.pretrained.neural.running.heads import split
from kinspace.pretrained.neural.running.setting import Precision
from kinspace.results import Neighbours

Activation = Literal["model", "none", "sigmoid", "softmax"]

_HELD: Final = 4096
"""Pairs that are tokenised and sorted together."""


@dataclass(frozen=True)
class _Model:
    tokenizer: PairTokenizer
    scores: ByClasses | ByNextWord | ByModules
    activation: Any
    """Of the model's files, from logits to scores."""
    labels: tuple[str, ...]
    prompt: str


class Reranker(FolderModel):
    """A cross-encoder: it reads query and text together, and says how well they match.

    Better than comparing two vectors, and much slower: each pair goes through the whole model.
    So it brings the best candidates of a search into order. Pairs are run in batches of like
    length; equal pairs once. Loading waits for the first use.

    Parameters
    ----------
    name : str or Path
        What :func:`kinspace.pretrained.resolve.resolve` understands: a path or a name.
    label : str, optional
        Which label's score counts, for models that give several (entailment, contradiction …).
    activation : {"model", "none", "sigmoid", "softmax"}
        From logits to scores; "model" takes what the model's files say.
    max_length : int, optional
        The most tokens of a pair; by default what the model's files say. Of a longer pair the
        longer text is cut.
    batch_tokens : int
        The most tokens of one batch.
    device : str
        ``"auto"`` takes a GPU where torch sees one.
    precision : {"auto", "float32", "bfloat16", "float16", "int8"}
        Of the transformer; the head is float32.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Attributes
    ----------
    truncated_ : dict of str to int
        How many ``pairs`` were cut since the reranker was made, and how many ``tokens`` they lost.

    Raises
    ------
    InvalidParameter
        At the first use, if a parameter is outside its range.
    ModelNotFound
        At the first use, if there is no such model on this machine.
    MissingExtra
        At the first use, if the extra ``neural`` is not installed.
    ReadError
        At the first use, if the folder holds no cross-encoder that can be loaded.

    References
    ----------
    Nogueira & Cho 2019, "Passage Re-ranking with BERT".
    """

    def __init__(
        self,
        name: str | Path,
        *,
        label: str | None = None,
        activation: Activation = "model",
        max_length: int | None = None,
        batch_tokens: int = 4096,
        device: str = "auto",
        precision: Precision = "auto",
        download: bool = False,
    ) -> None:
        self.name = str(name)
        self.label = label
        self.activation = activation
        self.max_length = max_length
        self.batch_tokens = batch_tokens
        self.device = device
        self.precision = precision
        self.download = download

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of all that changes the scores, precision apart."""
        given = {"label": self.label, "activation": self.activation, "max_length": self.max_length}
        usual = {"label": None, "activation": "model", "max_length": None}
        return fingerprint(
            self.layout, *(pair for pair in given.items() if pair[1] != usual[pair[0]])
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model's scores are called; one where there is only one."""
        return self._model.labels

    @functools.cached_property
    def truncated_(self) -> dict[str, int]:
        """How many pairs were cut so far, and how many tokens they lost."""
        return {"pairs": 0, "tokens": 0}

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """How well each text answers a query.

        Parameters
        ----------
        query : str
        texts : sequence of str

        Returns
        -------
        ndarray of float32, shape (n,)
            Higher is better; what the numbers mean depends on the model.

        Raises
        ------
        InvalidInput
            If something is no text, or the model has several labels and none is chosen.
        """
        if isinstance(texts, str):
            raise InvalidInput("The texts are one string.", "Give a list, also of one text.")
        if len(self.labels) > 1 and self.label is None:
            raise InvalidInput(
                f"{self.name} gives several scores: {', '.join(self.labels)}.",
                f"Choose one: Reranker(…, label={self.labels[0]!r}).",
            )
        return self.score_pairs([(query, text) for text in texts])

    def score_pairs(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Score pairs of texts.

        Parameters
        ----------
        pairs : sequence of (str, str)

        Returns
        -------
        ndarray of float32, shape (n,), or (n, labels)
            One score a pair; all of them where the model has several labels and none is chosen.

        Raises
        ------
        InvalidInput
            If something is no pair of texts.
        """
        model = self._model
        listed = [_pair(one) for one in pairs]
        distinct = {pair: row for row, pair in enumerate(dict.fromkeys(listed))}
        every = list(distinct)
        scores = np.empty((len(every), len(model.labels)), np.float32)
        for start in range(0, len(every), _HELD):
            scores[start : start + _HELD] = self._scored(every[start : start + _HELD], model)
        found = scores[[distinct[pair] for pair in listed]] if listed else scores
        if self.label is not None:
            return found[:, model.labels.index(self.label)]
        return found[:, 0] if len(model.labels) == 1 else found

    def rerank(self, query: str, texts: Sequence[str], k: int | None = None) -> Neighbours[int]:
        """Bring texts into order.

        Parameters
        ----------
        query : str
        texts : sequence of str
        k : int, optional
            Only the best so many; by default all.

        Returns
        -------
        Neighbours
            Positions among the texts and their scores, best first; equal ones in the given order.
        """
        if k is not None and k < 1:
            raise InvalidParameter(f"k is {k}; at least one result is needed.", "Give k ≥ 1.")
        scores = self.score(query, texts)
        order = np.argsort(-scores, kind="stable")[:k]
        return Neighbours(order.tolist(), scores[order], "dot")

    def _scored(self, pairs: list[Pair], model: _Model) -> NDArray[np.float32]:
        """The scores of different pairs, shape (n, labels)."""

        def scores(batch: Batch) -> NDArray[np.float32]:
            found: NDArray[np.float32] = model.activation(model.scores(batch)).cpu().numpy()
            return found

        tokens, found = loop.rows_of(
            pairs,
            model.tokenizer,
            scores,
            prompt=model.prompt,
            budget=self.batch_tokens,
            side_by_side=model.scores.backbone.side_by_side,
        )
        self.truncated_["pairs"] += int(np.count_nonzero(tokens.cut))
        self.truncated_["tokens"] += int(tokens.cut.sum())
        return found

    @functools.cached_property
    def _model(self) -> _Model:
        self._check()
        if self.layout.kind != "reranker":
            raise ReadError(
                f"{self.folder} is no cross-encoder: it is {self.layout.kind}.",
                "Load it with ks.load, without kind.",
            )
        model = open_model("CrossEncoder", self.folder)
        transformer = model[0]
        longest = min(self.max_length or 1 << 30, transformer.max_seq_length or 1 << 30)
        made = _Model(
            PairTokenizer(transformer, int(longest)),
            self._scores(model),
            self._activation(model),
            _labels(model),
            model.prompts.get(model.default_prompt_name) or "",
        )
        if self.label is not None and self.label not in made.labels:
            raise InvalidParameter(
                f"{self.name} has no label {self.label!r}.",
                f"Choose one of: {', '.join(made.labels)}.",
            )
        return made

    def _check(self) -> None:
        require_choice("activation", self.activation, Activation)
        for what, value in (("batch", self.batch_tokens), ("pair", self.max_length)):
            if value is not None and value < 4:
                raise InvalidParameter(f"A {what} cannot be of {value} tokens.", "Give 4 or more.")

    def _scores(self, model: Any) -> ByClasses | ByNextWord | ByModules:
        import torch

        transformer, after = model[0], list(model)[1:]
        kinds = [type(module).__name__ for module in after]
        setting = self.setting
        if not after:
            backbone, head = split(transformer.model, setting, head=torch.float32)
            return ByClasses(backbone, head, transformer.model.config.pad_token_id)
        if kinds == ["LogitScore"]:  # its words are those of the layers' own table
            backbone, head = split(transformer.model, setting, head=setting.dtype)
            return ByNextWord(backbone, head, after[0])
        backbone = open_backbone(transformer.model, setting)
        return ByModules(backbone, [module.to(setting.device) for module in after])

    def _activation(self, model: Any) -> Any:
        import torch

        if self.activation == "model":
            return model.activation_fn
        return {
            "none": torch.nn.Identity(),
            "sigmoid": torch.nn.Sigmoid(),
            "softmax": torch.nn.Softmax(dim=1),
        }[self.activation]


def _labels(model: Any) -> tuple[str, ...]:
    """The names of the scores; ``("score",)`` of one."""
    count = model.num_labels
    named = model.config.id2label or {} if count > 1 else {}
    return tuple(str(named.get(i, i)) for i in range(count)) if count > 1 else ("score",)


def _pair(given: Any) -> Pair:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        raise InvalidInput(f"{given!r:.80} is no pair of texts.", "Give (query, text).")
    require_texts(given)
    return given[0], given[1]
