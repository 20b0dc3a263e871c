"""Small encoders that need nothing but numpy, for tests of what is built on encoders."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Learner, Side, require_texts
from kinspace.errors import EmptyInput, NotFitted
from kinspace.metric import normalise
from kinspace.multi import MultiVectors
from kinspace.space import Space, fingerprint_of


class HashEncoder(Encoder[str]):
    """Adds up a random vector per word: texts that share words are near.

    Parameters
    ----------
    dim : int
    seed : int
    """

    sorts_by_cost = True

    def __init__(self, dim: int = 32, seed: int = 0) -> None:
        self.dim = dim
        self.seed = seed

    @property
    def space(self) -> Space:
        return Space(f"hash-{self.seed}", fingerprint_of("hash", self.seed), self.dim)

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        rows = np.zeros((len(items), self.dim), np.float32)
        require_texts(items)
        for row, text in zip(rows, items, strict=True):
            for word in text.lower().split():
                rng = np.random.default_rng([self.seed, zlib.crc32(word.encode())])
                row += rng.standard_normal(self.dim, np.float32)
        return normalise(rows)


class SparseHashEncoder(Encoder[str]):
    """Counts words in places that a hash gives: a sparse space.

    Parameters
    ----------
    dim : int
    """

    sorts_by_cost = True

    def __init__(self, dim: int = 1 << 16) -> None:
        self.dim = dim

    @property
    def space(self) -> Space:
        return Space("sparse-hash", fingerprint_of("sparse-hash"), self.dim, form="sparse")

    def _encode_batch(self, items: Sequence[str], side: Side) -> Any:
        from scipy.sparse import csr_array

        require_texts(items)
        words = [text.lower().split() for text in items]
        rows = np.repeat(np.arange(len(items)), list(map(len, words)))
        places = [zlib.crc32(w.encode()) % self.dim for text in words for w in text]
        counts = np.ones(len(rows), np.float32)
        return csr_array((counts, (rows, np.array(places, int))), (len(items), self.dim))


class MultiHashEncoder(Encoder[str]):
    """A random vector for each word, in order: a multi space.

    Parameters
    ----------
    dim : int
    """

    sorts_by_cost = True

    def __init__(self, dim: int = 16) -> None:
        self.dim = dim

    @property
    def space(self) -> Space:
        return Space("multi-hash", fingerprint_of("multi-hash"), self.dim, form="multi")

    def _encode_batch(self, items: Sequence[str], side: Side) -> MultiVectors:
        require_texts(items)
        words = HashEncoder(self.dim)
        split = [text.lower().split()[:40] or [""] for text in items]
        return MultiVectors.of([words._encode_batch(some, side) for some in split], self.dim)


class CountLearner(Learner[str]):
    """Learns the commonest words and counts them; what it learned is ``words_``.

    Parameters
    ----------
    n_words : int
    """

    def __init__(self, n_words: int = 16) -> None:
        self.n_words = n_words

    def fit(self, items: Iterable[str]) -> Self:
        counts: dict[str, int] = {}
        for text in items:
            for word in text.lower().split():
                counts[word] = counts.get(word, 0) + 1
        if not counts:
            raise EmptyInput("There are no words to learn from.", "Give texts.")
        self.words_ = sorted(counts, key=lambda word: (-counts[word], word))[: self.n_words]
        return self

    @property
    def space(self) -> Space:
        if not hasattr(self, "words_"):
            raise NotFitted("CountLearner has not learned yet.", "Call fit first.")
        return Space("counts", fingerprint_of("counts", self.words_), len(self.words_), "dot")

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        require_texts(items)
        split = [text.lower().split() for text in items]
        return np.array([[w.count(word) for word in self.words_] for w in split], np.float32)
