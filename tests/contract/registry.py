"""What the contract suites run on: add an implementation with one line.

Each line is a name and a case: how to make one, and, where they are not texts, items for it.
Heavy imports stay inside the functions, so that collecting tests stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kinspace.encoder import Encoder, Learner
from kinspace.index import Exact, Index, Ivf, Product
from tests.toys import CountLearner, HashEncoder

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


def _default() -> Encoder[Any]:
    from kinspace import load

    return load()


def _transformer(precision: Any) -> Encoder[Any]:
    from kinspace import TransformerEncoder

    return TransformerEncoder("all-MiniLM-L6-v2", precision=precision)


def _collection(folder: Path, encoder: Encoder[str]) -> Store:
    from kinspace import Collection

    return Collection.open(folder / "c.kin", encoder=encoder)


def _distill() -> Learner[Any]:
    from kinspace import Distill

    return Distill(HashEncoder(dim=16))


ENCODERS: dict[str, Case[Encoder[Any]]] = {
    "hash": Case(HashEncoder),
    "default": Case(_default),
    "transformer": Case(lambda: _transformer("float32")),
    "transformer-bfloat16": Case(lambda: _transformer("bfloat16"), tolerance=1e-2),
}

LEARNERS: dict[str, Case[Learner[Any]]] = {
    "count": Case(CountLearner),
    "distill": Case(_distill),
}

INDEXES: dict[str, IndexCase] = {
    "exact": IndexCase(Exact, ("cosine", "dot", "euclidean", "manhattan", "hamming")),
    "ivf": IndexCase(Ivf, ("cosine", "dot", "euclidean"), recall=0.9),
    "product": IndexCase(Product, ("cosine", "dot", "euclidean"), recall=0.95),
}

STORES: dict[str, StoreCase] = {
    "collection": StoreCase(_collection),
}
