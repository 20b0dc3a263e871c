"""GloVe: words as rows and columns of a matrix of counts, of which the logarithms are learned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import glove, glove_smoothed
from kinspace.engines.cooccurrence import Cooccurrences
from kinspace.learn.stages import Stages, shown
from kinspace.learn.words.counted import WHOLE, count_pairs, require_numbers, told_loss
from kinspace.learn.words.learner import WordLearner
from kinspace.learn.words.prediction import require_number


class GloVe(WordLearner):
    """Words by how often they come near each other: products of vectors are logarithms of counts.

    Each word has a vector and a bias as a row of the matrix of counts, ``w`` and ``b``, and as a
    column, ``w̃`` and ``b̃``. All pairs that come near each other ``x`` times (each time counts the
    reciprocal of the distance) are learned by AdaGrad, to make least

    ``Σ f(x) (w·w̃ + b + b̃ − log x)²``, with ``f(x) = min(1, (x / x_max)^alpha)``.

    A word's vector is ``w + w̃``.

    So far the paper; ``smoothing=0`` is that. It learns only from pairs that were seen, which takes
    billions of words of text: where most pairs came once, it is who never meets that tells words
    apart. So by default each pair, seen or not, counts as if it had also come ``smoothing`` times
    as often as chance would have it, ``x' = x + smoothing · x* x̃* / x**``, and the whole matrix of
    ``x'`` is learned by the same formula. Its time goes with the square of the vocabulary; without
    smoothing, with the number of pairs that were seen.

    Parameters
    ----------
    dim : int
        Numbers of a vector.
    window : int
        The most words to each side that are near, 255 at most.
    x_max : float
        Pairs that count this or more matter all alike. For billions of words the paper has 100.
    alpha : float
        Others matter by this power of their share of ``x_max``.
    smoothing : float
        How many times its expected count each pair gets besides; 0 leaves pairs never seen out.
    min_count : int
        Words that come less often are not learned.
    max_vocabulary : int, optional
        Only so many, the most frequent, are learned.
    epochs : int
        How often all pairs are learned. Without smoothing it takes more: 25 to 50.
    learning_rate : float
        Of AdaGrad. Without smoothing the paper has 0.05.
    memory : int
        MB for counts that are not on the disk yet.
    tokenizer : str
        What cuts texts into words: "words", "whitespace", or a tokenizer.
    workers : int
        Threads: pairs that share no words are learned at the same time. The vectors do not depend
        on it.
    seed : int
        For all that is drawn.

    Attributes
    ----------
    vectors : Embeddings
        A row for each word; ids are the words, by falling count.

    References
    ----------
    Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation".

    Examples
    --------
    >>> texts = ["the cat sat on the mat", "the dog sat on the rug"] * 20
    >>> model = GloVe(dim=16, epochs=2).fit(texts)
    >>> model.vectors.ids[:3]
    ['the', 'sat', 'on']
    >>> model.encode(["a cat"]).vectors.shape
    (1, 16)
    """

    method: ClassVar[str] = "glove"

    def __init__(
        self,
        dim: int = 100,
        *,
        window: int = 10,
        x_max: float = 10.0,
        alpha: float = 0.75,
        smoothing: float = 1.0,
        min_count: int = 5,
        max_vocabulary: int | None = None,
        epochs: int = 5,
        learning_rate: float = 0.1,
        memory: int = 512,
        tokenizer: Any = "words",
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        self.dim = dim
        self.window = window
        self.x_max = x_max
        self.alpha = alpha
        self.smoothing = smoothing
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.memory = memory
        self.tokenizer = tokenizer
        self.workers = workers
        self.seed = seed

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
        require_numbers(self, WHOLE, ("x_max", "alpha", "learning_rate"))
        require_number("smoothing", self.smoothing, least=0, whole=False)
        with shown(progress) as tell:
            vocabulary, counted = count_pairs(
                items, self._cutter(), window=self.window, min_count=self.min_count,
                max_vocabulary=self.max_vocabulary, memory=self.memory, workers=self.workers,
                tell=tell,
            )  # fmt: skip
            return self._learned(vocabulary, self._learn(counted, tell))

    def _learn(self, counted: Cooccurrences, tell: Stages) -> NDArray[np.float32]:
        """The vectors."""
        size, plan = counted.size, (self.epochs, self.learning_rate, self.x_max, self.alpha)
        rows: Any
        columns: Any
        if self.smoothing:
            rows, columns = glove_smoothed.begin(size, self.dim, self.seed)
            glove_smoothed.fit(
                counted, glove_smoothed.Plan(*plan, self.smoothing, self.seed), rows, columns,
                workers=self.workers, progress=told_loss(tell),
            )  # fmt: skip
        else:
            rows, columns = glove.begin(size, self.dim, self.seed)
            glove.fit(
                counted, glove.Plan(*plan, self.seed), rows, columns,
                workers=self.workers, progress=told_loss(tell),
            )  # fmt: skip
        vectors: NDArray[np.float32] = (rows.vectors + columns.vectors)[:, : self.dim]
        return vectors
