"""Sentence vectors from a table of word vectors: weights by rarity, common directions removed.

What is learned is a static model. Weights belong to words, and removing directions from a mean
is the same as removing them from every word, so both go into the model's table: the model needs
nothing that :class:`StaticEncoder` would not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Learner, Side, learned
from kinspace.engines.pooling import weighted_means
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.learn import saved
from kinspace.learn.sentences.word_tokenizer import numbered
from kinspace.learn.stages import Stages, shown
from kinspace.learn.text import Corpus, Tokenizer, Vocabulary, as_tokenizer, read_corpus
from kinspace.learn.words.learner import WordLearner
from kinspace.metric import as_matrix
from kinspace.pretrained.static import Pooling, StaticEncoder
from kinspace.space import Space

Weighting = Literal["none", "sif", "usif", "tf-idf"]
Floats = NDArray[np.float32]
_WORDS_HELD = 1 << 20
"""Words of text that are worked on together."""
_USUAL = {"none": 0, "tf-idf": 0, "sif": 1, "usif": 5}
"""Directions that are removed from means."""


class SentenceVectors(Learner[str]):
    """Make a static model of sentences from a table of word vectors.

    A word of probability p weighs

    - ``none``: 1;
    - ``sif``: a / (a + p) (smooth inverse frequency), and from every sentence its part along the
      direction that the texts have most in common is removed;
    - ``usif``: a / (a/2 + p), where a comes from the texts' mean length and the share of words
      that chance brings into such a text; of the five main directions, each is removed by its
      share of their energy;
    - ``tf-idf``: ln((1 + n) / (1 + n_w)) + 1, where n_w of n texts hold the word; as often as
      it stands in the sentence.

    Probabilities are those of the corpus that a word learner learned from, and those of the texts
    where ``words`` is only a table.

    Parameters
    ----------
    words : Embeddings, WordLearner, str or Path
        The word vectors: ids are the words. Or a word learner that has learned; or the folder of
        one, or a file that :func:`kinspace.read_vectors` reads. Words without a row are left out,
        also where fastText would make vectors of their parts.
    weighting : {"none", "sif", "usif", "tf-idf"}
        How much each word counts.
    pooling : {"mean", "max", "min-max"}
        From the weighted vectors of a text's words to one; see :class:`kinspace.StaticEncoder`.
    smoothing : float
        The constant a of ``sif``, which the paper takes from 1e-4 to 1e-3; not used otherwise.
    components : int, optional
        How many common directions are removed; by default 1 with ``sif`` and 5 with ``usif``, and
        0 otherwise or where the pooling is not the mean, which alone has such directions.
    tokenizer : str, optional
        What cuts texts into words; by default the word learner's own, or ``"words"`` for a table.
    normalize : bool
        Whether vectors are brought to length 1.

    Attributes
    ----------
    model_ : StaticEncoder

    References
    ----------
    Arora et al. 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings" (SIF);
    Ethayarajh 2018, "Unsupervised Random Walk Sentence Embeddings: A Strong but Simple Baseline"
    (uSIF).

    Examples
    --------
    >>> space = Space("by hand", "0000", dim=2)
    >>> words = Embeddings([[1, 1], [1, 0], [0, 1]], space, ids=["the", "cat", "car"])
    >>> learner = SentenceVectors(words, weighting="tf-idf").fit(["the cat", "the car"])
    >>> learner.encode(["the cat"]).vectors.round(2)
    array([[0.92, 0.38]], dtype=float32)
    """

    method: ClassVar[str] = "sentence-vectors"
    keyword_share: ClassVar[float] = StaticEncoder.keyword_share

    def __init__(
        self,
        words: Embeddings | WordLearner | str | Path,
        *,
        weighting: Weighting = "sif",
        pooling: Pooling = "mean",
        smoothing: float = 1e-3,
        components: int | None = None,
        tokenizer: str | None = None,
        normalize: bool = True,
    ) -> None:
        self.words = words
        self.weighting = weighting
        self.pooling = pooling
        self.smoothing = smoothing
        self.components = components
        self.tokenizer = tokenizer
        self.normalize = normalize

    def fit(self, items: Iterable[str], *, progress: bool | Stages = False) -> Self:
        """Learn weights and common directions from texts.

        Parameters
        ----------
        items : iterable of str
            Texts such as the model is meant for, some thousands; gone through once.
        progress : bool or callable
            True shows a bar; a callable is called as :data:`~kinspace.learn.stages.Stages` says.

        Raises
        ------
        EmptyInput
            If there are no texts, or none of their words has a vector.
        InvalidInput
            If the table has no words.
        InvalidParameter
            If an argument is outside its range, or the tokenizer has no ``tokenizer.json``.
        """
        removed = self._check()
        table, vocabulary, cutter = self._table()
        names = [str(name) for name in table.ids or []]
        with shown(progress) as tell:
            known = Vocabulary(names, np.zeros(len(names), np.int64))
            corpus = read_corpus(items, cutter, min_count=1, vocabulary=known, tell=tell)
        texts = Texts.of(corpus)
        weights = self._weights(texts, vocabulary, len(names))
        rows = as_matrix(table.vectors)
        if removed:
            if removed > rows.shape[1] and self.components is not None:
                raise InvalidParameter(
                    f"Words of {rows.shape[1]} dimensions have no {removed} directions.",
                    "Give fewer components.",
                )
            directions = common_directions(texts, rows, weights, removed, self.weighting == "usif")
            rows = (rows - (rows @ directions.T) @ directions).astype(np.float32)
        self.model_ = self._model(rows, weights, *numbered(cutter, names), table.space, texts.count)
        return self

    def _model(
        self, rows: Floats, weights: Floats, tokenizer: str, places: NDArray[np.int64],
        space: Space, texts: int,
    ) -> StaticEncoder:  # fmt: skip
        """The static model; ``places`` holds the row of each of the tokenizer's tokens."""
        has_row = places >= 0
        gaps = np.flatnonzero(~has_row)
        alone = len(gaps) == 1 and gaps[0] == 0  # the unknown token, which no model counts
        return StaticEncoder(
            np.where(has_row[:, None], rows[places], np.float32(0)),
            tokenizer,
            np.where(has_row, weights[places], np.float32(0)),
            normalize=self.normalize,
            name=f"{space.model} ({self.weighting})",
            recipe={
                "method": "kinspace.SentenceVectors",
                "words": {"model": space.model, "fingerprint": space.fingerprint},
                "arguments": {
                    name: value
                    for name, value in self.get_params(deep=False).items()
                    if name not in ("words", "tokenizer")
                },
                "texts": texts,
            },
            mapping=None if alone else np.where(has_row, np.arange(len(places)), -1),
            pooling=self.pooling,
        )

    def _weights(self, texts: Texts, vocabulary: Vocabulary | None, words: int) -> Floats:
        """The weight of each word, shape (words,)."""
        if self.weighting == "none":
            return np.ones(words, np.float32)
        if self.weighting == "tf-idf":
            held = texts.holding(words)
            return (np.log((1 + texts.count) / (1 + held)) + 1).astype(np.float32)
        counts = np.bincount(texts.ids, minlength=words)
        if vocabulary is not None and vocabulary.counts.any():
            counts = vocabulary.counts
        p = counts / counts.sum()
        if self.weighting == "sif":
            return np.asarray(self.smoothing / (self.smoothing + p), np.float32)
        a = usif_constant(p, max(1.0, len(texts.ids) / texts.count))
        return np.asarray(a / (a / 2 + p), np.float32)

    # -- using ---------------------------------------------------------------------------------

    @property
    def space(self) -> Space:
        """The space of the learned model."""
        return self._fitted().space

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder, as :meth:`StaticEncoder.save` does."""
        self._fitted().save(folder)

    def _encode_batch(self, items: Sequence[str], side: Side) -> Floats:
        return self._fitted()._encode_batch(items, side)

    def _fitted(self) -> StaticEncoder:
        model: StaticEncoder = learned(self, "model_")
        return model

    # -- arguments -----------------------------------------------------------------------------

    def _check(self) -> int:
        """Check the arguments; how many directions are to be removed."""
        for name, kinds in (("weighting", Weighting), ("pooling", Pooling)):
            if getattr(self, name) not in get_args(kinds):
                raise InvalidParameter(
                    f"Unknown {name} {getattr(self, name)!r}.",
                    f"Choose one of: {', '.join(get_args(kinds))}.",
                )
        if not self.smoothing > 0:
            raise InvalidParameter(
                f"smoothing={self.smoothing!r} is not positive.", "Give a number such as 0.001."
            )
        if self.components is None:
            return _USUAL[self.weighting] if self.pooling == "mean" else 0
        if self.components < 0:
            raise InvalidParameter(f"components={self.components} is negative.", "Give 0 or more.")
        if self.components and self.pooling != "mean":
            raise InvalidParameter(
                f"Directions are removed from means, not from what {self.pooling} gives.",
                'Give pooling="mean", or components=0.',
            )
        return self.components

    def _table(self) -> tuple[Embeddings, Vocabulary | None, Tokenizer]:
        """The word vectors, how often each word came if that is known, and the tokenizer."""
        words: Any = self.words
        if isinstance(words, str | Path):
            words = _opened(Path(words))
        learner = words if isinstance(words, WordLearner) else None
        table = words if learner is None else learner.vectors
        if not isinstance(table, Embeddings) or not table.ids:
            raise InvalidInput(
                f"{table!r:.80} is no table of word vectors.",
                "Give Embeddings whose ids are words, or a word learner.",
            )
        own = "words" if learner is None else learner.tokenizer
        cutter = as_tokenizer(own if self.tokenizer is None else self.tokenizer)
        return table, None if learner is None else learner.vocabulary_, cutter


def _opened(path: Path) -> Any:
    """The word learner of a folder, or the table of a file."""
    if saved.is_learned(path):
        return saved.load(path)
    if path.suffix == ".safetensors":
        return Embeddings.load(path)
    from kinspace.pretrained.vector_files import VectorFile

    return VectorFile(path).read()


# -- texts as numbers of words -------------------------------------------------------------------


@dataclass(frozen=True)
class Texts:
    """Texts as numbers of words: text ``i`` is ``ids[starts[i]:starts[i + 1]]``."""

    ids: NDArray[np.uint32]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, corpus: Corpus) -> Texts:
        """The texts of a corpus, whose sentences may be parts of texts."""
        first = np.searchsorted(corpus.documents, np.arange(corpus.items + 1))
        return cls(corpus.ids, np.asarray(corpus.starts)[first])

    @property
    def count(self) -> int:
        return len(self.starts) - 1

    def parts(self) -> Iterator[Texts]:
        """Some texts at a time."""
        first = 0
        while first < self.count:
            fitting = np.searchsorted(self.starts, self.starts[first] + _WORDS_HELD, side="right")
            last = max(first + 1, int(fitting) - 1)
            begin, end = self.starts[first], self.starts[last]
            yield Texts(self.ids[begin:end], self.starts[first : last + 1] - begin)
            first = last

    def holding(self, words: int) -> NDArray[np.int64]:
        """How many texts hold each word, shape (words,)."""
        held = np.zeros(words, np.int64)
        for part in self.parts():
            text = np.repeat(np.arange(part.count), np.diff(part.starts))
            pairs = np.unique(text * words + part.ids)
            held += np.bincount(pairs % words, minlength=words)
        return held


def common_directions(
    texts: Texts, rows: Floats, weights: Floats, count: int, by_energy: bool
) -> Floats:
    """The main directions of texts' weighted means, which are not centred.

    Parameters
    ----------
    texts : Texts
    rows : array of float32, shape (words, dim)
    weights : array of float32, shape (words,)
    count : int
        At most as many as dimensions.
    by_energy : bool
        Whether a direction is to be removed by its share of the energy of all ``count``, as uSIF
        does, and not whole.

    Returns
    -------
    array of float32, shape (count, dim)
        Rows r such that v - sum of (v·r) r removes what is to be removed.
    """
    places = np.arange(len(rows), dtype=np.int32)
    moment = np.zeros((rows.shape[1], rows.shape[1]))
    threads = int(len(texts.ids) > _WORDS_HELD)
    for part in texts.parts():
        ids = part.ids.astype(np.int32)
        means = weighted_means(
            ids, part.starts, places, weights, rows, unit=False, threads=threads
        ).astype(np.float64)
        moment += means.T @ means
    energies, directions = np.linalg.eigh(moment)
    energies, directions = energies[::-1][:count], directions[:, ::-1].T[:count]
    shares = energies / energies.sum() if by_energy and energies.sum() > 0 else 1
    scaled: Floats = (directions * np.sqrt(np.clip(shares, 0, 1)).reshape(-1, 1)).astype(np.float32)
    return scaled


def usif_constant(p: NDArray[np.float64], length: float) -> float:
    """The constant a of uSIF.

    Parameters
    ----------
    p : ndarray of float64, shape (words,)
        The probability of each word.
    length : float
        The mean number of words of a text, n.

    Returns
    -------
    float
        (1 - α) / (α Z), where Z is half the number of words, and α the share of the words that are
        likelier than 1 - (1 - 1/words)ⁿ, the chance to come into a text if all words were equal.
    """
    words = len(p)
    threshold = 1 - (1 - 1 / words) ** length
    share = max(1, int((p > threshold).sum())) / words
    return max(1 - share, 1 / words) / (share * words / 2)
