"""The tables of a fastText classifier: made, learned, asked, made smaller, written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.product import ProductTable
from kinspace.engines import classifier as engine
from kinspace.engines.classifier_kernel import EACH, SOFTMAX, TREE
from kinspace.engines.rows import Floats, Rows, padded, table
from kinspace.engines.sampling import Paths
from kinspace.engines.subwords import hashes_of, ngrams_of
from kinspace.errors import InvalidInput
from kinspace.learn.stages import Stages
from kinspace.learn.text import Vocabulary
from kinspace.learn.words.labelled import Labelled
from kinspace.learn.words.ngrams import END, Buckets, word_rows
from kinspace.learn.words.prediction import random_rows, told
from kinspace.pretrained.fasttext_file import huffman_of
from kinspace.space import Space, fingerprint_of

if TYPE_CHECKING:
    from kinspace.learn.words.fasttext_classifier import FastTextClassifier

Loss = Literal["softmax", "hierarchical", "one-vs-all"]
_LOSSES: dict[Loss, int] = {"softmax": SOFTMAX, "hierarchical": TREE, "one-vs-all": EACH}
_FACTOR = np.uint64(116049371)


@dataclass(frozen=True)
class Model:
    """What a classifier has learned.

    Attributes
    ----------
    dim, word_ngrams, min_n, max_n : int
    loss : {"softmax", "hierarchical", "one-vs-all"}
    vocabulary : Vocabulary
        Words that have a row of their own: the first of the table.
    labels : list of str
    label_counts : ndarray of int64
    buckets : Buckets
    inputs : ndarray of float32, shape (rows, columns), or ProductTable
        Columns are ``dim`` rounded up to a multiple of 16.
    outputs : the same, shape (labels, columns)
        With "hierarchical" the nodes of the tree, and one row that is not used.
    """

    dim: int
    word_ngrams: int
    min_n: int
    max_n: int
    loss: Loss
    vocabulary: Vocabulary
    labels: list[str]
    label_counts: NDArray[np.int64]
    buckets: Buckets
    inputs: Floats | ProductTable
    outputs: Floats | ProductTable

    # -- texts ---------------------------------------------------------------------------------

    def makeup(self, words: list[str]) -> engine.Makeup:
        """The rows of words and their n-grams."""
        rows, starts = word_rows(
            words, self.vocabulary.places, self.min_n, self.max_n, self.buckets
        )
        of_ngrams = self.buckets.rows if self.word_ngrams > 1 else np.zeros(0, np.int32)
        return engine.Makeup(rows, starts, wide_hashes(words), self.word_ngrams, of_ngrams)

    def means(
        self, words: list[str], ids: NDArray[np.uint32], starts: NDArray[np.int64], *, workers: int
    ) -> NDArray[np.float32]:
        """The vector of each text, shape (texts, dim); of its words by number."""
        none, empty = np.zeros(0, np.int32), np.zeros(len(starts), np.int64)
        lines = engine.Lines(ids, starts, none, empty)
        rows, ends = engine.rows_of(lines, self.makeup(words))
        return self._means(rows, ends, workers)

    def word_vectors(self) -> NDArray[np.float32]:
        """The vector of each word of the vocabulary, shape (words, dim)."""
        words = self.vocabulary.words
        rows = word_rows(words, self.vocabulary.places, self.min_n, self.max_n, self.buckets)
        return self._means(*rows, 1)

    def _means(self, rows: Rows, ends: NDArray[np.int64], workers: int) -> NDArray[np.float32]:
        inputs = self.inputs
        if isinstance(inputs, ProductTable):
            distinct, places = np.unique(rows, return_inverse=True)
            rows = places.astype(np.int32)
            inputs = table(len(distinct), padded(self.dim))
            inputs[:, : self.dim] = self.inputs.take(distinct)
        found = engine.means(inputs, rows, ends, workers=workers)
        return np.ascontiguousarray(found[:, : self.dim])

    def tables(self) -> tuple[Floats, Floats]:
        """Inputs and outputs, where they are not quantised."""
        if isinstance(self.inputs, ProductTable) or isinstance(self.outputs, ProductTable):
            raise InvalidInput("This model is quantised already.", "Take the model before.")
        return self.inputs, self.outputs

    # -- labels --------------------------------------------------------------------------------

    @cached_property
    def tree(self) -> Paths:
        """The path of each label."""
        return huffman_of(self.label_counts)

    @cached_property
    def _output_rows(self) -> NDArray[np.float32]:
        if isinstance(self.outputs, ProductTable):
            return self.outputs.take(np.arange(len(self.outputs)))
        return self.outputs[:, : self.dim]

    def chances(self, means: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability of each label for texts of these vectors, shape (texts, labels)."""
        scores: NDArray[np.float64] = (means @ self._output_rows.T).astype(np.float64)
        if self.loss == "softmax":
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
            return shares.astype(np.float32)
        if self.loss == "one-vs-all":
            return np.exp(-np.logaddexp(0, -scores)).astype(np.float32)
        nodes, labels, starts = self.tree
        out = np.empty((len(means), len(self.labels)), np.float32)
        for row, line in zip(out, scores, strict=True):
            logs = -np.logaddexp(0, np.where(labels == 1, -line[nodes], line[nodes]))
            row[:] = np.exp(np.add.reduceat(logs, starts[:-1]))
        return out

    # -- identity ------------------------------------------------------------------------------

    def space(self, name: str, tokenizer: dict[str, Any]) -> Space:
        """The space of the vectors."""
        return Space(name, fingerprint_of(self._hash, tokenizer), self.dim)

    @cached_property
    def _hash(self) -> str:
        facts, state = to_plain(self)
        facts.pop("labels")
        state.pop("label_counts")
        return fingerprint_of(facts, *(np.ascontiguousarray(a).tobytes() for a in state.values()))


