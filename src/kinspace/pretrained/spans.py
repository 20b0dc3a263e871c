"""Vectors of the parts of a text: its tokens as the model cut it, and its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.errors import IdNotFound
from kinspace.pretrained import words as splitting
from kinspace.space import Space

Merge = Literal["mean", "first"]

_SHOWN: Final = 12
"""Names that an error lists."""


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Parts of one text, each with its vector.

    Attributes
    ----------
    names : tuple of str
        Tokens as the tokenizer writes them, words as they stand in the text.
    offsets : array of int64, shape (n, 2)
        Where each begins and ends in the text, in characters; the same for both where a token
        stands for no character.
    embeddings : Embeddings
        One row for each, with the space they live in; for its verbs, ``similarity`` and others.
    """

    names: tuple[str, ...]
    offsets: NDArray[np.int64]
    embeddings: Embeddings

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vectors, shape (n, dim)."""
        return np.asarray(self.embeddings.vectors)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str | int) -> NDArray[np.float32]:
        """The vector of the first part of that name, or of the one at that place: shape (dim,).

        Raises
        ------
        IdNotFound
        """
        place = self.find(name)[0] if isinstance(name, str) else name
        if not -len(self) <= place < len(self):
            raise IdNotFound(f"There is no part {place}.", f"There are {len(self)}, from 0.")
        vector: NDArray[np.float32] = self.vectors[place]
        return vector

    def find(self, name: str) -> list[int]:
        """The places of all parts of that name, in the text's order.

        Raises
        ------
        IdNotFound
            If there is none.
        """
        found = [place for place, one in enumerate(self.names) if one == name]
        if not found:
            known = ", ".join(map(repr, self.names[:_SHOWN]))
            more = ", …" if len(self) > _SHOWN else ""
            raise IdNotFound(f"{name!r} is not a part of this text.", f"It has: {known}{more}.")
        return found

    def __repr__(self) -> str:
        return f"Spans({len(self)} × {self.embeddings.space.dim}: {_few(self.names)})"


@dataclass(frozen=True, slots=True, eq=False)
class TokenVectors:
    """The vectors of a text's tokens and words.

    Attributes
    ----------
    text : str
    tokens : Spans
        What the tokenizer made of the text.
    words : Spans
        The words that have tokens; each is merged from its own.
    word_of : array of int64, shape (tokens,)
        The word that each token is a piece of; -1 for special tokens and others without characters.
    cut : int
        How many tokens were left out because the text is longer than the model reads.
    """

    text: str
    tokens: Spans
    words: Spans
    word_of: NDArray[np.int64]
    cut: int = 0

    @property
    def space(self) -> Space:
        """The space of these vectors, which is not that of whole texts."""
        return self.tokens.embeddings.space

    def __repr__(self) -> str:
        return f"TokenVectors({len(self.tokens)} tokens, {len(self.words)} words, {self.space})"


def described(
    text: str,
    names: Sequence[str],
    offsets: NDArray[np.int64],
    vectors: NDArray[np.float32],
    space: Space,
    *,
    merge: Merge,
    cut: int = 0,
) -> TokenVectors:
    """Put together what is known of a text's tokens, and merge them to words.

    Parameters
    ----------
    text : str
    names : sequence of str
    offsets : array of int64, shape (tokens, 2)
    vectors : array of float32, shape (tokens, dim)
    space : Space
        Of the vectors.
    merge : {"mean", "first"}
        A word's vector: the mean of those of its tokens, or that of the first one.
    cut : int
    """
    offsets = splitting.stripped(text, offsets)
    found = splitting.words(text, offsets.tolist())
    word_of = splitting.owners(offsets, found)
    pieces = np.flatnonzero(word_of >= 0)
    kept, first, counts = np.unique(word_of[pieces], return_index=True, return_counts=True)
    renumbered = np.full(len(found) + 1, -1, np.int64)  # the last stands for no word at all
    renumbered[kept] = np.arange(len(kept))
    word_of = renumbered[word_of]
    merged = vectors[pieces[first]]
    if merge == "mean":
        merged = np.zeros((len(kept), vectors.shape[1]), np.float32)
        np.add.at(merged, word_of[pieces], vectors[pieces])
        merged /= counts[:, None].astype(np.float32)
    tokens = Spans(tuple(names), offsets, Embeddings(vectors, space))
    spans = found[kept]
    whole = Spans(tuple(text[a:b] for a, b in spans.tolist()), spans, Embeddings(merged, space))
    return TokenVectors(text, tokens, whole, word_of, cut)


def _few(names: Sequence[str]) -> str:
    return " ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
