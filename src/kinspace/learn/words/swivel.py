"""SWIVEL: words as rows and columns of a matrix of which also the empty cells count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

from kinspace.engines import swivel
from kinspace.learn.stages import Stages, shown
from kinspace.learn.words.counted import WHOLE, count_pairs, require_numbers, told_loss
from kinspace.learn.words.learner import WordLearner


class Swivel(WordLearner):
    """Words by how much more often than chance they come near each other, and by who never does.

    Each word has two vectors, ``w`` as a row of the matrix of counts and ``w̃`` as a column. With
    ``x`` the count of a pair (each time, the reciprocal of the distance), ``x*`` the sum of a row
    or column and ``x**`` the sum of all,

    - a pair that was seen pulls ``w·w̃`` to its pointwise mutual information ``log(x x** / x* x̃*)``;
      the square of the error counts ``confidence_base + confidence_scale · x^confidence_exponent``;
    - a pair that was never seen only pushes ``w·w̃`` below what it would be at ``x = 1``, by
      ``log(1 + exp(error))``: that frequent words never meet says much, and of rare ones little.

    A word's vector is ``w + w̃``. The matrix is learned in square tiles by dense products. The time
    goes with the square of the vocabulary, and hardly with the length of the texts: set
    ``max_vocabulary`` where there are very many words.

    Parameters
    ----------
    dim : int
        Numbers of a vector.
    window : int
        The most words to each side that are near, 255 at most.
    min_count : int
        Words that come less often are not learned.
    max_vocabulary : int, optional
        Only so many, the most frequent, are learned.
    confidence_base : float
        How much a pair matters that hardly counts.
    confidence_scale : float
        How much more it matters for what it counts.
    confidence_exponent : float
        The power of the count to which it matters.
    epochs : int
        How often all tiles are learned.
    learning_rate : float
        Of AdaGrad.
    memory : int
        MB for counts that are not on the disk yet.
    tokenizer : str
        What cuts texts into words: "words", "whitespace", or a tokenizer.
    workers : int
        Threads: tiles that share no words are learned at the same time. The vectors do not depend
        on it.
    seed : int
        For all that is drawn.

    Attributes
    ----------
    vectors : Embeddings
        A row for each word; ids are the words, by falling count.

    References
    ----------
    Shazeer, Doherty, Evans and Waterson 2016, "Swivel: Improving Embeddings by Noticing What's
    Missing".

    Examples
    --------
    >>> texts = ["the cat sat on the mat", "the dog sat on the rug"] * 20
    >>> model = Swivel(dim=16, epochs=2).fit(texts)
    >>> model.vectors.ids[:3]
    ['the', 'sat', 'on']
    >>> model.encode(["a cat"]).vectors.shape
    (1, 16)
    """

    method: ClassVar[str] = "swivel"

    def __init__(
        self,
        dim: int = 100,
        *,
        window: int = 10,
        min_count: int = 5,
        max_vocabulary: int | None = None,
        confidence_base: float = 0.1,
        confidence_scale: float = 0.25,
        confidence_exponent: float = 0.5,
        epochs: int = 4,
        learning_rate: float = 0.1,
        memory: int = 512,
        tokenizer: Any = "words",
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        self.dim = dim
        self.window = window
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.confidence_base = confidence_base
        self.confidence_scale = confidence_scale
        self.confidence_exponent = confidence_exponent
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
        above = ("confidence_base", "confidence_scale", "confidence_exponent", "learning_rate")
        require_numbers(self, WHOLE, above)
        plan = swivel.Plan(
            self.epochs, self.learning_rate, self.confidence_base, self.confidence_scale,
            self.confidence_exponent, self.seed,
        )  # fmt: skip
        with shown(progress) as tell:
            vocabulary, counted = count_pairs(
                items, self._cutter(), window=self.window, min_count=self.min_count,
                max_vocabulary=self.max_vocabulary, memory=self.memory, workers=self.workers,
                tell=tell,
            )  # fmt: skip
            rows, columns = swivel.begin(counted, self.dim, self.seed)
            swivel.fit(counted, plan, rows, columns, workers=self.workers, progress=told_loss(tell))
        return self._learned(vocabulary, (rows.vectors + columns.vectors)[:, : self.dim])
