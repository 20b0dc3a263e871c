"""doc2vec: paragraph vectors, which predict the words of a document."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Learner, Side, learned, require_texts
from kinspace.errors import NotApplicable, ReadError, require_choice
from kinspace.learn import saved as files
from kinspace.learn.documents.paragraph_vectors import Architecture, ParagraphVectors
from kinspace.learn.documents.tags import Named, TagReader, Words
from kinspace.learn.documents.written import read_words, written_words
from kinspace.learn.stages import Stages, shown
from kinspace.learn.text import Tokenizer, Vocabulary, read_corpus
from kinspace.learn.text.tokenizer import tokenizer_of
from kinspace.learn.words.prediction import Options, require_number, require_two_words
from kinspace.space import Space, fingerprint_of


class Doc2Vec(Learner[str]):
    """Vectors of documents, learned together with those of words (Le and Mikolov 2014).

    A document's vector learns to predict the words of the document: in PV-DM together with the
    words around them, in PV-DBOW alone. Once that is learned, :meth:`encode` finds the vector of
    a new document in the same way, while all that was learned about words stays as it is.

    Parameters
    ----------
    dim : int
        The length of a vector.
    architecture : str
        ``"dbow"`` (PV-DBOW): the document predicts each of its words. ``"dbow-words"``: and words
        predict their neighbours meanwhile, as in skip-gram, so that there are vectors of words
        too. ``"dm-mean"`` (PV-DM): the mean of the document and the words near a word predicts it.
        ``"dm-sum"``: their sum. ``"dm-concatenated"``: the document and the words around, side by
        side and in order; slow, with a table ``1 + 2 window`` times as large.
    window : int
        The most words on each side that are near. ``"dbow"`` has no window.
    negative : int
        Noise words for each word that is predicted; 0 for none.
    hierarchical_softmax : bool
        Predict words through a Huffman tree, instead of noise or beside it.
    ns_exponent : float
        Noise words are drawn by their count to this power.
    sample : float
        The share of the text from which on a word is thinned out; 0 keeps all.
    min_count : int
        Words that come less often are left out.
    max_vocabulary : int, optional
        Only so many words are kept, the most frequent.
    epochs : int
        How often the text is gone through.
    infer_epochs : int, optional
        How often a new document is gone through; as in training by default.
    learning_rate, min_learning_rate : float
        At the beginning and at the end.
    tokenizer : str, dict or Tokenizer
        What cuts texts into words; see :func:`kinspace.learn.text.as_tokenizer`.
    workers : int
        Threads. With one, the same texts and seed give the same vectors; inference gives the same
        with any number.
    seed : int

    Attributes
    ----------
    documents : Embeddings
        A row for each id that was given, or for each text by number.
    vectors : Embeddings
        A row for each word; ids are the words. ``"dbow"`` learns none.

    Notes
    -----
    An item is a text, a list of words, or a pair of an id and one of these. A list of ids gives a
    text several vectors, which learn from it together; an id that comes with several texts learns
    from all of them. In ``"dm-concatenated"`` the mean of a text's vectors stands in their place.

    ``encode`` does not look a text up among those that were learned: also their vectors are
    inferred. Compare inferred vectors with inferred ones, where it matters.

    References
    ----------
    Le and Mikolov 2014, "Distributed Representations of Sentences and Documents".
    Lau and Baldwin 2016, "An Empirical Evaluation of doc2vec", for PV-DBOW with words.

    Examples
    --------
    >>> texts = [("sea", "ships and waves and sails"), ("kitchen", "bread and salt and butter")]
    >>> model = Doc2Vec(dim=8, min_count=1, epochs=40, seed=1).fit(texts * 10)
    >>> model.documents.ids
    ['sea', 'kitchen']
    >>> model.encode(["salt and bread"]).shape
    (1, 8)
    """

    method: ClassVar[str] = "doc2vec"

    def __init__(
        self,
        dim: int = 100,
        *,
        architecture: Architecture = "dbow-words",
        window: int = 5,
        negative: int = 5,
        hierarchical_softmax: bool = False,
        ns_exponent: float = 0.75,
        sample: float = 1e-3,
        min_count: int = 5,
        max_vocabulary: int | None = None,
        epochs: int = 10,
        infer_epochs: int | None = None,
        learning_rate: float = 0.025,
        min_learning_rate: float = 1e-4,
        tokenizer: Any = "words",
        workers: int = 1,
        seed: int = 0,
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
        self.epochs = epochs
        self.infer_epochs = infer_epochs
        self.learning_rate = learning_rate
        self.min_learning_rate = min_learning_rate
        self.tokenizer = tokenizer
        self.workers = workers
        self.seed = seed

    def fit(self, items: Iterable[Words | Named], *, progress: bool | Stages = False) -> Self:
        """Learn from texts, from their words, or from pairs of an id and one of these.

        Parameters
        ----------
        items : iterable of str, of lists of str, or of pairs
            Gone through once. All have ids (strings, whole numbers, or lists of these), or none.
        progress : bool or callable
            True shows a bar; a callable is called as :data:`~kinspace.learn.stages.Stages` says.

        Raises
        ------
        EmptyInput
            If there is no text, or no word often enough.
        InvalidInput
            If an item is none of these, or there is only one word.
        InvalidParameter
            If a parameter is outside its range.
        """
        options, epochs = self._options()
        reader = TagReader()
        with shown(progress) as tell:
            corpus = read_corpus(
                reader.texts(items), self._cutter(), min_count=self.min_count,
                max_vocabulary=self.max_vocabulary, tell=tell,
            )  # fmt: skip
            require_two_words(corpus.vocabulary)
            tags = reader.tags(corpus.items)
            tables, documents = ParagraphVectors.learned(
                self.architecture, options, epochs, corpus, tags, tell
            )
        return self._learned(corpus.vocabulary, tables, documents, tags.ids)

    def _options(self) -> tuple[Options, int]:
        """The parameters, checked: of training, and the epochs of inference."""
        options = Options.of(self)
        require_choice("architecture", self.architecture, Architecture)
        if self.infer_epochs is not None:
            require_number("infer_epochs", self.infer_epochs, least=1)
        require_number("min_count", self.min_count, least=1)
        if self.max_vocabulary is not None:
            require_number("max_vocabulary", self.max_vocabulary, least=2)
        return options, self.infer_epochs or options.epochs

    def _learned(
        self,
        vocabulary: Vocabulary,
        tables: ParagraphVectors,
        documents: NDArray[np.float32],
        ids: Sequence[Hashable] | None,
    ) -> Self:
        """Keep what was learned."""
        settings = asdict(tables.options) | {"workers": 0, "epochs": tables.epochs}
        fingerprint = fingerprint_of(
            self.method, tables.architecture, _plain(settings), self._cutter().to_dict(),
            "\n".join(vocabulary.words), vocabulary.counts.tobytes(), tables.inputs.tobytes(),
            tables.outputs.tobytes(),
        )  # fmt: skip
        space = Space(self.method, fingerprint, dim=documents.shape[1])
        self.vocabulary_ = vocabulary
        self.tables_ = tables
        self.documents_ = Embeddings(documents, space, ids)
        return self

    # -- what was learned ----------------------------------------------------------------------

    @property
    def documents(self) -> Embeddings:
        """The documents' vectors; ids are those that were given, if any.

        Zeros where no word of a document is known.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """
        documents: Embeddings = learned(self, "documents_")
        return documents

    @property
    def vectors(self) -> Embeddings:
        """The words' vectors; ids are the words.

        In the space of the documents, but for ``"dm-concatenated"``, where the two never mix.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        NotApplicable
            For ``"dbow"``, which learns none.
        """
        space, architecture = self.space, self.tables_.architecture
        if architecture == "dbow":
            raise NotApplicable(
                "PV-DBOW alone learns no vectors of words.",
                'Learn with architecture="dbow-words", or one of PV-DM\'s.',
            )
        words = self.vocabulary_.words
        if architecture == "dm-concatenated":
            space = space.derive("words")
        return Embeddings(self.tables_.inputs[: len(words)], space, words)

    @property
    def space(self) -> Space:
        """The space of documents, learned and new."""
        return self.documents.space

    # -- new documents -------------------------------------------------------------------------

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        """Infer vectors; zeros where no word is known."""
        require_texts(items)
        require_number("workers", self.workers, least=1)
        places, cut = self.vocabulary_.places, self._cutter()
        texts = [
            np.array([places[word] for word in cut.words(item) if word in places], np.uint32)
            for item in items
        ]
        return self.tables_.infer(texts, workers=self.workers)

    def _cutter(self) -> Tokenizer:
        return tokenizer_of(self)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder; see :mod:`kinspace.learn.saved`.

        Raises
        ------
        NotFitted, InvalidInput
        """
        documents, tables = self.documents, self.tables_
        state: dict[str, NDArray[Any]] = {
            "words": written_words(self.vocabulary_.words),
            "counts": self.vocabulary_.counts,
            "inputs": tables.inputs,
            "outputs": tables.outputs,
        }
        facts = {
            "architecture": tables.architecture,
            "options": _plain(asdict(tables.options)),
            "epochs": int(tables.epochs),
        }
        params = _plain({**self.get_params(deep=False), "tokenizer": self._cutter().to_dict()})
        files.write(folder, files.Saved(self.method, params, facts, documents, state))

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
            facts, state = found.facts, found.state
            learner.vocabulary_ = Vocabulary(read_words(state["words"]), state["counts"])
            learner.tables_ = ParagraphVectors(
                facts["architecture"], Options(**facts["options"]), facts["epochs"],
                learner.vocabulary_.counts, state["inputs"], state["outputs"],
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ReadError(
                f"{folder} does not hold what a {cls.__name__} needs: {error}.",
                "Learn it again, or load it with the version that wrote it.",
            ) from error
        learner.documents_ = found.vectors
        return learner


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values of numpy as Python's own, for JSON."""
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()}
