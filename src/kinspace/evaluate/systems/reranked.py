"""Retrieval in two steps: one system finds candidates, a second brings them into order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kinspace.datasets.content import Document
from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidParameter
from kinspace.evaluate.system import Retriever
from kinspace.results import Neighbours
from kinspace.search.rerank import DEPTH, ByVectors, Reranker, as_reranker
from kinspace.space import fingerprint_of


class Reranked:
    """The best of one system, brought into order by a reranker; what is deeper stays behind.

    Parameters
    ----------
    first : Retriever
        Finds the candidates.
    reranker : Reranker or Encoder
    depth : int
        How many candidates are brought into order.

    Raises
    ------
    InvalidParameter
        If ``depth`` is not positive.
    """

    def __init__(
        self, first: Retriever, reranker: Reranker | Encoder[Any], *, depth: int = DEPTH
    ) -> None:
        if depth < 1:
            raise InvalidParameter(f"depth is {depth}.", "Give 1 or more candidates.")
        self.first = first
        self.reranker = as_reranker(reranker)
        self.depth = depth
        self._texts: dict[str, str] = {}

    @property
    def name(self) -> str:
        """Both names, in the order of the steps."""
        return f"{self.first.name}>{self.reranker.name}"

    @property
    def fingerprint(self) -> str:
        """A hash of both steps."""
        return fingerprint_of(
            "reranked", self.first.fingerprint, self.reranker.fingerprint, str(self.depth)
        )

    def index(self, documents: Sequence[Document], *, progress: Progress | None = None) -> None:
        """Hand the documents to the first step, and keep their texts for the second."""
        self.first.index(documents, progress=progress)
        self._texts = {document.id: document.whole for document in documents}
        if isinstance(self.reranker, ByVectors):
            self.reranker.forget()

    def search(self, queries: Sequence[str], k: int) -> list[Neighbours[str]]:
        """The best of each query: reranked candidates, and behind them the first step's others."""
        found = self.first.search(queries, max(k, self.depth))
        if isinstance(self.reranker, ByVectors):
            candidates = (name for one in found for name in one.ids[: self.depth])
            self.reranker.prepare([self._texts[name] for name in dict.fromkeys(candidates)])
        return [self._order(query, one, k) for query, one in zip(queries, found, strict=True)]

    def _order(self, query: str, found: Neighbours[str], k: int) -> Neighbours[str]:
        near, far = found.ids[: self.depth], found.ids[self.depth :]
        if not near:
            return found
        values = self.reranker.score(query, [self._texts[name] for name in near])
        order = np.argsort(-values, kind="stable")
        # What was not scored stays behind, in its order: each one step below the last.
        late = values.min() - 1 - np.arange(len(far), dtype=np.float32)
        names = [near[place] for place in order] + far
        return Neighbours(names[:k], np.concatenate([values[order], late])[:k], "dot")

    @property
    def index_bytes(self) -> int:
        """Bytes of the first step's index."""
        return self.first.index_bytes

    def close(self) -> None:
        """Let go of documents and vectors."""
        self.first.close()
        self._texts = {}
        if isinstance(self.reranker, ByVectors):
            self.reranker.forget()
