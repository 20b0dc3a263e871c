"""Retrieval in two steps: one system finds candidates, a second brings them into order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import Document
from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidParameter
from kinspace.evaluate.system import Retriever
from kinspace.index.exact import row_scores
from kinspace.metric import normalise
from kinspace.results import Neighbours
from kinspace.space import fingerprint_of


@runtime_checkable
class Reranker(Protocol):
    """Says how well each of some texts answers a query, as a cross-encoder does."""

    @property
    def name(self) -> str:
        """What it is called in a report."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of all that changes its scores."""
        ...

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """One score a text, shape (n,); higher is better."""
        ...


class ByVectors:
    """An encoder as a reranker: the query's vector against those of the texts.

    A text is encoded once, however many queries it is a candidate of.

    Parameters
    ----------
    encoder : Encoder
    """

    def __init__(self, encoder: Encoder[Any]) -> None:
        self.encoder = encoder
        self._vectors: dict[str, NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        """The model's name."""
        return self.encoder.space.model

    @property
    def fingerprint(self) -> str:
        """The model's fingerprint."""
        return self.encoder.space.fingerprint

    def prepare(self, texts: Sequence[str]) -> None:
        """Encode texts that will be candidates, all in one go."""
        late = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if late:
            self._vectors.update(zip(late, self.encoder.encode(late).vectors, strict=True))

    def forget(self) -> None:
        """Let go of the vectors."""
        self._vectors.clear()

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score texts by the metric of the encoder's space."""
        self.prepare(texts)
        rows = np.stack([self._vectors[text] for text in texts])
        asked = self.encoder.encode_query([query]).vectors
        metric = self.encoder.space.metric
        if metric == "cosine":
            asked, rows = normalise(asked), normalise(rows)
        return row_scores(asked, rows, metric).ravel()


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
        self, first: Retriever, reranker: Reranker | Encoder[Any], *, depth: int = 100
    ) -> None:
        if depth < 1:
            raise InvalidParameter(f"depth is {depth}.", "Give 1 or more candidates.")
        self.first = first
        self.reranker = ByVectors(reranker) if isinstance(reranker, Encoder) else reranker
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
