"""Documents as weighted counts of their terms: TF-IDF, BM25 and their kin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kinspace.encoder import Learner, Side, learned, require_texts
from kinspace.learn import saved as files
from kinspace.learn.documents.terms import Item, Terms
from kinspace.learn.documents.weighting import Norm, Weighting, Weights, check, term_weights
from kinspace.learn.documents.written import read_words, written_words
from kinspace.learn.stages import Stages, shown
from kinspace.learn.text import Vocabulary, as_tokenizer
from kinspace.metric import Metric
from kinspace.space import Space, fingerprint_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class TfidfEncoder(Learner[str]):
    """Encode documents as weighted counts of their terms; the vectors are sparse.

    Terms are chosen as scikit-learn's ``TfidfVectorizer`` chooses them, and with ``tfidf`` get the
    same weights.

    Parameters
    ----------
    weighting : {"tfidf", "bm25", "log-entropy", "counts"}
        How much a term of a text counts. ``tfidf``: how often it comes, times
        ln((1 + n) / (1 + n_t)) + 1 where n_t of n texts hold it. ``bm25``: the weights by which
        search engines rank; the score of a query with a text is the dot product of
        ``encode_query`` and ``encode``. ``log-entropy``: ln(1 + count) times 1 less the entropy
        of the term over texts. ``counts``: how often it comes.
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
    sublinear : bool
        Whether a term that comes c times counts 1 + ln c; for ``tfidf`` and ``counts``.
    smooth : bool
        For ``tfidf``: whether one text more, with every term, is counted, as above; else the
        weight is ln(n / n_t) + 1.
    norm : {"l2", "l1", "none"}, optional
        To which length vectors are brought; by default ``l2``, but ``none`` for ``bm25`` and
        ``counts``.
    k1, b : float
        BM25: how soon more of a term counts no more, and how much long texts are marked down.

    Attributes
    ----------
    vocabulary_ : Vocabulary
        The terms by falling count; a term's place is its dimension.
    weights_ : Weights

    References
    ----------
    Spärck Jones 1972, "A Statistical Interpretation of Term Specificity and Its Application in
    Retrieval"; Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and
    Beyond"; Dumais 1991, "Improving the retrieval of information from external sources"
    (log-entropy).

    Examples
    --------
    >>> texts = ["a cat and a dog", "a dog", "the bank"]
    >>> encoder = TfidfEncoder(stop_words="english").fit(texts)
    >>> encoder.vocabulary_.words
    ['dog', 'cat', 'bank']
    >>> encoder.encode(["cat dog"]).vectors.toarray().round(2)
    array([[0.61, 0.8 , 0.  ]], dtype=float32)
    """

    method: ClassVar[str] = "tfidf"
    batch_cost: ClassVar[int] = 1 << 22

    def __init__(
        self,
        weighting: Weighting = "tfidf",
        *,
        tokenizer: str = "words",
        stop_words: str | Sequence[str] | None = None,
        min_ngram: int = 1,
        max_ngram: int = 1,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_vocabulary: int | None = None,
        sublinear: bool = False,
        smooth: bool = True,
        norm: Norm | None = None,
        k1: float = 1.5,
        b: float = 0.75,
    ) -> None:
        self.weighting = weighting
        self.tokenizer = tokenizer
        self.stop_words = stop_words
        self.min_ngram = min_ngram
        self.max_ngram = max_ngram
        self.min_df = min_df
        self.max_df = max_df
        self.max_vocabulary = max_vocabulary
        self.sublinear = sublinear
        self.smooth = smooth
        self.norm = norm
        self.k1 = k1
        self.b = b

    # -- learning ------------------------------------------------------------------------------

    def fit(self, items: Iterable[Item], *, progress: bool | Stages = False) -> Self:
        """Learn the terms and their weights.

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
        self.fit_counts(items, progress=progress)
        return self

    def fit_counts(self, items: Iterable[Item], *, progress: bool | Stages = False) -> csr_array:
        """Learn as :meth:`fit` does, and give the counts of the texts: shape (texts, terms)."""
        self._norm()
        with shown(progress) as tell:
            counts, vocabulary = Terms.of(self).learn(items, tell)
        self._learned(
            vocabulary,
            term_weights(counts, self.weighting, self.smooth),
            float(counts.sum()) / counts.shape[0],
        )
        return counts

    def _learned(self, vocabulary: Vocabulary, weights: Any, mean_length: float) -> None:
        self._terms = Terms.of(self)
        self.vocabulary_ = vocabulary
        self.weights_ = Weights(
            self.weighting, weights, mean_length, self.sublinear, self._norm(), self.k1, self.b
        )
        settings = (self._terms.tokenizer.to_dict(), sorted(self._terms.stop_words))
        fingerprint = fingerprint_of(
            self.method, self.weighting, *settings, self.min_ngram, self.max_ngram, self.sublinear,
            self._norm(), *((self.k1, self.b, mean_length) if self.weighting == "bm25" else ()),
            written_words(vocabulary.words).tobytes(), weights.tobytes(),
        )  # fmt: skip
        metric: Metric = "dot" if self.weighting == "bm25" else "cosine"
        self._space = Space(self.weighting, fingerprint, len(vocabulary), metric, "sparse")

    def _norm(self) -> Norm:
        return check(self.weighting, self.norm, self.sublinear, self.k1, self.b)

    # -- encoding ------------------------------------------------------------------------------

    @property
    def space(self) -> Space:
        """The space of the vectors; it is sparse, and ``bm25`` compares by dot product."""
        learned(self, "vocabulary_")
        return self._space

    def _encode_batch(self, items: Sequence[str], side: Side) -> csr_array:
        require_texts(items)
        counts = self._terms.count(items, self.vocabulary_)
        weights = self.weights_
        return weights.of_queries(counts) if side == "query" else weights.of_documents(counts)

    def weigh(self, counts: csr_array) -> csr_array:
        """The vectors of texts of which :meth:`fit_counts` gave the counts."""
        weights: Weights = learned(self, "weights_")
        return weights.of_documents(counts)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder; see :mod:`kinspace.learn.saved`.

        Raises
        ------
        NotFitted, InvalidInput
        """
        facts, state = self.written()
        files.write(folder, files.Saved(self.method, self.plain_params(), facts, None, state))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelNotFound, ReadError
        """
        found = files.read(folder, cls.method)
        return cls(**found.params).restored(found)

    def plain_params(self) -> dict[str, Any]:
        """The arguments as plain values."""
        params = {
            **self.get_params(deep=False),
            "tokenizer": as_tokenizer(self.tokenizer).to_dict(),
        }
        if not isinstance(self.stop_words, str | None):
            params["stop_words"] = sorted(self.stop_words)
        return params

    def written(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What was learned, as plain values and as arrays."""
        weights: Weights = learned(self, "weights_")
        return {"mean_length": weights.mean_length}, {
            "terms": written_words(self.vocabulary_.words),
            "counts": self.vocabulary_.counts,
            "weights": weights.terms,
        }

    def restored(self, found: files.Saved) -> Self:
        """Take back what :meth:`written` gave."""
        vocabulary = Vocabulary(read_words(found.state["terms"]), found.state["counts"])
        self._learned(vocabulary, found.state["weights"], found.facts["mean_length"])
        return self
