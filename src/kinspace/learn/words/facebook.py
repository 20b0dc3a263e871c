"""Models of Facebook's fastText and ours: the same tables, in another order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.product import ProductTable
from kinspace.engines.rows import Floats, padded, table
from kinspace.errors import ReadError
from kinspace.learn.text import Vocabulary
from kinspace.learn.words.continuing import Rest
from kinspace.learn.words.fasttext_model import Loss, Model
from kinspace.learn.words.ngrams import Buckets
from kinspace.pretrained.fasttext_file import Content, Options, read, write
from kinspace.pretrained.fasttext_file import Loss as FileLoss

PREFIX = "__label__"
"""What Facebook's labels begin with, most often; the file does not say."""
_LOSSES: dict[FileLoss, Loss] = {
    "softmax": "softmax",
    "hs": "hierarchical",
    "ova": "one-vs-all",
    "ns": "one-vs-all",  # predicts the same
}

if TYPE_CHECKING:
    from kinspace.learn.words.fasttext import FastText
    from kinspace.learn.words.fasttext_classifier import FastTextClassifier

    WordsT = TypeVar("WordsT", bound=FastText)
    ClassifierT = TypeVar("ClassifierT", bound=FastTextClassifier)


def read_words(kind: type[WordsT], path: str | Path) -> WordsT:
    """Word vectors and their n-grams from a ``.bin`` file."""
    content = read(path)
    options = content.options
    if options.kind == "sup":
        raise ReadError(
            f"{path} holds a classifier, not word vectors.",
            "Read it with FastTextClassifier.load_facebook.",
        )
    if isinstance(content.inputs, ProductTable) or isinstance(content.outputs, ProductTable):
        raise ReadError(f"{path} holds quantised word vectors.", "Give the .bin file instead.")
    model = kind(
        options.dim,
        architecture="skip-gram" if options.kind == "sg" else "cbow-mean",
        window=options.window,
        min_n=options.min_n,
        max_n=options.max_n,
        bucket=options.bucket,
        negative=options.negative if options.loss == "ns" else 0,
        hierarchical_softmax=options.loss == "hs",
        sample=options.sample,
        min_count=options.min_count,
        epochs=options.epochs,
        tokenizer="whitespace",
    )
    counts, none = content.counts, np.zeros((0, options.dim), np.float32)
    outputs, nodes = content.outputs, none
    if options.loss == "hs":
        outputs, nodes = none, content.outputs[: len(counts) - 1]
    rest = Rest(outputs, nodes, [len(counts)], counts)
    vocabulary = Vocabulary(content.words, counts)
    return model._take(vocabulary, wide(content.inputs), buckets_in(content), rest)


def write_words(model: FastText, path: str | Path) -> None:
    """Write word vectors and their n-grams as a ``.bin`` file."""
    dim, counts = model.space.dim, model.vocabulary_.counts
    trained = model.rest_.outputs if model.negative else model.rest_.nodes
    outputs = np.zeros((len(counts), dim), np.float32)
    outputs[: len(trained)] = trained
    options = Options(
        dim=dim,
        window=model.window,
        epochs=model.epochs,
        min_count=model.min_count,
        negative=model.negative,
        word_ngrams=1,
        loss="ns" if model.negative else "hs",
        kind="sg" if model.architecture == "skip-gram" else "cbow",
        bucket=model.buckets_.count,
        min_n=model.shape_[0],
        max_n=model.shape_[1],
        update_rate=100,
        sample=model.sample,
    )
    names, none = model.vocabulary_.words, np.zeros(0, np.int64)
    inputs, total = model.inputs_[:, :dim], int(counts.sum())
    content = Content(options, names, counts, [], none, total, None, inputs, outputs)
    write(path, content, rows=spread(len(names), model.buckets_))


def read_classifier(kind: type[ClassifierT], path: str | Path) -> ClassifierT:
    """A classifier from a ``.bin`` or ``.ftz`` file."""
    content = read(path)
    options = content.options
    if options.kind != "sup":
        raise ReadError(f"{path} holds word vectors, not a classifier.", "Read it with FastText.")
    prefix = PREFIX if all(label.startswith(PREFIX) for label in content.labels) else ""
    learner = kind(
        options.dim,
        word_ngrams=options.word_ngrams,
        min_n=options.min_n,
        max_n=options.max_n,
        bucket=options.bucket,
        loss=_LOSSES[options.loss],
        min_count=options.min_count,
        epochs=options.epochs,
        label_prefix=prefix,
        tokenizer="whitespace",
    )
    inputs, outputs = content.inputs, content.outputs
    model = Model(
        options.dim, options.word_ngrams, options.min_n, options.max_n, learner.loss,
        Vocabulary(content.words, content.counts),
        [label.removeprefix(prefix) for label in content.labels], content.label_counts,
        buckets_in(content),
        inputs if isinstance(inputs, ProductTable) else wide(inputs),
        outputs if isinstance(outputs, ProductTable) else wide(outputs),
    )  # fmt: skip
    return learner._take(model)


def write_classifier(learner: FastTextClassifier, path: str | Path) -> None:
    """Write a classifier as a ``.bin`` or, quantised, as an ``.ftz`` file."""
    model = learner._model()
    counts, buckets = model.vocabulary.counts, model.buckets
    names: dict[Loss, FileLoss] = {v: k for k, v in _LOSSES.items() if k != "ns"}
    options = Options(
        dim=model.dim,
        window=5,
        epochs=learner.epochs,
        min_count=learner.min_count,
        negative=5,
        word_ngrams=model.word_ngrams,
        loss=names[model.loss],
        kind="sup",
        bucket=buckets.count,
        min_n=model.min_n,
        max_n=model.max_n,
        update_rate=100,
        sample=1e-4,
    )
    inputs, outputs = model.inputs, model.outputs
    kept = None
    if isinstance(inputs, ProductTable) and len(buckets.used) < buckets.count:
        kept = np.stack([buckets.used, np.arange(len(buckets.used), dtype=np.int32)], axis=1)
    prefix = learner.label_prefix
    content = Content(
        options, model.vocabulary.words, counts, [prefix + label for label in model.labels],
        model.label_counts, int(counts.sum()), kept,
        inputs if isinstance(inputs, ProductTable) else inputs[:, : model.dim],
        outputs if isinstance(outputs, ProductTable) else outputs[:, : model.dim],
    )  # fmt: skip
    write(path, content, rows=spread(len(counts), buckets))


def buckets_in(content: Content) -> Buckets:
    """All buckets of a file, or those that pruning has left."""
    words, rows = len(content.words), len(content.inputs)
    if content.kept is None:
        count = rows - words
        return Buckets(count, np.arange(count, dtype=np.int32), words)
    used = np.empty(len(content.kept), np.int32)
    used[content.kept[:, 1]] = content.kept[:, 0]
    return Buckets(content.options.bucket, used, words)


def spread(words: int, buckets: Buckets) -> NDArray[np.int32]:
    """Our row for each row of a table that has one for each word, then one for each bucket."""
    return np.concatenate([np.arange(words, dtype=np.int32), buckets.rows])


def wide(values: NDArray[np.float32]) -> Floats:
    """A table of as many columns as the kernels want."""
    out = table(len(values), padded(values.shape[1]))
    out[:, : values.shape[1]] = values
    return out
