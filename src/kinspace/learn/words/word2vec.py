"""word2vec: skip-gram and CBOW."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

import numpy as np

from kinspace.engines import sampling, sgns
from kinspace.engines.rows import padded, table
from kinspace.learn.stages import Stages, shown
from kinspace.learn.text import read_corpus
from kinspace.learn.words.learner import WordLearner


class Word2Vec(WordLearner):
    """A first sketch: skip-gram and CBOW with negative sampling."""

    method: ClassVar[str] = "word2vec"

    def __init__(
        self,
        dim: int = 100,
        *,
        window: int = 5,
        negative: int = 5,
        skip_gram: bool = True,
        sample: float = 1e-3,
        min_count: int = 5,
        epochs: int = 5,
        learning_rate: float = 0.025,
        tokenizer: str = "words",
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        self.dim = dim
        self.window = window
        self.negative = negative
        self.skip_gram = skip_gram
        self.sample = sample
        self.min_count = min_count
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.tokenizer = tokenizer
        self.workers = workers
        self.seed = seed

    def fit(self, items: Iterable[str | Sequence[str]], *, progress: bool | Stages = False) -> Self:
        """Learn."""
        with shown(progress) as tell:
            corpus = read_corpus(items, self._cutter(), min_count=self.min_count, tell=tell)
            counts = corpus.vocabulary.counts
            size, columns = len(counts), padded(self.dim)
            inputs, outputs = table(size, columns), table(size, columns)
            random = np.random.default_rng(self.seed)
            inputs[:, : self.dim] = (random.random((size, self.dim), np.float32) - 0.5) / self.dim
            one, starts = np.arange(size, dtype=np.int32), np.arange(size + 1)
            words = sgns.Words(
                one, starts, one, np.ones(size, np.float32), starts,
                sampling.keep_limits(counts, self.sample), sampling.alias(counts.astype(np.float64) ** 0.75),
            )  # fmt: skip
            plan = sgns.Plan(
                self.window, self.negative, not self.skip_gram, True, self.epochs,
                self.learning_rate, 1e-4, self.seed,
            )  # fmt: skip
            sentences = len(corpus.starts) - 1
            text = sgns.Text(
                corpus.ids, corpus.starts, np.zeros(0, np.int32), np.zeros(sentences + 1, np.int64)
            )
            sgns.fit(text, words, plan, inputs, outputs, workers=self.workers)
        return self._learned(corpus.vocabulary, inputs[:, : self.dim])