def wide_hashes(words: list[str]) -> NDArray[np.uint64]:
    """Hashes of words, widened to 64 bits as signed numbers: what word n-grams are hashed from."""
    return hashes_of(words).view(np.int32).astype(np.int64).view(np.uint64)


# -- learning ------------------------------------------------------------------------------------


def learned(learner: FastTextClassifier, texts: Labelled, tell: Stages) -> Model:
    """A model with what can be learned from texts."""
    model, numbers = begun(learner, texts)
    lines = engine.Lines(texts.ids, texts.starts, numbers[texts.label_ids], texts.label_starts)
    rate = learner.learning_rate
    plan = engine.Plan(_LOSSES[model.loss], len(model.labels), learner.epochs, rate, learner.seed)
    engine.fit(
        lines, model.makeup(texts.words), plan, model.tree, *model.tables(),
        workers=learner.workers, progress=told(tell, rate, 0.0),
    )  # fmt: skip
    return model


def begun(learner: FastTextClassifier, texts: Labelled) -> tuple[Model, Rows]:
    """A model with random rows, and the number that each label of the texts has in it."""
    counts = np.bincount(texts.ids, minlength=len(texts.words))
    order = np.argsort(-counts, kind="stable")
    kept = order[counts[order] >= learner.min_count][: learner.max_vocabulary]
    vocabulary = Vocabulary([texts.words[i] for i in kept.tolist()], counts[kept])
    label_counts = np.bincount(texts.label_ids, minlength=len(texts.labels))
    by_count = np.argsort(-label_counts, kind="stable")
    numbers = np.empty(len(by_count), np.int32)
    numbers[by_count] = np.arange(len(by_count))
    used: list[NDArray[Any]] = []
    if learner.max_n:
        words = [word for word in texts.words if word != END]
        used.append(ngrams_of(words, learner.min_n, learner.max_n)[0])
    used += word_ngrams(texts, learner.word_ngrams)
    needed = bool(learner.max_n or learner.word_ngrams > 1)
    buckets = Buckets.of(used, learner.bucket if needed else 0, len(vocabulary))
    if not len(kept) and not len(buckets.used):
        raise InvalidInput(
            f"No word comes {learner.min_count} times.", "Give more text, or a smaller min_count."
        )
    inputs = random_rows(buckets.end, learner.dim, learner.seed)
    inputs *= np.float32(2)  # ±1/dim, as Facebook's code has it
    inputs[buckets.others] = 0
    outputs = table(len(by_count), padded(learner.dim))
    model = Model(
        learner.dim, learner.word_ngrams, learner.min_n, learner.max_n, learner.loss, vocabulary,
        [texts.labels[i] for i in by_count.tolist()], label_counts[by_count], buckets, inputs,
        outputs,
    )  # fmt: skip
    return model, numbers


