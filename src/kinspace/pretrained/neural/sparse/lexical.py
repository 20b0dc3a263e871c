"""The three ways from texts to sparse vectors: by a masked language model, a table, or a code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.pretrained.neural.running import loop
from kinspace.pretrained.neural.running.backbone import Backbone, States
from kinspace.pretrained.neural.running.batches import Batch
from kinspace.pretrained.neural.running.tokens import Tokenizer, Tokens
from kinspace.pretrained.neural.sparse.word_logits import WordLogits, strongest

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Found = tuple["csr_array", NDArray[np.int64]]
"""Sparse rows of texts, and how many tokens of each text were left out."""

Way = Callable[[Sequence[str], str], Found]
"""From texts and the prompt before each of them to their rows."""

_LOGITS: Final = 1 << 25
"""Numbers held at once where each token has one for every word of the vocabulary."""


class ByLanguageModel:
    """SPLADE: how strongly a masked language model expects each word at any place of the text.

    For token states :math:`h_i` and word :math:`j`, with the logits :math:`w_{ij}` of the model's
    head, the weight is :math:`\\max_i \\log(1 + \\mathrm{relu}(w_{ij}))`, or the sum instead of the
    maximum (Formal et al. 2021, equations 2 and 6). With ``twice`` the logarithm is taken again
    (Geng et al. 2025).

    Parameters
    ----------
    tokenizer : Tokenizer
    backbone : Backbone
    words : WordLogits
        From states to logits over the vocabulary.
    pooling : {"max", "sum"}
    twice : bool
    most : int or None
        Keep only the heaviest so many words of a text.
    budget : int
        The most tokens of a batch.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        backbone: Backbone,
        words: WordLogits,
        *,
        pooling: str,
        twice: bool,
        most: int | None,
        budget: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.backbone = backbone
        self.words = words
        self.dim = words.dim
        self.pooling = pooling
        self.twice = twice
        self.most = most
        self.budget = budget

    def __call__(self, texts: Sequence[str], prompt: str) -> Found:
        """Encode texts."""
        return _collected(self, texts, prompt)

    def rows(self, batch: Batch) -> list[csr_array]:
        """The rows of one batch, in parts."""
        states = self.backbone.states(batch)
        return [as_rows(self._pooled(part), self.most) for part in self._parts(states)]

    def _parts(self, states: States) -> Iterator[States]:
        """Some texts at a time, so that logits and vectors of all words fit in memory."""
        fitting = max(_LOGITS // self.dim, 1)
        ends = np.cumsum(states.lengths)
        first, start = 0, 0
        while first < len(ends):
            last = max(first + 1, int(np.searchsorted(ends, start + fitting, side="right")))
            stop = int(ends[last - 1])
            yield States(states.rows[start:stop], states.lengths[first:last])
            first, start = last, stop

    def _pooled(self, states: States) -> Any:
        """The weights of all words for each text: float32, shape (n, vocabulary)."""
        import torch

        fitting = max(_LOGITS // self.dim, 1)
        pooled = torch.zeros(len(states.lengths), self.dim, device=states.rows.device)
        if not bool(states.rows.isfinite().all()):
            return pooled.fill_(torch.nan)  # a model that is broken, which the encoder reports
        ends = np.cumsum(states.lengths)
        for start in range(0, len(states.rows), fitting):
            rows = states.rows[start : start + fitting]
            texts = list(_overlaps(ends, start, start + len(rows)))
            for words, logits in self.words(rows):
                if self.pooling == "max":  # what is below 0 stays 0: the relu
                    for text, own in texts:
                        best = pooled[text, words]
                        torch.maximum(best, strongest(logits[own]), out=best)
                else:
                    damped = self._damped(logits.float())
                    for text, own in texts:
                        pooled[text, words] += damped[own].sum(0)
        # The logarithm grows with its argument, so that it can wait until the maximum is known.
        return self._damped(pooled) if self.pooling == "max" else pooled

    def _damped(self, values: Any) -> Any:
        values = values.relu_().log1p_()
        return values.log1p_() if self.twice else values


class ByTable:
    """Each different token of a text with its weight in a table: no transformer is run.

    Parameters
    ----------
    tokenizer : Tokenizer
        Without special tokens.
    weights : array of float32, shape (vocabulary,)
        Inverse document frequencies as a rule.
    most : int or None
        Keep only the heaviest so many words of a text.

    References
    ----------
    Geng et al. 2025, "Towards Competitive Search Relevance For Inference-Free Learned Sparse
    Retrievers".
    """

    def __init__(
        self, tokenizer: Tokenizer, weights: NDArray[np.float32], most: int | None
    ) -> None:
        self.tokenizer = tokenizer
        self.weights = weights
        self.dim = len(weights)
        self.most = most

    def __call__(self, texts: Sequence[str], prompt: str) -> Found:
        """Encode texts."""
        from scipy.sparse import csr_array

        tokens = self.tokenizer(texts, prompt)
        dim, count = self.dim, len(tokens.lengths)
        piece = np.repeat(np.arange(count), tokens.lengths)
        rows, columns = np.divmod(np.unique(piece * dim + tokens.ids), dim)
        kept = self.weights[columns] != 0
        rows, columns = rows[kept], columns[kept]
        found = csr_array((self.weights[columns], (rows, columns)), shape=(count, dim))
        return _by_text(heaviest(found, self.most), tokens), tokens.cut


class ByCode:
    """A dense vector, coded by the few units of a sparse autoencoder that it excites most.

    Parameters
    ----------
    tokenizer : Tokenizer
    backbone : Backbone
    modules : sequence of torch.nn.Module
        What sentence-transformers runs after the transformer: pooling, …, the autoencoder.
    dim : int
        Units of the autoencoder.
    most : int or None
        So many units of a text; by default as many as the autoencoder was trained with.
    budget : int
        The most tokens of a batch.

    References
    ----------
    Wen et al. 2025, "Beyond Matryoshka: Revisiting Sparse Coding for Adaptive Representation".
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        backbone: Backbone,
        modules: Sequence[Any],
        *,
        dim: int,
        most: int | None,
        budget: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.backbone = backbone
        self.modules = modules
        self.dim = dim
        self.most = most
        self.budget = budget

    def __call__(self, texts: Sequence[str], prompt: str) -> Found:
        """Encode texts."""
        return _collected(self, texts, prompt)

    def rows(self, batch: Batch) -> list[csr_array]:
        """The rows of one batch, in parts."""
        states, mask = self.backbone.states(batch).padded()
        features = {"token_embeddings": states, "attention_mask": mask}
        for module in self.modules:
            options = {"max_active_dims": self.most}
            known = getattr(module, "forward_kwargs", ())
            features = module(features, **{k: v for k, v in options.items() if k in known})
        return [as_rows(features["sentence_embedding"].float(), self.most)]


def _overlaps(ends: NDArray[np.int64], start: int, stop: int) -> Iterator[tuple[int, slice]]:
    """Which texts have rows from ``start`` to ``stop``, and which of these rows they have."""
    first, begin = int(np.searchsorted(ends, start, side="right")), start
    for text in range(first, len(ends)):
        if begin >= stop:
            return
        end = min(int(ends[text]), stop)
        if end > begin:
            yield text, slice(begin - start, end - start)
        begin = end


def as_rows(table: Any, most: int | None) -> csr_array:
    """A torch tensor of shape (n, dim) as a csr_array of float32, what is 0 left out."""
    from scipy.sparse import csr_array

    rows, columns = (places.cpu().numpy() for places in table.nonzero(as_tuple=True))
    starts = np.searchsorted(rows, np.arange(len(table) + 1))
    values = table[table != 0].cpu().numpy()
    return heaviest(csr_array((values, columns, starts), shape=tuple(table.shape)), most)


def heaviest(rows: csr_array, most: int | None) -> csr_array:
    """The ``most`` entries of each row that are farthest from 0; equal ones by position."""
    if most is None or not rows.nnz or np.diff(rows.indptr).max() <= most:
        return rows
    owners = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, -np.abs(rows.data), owners))
    rank = np.arange(rows.nnz) - np.repeat(rows.indptr[:-1], np.diff(rows.indptr))
    kept = np.sort(order[rank < most])
    starts = np.searchsorted(owners[kept], np.arange(rows.shape[0] + 1))
    return type(rows)((rows.data[kept], rows.indices[kept], starts), shape=rows.shape)


def _collected(way: ByLanguageModel | ByCode, texts: Sequence[str], prompt: str) -> Found:
    """The rows of all batches, in the order of the texts."""
    from scipy.sparse import vstack

    parts: list[csr_array] = []
    places: list[NDArray[np.int64]] = []
    read: Tokens | None = None
    for tokens, batch, rows in loop.run(
        texts,
        way.tokenizer,
        way.rows,
        prompt=prompt,
        budget=way.budget,
        side_by_side=way.backbone.side_by_side,
    ):
        parts += rows
        places.append(batch.pieces)
        read = tokens
    assert read is not None, "there are texts"
    together = vstack(parts, format="csr")[np.argsort(np.concatenate(places))]
    return _by_text(together, read), read.cut


def _by_text(pieces: csr_array, tokens: Tokens) -> csr_array:
    """The mean over the pieces of each text, each by its number of tokens."""
    from scipy.sparse import csr_array

    count = len(tokens.cut)
    if len(tokens.owner) == count:
        return pieces
    total = np.maximum(np.bincount(tokens.owner, tokens.lengths, count), 1)
    shares = (tokens.lengths / total[tokens.owner]).astype(np.float32)
    mean = csr_array((shares, (tokens.owner, np.arange(len(shares)))), shape=(count, len(shares)))
    return mean @ pieces
