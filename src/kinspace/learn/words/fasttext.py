"""fastText: skip-gram and CBOW over words and the n-grams of their characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.engines.classifier import means
from kinspace.engines.rows import Floats, Rows
from kinspace.engines.subwords import ngrams_of
from kinspace.errors import IdNotFound
from kinspace.learn import saved as files
from kinspace.learn.stages import Stages, shown
from kinspace.learn.text import Corpus, Vocabulary, read_corpus, tokenize
from kinspace.learn.words.continuing import Rest, learn_words, read_more, require_unchanged
from kinspace.learn.words.learner import WordLearner
from kinspace.learn.words.ngrams import Buckets, require_ngrams, word_rows
from kinspace.learn.words.prediction import (
    Architecture,
    WordOptions,
    random_rows,
    require_neighbours,
)
from kinspace.pretrained.fasttext_file import huffman_of


class FastText(WordLearner):
    """Words as sums of their parts: a word is itself and the n-grams of its characters.

    Its vector is the mean of a row of its own and of a row for each n-gram of the word between
    ``<`` and ``>``: for ``cat`` and ``min_n=3, max_n=4``, those of ``<ca``, ``<cat``, ``cat``,
    ``cat>`` and ``at>``. So rare words learn from their relatives, and a word that never came has
    a vector too. N-grams are hashed to buckets, as in Facebook's code, and buckets are learned as
    words are in :class:`~kinspace.learn.words.word2vec.Word2Vec`.

    Parameters
    ----------
    dim : int
        Numbers of a vector.
    architecture : {"skip-gram", "cbow-mean", "cbow-sum"}
        Whether each word near predicts the word for itself, or all together through their mean or
        sum.
    window : int
        The most words to each side that are near; how many it is, is drawn anew for each word.
    min_n, max_n : int
        The fewest and most characters of an n-gram, ``<`` and ``>`` counted. With ``max_n=0`` there
        are none, and this is word2vec.
    bucket : int
        How many buckets n-grams are hashed to. Only those that are used take memory.
    negative : int
        Noise words for each word; 0 for none.
    hierarchical_softmax : bool
        Whether words are also (or, with ``negative=0``, only) predicted through a Huffman tree.
    ns_exponent : float
        Noise words are drawn in proportion to their counts to this power.
    sample : float
        Words of a larger share of the text than this are left out at random; 0 keeps all.
    min_count : int
        Words that come less often are not learned.
    max_vocabulary : int, optional
        Only so many, the most frequent, are learned.
    epochs : int
        How often the text is gone through.
    learning_rate, min_learning_rate : float
        At the beginning and the end; it falls along a line.
    tokenizer : str
        What cuts texts into words: "words", "whitespace", or a tokenizer.
    workers : int
        Threads. With one, the same seed gives the same vectors.
    seed : int
        For all that is drawn.
    cache : path, optional
        A folder for what is made on the way: the texts as numbers, and the tables after each
        epoch. If learning is stopped, the same call goes on from there.

    Attributes
    ----------
    vectors : Embeddings
        A row for each word that was learned.
    buckets_ : Buckets
        Which row each bucket has.
    inputs_ : ndarray of float32, shape (rows, dim rounded up to a multiple of 16)
        Rows of words, then of buckets.
    rest_ : Rest
        The output rows, and what else learning needs to go on.
    shape_ : tuple of int
        ``min_n`` and ``max_n``, as it was learned with.

    References
    ----------
    Bojanowski, Grave, Joulin and Mikolov 2017, "Enriching Word Vectors with Subword Information".

    Examples
    --------
    >>> texts = ["the cat sat on the mat", "the kitten sat on the rug"] * 20
    >>> model = FastText(dim=16, epochs=2, bucket=10_000).fit(texts)
    >>> "cats" in model.vectors, model.vectors_of(["cats"]).shape
    (False, (1, 16))
    """

    method: ClassVar[str] = "fasttext"

    def __init__(
        self,
        dim: int = 100,
        *,
        architecture: Architecture = "skip-gram",
        window: int = 5,
        min_n: int = 3,
        max_n: int = 6,
        bucket: int = 2_000_000,
        negative: int = 5,
        hierarchical_softmax: bool = False,
        ns_exponent: float = 0.75,
        sample: float = 1e-3,
        min_count: int = 5,
        max_vocabulary: int | None = None,
        epochs: int = 5,
        learning_rate: float = 0.025,
        min_learning_rate: float = 1e-4,
        tokenizer: Any = "words",
        workers: int = 1,
        seed: int = 0,
        cache: str | Path | None = None,
    ) -> None:
        self.dim = dim
        self.architecture = architecture
        self.window = window
        self.min_n = min_n
        self.max_n = max_n
        self.bucket = bucket
        self.negative = negative
        self.hierarchical_softmax = hierarchical_softmax
        self.ns_exponent = ns_exponent
        self.sample = sample
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.min_learning_rate = min_learning_rate
        self.tokenizer = tokenizer
        self.workers = workers
        self.seed = seed
        self.cache = cache

    # -- learning ------------------------------------------------------------------------------

    def fit(self, items: Iterable[str | Sequence[str]], *, progress: bool | Stages = False) -> Self:
        """Learn from texts, or from their words.

        Parameters
        ----------
        items : iterable of str, or of sequences of str
            Gone through once.
        progress : bool or callable
            True shows a bar; a callable is called as :class:`~kinspace.learn.stages.Stages` says.

        Raises
        ------
        InvalidParameter
        EmptyInput
            If there is no text, or no word often enough.
        InvalidInput
            If there is only one word, or none has a neighbour.
        """
        options = self._options()
        with shown(progress) as tell:
            cut = self._cutter()
            texts = tokenize(items, cut, folder=options.folder("texts"), tell=tell)
            corpus = read_corpus(
                texts, cut, min_count=self.min_count, max_vocabulary=self.max_vocabulary, tell=tell
            )
            require_neighbours(corpus)
            vocabulary = corpus.vocabulary
            grams = ngrams_of(vocabulary.words, self.min_n, self.max_n)[0]
            buckets = Buckets.of([grams], self.bucket, len(vocabulary))
            inputs = random_rows(buckets.end, self.dim, self.seed)
            inputs[buckets.others] = 0
            rest = Rest.before(vocabulary.counts, self.dim)
            rest = self._run(corpus, vocabulary, rest, inputs, buckets, options, tell)
        return self._take(vocabulary, inputs, buckets, rest)

    def fit_more(
        self, items: Iterable[str | Sequence[str]], *, progress: bool | Stages = False
    ) -> Self:
        """Go on learning from new texts, also what was read from Facebook's files.

        Words that come ``min_count`` times in the new texts and were not known enter, behind the
        known ones, as far as ``max_vocabulary`` has room, and begin as the mean of their n-grams
        says; buckets that were not used get a row. Subsampling and noise go by the counts of all
        texts so far. The learning rate begins anew: set another, and how many epochs, with
        :meth:`set_params`.

        Parameters
        ----------
        items : iterable of str, or of sequences of str
        progress : bool or callable

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        InvalidParameter, InvalidInput, EmptyInput
            As :meth:`fit`; also if ``dim``, ``min_n``, ``max_n`` or ``bucket`` was changed.
        """
        options, space = self._options(), self.space
        (min_n, max_n), bucket = self.shape_, self.buckets_.count
        require_unchanged(
            self, {"dim": space.dim, "min_n": min_n, "max_n": max_n, "bucket": bucket}
        )
        known = len(self.vocabulary_)
        with shown(progress) as tell:
            corpus, vocabulary = read_more(items, self._cutter(), self.vocabulary_, options, tell)
            rest = self.rest_.grown(vocabulary.counts[known:])
            options = replace(options, seed=self.seed + len(rest.generations))
            grams = ngrams_of(vocabulary.words[known:], self.min_n, self.max_n)[0]
            buckets = self.buckets_.grown([grams], len(vocabulary))
            inputs = self._grown_inputs(len(vocabulary), buckets, options.seed)
            rest = self._run(corpus, vocabulary, rest, inputs, buckets, options, tell)
        return self._take(vocabulary, inputs, buckets, rest)

    def _grown_inputs(self, words: int, buckets: Buckets, seed: int) -> Floats:
        """The input table with random rows for new words and buckets."""
        old, before, known = self.inputs_, self.buckets_, len(self.vocabulary_)
        inputs = random_rows(buckets.end, self.dim, seed)
        inputs[:known] = old[:known]
        kept = slice(before.first, before.first + len(before.used))
        inputs[words : words + len(before.used)] = old[kept]
        if buckets.others >= 0:
            inputs[buckets.others] = 0
        return inputs

    def _run(
        self,
        corpus: Corpus,
        vocabulary: Vocabulary,
        rest: Rest,
        inputs: Floats,
        buckets: Buckets,
        options: WordOptions,
        tell: Stages,
    ) -> Rest:
        """Learn the input rows in place, and the outputs."""
        parts = word_rows(vocabulary.words, vocabulary.places, self.min_n, self.max_n, buckets)
        return learn_words(
            corpus, vocabulary.counts, rest, inputs, options, tell, parts=parts, huffman=huffman_of
        )

    def _take(self, vocabulary: Vocabulary, inputs: Floats, buckets: Buckets, rest: Rest) -> Self:
        """Keep tables that were learned here or elsewhere."""
        self.inputs_, self.buckets_, self.rest_ = inputs, buckets, rest
        self.shape_ = (self.min_n, self.max_n)
        parts = self._rows_of(vocabulary.words, vocabulary.places)
        return self._learned(vocabulary, means(inputs, *parts)[:, : self.dim])

    def _options(self) -> WordOptions:
        options = WordOptions.of(self)
        require_ngrams(self.min_n, self.max_n, self.bucket, needed=False)
        return options

    # -- words, known or not -------------------------------------------------------------------

    def vectors_of(self, words: Sequence[str]) -> Embeddings:
        """Vectors of words, also of those that were not learned: the mean of their n-grams' rows.

        Parameters
        ----------
        words : sequence of str
            Each other than the others.

        Returns
        -------
        Embeddings
            Ids are the words.

        Raises
        ------
        IdNotFound
            If a word is not known and too short for an n-gram.
        """
        space = self.space
        vectors, known = self._vectors_of([words] if isinstance(words, str) else list(words))
        if not known.all():
            raise IdNotFound(
                f"{words[int(np.flatnonzero(~known)[0])]!r} is not known, and has no n-gram of "
                f"{self.min_n} to {self.max_n} characters.",
                "Ask for longer words, or learn with a smaller min_n.",
            )
        return Embeddings(vectors, space, list(words))

    def _vectors_of(self, words: list[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        rows, starts = self._rows_of(words, self.vocabulary_.places)
        found = means(self.inputs_, rows, starts)[:, : self.space.dim]
        return np.ascontiguousarray(found), np.diff(starts) > 0

    def _rows_of(
        self, words: Sequence[str], places: dict[str, int]
    ) -> tuple[Rows, NDArray[np.int64]]:
        return word_rows(words, places, *self.shape_, self.buckets_)

    # -- on disk -------------------------------------------------------------------------------

    def _facts(self) -> dict[str, Any]:
        return {
            "buckets": self.buckets_.facts(),
            "shape": list(self.shape_),
            "generations": self.rest_.generations,
        }

    def _state(self) -> dict[str, NDArray[Any]]:
        return {"inputs": self.inputs_, "buckets": self.buckets_.used, **self.rest_.state()}

    def _restore(self, found: files.Saved) -> None:
        self.inputs_ = found.state["inputs"]
        self.buckets_ = Buckets(used=found.state["buckets"], **found.facts["buckets"])
        self.shape_ = tuple(found.facts["shape"])
        self.rest_ = Rest.restored(found.facts["generations"], found.state)

    def save_facebook(self, path: str | Path) -> None:
        """Write a ``.bin`` file, which Facebook's fastText and gensim read.

        It has a row for each bucket, also for those that are not used: 800 MB for 2,000,000 of 100
        dimensions.

        Raises
        ------
        NotFitted, PathNotFound
        """
        from kinspace.learn.words.facebook import write_words

        write_words(self, path)

    @classmethod
    def load_facebook(cls, path: str | Path) -> Self:
        """Read a ``.bin`` file of word vectors that Facebook's fastText, or gensim, wrote.

        Raises
        ------
        PathNotFound
        ReadError
            If it is not such a file, or holds a classifier.
        """
        from kinspace.learn.words.facebook import read_words

        return read_words(cls, path)
