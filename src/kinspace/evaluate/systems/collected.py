"""Retrieval by a collection: by words (BM25), or by words and meaning together."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from kinspace.datasets.content import Document
from kinspace.encoder import Encoder, Progress
from kinspace.errors import NotFitted
from kinspace.results import Neighbours
from kinspace.search.keyword import K1, B
from kinspace.space import Space, fingerprint_of
from kinspace.store import Collection
from kinspace.store.base import Mode
from kinspace.store.keywords import TITLE_COUNTS

_NO_VECTORS: Final = Space("words", fingerprint_of("words"), 1)
"""A collection has a space; keyword search never looks at its vectors."""


class _Collected:
    """Documents in a collection of its own, in a temporary folder, searched in one mode."""

    mode: Mode

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._collection: Collection | None = None

    def _open(self, path: Path) -> Collection:
        return Collection.open(path, space=_NO_VECTORS)

    def _records(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        for one in documents:
            yield {"id": one.id, "text": one.text, "title": one.title}

    def index(self, documents: Sequence[Document], *, progress: Progress | None = None) -> None:
        """Write the documents to a new collection, in place of those of an earlier call."""
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="kinspace-judged-")
        self._collection = self._open(Path(self._folder.name) / "documents.kin")
        self._collection.add(self._records(documents), progress=progress)
        self._collection.flush()

    def search(self, queries: Sequence[str], k: int) -> list[Neighbours[str]]:
        """The ``k`` best documents of each query, best first.

        Raises
        ------
        NotFitted
            If no documents were taken in.
        """
        if self._collection is None:
            raise NotFitted("There are no documents to search.", "Call index(documents) first.")
        return [self._collection.find(query, k, mode=self.mode) for query in queries]

    @property
    def index_bytes(self) -> int:
        """Bytes of the collection's folder: records, keyword index, vectors."""
        if self._folder is None:
            return 0
        return sum(path.stat().st_size for path in Path(self._folder.name).rglob("*"))

    def close(self) -> None:
        """Delete the collection."""
        if self._collection is not None:
            self._collection.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._collection = self._folder = None


class Keyword(_Collected):
    """BM25 as a collection has it: stemmed English words, titles counted three times.

    Queries are read as ``kinspace search`` reads them: ``-word`` must not occur, and quotes hold
    a phrase together.

    Examples
    --------
    >>> from kinspace.datasets import Document
    >>> words = Keyword()
    >>> words.index([Document("1", "A cat sleeps."), Document("2", "Stocks fell.")])
    >>> words.search(["cats"], k=2)[0].ids
    ['1']
    >>> words.close()
    """

    mode: Mode = "keyword"
    name: Final = "bm25"

    @property
    def fingerprint(self) -> str:
        """A hash of BM25's constants."""
        return fingerprint_of("bm25", str(K1), str(B), str(TITLE_COUNTS))

    def _records(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        for record in super()._records(documents):
            yield {**record, "vector": [1.0]}


class Hybrid(_Collected):
    """Words and meaning together, as ``kinspace search`` joins them.

    Parameters
    ----------
    encoder : Encoder
        Its ``keyword_share`` says how much words count.
    """

    mode: Mode = "hybrid"

    def __init__(self, encoder: Encoder[Any]) -> None:
        super().__init__()
        self.encoder = encoder

    @property
    def name(self) -> str:
        """The model's name and ``+bm25``."""
        return f"{self.encoder.space.model}+bm25"

    @property
    def fingerprint(self) -> str:
        """A hash of the model, its share, and BM25's constants."""
        share = str(self.encoder.keyword_share)
        return fingerprint_of(
            "hybrid", self.encoder.space.fingerprint, share, str(K1), str(B), str(TITLE_COUNTS)
        )

    def index(self, documents: Sequence[Document], *, progress: Progress | None = None) -> None:
        """Encode the documents as :class:`Dense` does, and write them to a new collection."""
        found = self.encoder.encode([one.whole for one in documents], progress=progress)
        self._vectors = found.vectors
        super().index(documents)
        del self._vectors

    def _records(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        for record, vector in zip(super()._records(documents), self._vectors, strict=True):
            yield {**record, "vector": vector}

    def _open(self, path: Path) -> Collection:
        return Collection.open(path, encoder=self.encoder)