def word_ngrams(texts: Labelled, longest: int) -> list[NDArray[np.uint64]]:
    """The hashes of all n-grams of 2 to ``longest`` words."""
    hashes = wide_hashes(texts.words)[texts.ids]
    ends = np.repeat(texts.starts[1:], np.diff(texts.starts))
    places, values, found = np.arange(len(hashes)), hashes, []
    for n in range(1, longest):
        inside = places + n < ends[places]
        places, values = places[inside], values[inside]
        values = values * _FACTOR + hashes[places + n]
        found.append(values)
    return found


# -- smaller -------------------------------------------------------------------------------------


def quantised(
    model: Model, *, width: int, norms: bool, rows: int | None, outputs: bool, seed: int
) -> Model:
    """A model of the same labels in fewer bytes."""
    model = pruned(model, len(model.inputs) if rows is None else rows)
    wide, labels = model.tables()
    inputs = ProductTable.of(wide[:, : model.dim], width=width, norms=norms, seed=seed)
    if not outputs:
        return replace(model, inputs=inputs)
    # Facebook's code takes parts of 2 for labels, whatever those of words are.
    small = ProductTable.of(labels[:, : model.dim], width=2, norms=norms, seed=seed)
    return replace(model, inputs=inputs, outputs=small)


def pruned(model: Model, rows: int) -> Model:
    """A model with only so many rows, the longest, and that of ``</s>`` first of all.

    Buckets without a row are left out of means then, as Facebook's code does it.
    """
    words = model.vocabulary
    whole = model.tables()[0]
    lengths = np.linalg.norm(whole[: len(words) + len(model.buckets.used)], axis=1)
    if END in words:
        lengths[words[END]] = np.inf
    kept = np.sort(np.argsort(-lengths, kind="stable")[:rows])
    own, of_buckets = kept[kept < len(words)], kept[kept >= len(words)]
    vocabulary = Vocabulary([words.words[i] for i in own.tolist()], words.counts[own])
    used = model.buckets.used[of_buckets - len(words)]
    inputs = table(len(kept), whole.shape[1])
    inputs[:] = whole[kept]
    buckets = Buckets(model.buckets.count, used, len(own))
    return replace(model, vocabulary=vocabulary, buckets=buckets, inputs=inputs)


# -- plain values --------------------------------------------------------------------------------


def to_plain(model: Model) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A model as plain values and arrays."""
    facts: dict[str, Any] = {
        "dim": model.dim,
        "word_ngrams": model.word_ngrams,
        "min_n": model.min_n,
        "max_n": model.max_n,
        "loss": model.loss,
        "words": model.vocabulary.words,
        "labels": model.labels,
        "buckets": model.buckets.facts(),
    }
    state: dict[str, NDArray[Any]] = {
        "counts": model.vocabulary.counts,
        "label_counts": model.label_counts,
        "buckets": model.buckets.used,
    }
    for name, values in {"inputs": model.inputs, "outputs": model.outputs}.items():
        if not isinstance(values, ProductTable):
            state[name] = values
            continue
        facts[f"{name}_width"] = values.width
        state |= {f"{name}.codes": values.codes, f"{name}.centroids": values.centroids}
        if values.norm_codes is not None and values.norms is not None:
            state |= {f"{name}.norm_codes": values.norm_codes, f"{name}.norms": values.norms}
    return facts, state


def from_plain(facts: dict[str, Any], state: dict[str, NDArray[Any]]) -> Model:
    """The model that :func:`to_plain` took apart."""

    def values(name: str) -> Any:
        if name in state:
            return state[name]
        parts = [state.get(f"{name}.{part}") for part in ("codes", "centroids")]
        norms = [state.get(f"{name}.{part}") for part in ("norm_codes", "norms")]
        return ProductTable(facts["dim"], facts[f"{name}_width"], *parts, *norms)  # type: ignore[arg-type]

    return Model(
        facts["dim"], facts["word_ngrams"], facts["min_n"], facts["max_n"], facts["loss"],
        Vocabulary(facts["words"], state["counts"]), facts["labels"], state["label_counts"],
        Buckets(used=state["buckets"], **facts["buckets"]), values("inputs"), values("outputs"),
    )  # fmt: skip
