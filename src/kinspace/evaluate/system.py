"""What can be judged: an encoder, a way of retrieving, a table of words, or a set of topics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import Document
from kinspace.embeddings import Embeddings
from kinspace.embeddings.rows import together
from kinspace.encoder import Encoder, Progress, Side
from kinspace.errors import NotApplicable
from kinspace.multi import MultiVectors
from kinspace.results import Neighbours
from kinspace.space import Space
from kinspace.sparse import nbytes

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@runtime_checkable
class Retriever(Protocol):
    """Any way of finding documents: by words, by meaning, by both, reranked, approximate."""

    @property
    def name(self) -> str:
        """What it is called in a report."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of all that changes its answers."""
        ...

    def index(self, documents: Sequence[Document], *, progress: Progress | None = None) -> None:
        """Take in documents, in place of those of an earlier call."""
        ...

    def search(self, queries: Sequence[str], k: int) -> list[Neighbours[str]]:
        """The ``k`` best documents of each query, best first, by id."""
        ...

    @property
    def index_bytes(self) -> int:
        """What it holds to search in: vectors, graphs, inverted lists."""
        ...

    def close(self) -> None:
        """Give back memory and files."""
        ...


class Meter(Encoder[Any]):
    """An encoder that counts what it encodes and how long that takes.

    It gives the inner encoder's vectors, whichever way it is called. Between :meth:`remember`
    and :meth:`forget` a text of a document is encoded once, and charged every time.

    Attributes
    ----------
    texts : int
        How many items were encoded since :meth:`reset`.
    seconds : float
        How long that took.
    saved : float
        How much of these seconds was spared, since vectors were remembered.
    """

    def __init__(self, inner: Encoder[Any]) -> None:
        self.inner = inner
        self.keyword_share = inner.keyword_share  # type: ignore[misc]
        self.items_held = inner.items_held  # type: ignore[misc]
        self._kept: dict[str, tuple[NDArray[np.float32], float]] | None = None
        self.reset()

    def reset(self) -> None:
        """Begin to count again."""
        self.texts = 0
        self._bytes = 0
        self.seconds = 0.0
        self.saved = 0.0

    def remember(self) -> None:
        """Keep the vectors of documents, for another system that encodes the same ones."""
        self._kept = {}

    def forget(self) -> None:
        """Let go of the vectors that were kept."""
        self._kept = None

    @property
    def space(self) -> Space:
        return self.inner.space

    def _encode_batch(
        self, items: Sequence[Any], side: Side
    ) -> NDArray[np.float32] | csr_array | MultiVectors:
        return self.inner._encode_batch(items, side)

    def _encode(self, items: Iterable[Any], side: Side, progress: Progress | None) -> Embeddings:
        listed = [items] if isinstance(items, str) else list(items)
        found = self._recalled(listed, side, progress)
        self.texts += len(listed)
        if found.space.form == "sparse":
            self._bytes += nbytes(found.vectors)
        elif found.space.form == "multi":
            vectors: Any = found.vectors
            self._bytes += vectors.values.nbytes
        return found

    @property
    def vector_bytes(self) -> float:
        """Bytes of an item's vector as float32; if they differ, the mean since :meth:`reset`."""
        if self.space.form in ("sparse", "multi"):
            return self._bytes / max(self.texts, 1)
        return 4 * self.space.dim

    def _recalled(self, listed: list[Any], side: Side, progress: Progress | None) -> Embeddings:
        """The vectors, those that are remembered from memory."""
        if self._kept is None or side == "query" or set(map(type, listed)) != {str}:
            return self._timed(listed, side, progress)
        late = [text for text in dict.fromkeys(listed) if text not in self._kept]
        spared = sum(self._kept[text][1] for text in set(listed) if text in self._kept)
        self.saved += spared
        self.seconds += spared
        if late:
            before, letters = self.seconds, sum(map(len, late)) or 1
            found = self._timed(late, side, progress)
            took = (self.seconds - before) / letters
            rows = [found.vectors[row : row + 1] for row in range(len(found))]
            self._kept |= {t: (row, took * len(t)) for t, row in zip(late, rows, strict=True)}
        return Embeddings(together([self._kept[text][0] for text in listed]), self.space)

    def _timed(self, items: list[Any], side: Side, progress: Progress | None) -> Embeddings:
        start = time.perf_counter()
        found = self.inner._encode(items, side, progress)
        self.seconds += time.perf_counter() - start
        return found


@dataclass(frozen=True)
class System:
    """One row of a report: a name, and what of it can be judged.

    Parameters
    ----------
    name : str
    fingerprint : str
        A hash of all that changes its answers; results are cached by it.
    encoder : Meter, optional
        For tasks on texts: similarity, classification, clustering …
    retriever : Retriever, optional
        For retrieval; a system with an encoder has one that searches exactly.
    words : Embeddings, optional
        A table whose ids are words, for tasks on words; else the encoder encodes the words.
    topics : sequence of sequence of str, optional
        Words of each topic, heaviest first, for topic coherence.
    """

    name: str
    fingerprint: str
    encoder: Meter | None = None
    retriever: Retriever | None = None
    words: Embeddings | None = None
    topics: Sequence[Sequence[str]] | None = field(default=None)

    def need_encoder(self, task: str) -> Meter:
        """The encoder; :class:`NotApplicable` if there is none, or not one vector a text."""
        if self.encoder is None:
            raise NotApplicable(
                f"{self.name} gives no vectors, which {task} needs.", "Judge an encoder on it."
            )
        if self.encoder.space.form == "multi":
            raise NotApplicable(
                f"{self.name} gives several vectors a text, and {task} needs one.",
                "Judge it on retrieval and reranking.",
            )
        return self.encoder

    def need_retriever(self, task: str) -> Retriever:
        """The retriever; :class:`NotApplicable` if there is none."""
        if self.retriever is None:
            raise NotApplicable(
                f"{self.name} finds no documents, which {task} needs.",
                "Judge an encoder or a retrieval system on it.",
            )
        return self.retriever
