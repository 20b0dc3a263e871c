"""Retrieval by meaning alone: vectors of documents, and an index to search them in.

Vectors may be sparse, and there may be several to a document (late interaction).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

from kinspace import index as indexes
from kinspace.datasets.content import Document
from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidParameter, NotFitted
from kinspace.index import Exact, Index, exact_index
from kinspace.metric import Metric
from kinspace.results import Neighbours
from kinspace.space import fingerprint_of

_KINDS: Final = (
    "Binary", "Exact", "Forest", "Hnsw", "Ivf", "IvfProduct", "IvfScalar", "Lsh", "Product",
    "RaBitQ",
)  # fmt: skip
INDEXES: Final[dict[str, Callable[[int, Metric], Index]]] = {
    name.lower(): getattr(indexes, name) for name in _KINDS
}
"""Kinds of index by the name that stands behind ``@`` in a system's name."""


class Dense:
    """Finds documents by the vectors of one encoder.

    Parameters
    ----------
    encoder : Encoder
        Documents are encoded as title and text together, queries with ``encode_query``.
    index : str or callable
        What the vectors are searched in: ``"exact"``, ``"hnsw"``, ``"ivfscalar"`` and the other
        keys of ``INDEXES``; a callable takes ``(dim, metric)`` and gives an
        :class:`~kinspace.index.Index`. An approximate one shows its loss in the figures.

    Examples
    --------
    >>> import kinspace as ks
    >>> from kinspace.datasets import Document
    >>> dense = Dense(ks.load())
    >>> dense.index([Document("1", "A cat sleeps."), Document("2", "Stocks fell.")])
    >>> dense.search(["a kitten"], k=1)[0].ids
    ['1']
    """

    def __init__(
        self,
        encoder: Encoder[Any],
        index: str | Callable[[int, Metric], Index] = "exact",
    ) -> None:
        if isinstance(index, str) and index not in INDEXES:
            raise InvalidParameter(
                f"Unknown index {index!r}.", f"Choose one of: {', '.join(INDEXES)}."
            )
        self.encoder = encoder
        self._make = INDEXES[index] if isinstance(index, str) else index
        self._index: Index | None = None
        self._ids: list[str] = []

    @cached_property
    def _empty(self) -> Index:
        """An index of that kind with nothing in it, which tells its class and settings."""
        return self._make(self.encoder.space.dim, self.encoder.space.metric)

    @property
    def name(self) -> str:
        """The model's name; behind ``@`` the index, if it is not exact."""
        model = self.encoder.space.model
        exact = isinstance(self._empty, Exact)
        return model if exact else f"{model}@{type(self._empty).__name__.lower()}"

    @property
    def fingerprint(self) -> str:
        """A hash of the model, and of the index's class and public settings."""
        settings = {
            key: value
            for key, value in vars(self._empty).items()
            if not key.startswith("_") and isinstance(value, str | int | float | None)
        }
        kind = type(self._empty).__name__
        return fingerprint_of("dense", self.encoder.space.fingerprint, kind, settings)

    def index(self, documents: Sequence[Document], *, progress: Progress | None = None) -> None:
        """Encode and take in documents, in place of those of an earlier call."""
        found = self.encoder.encode([document.whole for document in documents], progress=progress)
        self._ids = [document.id for document in documents]
        exact = isinstance(self._empty, Exact)
        made = (
            exact_index(found.space) if exact else self._make(found.space.dim, found.space.metric)
        )
        made.add(found.vectors)
        self._index = made

    def search(self, queries: Sequence[str], k: int) -> list[Neighbours[str]]:
        """The ``k`` nearest documents of each query, best first.

        Raises
        ------
        NotFitted
            If no documents were taken in.
        """
        if self._index is None:
            raise NotFitted("There are no documents to search.", "Call index(documents) first.")
        vectors = self.encoder.encode_query(list(queries)).vectors
        found = self._index.search(vectors, min(k, len(self._ids)))
        return [
            Neighbours([self._ids[place] for place in one.ids], one.scores, one.metric)
            for one in found
        ]

    @property
    def index_bytes(self) -> int:
        """Bytes of what the index searches in."""
        return 0 if self._index is None else self._index.nbytes

    def close(self) -> None:
        """Let go of the vectors."""
        self._index, self._ids = None, []
