"""Retrieval by meaning alone: vectors of documents, and an index to search them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from kinspace.datasets.content import Document
from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidParameter, NotFitted
from kinspace.index import Exact, Index, Ivf, Product
from kinspace.metric import Metric
from kinspace.results import Neighbours
from kinspace.space import fingerprint_of

INDEXES: Final[dict[str, Callable[[int, Metric], Index]]] = {
    "exact": Exact,
    "ivf": Ivf,
    "product": Product,
}
"""Kinds of index by the name that stands behind ``@`` in a system's name."""


class Dense:
    """Finds documents by the vectors of one encoder.

    Parameters
    ----------
    encoder : Encoder
        Documents are encoded as title and text together, queries with ``encode_query``.
    index : {"exact", "ivf", "product"} or callable
        What the vectors are searched in; a callable takes ``(dim, metric)`` and gives an
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
        self._kind = index if isinstance(index, str) else getattr(index, "__name__", repr(index))
        self._make = INDEXES[index] if isinstance(index, str) else index
        self._index: Index | None = None
        self._ids: list[str] = []

    @property
    def name(self) -> str:
        """The model's name; behind ``@`` the index, if it is not exact."""
        model = self.encoder.space.model
        return model if self._kind == "exact" else f"{model}@{self._kind}"

    @property
    def fingerprint(self) -> str:
        """A hash of model and index."""
        return fingerprint_of("dense", self.encoder.space.fingerprint, self._kind)

    def index(self, documents: Sequence[Document], *, progress: Progress | None = None) -> None:
        """Encode and take in documents, in place of those of an earlier call."""
        found = self.encoder.encode([document.whole for document in documents], progress=progress)
        made = self._make(found.space.dim, found.space.metric)
        made.add(found.vectors)
        self._index, self._ids = made, [document.id for document in documents]

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
        """Bytes of the vectors as the index holds them; its lists and codes are not counted."""
        if self._index is None:
            return 0
        one = np.dtype(np.float32 if self._kind == "exact" else np.uint8).itemsize
        return len(self._ids) * self._index.dim * one

    def close(self) -> None:
        """Let go of the vectors."""
        self._index, self._ids = None, []
