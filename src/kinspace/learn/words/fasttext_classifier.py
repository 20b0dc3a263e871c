"""fastText's supervised mode: a text is the mean of its words and n-grams, and predicts labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Learner, Side, learned, require_texts
from kinspace.errors import InvalidInput, InvalidParameter, require_choice
from kinspace.learn import saved as files
from kinspace.learn.stages import Stages, shown
from kinspace.learn.text.tokenizer import tokenizer_of
from kinspace.learn.words import fasttext_model as models
from kinspace.learn.words.fasttext_model import Loss, Model
from kinspace.learn.words.labelled import Labels, numbered, read_labelled
from kinspace.learn.words.ngrams import require_ngrams
from kinspace.learn.words.prediction import require_number
from kinspace.metric import top_k
from kinspace.space import Space

_HELD = 1 << 22
"""Probabilities that are held at once."""


class Guess(NamedTuple):
    """A label, and how probable it is."""

    label: str
    probability: float


class FastTextClassifier(Learner[str]):
    """Learns labels of texts; fast, and hard to beat with so little.

    A text is the mean of rows for its words, its word n-grams (``word_ngrams=2``: also pairs of
    neighbours) and, if wanted, the n-grams of their characters. A linear layer predicts labels from
    it, and both are learned together. This is what Facebook's ``fasttext supervised`` does, and
    its files are read and written.

    Parameters
    ----------
    dim : int
        Numbers of a text's vector.
    word_ngrams : int
        The most neighbouring words that have a row together; 1 for none but the words.
    min_n, max_n : int
        The fewest and most characters of an n-gram within words; ``max_n=0`` for none.
    bucket : int
        How many buckets n-grams are hashed to. Only those that are used take memory.
    loss : {"softmax", "hierarchical", "one-vs-all"}
        "softmax": one label of all; "hierarchical": the same through a Huffman tree, for thousands
        of labels; "one-vs-all": each label for itself, for texts of several labels.
    min_count : int
        Words that come less often have no row of their own.
    max_vocabulary : int, optional
        Only so many words, the most frequent, have one.
    epochs : int
        How often the texts are gone through.
    learning_rate : float
        At the beginning; it falls to 0 along a line.
    label_prefix : str
        What labels that stand in a text begin with.
    tokenizer : str
        What cuts texts into words: "words", "whitespace", or a tokenizer.
    workers : int
        Threads. With one, the same seed gives the same model.
    seed : int
        For all that is drawn, and the order of the texts.

    Attributes
    ----------
    labels_ : list of str
        By falling count.
    vocabulary_ : Vocabulary
    model_ : Model
        The tables.

    References
    ----------
    Joulin, Grave, Bojanowski and Mikolov 2016, "Bag of Tricks for Efficient Text Classification".

    Examples
    --------
    >>> texts = ["good film", "great film", "bad film", "poor film"] * 25
    >>> model = FastTextClassifier(dim=16, bucket=1000, epochs=20)
    >>> model = model.fit(texts, ["yes", "yes", "no", "no"] * 25)
    >>> [guesses[0].label for guesses in model.predict(["a great film", "a poor film"])]
    ['yes', 'no']
    """

    method: ClassVar[str] = "fasttext-classifier"

    def __init__(
        self,
        dim: int = 100,
        *,
        word_ngrams: int = 1,
        min_n: int = 0,
        max_n: int = 0,
        bucket: int = 2_000_000,
        loss: Loss = "softmax",
        min_count: int = 1,
        max_vocabulary: int | None = None,
        epochs: int = 5,
        learning_rate: float = 0.1,
        label_prefix: str = "__label__",
        tokenizer: Any = "words",
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        self.dim = dim
        self.word_ngrams = word_ngrams
        self.min_n = min_n
        self.max_n = max_n
        self.bucket = bucket
        self.loss = loss
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.label_prefix = label_prefix
        self.tokenizer = tokenizer
        self.workers = workers
        self.seed = seed

    # -- learning ------------------------------------------------------------------------------

    def fit(
        self,
        items: Iterable[str | Sequence[str]],
        labels: Iterable[Labels] | None = None,
        *,
        progress: bool | Stages = False,
    ) -> Self:
        """Learn from texts and their labels.

        Parameters
        ----------
        items : iterable of str, or of sequences of str
            A text each, or its words. Gone through once.
        labels : iterable of str, or of sequences of str, optional
            The label of each text, or its labels. Without, they stand in the texts, as in
            Facebook's files: ``__label__sports and the match was won``.
        progress : bool or callable
            True shows a bar; a callable is called as :class:`~kinspace.learn.stages.Stages` says.

        Raises
        ------
        InvalidParameter
        EmptyInput
            If there is no text, or no label.
        InvalidInput
            If there is only one label, or not as many labels as texts.
        """
        self._check()
        with shown(progress) as tell:
            texts = read_labelled(items, labels, tokenizer_of(self), self.label_prefix, tell=tell)
            if len(texts.labels) < 2:
                raise InvalidInput(
                    f"There is only one label: {texts.labels[0]!r:.80}.",
                    "Give texts of at least two.",
                )
            model = models.learned(self, texts.shuffled(self.seed), tell)
        return self._take(model)

    def _check(self) -> None:
        least = {"dim": 1, "word_ngrams": 1, "min_count": 1, "epochs": 1, "workers": 1, "seed": 0}
        for name, smallest in least.items():
            require_number(name, getattr(self, name), least=smallest)
        if self.max_vocabulary is not None:
            require_number("max_vocabulary", self.max_vocabulary, least=1)
        require_number("learning_rate", self.learning_rate, least=0, whole=False)
        require_ngrams(self.min_n, self.max_n, self.bucket, needed=self.word_ngrams > 1)
        require_choice("loss", self.loss, Loss)
        if not isinstance(self.label_prefix, str):
            raise InvalidParameter(f"label_prefix is {self.label_prefix!r:.80}.", "Give a string.")

    def _take(self, model: Model) -> Self:
        """Keep a model that was learned here or elsewhere."""
        self.model_ = model
        self.labels_ = model.labels
        self.vocabulary_ = model.vocabulary
        return self

    def _model(self) -> Model:
        model: Model = learned(self, "model_", "texts, labels")
        return model

    # -- labels --------------------------------------------------------------------------------

    def predict(
        self, texts: Iterable[str], k: int = 1, *, threshold: float = 0.0
    ) -> list[list[Guess]]:
        """The ``k`` most probable labels of each text.

        Parameters
        ----------
        texts : iterable of str
        k : int
        threshold : float
            Labels that are less probable are left out.

        Returns
        -------
        list of lists of Guess
            For each text ``(label, probability)``, the most probable first.

        Raises
        ------
        NotFitted, InvalidInput, InvalidParameter
        """
        require_number("k", k, least=1)
        labels = self._model().labels
        found = []
        for chances in self._chances(texts):
            places, values = top_k(chances, min(k, len(labels)))
            for row, line in zip(places.tolist(), values.tolist(), strict=True):
                guesses = [Guess(labels[i], p) for i, p in zip(row, line, strict=True)]
                found.append([guess for guess in guesses if guess.probability >= threshold])
        return found

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """The probability of each label, shape (texts, labels), in the order of ``labels_``.

        They add up to 1 but for "one-vs-all", where each label has a probability of its own.

        Raises
        ------
        NotFitted, InvalidInput
        """
        parts = list(self._chances(texts))
        none = np.zeros((0, len(self._model().labels)), np.float32)
        return np.concatenate([none, *parts])

    def score(self, texts: Iterable[str], labels: Iterable[Labels]) -> float:
        """The share of texts whose most probable label is right (precision at 1).

        Parameters
        ----------
        texts : iterable of str
        labels : iterable of str, or of sequences of str
            The right label of each text, or all that are right.

        Raises
        ------
        NotFitted, InvalidInput
        """
        guesses, right = self.predict(texts), list(labels)
        if len(guesses) != len(right) or not right:
            raise InvalidInput(
                f"There are {len(guesses)} texts and {len(right)} labels.",
                "Give one text or more, and as many labels.",
            )
        wanted = [{each} if isinstance(each, str) else set(each) for each in right]
        return float(np.mean([g[0].label in w for g, w in zip(guesses, wanted, strict=True)]))

    def _chances(self, texts: Iterable[str]) -> Iterable[NDArray[np.float32]]:
        model = self._model()
        held = [texts] if isinstance(texts, str) else list(texts)
        size = max(1, _HELD // len(model.labels))
        for start in range(0, len(held), size):
            yield model.chances(self._means(held[start : start + size]))

    # -- vectors -------------------------------------------------------------------------------

    @property
    def space(self) -> Space:
        """The space of texts and words."""
        return self._model().space(self.method, tokenizer_of(self).to_dict())

    @property
    def vectors(self) -> Embeddings:
        """The vectors of the words of the vocabulary; ids are the words.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """
        model = self._model()
        return Embeddings(model.word_vectors(), self.space, model.vocabulary.words)

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        """The mean of a text's rows, from which labels are predicted."""
        return self._means(items)

    def _means(self, texts: Sequence[str]) -> NDArray[np.float32]:
        require_texts(texts)
        cut = numbered(texts, tokenizer_of(self), self.label_prefix)
        return self._model().means(*cut, workers=self.workers)

    # -- smaller -------------------------------------------------------------------------------

    def quantize(
        self, *, width: int = 2, norms: bool = True, rows: int | None = None, outputs: bool = False
    ) -> FastTextClassifier:
        """A copy of this model that takes a seventh of the memory, with ``rows`` less.

        Parameters
        ----------
        width : int
            Numbers of a row that share a byte.
        norms : bool
            Whether the length of each row has a byte of its own.
        rows : int, optional
            Only so many rows of words and n-grams are kept, the longest, which matter most.
        outputs : bool
            Whether the rows of labels are quantised too; right for thousands of labels.

        Raises
        ------
        NotFitted, InvalidParameter

        References
        ----------
        Joulin et al. 2016, "FastText.zip: Compressing text classification models".
        """
        require_number("width", width, least=1)
        if rows is not None:
            require_number("rows", rows, least=1)
        model = models.quantised(
            self._model(), width=width, norms=norms, rows=rows, outputs=outputs, seed=self.seed
        )
        return self.clone()._take(model)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder; see :mod:`kinspace.learn.saved`.

        Raises
        ------
        NotFitted, InvalidInput
        """
        facts, state = models.to_plain(self._model())
        params = self.get_params(deep=False) | {"tokenizer": tokenizer_of(self).to_dict()}
        files.write(folder, files.Saved(self.method, params, facts, None, state))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelNotFound, ReadError
        """
        found = files.read(folder, cls.method)
        return cls(**found.params)._take(models.from_plain(found.facts, found.state))

    def save_facebook(self, path: str | Path) -> None:
        """Write a ``.bin`` file (``.ftz`` if quantised) that Facebook's fastText reads.

        A ``.bin`` has a row for each bucket, also for those that are not used.

        Raises
        ------
        NotFitted, PathNotFound
        """
        from kinspace.learn.words.facebook import write_classifier

        write_classifier(self, path)

    @classmethod
    def load_facebook(cls, path: str | Path) -> Self:
        """Read a ``.bin`` or ``.ftz`` file of a classifier by Facebook's fastText.

        A model of negative sampling is read as "one-vs-all", which predicts the same.

        Raises
        ------
        PathNotFound
        ReadError
            If it is not such a file, or holds word vectors.
        """
        from kinspace.learn.words.facebook import read_classifier

        return read_classifier(cls, path)
