"""Latent semantic analysis: documents in the main directions of their weighted terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Learner, Side
from kinspace.errors import InvalidParameter
from kinspace.learn.documents import counted
from kinspace.learn.documents.counted import Topic
from kinspace.learn.documents.terms import Item
from kinspace.learn.documents.tfidf import TfidfEncoder
from kinspace.learn.documents.weighting import Weighting
from kinspace.learn.stages import Stages, shown
from kinspace.space import Space, fingerprint_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class LSA(Learner[str]):
    """Learn the main directions of texts' weighted terms, and encode texts in them.

    With X the weights of terms in texts (see :class:`kinspace.TfidfEncoder`) and its truncated
    singular value decomposition X ≈ U S Vᵀ, a text x becomes x V. Words have vectors in the same
    space, the rows of V. Others call it LSI.

    Parameters
    ----------
    dim : int
        Directions, at most as many as texts and as terms.
    weighting : {"tfidf", "bm25", "log-entropy", "counts"}
        What a term of a text weighs.
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
    iterations : int
        Of the randomised decomposition; more make small directions more exact.
    seed : int

    Attributes
    ----------
    terms_ : TfidfEncoder
    components_ : ndarray of float32, shape (terms, dim)
        V.
    singular_values_ : ndarray of float32, shape (dim,)

    References
    ----------
    Deerwester et al. 1990, "Indexing by Latent Semantic Analysis"; Halko, Martinsson & Tropp 2011,
    "Finding structure with randomness" (the decomposition).

    Examples
    --------
    >>> texts = ["cats and dogs", "dogs and cats", "banks lend money", "money from banks"]
    >>> model = LSA(dim=2).fit(texts)
    >>> found = model.encode(["a cats person", "dogs", "money"])
    >>> float(found.similarity(found)[0, 1].round(2)), float(found.similarity(found)[0, 2].round(2))
    (1.0, 0.0)
    """

    method: ClassVar[str] = "lsa"
    batch_cost: ClassVar[int] = 1 << 22

    def __init__(
        self,
        dim: int = 200,
        *,
        weighting: Weighting = "tfidf",
        tokenizer: str = "words",
        stop_words: str | Sequence[str] | None = None,
        min_ngram: int = 1,
        max_ngram: int = 1,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_vocabulary: int | None = None,
        iterations: int = 5,
        seed: int = 0,
    ) -> None:
        self.dim = dim
        self.weighting = weighting
        self.tokenizer = tokenizer
        self.stop_words = stop_words
        self.min_ngram = min_ngram
        self.max_ngram = max_ngram
        self.min_df = min_df
        self.max_df = max_df
        self.max_vocabulary = max_vocabulary
        self.iterations = iterations
        self.seed = seed

    def fit(self, items: Iterable[Item], *, progress: bool | Stages = False) -> Self:
        """Learn from texts.

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
            If an argument is outside its range, or ``dim`` is more than texts or terms.
        """
        if self.dim < 1 or self.iterations < 0:
            raise InvalidParameter(
                f"dim={self.dim} with iterations={self.iterations} cannot be learned.",
                "Give dim ≥ 1 and iterations ≥ 0.",
            )
        terms = counted.terms_of(self, self.weighting)
        with shown(progress) as tell:
            weights = terms.weigh(terms.fit_counts(items, progress=tell))
            if self.dim > min(weights.shape):
                raise InvalidParameter(
                    f"{weights.shape[0]} texts of {weights.shape[1]} terms have no {self.dim} "
                    "directions.",
                    f"Give dim={min(weights.shape)} or less, or more texts.",
                )
            tell("decompose", 0, 1)
            values, components = self._decomposed(weights)
            tell("decompose", 1, 1)
        return self._learned(terms, values, components)

    def _decomposed(self, weights: csr_array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Singular values and V of texts' weights."""
        from sklearn.utils.extmath import randomized_svd

        _, values, right = randomized_svd(
            weights, self.dim, n_iter=self.iterations, random_state=self.seed
        )
        return values.astype(np.float32), np.ascontiguousarray(right.T, np.float32)

    def _learned(
        self, terms: TfidfEncoder, values: NDArray[np.float32], components: NDArray[np.float32]
    ) -> Self:
        self.terms_ = terms
        self.singular_values_ = values
        self.components_ = components
        fingerprint = fingerprint_of(self.method, terms.space.fingerprint, components.tobytes())
        self._space = Space(self.method, fingerprint, components.shape[1])
        return self

    # -- what was learned ----------------------------------------------------------------------

    @property
    def space(self) -> Space:
        """The space of texts and of words."""
        counted.fitted_terms(self)
        return self._space

    @property
    def vectors(self) -> Embeddings:
        """The vectors of words; ids are the words, by falling count."""
        terms = counted.fitted_terms(self)
        return Embeddings(self.components_, self._space, terms.vocabulary_.words)

    @property
    def topics_(self) -> list[Topic]:
        """For each direction the ten words that weigh most in it, with their signed weights."""
        terms = counted.fitted_terms(self)
        return counted.as_topics(self.components_, terms.vocabulary_.words, by_size=True)

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        weights = counted.fitted_terms(self)._encode_batch(items, side)
        return np.asarray(weights @ self.components_, np.float32)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder; see :mod:`kinspace.learn.saved`.

        Raises
        ------
        NotFitted, InvalidInput
        """
        counted.fitted_terms(self)
        state: dict[str, NDArray[Any]] = {
            "components": self.components_, "singular_values": self.singular_values_
        }  # fmt: skip
        counted.save(self, folder, state)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelNotFound, ReadError
        """
        learner, state = counted.load(cls, folder)
        found: Self = learner._learned(
            learner.terms_, state["singular_values"], state["components"]
        )
        return found
