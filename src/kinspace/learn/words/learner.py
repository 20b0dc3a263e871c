"""What all learners of word vectors share: their table, texts as means of words, the disk."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Learner, Side, learned, require_texts
from kinspace.engines.pooling import weighted_means
from kinspace.errors import ReadError
from kinspace.learn import saved as files
from kinspace.learn.stages import Stages
from kinspace.learn.text import Tokenizer, Vocabulary
from kinspace.learn.text.tokenizer import tokenizer_of
from kinspace.space import Space, fingerprint_of


class WordLearner(Learner[str]):
    """A learner that leaves a table of word vectors behind.

    Subclasses store their arguments (``tokenizer`` among them), name their ``method``, and write
    :meth:`fit`, which ends with :meth:`_learned`.

    Attributes
    ----------
    vectors : Embeddings
        A row for each word; ids are the words, by falling count.
    vocabulary_ : Vocabulary
    """

    method: ClassVar[str]
    """A name of :mod:`kinspace.learn.methods`."""
    tokenizer: Any

    @abstractmethod
    def fit(self, items: Iterable[str | Sequence[str]], *, progress: bool | Stages = False) -> Self:
        """Learn from texts, or from their words.

        Parameters
        ----------
        items : iterable of str, or of sequences of str
            Gone through once.
        progress : bool or callable
            True shows a bar; a callable is called as :data:`~kinspace.learn.stages.Stages` says.
        """

    # -- what was learned ----------------------------------------------------------------------

    @property
    def vectors(self) -> Embeddings:
        """The table of word vectors; ids are the words.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """
        vectors: Embeddings = learned(self, "vectors_")
        return vectors

    @property
    def space(self) -> Space:
        """The space of words and of texts."""
        return self.vectors.space

    def _learned(self, vocabulary: Vocabulary, vectors: NDArray[np.float32]) -> Self:
        """Keep a table that was learned: float32, shape (vocabulary, dim)."""
        vectors = np.ascontiguousarray(vectors, np.float32)
        fingerprint = fingerprint_of(
            self.method, self._cutter().to_dict(), "\n".join(vocabulary.words), vectors.tobytes()
        )
        space = Space(self.method, fingerprint, dim=vectors.shape[1])
        self.vocabulary_ = vocabulary
        self.vectors_ = Embeddings(vectors, space, vocabulary.words)
        return self

    def _cutter(self) -> Tokenizer:
        return tokenizer_of(self)

    # -- texts ---------------------------------------------------------------------------------

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        """The mean of the vectors of a text's known words; zeros where none is known."""
        require_texts(items)
        cut = self._cutter()
        places: dict[str, int] = {}
        ids, starts = [], [0]
        for item in items:
            ids += [places.setdefault(word, len(places)) for word in cut.words(item)]
            starts.append(len(ids))
        table, known = self._vectors_of(list(places))
        rows = np.where(known, np.arange(len(places)), -1).astype(np.int32)
        return weighted_means(
            np.array(ids, np.int32), np.array(starts), rows, np.ones(len(rows), np.float32), table,
            unit=False,
        )  # fmt: skip

    def _vectors_of(self, words: list[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Vectors of words, shape (n, dim), and which of them are known."""
        vectors = self.vectors
        rows = np.array([self.vocabulary_.places.get(word, -1) for word in words], np.int64)
        known = rows >= 0
        table = np.zeros((len(words), self.space.dim), np.float32)
        table[known] = vectors.vectors[rows[known]]
        return table, known

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder; see :mod:`kinspace.learn.saved`.

        Raises
        ------
        NotFitted, InvalidInput
        """
        vectors = self.vectors
        state = {"counts": self.vocabulary_.counts, **self._state()}
        files.write(folder, files.Saved(self.method, self._params(), self._facts(), vectors, state))

    def _params(self) -> dict[str, Any]:
        """The arguments as plain values, without the folder that only this machine has."""
        given = self.get_params(deep=False)
        given.pop("cache", None)
        plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in given.items()}
        return {**plain, "tokenizer": tokenizer_of(self).to_dict()}

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelNotFound, ReadError
        """
        found = files.read(folder, cls.method)
        try:
            if found.vectors is None:
                raise KeyError("vectors")
            learner = cls(**found.params)
            learner.vectors_ = found.vectors
            words = [str(word) for word in found.vectors.ids or []]
            learner.vocabulary_ = Vocabulary(words, found.state["counts"])
            learner._restore(found)
        except (KeyError, TypeError) as error:
            raise ReadError(
                f"{folder} does not hold what a {cls.__name__} needs: {error}.",
                "Learn it again, or load it with the version that wrote it.",
            ) from error
        return learner

    def _facts(self) -> dict[str, Any]:
        """What else was learned, as plain values."""
        return {}

    def _state(self) -> dict[str, NDArray[Any]]:
        """What else was learned, as arrays: what learning needs to go on."""
        return {}

    def _restore(self, found: files.Saved) -> None:
        """Take back what :meth:`_facts` and :meth:`_state` gave."""
