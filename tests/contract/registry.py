"""What the contract suites run on: add an implementation with one line.

Each line is a name and a case: how to make one, and, where they are not texts, items for it.
Heavy imports stay inside the functions, so that collecting tests stays fast.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Learner
from kinspace.index import Exact, Index, Ivf, MultiExact, Product, SparseExact
from kinspace.index.binary import Binary
from kinspace.index.forest import Forest
from kinspace.index.held_multi import MultiHeld
from kinspace.index.hnsw import Hnsw
from kinspace.index.ivf_product import IvfProduct
from kinspace.index.ivf_scalar import IvfScalar
from kinspace.index.lsh import Lsh
from kinspace.index.multi_centroids import MultiCentroids
from kinspace.index.rabitq import RaBitQ
from kinspace.index.sparse_inverted import SparseInverted
from kinspace.metric import METRICS, as_matrix
from kinspace.multi import MultiVectors
from tests.toys import CountLearner, HashEncoder, MultiHashEncoder, SparseHashEncoder

if TYPE_CHECKING:
    from kinspace.store import Store

T = TypeVar("T")

TEXTS = (
    "a cat sat on the mat",
    "the kitten sleeps",
    "a car stops at the red light",
    "interest rates rose again in March, and the central bank said so at length",
    "naïve café, 北京, Ελλάδα",
    "x",
    "two cats and two kittens sat on two mats in the sun all day long",
    "the red car",
    "stop",
    "rates of interest",
)


@dataclass(frozen=True)
class Case(Generic[T]):
    """One line of a registry.

    Parameters
    ----------
    make : callable
        Makes a new one.
    items : sequence
        At least eight different items, for what encodes or learns from something else than texts.
    tolerance : float
        How much an item's vector may depend on the others in its batch.
    """

    make: Callable[[], T]
    items: Sequence[Any] = TEXTS
    tolerance: float = 1e-5


@dataclass(frozen=True)
class IndexCase:
    """An index: ``make(dim, metric)``, its metrics, and the recall that it must reach."""

    make: Callable[[int, Any], Index]
    metrics: tuple[str, ...]
    recall: float = 1.0


@dataclass(frozen=True)
class StoreCase:
    """A store: ``make(folder, encoder)`` opens the one in that folder, made if it is not there."""

    make: Callable[[Path, Encoder[str]], Store]


def _cached(encoder: Encoder[Any]) -> Encoder[Any]:
    from kinspace.caching import CachedEncoder

    return CachedEncoder(encoder)


def _default() -> Encoder[Any]:
    from kinspace import load

    return load()


def _decoder() -> Encoder[Any]:
    from kinspace import TransformerEncoder
    from tests.pretrained.neural import tiny

    options: dict[str, Any] = {"pooling": "weightedmean", "dim": 16, "long": "mean"}
    return TransformerEncoder(tiny.made(tiny.gpt2), precision="float32", device="cpu", **options)


def _transformer(precision: Any) -> Encoder[Any]:
    from kinspace import TransformerEncoder

    return TransformerEncoder("all-MiniLM-L6-v2", precision=precision)


def _colbert() -> Encoder[Any]:
    from kinspace.pretrained.neural.late.encoder import MultiVectorEncoder
    from tests.pretrained.neural.late_models import colbert
    from tests.pretrained.neural.tiny import made

    return MultiVectorEncoder(made(colbert), precision="float32")


def _clip() -> Encoder[Any]:
    from kinspace.pretrained.neural.vision.clip import ClipEncoder
    from tests.pretrained.neural import tiny, tiny_images

    return ClipEncoder(tiny.made(tiny_images.clip), precision="float32")


def _images() -> Encoder[Any]:
    from kinspace.pretrained.neural.vision.images import ImageEncoder
    from tests.pretrained.neural import tiny, tiny_images

    folder = tiny.made(tiny_images.network, "ResNetModel")
    return ImageEncoder(folder, precision="float32")


PICTURES = tuple(
    np.random.default_rng(seed).integers(0, 256, (40, 30 + seed, 3), dtype=np.uint8)
    for seed in range(8)
)


def _splade(name: str) -> Encoder[Any]:
    from kinspace.pretrained.neural.sparse.splade import SpladeEncoder
    from tests.pretrained.neural import sparse_models
    from tests.pretrained.neural.tiny import made

    return SpladeEncoder(made(getattr(sparse_models, name)), precision="float32")


def _provider(kind: str, **options: Any) -> Encoder[Any]:
    from kinspace.pretrained import providers
    from tests.pretrained.providers.server import address

    made: Encoder[Any] = getattr(providers, kind)(base_url=address(), **options)
    return made


def _collection(folder: Path, encoder: Encoder[str]) -> Store:
    from kinspace import Collection

    return Collection.open(folder / "c.kin", encoder=encoder)


def _distill() -> Learner[Any]:
    from kinspace import Distill

    return Distill(HashEncoder(dim=16))


LABELLED = tuple(f"__label__{'abc'[i % 3]} {text}" for i, text in enumerate(TEXTS))
ROWS = tuple({"age": 20 + 7 * i, "town": "abc"[i % 3], "glad": i % 2 == 0} for i in range(8))
CATEGORIES = (3, "red", "blue", 2.5, True, None, "", "green", "a long one", 7)
NUMBERS = tuple((float(i), i % 3) for i in range(8))


def _category(name: str, *arguments: Any) -> Any:
    from kinspace.learn import categories

    return getattr(categories, name)(*arguments)


def _word2vec(**options: Any) -> Learner[Any]:
    from kinspace.learn.words.word2vec import Word2Vec

    return Word2Vec(dim=12, min_count=1, sample=0, epochs=20, **options)


def _fasttext() -> Learner[Any]:
    from kinspace.learn.words.fasttext import FastText

    return FastText(dim=12, min_count=1, sample=0, epochs=20, bucket=2000)


def _fasttext_classifier(**options: Any) -> Learner[Any]:
    from kinspace.learn.words.fasttext_classifier import FastTextClassifier

    return FastTextClassifier(12, epochs=10, learning_rate=0.5, bucket=2000, **options)


def _glove(smoothing: float) -> Learner[Any]:
    from kinspace.learn.words.glove import GloVe

    return GloVe(dim=12, min_count=1, smoothing=smoothing)


def _swivel() -> Learner[Any]:
    from kinspace.learn.words.swivel import Swivel

    return Swivel(dim=12, min_count=1)


def _doc2vec(architecture: Any) -> Learner[Any]:
    from kinspace.learn.documents.doc2vec import Doc2Vec

    return Doc2Vec(dim=12, architecture=architecture, min_count=1, sample=0, epochs=20)


def _documents(name: str, *arguments: Any, **options: Any) -> Learner[Any]:
    from kinspace.learn.documents import lda, lsa, tfidf

    found = {"tfidf": tfidf.TfidfEncoder, "lsa": lsa.LSA, "lda": lda.LDA}[name]
    made: Learner[Any] = found(*arguments, **options)
    return made


def _sentences(**options: Any) -> Learner[Any]:
    from kinspace.learn.sentences.from_words import SentenceVectors

    words = sorted({word for text in TEXTS for word in text.lower().split()})
    found = HashEncoder(dim=16).encode(words)
    return SentenceVectors(Embeddings(found.vectors, found.space, words), **options)


ENCODERS: dict[str, Case[Encoder[Any]]] = {
    "hashing": Case(lambda: _category("HashingEncoder", 32), CATEGORIES),
    "hash": Case(HashEncoder),
    "sparse-hash": Case(SparseHashEncoder),
    "cached": Case(lambda: _cached(HashEncoder())),
    "cached-sparse": Case(lambda: _cached(SparseHashEncoder())),
    "multi-hash": Case(MultiHashEncoder),
    "colbert": Case(_colbert),
    "splade": Case(lambda: _splade("splade")),
    "inference-free": Case(lambda: _splade("inference_free")),
    "sparse-autoencoder": Case(lambda: _splade("coded")),
    "clip": Case(_clip),
    "images": Case(_images, PICTURES),
    "default": Case(_default),
    "transformer": Case(lambda: _transformer("float32")),
    "openai": Case(lambda: _provider("OpenAIEncoder", model="m")),
    "gemini": Case(lambda: _provider("GeminiEncoder", dim=64)),
    "cohere": Case(lambda: _provider("CohereEncoder", dim=256)),
    "cohere-bits": Case(lambda: _provider("CohereEncoder", dim=256, vectors="ubinary")),
    "decoder": Case(_decoder),
    "transformer-bfloat16": Case(lambda: _transformer("bfloat16"), tolerance=1e-2),
}

LEARNERS: dict[str, Case[Learner[Any]]] = {
    "count": Case(CountLearner),
    "distill": Case(_distill),
    "word2vec": Case(_word2vec),
    "word2vec-tree": Case(lambda: _word2vec(negative=0, hierarchical_softmax=True)),
    "fasttext": Case(_fasttext),
    "fasttext-classifier": Case(_fasttext_classifier, LABELLED),
    "fasttext-classifier-ngrams": Case(
        lambda: _fasttext_classifier(loss="one-vs-all", word_ngrams=2, min_n=2, max_n=3), LABELLED
    ),
    "glove": Case(lambda: _glove(1.0)),
    "glove-of-the-paper": Case(lambda: _glove(0.0)),
    "swivel": Case(_swivel),
    "doc2vec": Case(lambda: _doc2vec("dm-mean")),
    "doc2vec-concatenated": Case(lambda: _doc2vec("dm-concatenated")),
    "tfidf": Case(lambda: _documents("tfidf")),
    "bm25": Case(lambda: _documents("tfidf", "bm25", max_ngram=2)),
    "lsa": Case(lambda: _documents("lsa", 4)),
    "lda": Case(lambda: _documents("lda", 4)),
    "sentence-vectors": Case(_sentences),
    "sentence-vectors-max": Case(lambda: _sentences(weighting="tf-idf", pooling="min-max")),
    "one-hot": Case(lambda: _category("OneHotEncoder"), CATEGORIES),
    "label": Case(lambda: _category("LabelEncoder"), CATEGORIES),
    "ordinal": Case(lambda: _category("OrdinalEncoder"), CATEGORIES),
    "binary": Case(lambda: _category("BinaryEncoder"), CATEGORIES),
    "standard": Case(lambda: _category("StandardScaler"), NUMBERS),
    "min-max": Case(lambda: _category("MinMaxScaler"), NUMBERS),
    "robust": Case(lambda: _category("RobustScaler"), NUMBERS),
    "table": Case(lambda: _category("TableEncoder"), ROWS),
}


class _OneVectorEach(MultiHeld):
    """Items of one vector each, given as a table: MaxSim is then the metric itself."""

    def prepared(self, vectors: Any) -> MultiVectors:
        if not isinstance(vectors, MultiVectors):
            matrix = as_matrix(vectors, self.dim)
            vectors = MultiVectors(matrix, np.arange(len(matrix) + 1))
        return super().prepared(vectors)


class OneVectorExact(MultiExact):
    def _empty_held(self) -> MultiHeld:
        return _OneVectorEach(self.dim, self.metric)


class OneVectorCentroids(MultiCentroids):
    def _empty_held(self) -> MultiHeld:
        return _OneVectorEach(self.dim, self.metric, self.dtype)


def _library(name: str, kind: str, **options: Any) -> IndexCase:
    """An index over an engine that comes with an extra."""

    def make(dim: int, metric: Any) -> Index:
        module = importlib.import_module(f"kinspace.index.libraries.{name}")
        made: Any = getattr(module, kind)(dim, metric, exact_below=0, **options)
        made.threads = 1  # some of them build another graph each time in several
        return cast("Index", made)

    return IndexCase(make, ("cosine", "dot", "euclidean"), recall=0.9)


def _cells(kind: Callable[..., Index], **options: Any) -> IndexCase:
    """An inverted file or product codes, without exact search of few vectors."""
    return IndexCase(
        lambda dim, metric: kind(dim, metric, exact_below=0, **options),
        ("cosine", "dot", "euclidean"),
        recall=0.95,
    )


INDEXES: dict[str, IndexCase] = {
    "exact": IndexCase(Exact, METRICS),
    "sparse-exact": IndexCase(SparseExact, METRICS),
    "sparse-inverted": IndexCase(
        lambda dim, metric: SparseInverted(dim, metric, exact_below=0), ("cosine", "dot")
    ),
    "multi-exact": IndexCase(OneVectorExact, METRICS),
    "multi-centroids": IndexCase(
        lambda dim, metric: OneVectorCentroids(
            dim, metric, nlist=16, nprobe=12, candidates=100, exact_below=0
        ),
        ("cosine", "dot"),
        recall=0.9,
    ),
    "ivf-scalar": IndexCase(
        lambda dim, metric: IvfScalar(dim, metric, nlist=10, nprobe=8, exact_below=0),
        ("cosine", "dot", "euclidean"),
        recall=0.95,
    ),
    "hnsw": IndexCase(
        lambda dim, metric: Hnsw(dim, metric, exact_below=0),
        ("cosine", "dot", "euclidean"),
        recall=0.98,
    ),
    "hnsw-float32": IndexCase(
        lambda dim, metric: Hnsw(dim, metric, M=8, codes="float32", exact_below=0),
        ("cosine", "dot", "euclidean"),
        recall=0.95,
    ),
    "ivf": _cells(Ivf, nlist=10, nprobe=8),
    "ivf-float32": _cells(Ivf, codes="float32", nlist=10, nprobe=8),
    "ivf-product": _cells(IvfProduct, nlist=10, nprobe=8, candidates=100),
    "ivf-product-residual": _cells(IvfProduct, residual=True, nlist=10, nprobe=8),
    "product": _cells(Product, candidates=100),
    "product-rotated": _cells(Product, rotate=True, candidates=100),
    "rabitq": _cells(RaBitQ, nlist=10, nprobe=8),
    "rabitq-4-bits": _cells(RaBitQ, bits=4, nlist=1),
    "binary": IndexCase(
        lambda dim, metric: Binary(dim, metric, candidates=50, exact_below=0),
        ("cosine", "dot", "euclidean", "hamming"),
        recall=0.9,
    ),
    "lsh": IndexCase(
        lambda dim, metric: Lsh(dim, metric, n_probes=4, candidates=50, exact_below=0),
        METRICS,
        recall=0.9,
    ),
    "forest": IndexCase(
        lambda dim, metric: Forest(
            dim, metric, leaf_size=16, search_k=150, candidates=50, exact_below=0
        ),
        ("cosine", "dot", "euclidean", "manhattan"),
        recall=0.9,
    ),
}
LIBRARIES = {
    "hnswlib": _library("hnswlib", "HnswlibIndex"),
    "usearch": _library("usearch", "UsearchIndex"),
    "voyager": _library("voyager", "VoyagerIndex"),
    "annoy": _library("annoy", "AnnoyIndex", n_trees=20),
    "scann": _library("scann", "ScannIndex"),
}
INDEXES |= {name: case for name, case in LIBRARIES.items() if find_spec(name)}

STORES: dict[str, StoreCase] = {
    "collection": StoreCase(_collection),
}
