"""Reranking: the best of a search, brought into order by something slower that judges better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.results import Hit, Part

DEPTH: Final = 100
"""How many candidates are brought into order, unless told."""

PART: Final = "rerank"
"""What a reranker's part in a hit is called."""


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

    A text is encoded once, however many queries it is a candidate of. An encoder of any form
    will do; one of several vectors a text (late interaction) judges best.

    Parameters
    ----------
    encoder : Encoder
    """

    def __init__(self, encoder: Encoder[Any]) -> None:
        self.encoder = encoder
        self._tables: list[Embeddings] = []
        self._places: dict[str, tuple[int, int]] = {}

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
        late = [text for text in dict.fromkeys(texts) if text not in self._places]
        if late:
            table = len(self._tables)
            self._tables.append(self.encoder.encode(late))
            self._places |= {text: (table, row) for row, text in enumerate(late)}

    def forget(self) -> None:
        """Let go of the vectors."""
        self._tables.clear()
        self._places.clear()

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score texts by the metric of the encoder's space."""
        self.prepare(texts)
        asked = self.encoder.encode_query([query])
        found = np.empty(len(texts), np.float32)
        places = np.array([self._places[text] for text in texts], np.int64).reshape(-1, 2)
        for table in np.unique(places[:, 0]):
            here = np.flatnonzero(places[:, 0] == table)
            found[here] = asked.similarity(self._tables[table][places[here, 1]])[0]
        return found


def as_reranker(given: Reranker | Encoder[Any]) -> Reranker:
    """A reranker from one, or from an encoder.

    Raises
    ------
    InvalidInput
        If it is neither.
    """
    if isinstance(given, Encoder):
        return ByVectors(given)
    if isinstance(given, Reranker):
        return given
    raise InvalidInput(
        f"{given!r:.80} is no reranker.",
        'Give one, such as kinspace.load("cross-encoder/…"), or an Encoder.',
    )


def rerank(
    query: str,
    hits: Sequence[Hit],
    reranker: Reranker | Encoder[Any],
    k: int | None = None,
    *,
    texts: Sequence[str] | None = None,
    explain: bool = False,
) -> list[Hit]:
    """Bring hits into the order of a reranker, whose scores they get.

    Parameters
    ----------
    query : str
    hits : sequence of Hit
    reranker : Reranker or Encoder
    k : int, optional
        Only the best so many; by default all.
    texts : sequence of str, optional
        What is read of each hit; by default its text.
    explain : bool
        Whether the hits' ``parts`` say rank and score of this step, as ``"rerank"``.

    Returns
    -------
    list of Hit
        Best first; equal ones in the order in which they came.

    Raises
    ------
    InvalidInput
        If there are more or fewer texts than hits, or the query is no text.
    InvalidParameter
        If ``k`` is not positive.

    Examples
    --------
    >>> import kinspace as ks
    >>> hits = [ks.Hit("1", 0.9, "a car"), ks.Hit("2", 0.8, "a kitten")]
    >>> [hit.id for hit in rerank("cats", hits, ks.load())]
    ['2', '1']
    """
    if k is not None and k < 1:
        raise InvalidParameter(f"k is {k!r}; at least one result is needed.", "Give k ≥ 1.")
    if not isinstance(query, str):
        raise InvalidInput("Only a query that is a text can be reranked.", "Give a string.")
    read = [hit.text for hit in hits] if texts is None else list(texts)
    if len(read) != len(hits):
        raise InvalidInput(f"There are {len(read)} texts for {len(hits)} hits.", "Give one each.")
    if not hits:
        return []
    scores = as_reranker(reranker).score(query, read)
    order = np.argsort(-scores, kind="stable")[:k]
    found = []
    for rank, place in enumerate(order.tolist(), 1):
        hit, score = hits[place], float(scores[place])
        parts = {**hit.parts, PART: Part(rank, score)} if explain else hit.parts
        found.append(replace(hit, score=score, parts=parts))
    return found
