"""Sparse encoders: a weight for each word that a text is about, also for words it does not use."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kinspace import sparse
from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Side, require_texts
from kinspace.errors import InvalidInput, InvalidParameter, ReadError, require_choice
from kinspace.pretrained.neural.folders.layout import fingerprint
from kinspace.pretrained.neural.folders.model import TextModel
from kinspace.pretrained.neural.folders.sides import Prompts, stated_prompts
from kinspace.pretrained.neural.running.batches import check_budget
from kinspace.pretrained.neural.running.setting import Precision
from kinspace.pretrained.neural.sparse.model import SparseModel, open_sparse
from kinspace.pretrained.overlong import Long
from kinspace.space import Space

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class SpladeEncoder(TextModel, Encoder[str]):
    """A sparse encoder of sentence-transformers, or a masked language model as one.

    Three kinds are read: SPLADE, where a masked language model weighs every word of its
    vocabulary; inference-free ones, where documents are encoded so and queries by a table of
    weights, which takes no time; and sparse autoencoders on top of a dense model, whose units are
    no words. Loading waits for the first use.

    Parameters
    ----------
    name : str or Path
        What :func:`kinspace.pretrained.resolve.resolve` understands: a path or a name.
    max_active_dims : int, optional
        Keep only so many words of each text, the heaviest: smaller indexes, faster search. By
        default what the model's files say, as a rule all. Another number is another space.
    long : {"truncate", "mean", "error"}
        What becomes of texts longer than the model reads: cut; encoded in pieces whose vectors
        are averaged, each by its number of tokens; or refused.
    batch_tokens : int
        The most tokens of one batch.
    device : str
        ``"auto"`` takes a GPU where torch sees one.
    precision : {"auto", "float32", "bfloat16", "float16", "int8"}
        Of the transformer. "auto" takes the fastest that the device has instructions for. Not
        part of the space.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Attributes
    ----------
    truncated_ : dict of str to int
        How many ``texts`` were cut since the encoder was made, and how many ``tokens`` they lost.

    Raises
    ------
    InvalidParameter
        At the first use, if a parameter is outside its range.
    ModelNotFound
        At the first use, if there is no such model on this machine.
    MissingExtra
        At the first use, if the extra ``neural`` is not installed.
    ReadError
        At the first use, if the folder holds something that cannot be loaded, or no sparse model.

    References
    ----------
    Formal, Lassance, Piwowarski & Clinchant 2021, "SPLADE v2: Sparse Lexical and Expansion Model
    for Information Retrieval".
    """

    batch_cost: ClassVar[int] = 1 << 21
    sorts_by_cost: ClassVar[bool] = True

    def __init__(
        self,
        name: str | Path,
        *,
        max_active_dims: int | None = None,
        long: Long = "truncate",
        batch_tokens: int = 4096,
        device: str = "auto",
        precision: Precision = "auto",
        download: bool = False,
    ) -> None:
        self.name = name
        self.max_active_dims = max_active_dims
        self.long = long
        self.batch_tokens = batch_tokens
        self.device = device
        self.precision = precision
        self.download = download

    @functools.cached_property
    def prompts(self) -> Prompts:
        """What stands before documents and queries."""
        return stated_prompts(self.layout.prompts, self.layout.default_prompt)

    @functools.cached_property
    def space(self) -> Space:
        """The space of the vectors: as many dimensions as the vocabulary has words."""
        model = self._model
        most, mean = self.max_active_dims, self.long == "mean"
        changed = [("max_active_dims", most)] * (most is not None) + [("long", "mean")] * mean
        digest = fingerprint(self.layout, *changed)
        return Space(Path(self.name).name, digest, model.dim, model.metric, "sparse")

    @property
    def tokenizer(self) -> Any:
        """The fast tokenizer (``tokenizers.Tokenizer``) of the model, or None if it has none."""
        return getattr(self._model.tokenizer, "backend_tokenizer", None)

    def words(
        self, embeddings: Embeddings | csr_array, k: int = 10
    ) -> list[list[tuple[str, float]]]:
        """The words that vectors are made of, in readable form.

        Parameters
        ----------
        embeddings : Embeddings of this space, or csr_array of shape (n, dim)
        k : int
            So many words of each vector at most, the heaviest first.

        Returns
        -------
        list of list of (str, float)
            For each vector, words and weights. A piece that continues a word is marked as the
            tokenizer marks it (``"##ing"``).

        Raises
        ------
        InvalidInput
            If the model's dimensions are units of an autoencoder, which are no words.
        SpaceMismatch
            If the embeddings are those of another model.
        """
        if k < 1:
            raise InvalidParameter(f"k is {k}; at least one word is needed.", "Give k ≥ 1.")
        if isinstance(embeddings, Embeddings):
            self.space.require(embeddings.space, "read")
            embeddings = embeddings.vectors
        rows = sparse.as_sparse(embeddings, self.space.dim)
        vocabulary = self._vocabulary
        found = []
        for start, stop in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
            places, weights = rows.indices[start:stop], rows.data[start:stop]
            best = np.lexsort((places, -weights))[:k]
            found.append([(vocabulary[places[one]], float(weights[one])) for one in best])
        return found

    def contributions(self, query: str, text: str) -> list[tuple[str, float]]:
        """The words that query and text share, with the share of the similarity of each."""
        asked: Any = self.encode_query([query]).vectors
        given: Any = self.encode([text]).vectors
        if self.space.metric == "cosine":
            asked, given = sparse.unit(asked), sparse.unit(given)
        shared = asked.multiply(given).tocsr()
        return self.words(shared, self.space.dim)[0]

    def _encode_batch(self, items: Sequence[str], side: Side) -> csr_array:
        require_texts(items)
        rows, cut = self._model.ways[side](items, self.prompts.of(side))
        self._count(cut)
        return rows

    @functools.cached_property
    def _vocabulary(self) -> list[str]:
        if not self._model.is_lexical:
            raise InvalidInput(
                f"The dimensions of {self.space.model} are units of an autoencoder, not words.",
                "Read the words of a SPLADE model.",
            )
        tokenizer = self._model.tokenizer
        places = range(self.space.dim)
        read = tokenizer.batch_decode([[place] for place in places])
        pieces = tokenizer.convert_ids_to_tokens(list(places))
        # Half a character is shown as the tokenizer writes it, as are blanks.
        shown = (w.strip() if "\ufffd" not in w else p for w, p in zip(read, pieces, strict=True))
        return [w or p or f"[{place}]" for place, w, p in zip(places, shown, pieces, strict=True)]

    @functools.cached_property
    def _model(self) -> SparseModel:
        require_choice("long", self.long, Long)
        check_budget(self.batch_tokens)
        if self.max_active_dims is not None and self.max_active_dims < 1:
            raise InvalidParameter(
                f"A vector cannot have {self.max_active_dims} words.", "Give 1 or more."
            )
        layout, setting = self.layout, self.setting
        is_masked = layout.architecture.endswith("ForMaskedLM")
        if layout.kind != "sparse" and (layout.modules or not is_masked):
            raise ReadError(
                f"{self.folder} is no sparse encoder: it is {layout.kind}.",
                "Load it with ks.load, without kind.",
            )
        return open_sparse(
            self.folder,
            setting,
            most=self.max_active_dims,
            long=self.long,
            budget=self.batch_tokens,
        )
