"""Paragraph vectors as numbers: which tables there are, how they are learned, and inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import concatenated, inference, sgns
from kinspace.engines.rows import Floats, padded, table
from kinspace.engines.sgns_kernel import POOL
from kinspace.errors import InvalidParameter
from kinspace.learn.documents.tags import Tags
from kinspace.learn.stages import Stages
from kinspace.learn.text import Corpus
from kinspace.learn.text.corpus import LONGEST
from kinspace.learn.words.prediction import (
    Options,
    Outputs,
    learn,
    plan_of,
    random_rows,
    text_of,
    told,
    words_of,
)

Architecture = Literal["dm-mean", "dm-sum", "dm-concatenated", "dbow", "dbow-words"]


@dataclass(frozen=True)
class ParagraphVectors:
    """Tables of words, and what makes vectors of documents by them.

    Attributes
    ----------
    architecture : str
    options : Options
        Of training.
    epochs : int
        Of inference.
    counts : ndarray of int64, shape (vocabulary,)
    inputs : ndarray of float32, shape (rows, dim)
        What predicts, beside documents: words by number, and for ``dm-concatenated`` one row more,
        for what is outside the text. Without rows for ``dbow``.
    outputs : ndarray of float32, shape (output rows, parts · dim)
        What is predicted; ``parts`` is 1 but for ``dm-concatenated``.
    """

    architecture: Architecture
    options: Options
    epochs: int
    counts: NDArray[np.int64]
    inputs: Floats
    outputs: Floats

    @classmethod
    def learned(
        cls,
        architecture: Architecture,
        options: Options,
        epochs: int,
        corpus: Corpus,
        tags: Tags,
        tell: Stages,
    ) -> tuple[ParagraphVectors, Floats]:
        """Learn from a corpus: the tables, and the documents' vectors, (documents, dim).

        Documents of which no word is known are zeros.

        Raises
        ------
        InvalidParameter
            If the vectors grew beyond all bounds.
        """
        counts, dim = corpus.vocabulary.counts, options.dim
        extra = {"dbow": 0, "dm-concatenated": len(counts) + 1}.get(architecture, len(counts))
        inputs = random_rows(extra + len(tags), dim, options.seed)
        rows, starts = tags.of_sentences(corpus)
        text = text_of(corpus, rows + np.int32(extra), starts)
        words, plan = _words(architecture, counts, options), _plan(architecture, options)
        sizes = Outputs.of(len(counts), options)
        outputs = table(sizes.words + sizes.nodes, _parts(architecture, options) * padded(dim))
        if architecture == "dm-concatenated":
            concatenated.fit(
                text, words, plan, len(counts), inputs, outputs,
                workers=options.workers, progress=told(tell, plan.rate, plan.last_rate),
            )  # fmt: skip
        else:
            learn(text, words, plan, inputs, outputs, workers=options.workers, tell=tell)
        _require_finite(inputs, options)
        documents = inputs[extra:, :dim].copy()
        known = np.zeros(len(tags), np.bool_)
        known[rows] = True
        documents[~known] = 0
        kept = inputs[:extra, :dim].copy()
        return cls(architecture, options, epochs, counts, kept, _trimmed(outputs, dim)), documents

    def infer(self, texts: Sequence[NDArray[np.uint32]], *, workers: int) -> Floats:
        """Vectors of new documents, (documents, dim).

        Parameters
        ----------
        texts : sequence of ndarray of uint32
            The numbers of the words of each.
        workers : int
            Threads; the vectors do not depend on them.
        """
        text, firsts = _sentences(texts)
        words, plan, inputs, outputs = self._tables
        if self.architecture == "dm-concatenated":
            found = concatenated.infer(
                text, firsts, words, plan, len(self.counts), inputs, outputs, workers=workers
            )
        else:
            found = inference.infer(text, firsts, words, plan, inputs, outputs, workers=workers)
        return np.ascontiguousarray(found[:, : self.options.dim])

    @cached_property
    def _tables(self) -> tuple[sgns.Words, sgns.Plan, Floats, Floats]:
        """What inference takes, made once."""
        plan = _plan(self.architecture, self.options)._replace(epochs=self.epochs)
        if self.architecture.startswith("dbow"):
            plan = plan._replace(window=0)
        return (
            _words(self.architecture, self.counts, self.options),
            plan,
            _laid_out(self.inputs, self.options.dim),
            _laid_out(self.outputs, self.options.dim),
        )


def _words(architecture: Architecture, counts: NDArray[np.int64], options: Options) -> sgns.Words:
    """What each word is: for ``dbow``, nothing on the side that predicts."""
    if architecture == "dbow":
        none = np.zeros(0, np.int32), np.zeros(len(counts) + 1, np.int64)
        return words_of(counts, options, *none)
    return words_of(counts, options)


def _plan(architecture: Architecture, options: Options) -> sgns.Plan:
    together = architecture.startswith("dm")
    plan = plan_of(options, together=together, mean=architecture != "dm-sum")
    # Noise words are drawn anew for each word: a document would see the same ones again and again,
    # which cost 1.5 points on 20 Newsgroups.
    plan = plan._replace(stretch=max(POOL // max(plan.negative, 1), 1))
    return plan._replace(window=0) if architecture == "dbow" else plan


def _parts(architecture: Architecture, options: Options) -> int:
    """How many vectors stand side by side in what predicts."""
    return concatenated.parts_of(options.window) if architecture == "dm-concatenated" else 1


def _require_finite(inputs: Floats, options: Options) -> None:
    """Raise :class:`InvalidParameter` if what was learned grew beyond all bounds."""
    with np.errstate(all="ignore"):
        finite = bool(np.isfinite(inputs.sum(axis=1)).all())
    if not finite:
        raise InvalidParameter(
            f"The vectors grew beyond all bounds: learning_rate={options.learning_rate} is too "
            "high for these texts.",
            "Give a smaller learning_rate.",
        )


def _sentences(texts: Sequence[NDArray[np.uint32]]) -> tuple[sgns.Text, NDArray[np.int64]]:
    """Texts in sentences of at most so many words as in training, and each text's first one."""
    lengths = np.array([len(ids) for ids in texts], np.int64)
    many = -(-lengths // LONGEST)
    firsts = np.concatenate([[0], np.cumsum(many)])
    starts = np.zeros(firsts[-1] + 1, np.int64)
    nth = np.arange(firsts[-1]) - np.repeat(firsts[:-1], many)
    begins = np.concatenate([[0], np.cumsum(lengths)])
    starts[:-1] = np.repeat(begins[:-1], many) + nth * LONGEST
    starts[-1] = begins[-1]
    ids = np.concatenate([np.zeros(0, np.uint32), *texts])
    return sgns.Text(ids, starts, np.zeros(0, np.int32), np.zeros(len(starts), np.int64)), firsts


def _trimmed(wide: Floats, dim: int) -> Floats:
    """A table without the columns that only fill it up."""
    parts = wide.reshape(len(wide), -1, padded(dim))[:, :, :dim]
    return np.ascontiguousarray(parts).reshape(len(wide), -1)


def _laid_out(narrow: Floats, dim: int) -> Floats:
    """A table as the engines take it."""
    parts = narrow.shape[1] // dim
    out = table(len(narrow), parts * padded(dim))
    out.reshape(len(narrow), parts, padded(dim))[:, :, :dim] = narrow.reshape(-1, parts, dim)
    return out
