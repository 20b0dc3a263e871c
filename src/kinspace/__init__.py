"""Kinspace: one house for the whole life of an embedding.

read → learn → encode → index → store → search → evaluate → show → audit → serve.

Nothing heavy is imported until it is used; ``import kinspace`` costs little more than numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinspace import datasets, errors, read
    from kinspace.caching import CachedEncoder
    from kinspace.embeddings import Embeddings
    from kinspace.encoder import Encoder, Learner
    from kinspace.errors import KinspaceError
    from kinspace.evaluate.report import Report
    from kinspace.evaluate.runner import evaluate
    from kinspace.index import Exact, Index, Ivf, Product, build_index, load_index
    from kinspace.index.tune import NotReached
    from kinspace.learn.alignment import Procrustes
    from kinspace.learn.categories import TableEncoder
    from kinspace.learn.documents.doc2vec import Doc2Vec
    from kinspace.learn.documents.lda import LDA
    from kinspace.learn.documents.lsa import LSA
    from kinspace.learn.documents.tfidf import TfidfEncoder
    from kinspace.learn.sentences.distill import Distill
    from kinspace.learn.sentences.from_words import SentenceVectors
    from kinspace.learn.words.fasttext import FastText
    from kinspace.learn.words.fasttext_classifier import FastTextClassifier
    from kinspace.learn.words.glove import GloVe
    from kinspace.learn.words.swivel import Swivel
    from kinspace.learn.words.word2vec import Word2Vec
    from kinspace.loading import load, read_vectors
    from kinspace.pretrained import models
    from kinspace.pretrained.neural.dense.encoder import TransformerEncoder
    from kinspace.pretrained.neural.inside.explanation import explain
    from kinspace.pretrained.neural.late.encoder import MultiVectorEncoder
    from kinspace.pretrained.neural.reranking.reranker import Reranker
    from kinspace.pretrained.neural.sparse.splade import SpladeEncoder
    from kinspace.pretrained.neural.vision.clip import ClipEncoder
    from kinspace.pretrained.neural.vision.images import ImageEncoder
    from kinspace.pretrained.providers import CohereEncoder, GeminiEncoder, OpenAIEncoder
    from kinspace.pretrained.static import StaticEncoder
    from kinspace.pretrained.vector_files import write_vectors
    from kinspace.results import Hit, Neighbours
    from kinspace.space import Space
    from kinspace.store import Collection, Store

__version__ = "0.1.0"

_HOMES = {
    "CachedEncoder": "kinspace.caching",
    "ClipEncoder": "kinspace.pretrained.neural.vision.clip",
    "CohereEncoder": "kinspace.pretrained.providers",
    "Collection": "kinspace.store",
    "Distill": "kinspace.learn.sentences.distill",
    "Doc2Vec": "kinspace.learn.documents.doc2vec",
    "Embeddings": "kinspace.embeddings",
    "Encoder": "kinspace.encoder",
    "Exact": "kinspace.index",
    "FastText": "kinspace.learn.words.fasttext",
    "FastTextClassifier": "kinspace.learn.words.fasttext_classifier",
    "GeminiEncoder": "kinspace.pretrained.providers",
    "GloVe": "kinspace.learn.words.glove",
    "Hit": "kinspace.results",
    "ImageEncoder": "kinspace.pretrained.neural.vision.images",
    "Index": "kinspace.index",
    "Ivf": "kinspace.index",
    "KinspaceError": "kinspace.errors",
    "LDA": "kinspace.learn.documents.lda",
    "LSA": "kinspace.learn.documents.lsa",
    "Learner": "kinspace.encoder",
    "MultiVectorEncoder": "kinspace.pretrained.neural.late.encoder",
    "Neighbours": "kinspace.results",
    "NotReached": "kinspace.index.tune",
    "OpenAIEncoder": "kinspace.pretrained.providers",
    "Procrustes": "kinspace.learn.alignment",
    "Product": "kinspace.index",
    "Report": "kinspace.evaluate.report",
    "Reranker": "kinspace.pretrained.neural.reranking.reranker",
    "SentenceVectors": "kinspace.learn.sentences.from_words",
    "Space": "kinspace.space",
    "SpladeEncoder": "kinspace.pretrained.neural.sparse.splade",
    "StaticEncoder": "kinspace.pretrained.static",
    "Store": "kinspace.store",
    "Swivel": "kinspace.learn.words.swivel",
    "TableEncoder": "kinspace.learn.categories",
    "TfidfEncoder": "kinspace.learn.documents.tfidf",
    "TransformerEncoder": "kinspace.pretrained.neural.dense.encoder",
    "Word2Vec": "kinspace.learn.words.word2vec",
    "build_index": "kinspace.index",
    "explain": "kinspace.pretrained.neural.inside.explanation",
    "load": "kinspace.loading",
    "load_index": "kinspace.index",
    "models": "kinspace.pretrained",
    "read_vectors": "kinspace.loading",
    "write_vectors": "kinspace.pretrained.vector_files",
}
_ROOMS = {"compress", "datasets", "errors", "evaluate", "index", "read"}
"""``evaluate`` is both: the room, and a function by the same name."""

__all__ = [
    "LDA",
    "LSA",
    "CachedEncoder",
    "ClipEncoder",
    "CohereEncoder",
    "Collection",
    "Distill",
    "Doc2Vec",
    "Embeddings",
    "Encoder",
    "Exact",
    "FastText",
    "FastTextClassifier",
    "GeminiEncoder",
    "GloVe",
    "Hit",
    "ImageEncoder",
    "Index",
    "Ivf",
    "KinspaceError",
    "Learner",
    "MultiVectorEncoder",
    "Neighbours",
    "NotReached",
    "OpenAIEncoder",
    "Procrustes",
    "Product",
    "Report",
    "Reranker",
    "SentenceVectors",
    "Space",
    "SpladeEncoder",
    "StaticEncoder",
    "Store",
    "Swivel",
    "TableEncoder",
    "TfidfEncoder",
    "TransformerEncoder",
    "Word2Vec",
    "__version__",
    "build_index",
    "compress",
    "datasets",
    "errors",
    "evaluate",
    "explain",
    "index",
    "load",
    "load_index",
    "models",
    "read",
    "read_vectors",
    "write_vectors",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"kinspace.{name}")
    else:
        raise AttributeError(f"module 'kinspace' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
