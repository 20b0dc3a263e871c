"""What a search gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import Metric, distances

IdT = TypeVar("IdT")


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours(Generic[IdT]):
    """The nearest of one query, best first.

    Parameters
    ----------
    ids : list
        Ids of the neighbours, or their positions where there are no ids.
    scores : ndarray of float32, shape (k,)
        Higher is nearer.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    """

    ids: list[IdT]
    scores: NDArray[np.float32]
    metric: Metric = "cosine"

    @property
    def distances(self) -> NDArray[np.float32]:
        """Positive distances, shape (k,); ``InvalidParameter`` for ``dot``, which has none."""
        return distances(self.scores, self.metric)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[IdT, float]]:
        return zip(self.ids, self.scores.tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class Part:
    """How one way of searching found a hit.

    Parameters
    ----------
    rank : int
        1 is the best.
    score : float
        In that way's own units (BM25, cosine); higher is better.
    words : list of (str, float)
        The words or tokens that weigh most, heaviest first.
    """

    rank: int
    score: float
    words: list[tuple[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hit:
    """One record that a search found.

    Parameters
    ----------
    id : str
    score : float
        Higher is better; comparable within one search, not between searches.
    text : str
    fields : dict
        The record's other fields.
    marks : list of (int, int)
        Where in ``text`` the query's words stand: start and end, in characters.
    parts : dict of str to Part
        With ``explain=True``: which part found it (``"keyword"``, ``"dense"``).
    """

    id: str
    score: float
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    marks: list[tuple[int, int]] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The hit as plain values, for JSON; ``parts`` only where there are any."""
        values: dict[str, Any] = {
            "id": self.id,
            "score": self.score,
            "text": self.text,
            "fields": self.fields,
            "marks": [list(mark) for mark in self.marks],
        }
        if self.parts:
            values["parts"] = {
                name: {"rank": part.rank, "score": part.score, "words": part.words}
                for name, part in self.parts.items()
            }
        return values


@dataclass(frozen=True, slots=True)
class BatchNeighbours:
    """The nearest of several queries.

    Parameters
    ----------
    ids : ndarray of int64, shape (n, k)
        Best first; -1 where there are fewer than ``k``.
    scores : ndarray of float32, shape (n, k)
        Higher is nearer; minus infinity where there is no neighbour.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    metric: Metric = "cosine"

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, query: int) -> Neighbours[int]:
        found = self.ids[query] >= 0
        return Neighbours(self.ids[query][found].tolist(), self.scores[query][found], self.metric)

    def __iter__(self) -> Iterator[Neighbours[int]]:
        return (self[query] for query in range(len(self)))


@dataclass(frozen=True, slots=True)
class RangeNeighbours:
    """All neighbours of several queries within a limit: as many as there are.

    Parameters
    ----------
    ids : ndarray of int64, shape (found,)
        Those of the first query, best first, then those of the second …
    scores : ndarray of float32, shape (found,)
        Higher is nearer.
    starts : ndarray of int64, shape (queries + 1,)
        Where those of each query begin; the last one is where they end.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    starts: NDArray[np.int64]
    metric: Metric = "cosine"

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, query: int) -> Neighbours[int]:
        place = range(len(self))[query]
        own = slice(self.starts[place], self.starts[place + 1])
        return Neighbours(self.ids[own].tolist(), self.scores[own], self.metric)

    def __iter__(self) -> Iterator[Neighbours[int]]:
        return (self[query] for query in range(len(self)))
