"""word2vec: skip-gram and CBOW, by negative sampling, hierarchical softmax or both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from kinspace.learn import saved as files
from kinspace.learn.stages import Stages, shown
from kinspace.learn.text import Phrases, Tokenizer, read_corpus, tokenize
from kinspace.learn.words.continuing import Rest, learn_words, read_more, require_unchanged
from kinspace.learn.words.learner import WordLearner
from kinspace.learn.words.prediction import (
    Architecture,
    WordOptions,
    random_rows,
    require_neighbours,
    require_number,
)


class Word2Vec(WordLearner):
    """Words as what predicts their neighbours (skip-gram), or is predicted by them (CBOW).

    Each word has two rows of numbers: its vector, and an output row that the vectors of words near
    it learn to point at. By negative sampling a vector ``v`` learns to tell the word ``w`` that is
    there from ``negative`` words ``n`` that are drawn at random, which maximises

    ``log σ(v · o_w) + Σ_n log σ(−v · o_n)``;

    by hierarchical softmax it learns the turns of the way to ``w`` in a Huffman tree. With both,
    the two are added.

    Parameters
    ----------
    dim : int
        Numbers of a vector.
    architecture : {"skip-gram", "cbow-mean", "cbow-sum"}
        Whether each word near predicts the word for itself, or all together through their mean or
        sum. Skip-gram knows rare words better, CBOW is faster.
    window : int
        The most words to each side that are near; how many it is, is drawn anew for each word.
    negative : int
        Noise words for each word; 0 for none.
    hierarchical_softmax : bool
        Whether words are also (or, with ``negative=0``, only) predicted through a Huffman tree.
    ns_exponent : float
        Noise words are drawn in proportion to their counts to this power: 1 as they come in the
        text, 0 all alike.
    sample : float
        Words of a larger share of the text than this are left out at random; 0 keeps all.
    min_count : int
        Words that come less often are not learned.
    max_vocabulary : int, optional
        Only so many, the most frequent, are learned.
    phrase_threshold : float, optional
        Two words that stand together so many times more often than chance would have it (100,
        say) become one, as in ``new_york``. By default none do. For longer phrases give
        :class:`~kinspace.learn.text.Phrases` as tokenizer.
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
        A row for each word; ids are the words, by falling count, those of later texts behind.
    rest_ : Rest
        The output rows, and what else learning needs to go on.
    phrases_ : Phrases or None

    References
    ----------
    Mikolov, Chen, Corrado and Dean 2013, "Efficient Estimation of Word Representations in Vector
    Space". Mikolov, Sutskever, Chen, Corrado and Dean 2013, "Distributed Representations of Words
    and Phrases and their Compositionality".

    Examples
    --------
    >>> texts = ["the cat sat on the mat", "the dog sat on the rug"] * 20
    >>> model = Word2Vec(dim=16, epochs=2).fit(texts)
    >>> model.vectors.ids[:3]
    ['the', 'sat', 'on']
    >>> model.encode(["a cat"]).vectors.shape
    (1, 16)
    """

    method: ClassVar[str] = "word2vec"

    def __init__(
        self,
        dim: int = 100,
        *,
        architecture: Architecture = "skip-gram",
        window: int = 5,
        negative: int = 5,
        hierarchical_softmax: bool = False,
        ns_exponent: float = 0.75,
        sample: float = 1e-3,
        min_count: int = 5,
        max_vocabulary: int | None = None,
        phrase_threshold: float | None = None,
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
        self.negative = negative
        self.hierarchical_softmax = hierarchical_softmax
        self.ns_exponent = ns_exponent
        self.sample = sample
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.phrase_threshold = phrase_threshold
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.min_learning_rate = min_learning_rate
        self.tokenizer = tokenizer
        self.workers = workers
        self.seed = seed
        self.cache = cache

    # -- learning ------------------------------------------------------------------------------

    def fit(self, items: Iterable[str | Sequence[str]], *, progress: bool | Stages = False) -> Self:
        """Learn from texts, or from their words; what was learned before is forgotten.

        Parameters
        ----------
        items : iterable of str, or of sequences of str
            Gone through once.
        progress : bool or callable
            True shows a bar; a callable is called as :class:`~kinspace.learn.stages.Stages` says.

        Raises
        ------
        InvalidParameter
            If an argument is of the wrong type or out of its range.
        EmptyInput
            If there is no text, or no word often enough.
        InvalidInput
            If there is only one word, if none has a neighbour, or an item is no text.
        """
        options = self._options()
        with shown(progress) as tell:
            cutter = super()._cutter()
            texts = tokenize(items, cutter, folder=options.folder("texts"), tell=tell)
            phrases = None
            if self.phrase_threshold is not None:
                phrases = Phrases(
                    cutter, min_count=max(self.min_count, 1), threshold=self.phrase_threshold
                ).fit(texts, progress=tell)
            corpus = read_corpus(
                texts,
                phrases or cutter,
                min_count=self.min_count,
                max_vocabulary=self.max_vocabulary,
                tell=tell,
            )
            require_neighbours(corpus)
            vocabulary = corpus.vocabulary
            inputs = random_rows(len(vocabulary), self.dim, self.seed)
            rest = Rest.before(vocabulary.counts, self.dim)
            rest = learn_words(corpus, vocabulary.counts, rest, inputs, options, tell)
        self.rest_, self.phrases_ = rest, phrases
        return self._learned(vocabulary, inputs[:, : self.dim])

    def fit_more(
        self, items: Iterable[str | Sequence[str]], *, progress: bool | Stages = False
    ) -> Self:
        """Go on learning from new texts.

        Words that come ``min_count`` times in the new texts and were not known enter, behind the
        known ones, as far as ``max_vocabulary`` has room. Subsampling and noise go by the counts
        of all texts so far. The learning rate begins anew: set another, and how many epochs, with
        :meth:`set_params`. In the tree of hierarchical softmax new words get a branch of their own.

        Parameters
        ----------
        items : iterable of str, or of sequences of str
        progress : bool or callable

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        InvalidParameter, InvalidInput, EmptyInput
            As :meth:`fit`; also if ``dim`` was changed, or no word of the texts is known or
            frequent enough.

        Examples
        --------
        >>> model = Word2Vec(dim=16, epochs=2).fit(["the cat sat on the mat"] * 20)
        >>> model.fit_more(["the dog sat on the rug"] * 20).vectors.ids[-2:]
        ['dog', 'rug']
        """
        options, vectors = self._options(), self.vectors
        require_unchanged(self, {"dim": vectors.space.dim})
        known = len(vectors)
        with shown(progress) as tell:
            corpus, words = read_more(items, self._cutter(), self.vocabulary_, options, tell)
            rest = self.rest_.grown(words.counts[known:])
            options = replace(options, seed=self.seed + len(rest.generations))
            inputs = random_rows(len(words), self.dim, options.seed)
            inputs[:known, : self.dim] = vectors.vectors
            self.rest_ = learn_words(corpus, words.counts, rest, inputs, options, tell)
        return self._learned(words, inputs[:, : self.dim])

    # -- parts ---------------------------------------------------------------------------------

    def _options(self) -> WordOptions:
        options = WordOptions.of(self)
        if self.phrase_threshold is not None:
            require_number("phrase_threshold", self.phrase_threshold, least=0, whole=False)
        return options

    def _cutter(self) -> Tokenizer:
        phrases: Phrases | None = getattr(self, "phrases_", None)
        return super()._cutter() if phrases is None else phrases

    # -- on disk -------------------------------------------------------------------------------

    def _facts(self) -> dict[str, Any]:
        return {
            "generations": self.rest_.generations,
            "phrases": None if self.phrases_ is None else self.phrases_.to_dict(),
        }

    def _state(self) -> dict[str, NDArray[Any]]:
        return self.rest_.state()

    def _restore(self, found: files.Saved) -> None:
        phrases = found.facts["phrases"]
        self.phrases_ = None if phrases is None else Phrases.from_dict(phrases)
        self.rest_ = Rest.restored(found.facts["generations"], found.state)
