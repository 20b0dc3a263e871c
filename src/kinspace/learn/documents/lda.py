"""Latent Dirichlet allocation: documents as mixtures of topics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Learner, Side
from kinspace.engines import topics as engine
from kinspace.errors import EmptyInput, InvalidParameter
from kinspace.learn.documents import counted
from kinspace.learn.documents.counted import Topic
from kinspace.learn.documents.terms import Item
from kinspace.learn.documents.tfidf import TfidfEncoder
from kinspace.learn.stages import Stages, shown
from kinspace.space import Space, fingerprint_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BATCH = 384
_HELD = 1 << 14
"""Texts whose mixtures are found together."""


class LDA(Learner[str]):
    """Learn topics, which are distributions over terms, and encode texts as mixtures of them.

    A vector holds the expected share of each topic in a text and adds up to 1; a text without
    known terms becomes zeros. Learned by online variational Bayes.

    Parameters
    ----------
    topics : int
        How many; the dimension of the vectors.
    alpha, eta : float, optional
        Concentration of a text's topics, and of a topic's terms, beforehand: the smaller, the
        fewer. By default 1 / topics.
    epochs : int
        How often the texts are gone through.
    batch_size : int, optional
        Texts after which the topics move; by default an eighth of all, and at most 384.
    decay, offset : float
        Batch t moves the topics by (offset + t) ** -decay. Decay is more than 0.5, for the topics
        to settle, and at most 1.
    iterations : int
        Steps to find the mixture of a text, at most.
    tolerance : float
        They end when a topic's words in the text change by less on average.
    tokenizer : str
        What cuts texts into words; see :func:`kinspace.learn.text.as_tokenizer`.
    stop_words : str, optional
        Words that are left out: ``"english"``, or a list of them.
    min_ngram, max_ngram : int
        A term is a run of so many words.
    min_df, max_df : int or float
        Leave out terms that are in fewer, or more, texts: a number (int) or a share (float).
    max_vocabulary : int, optional
        Keep only so many terms, the most frequent.
    workers : int
        Threads, which share the texts of a batch.
    seed : int
        The same seed and number of workers give the same topics.

    Attributes
    ----------
    terms_ : TfidfEncoder
    topic_terms_ : ndarray of float32, shape (terms, topics)
        How often each topic made each term, eta included: λ of the paper.

    References
    ----------
    Blei, Ng & Jordan 2003, "Latent Dirichlet Allocation"; Hoffman, Blei & Bach 2010, "Online
    Learning for Latent Dirichlet Allocation".

    Examples
    --------
    >>> texts = ["cats dogs cats", "dogs cats pets", "banks money", "money lend banks"] * 5
    >>> model = LDA(topics=2, epochs=10, batch_size=4).fit(texts)
    >>> found = model.encode(["cats pets", "dogs", "money"])
    >>> bool(found.similarity(found)[0, 1] > 0.9 > found.similarity(found)[0, 2])
    True
    >>> sorted(topic[0][0] for topic in model.topics_)
    ['banks', 'cats']
    """

    method: ClassVar[str] = "lda"

    def __init__(
        self,
        topics: int = 100,
        *,
        alpha: float | None = None,
        eta: float | None = None,
        epochs: int = 5,
        batch_size: int | None = None,
        decay: float = 0.7,
        offset: float = 10.0,
        iterations: int = 100,
        tolerance: float = 1e-3,
        tokenizer: str = "words",
        stop_words: str | Sequence[str] | None = None,
        min_ngram: int = 1,
        max_ngram: int = 1,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_vocabulary: int | None = None,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        self.topics = topics
        self.alpha = alpha
        self.eta = eta
        self.epochs = epochs
        self.batch_size = batch_size
        self.decay = decay
        self.offset = offset
        self.iterations = iterations
        self.tolerance = tolerance
        self.tokenizer = tokenizer
        self.stop_words = stop_words
        self.min_ngram = min_ngram
        self.max_ngram = max_ngram
        self.min_df = min_df
        self.max_df = max_df
        self.max_vocabulary = max_vocabulary
        self.workers = workers
        self.seed = seed

    def fit(self, items: Iterable[Item], *, progress: bool | Stages = False) -> Self:
        """Learn topics from texts.

        Parameters
        ----------
        items : iterable of str, or of sequences of str
            Texts, or their words; gone through once. Memory holds their counts, not the texts.
        progress : bool or callable
            True shows a bar; a callable is called as :data:`~kinspace.learn.stages.Stages` says.

        Raises
        ------
        EmptyInput
            If there are no texts, or no term is left.
        InvalidInput
            If an item is no text.
        InvalidParameter
            If an argument is outside its range.
        """
        self._plan()
        terms = counted.terms_of(self, "counts")
        with shown(progress) as tell:
            counts = _counts(terms.fit_counts(items, progress=tell))
            found = engine.learn(
                counts, terms.space.dim, self.topics, self._plan(len(counts.starts) - 1),
                workers=self.workers, progress=partial(tell, "learn"),
            )  # fmt: skip
        return self._learned(terms, found)

    def _plan(self, texts: int = 1) -> engine.Plan:
        """The arguments, checked, for learning from so many texts."""
        least = {"topics": 1, "epochs": 1, "batch_size": 1, "iterations": 1, "workers": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise InvalidParameter(
                    f"{name}={value!r} is too small.", f"Give {smallest} or more."
                )
        for name in ("alpha", "eta", "offset", "tolerance"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidParameter(f"{name}={value!r} is not positive.", "Give more than 0.")
        if not 0.5 < self.decay <= 1:
            raise InvalidParameter(
                f"With decay={self.decay!r} topics do not settle.", "Give more than 0.5, at most 1."
            )
        even = 1 / self.topics
        return engine.Plan(
            alpha=even if self.alpha is None else self.alpha,
            eta=even if self.eta is None else self.eta,
            epochs=self.epochs,
            batch_size=self.batch_size or min(_BATCH, -(-texts // 8)),
            decay=self.decay,
            offset=self.offset,
            iterations=self.iterations,
            tolerance=self.tolerance,
            seed=self.seed,
        )

    def _learned(self, terms: TfidfEncoder, topic_terms: NDArray[np.float32]) -> Self:
        self.terms_ = terms
        self.topic_terms_ = topic_terms
        plan = self._learned_plan = self._plan()
        self._ready: engine.Expected | None = None
        fingerprint = fingerprint_of(
            self.method, terms.space.fingerprint, plan.alpha, plan.iterations, plan.tolerance,
            topic_terms.tobytes(),
        )  # fmt: skip
        self._space = Space(self.method, fingerprint, self.topics)
        return self

    # -- what was learned ----------------------------------------------------------------------

    @property
    def space(self) -> Space:
        """The space of the mixtures."""
        counted.fitted_terms(self)
        return self._space

    @property
    def topics_(self) -> list[Topic]:
        """For each topic its ten most likely words, with their probabilities."""
        words = counted.fitted_terms(self).vocabulary_.words
        shares = self.topic_terms_ / self.topic_terms_.sum(axis=0)
        return counted.as_topics(shares, words, by_size=False)

    def perplexity(self, items: Iterable[str]) -> float:
        """How badly the topics foretell texts: exp of minus the variational bound of a word.

        Comparable between models of the same terms; the lower, the better.

        Parameters
        ----------
        items : iterable of str
            Texts, best such that were not learned from.

        Raises
        ------
        EmptyInput
            If the texts have no known word.
        """
        bound, words = 0.0, 0.0
        terms = counted.fitted_terms(self)
        for part in terms.stream(items, size=_HELD):
            counts = _counts(part.vectors)
            bound += float(self._mixed(counts)[1].sum())
            words += float(counts.counts.sum())
        if not words:
            raise EmptyInput("The texts have no known word.", "Give texts as those learned from.")
        bound += engine.topic_bound(self.topic_terms_, self._learned_plan.eta)
        return float(np.exp(-bound / words))

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        counts = _counts(counted.fitted_terms(self)._encode_batch(items, side))
        found = self._mixed(counts)[0]
        known = np.diff(counts.starts) > 0
        return np.where(known[:, None], found / found.sum(axis=1, keepdims=True), np.float32(0))

    def _mixed(self, counts: engine.Counts) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """The mixtures of texts, and their bounds."""
        if self._ready is None:
            self._ready = engine.expected(self.topic_terms_)
        return engine.mix(counts, self._ready, self._learned_plan, workers=self.workers)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder; see :mod:`kinspace.learn.saved`.

        Raises
        ------
        NotFitted, InvalidInput
        """
        counted.fitted_terms(self)
        counted.save(self, folder, {"topic_terms": self.topic_terms_})

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelNotFound, ReadError
        """
        learner, state = counted.load(cls, folder)
        found: Self = learner._learned(learner.terms_, state["topic_terms"])
        return found


def _counts(rows: csr_array) -> engine.Counts:
    return engine.Counts(
        rows.indices.astype(np.int32), rows.data.astype(np.float32), rows.indptr.astype(np.int64)
    )
