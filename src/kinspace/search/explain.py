"""Why a passage was found: which words and tokens weigh most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from kinspace.search.fusion import Ranking
from kinspace.search.keyword import Clause

MOST = 5
"""How many words of a part are shown."""


@runtime_checkable
class ExplainsMatches(Protocol):
    """An encoder that can say which tokens of a text make it near to a query."""

    def contributions(self, query: str, text: str) -> list[tuple[str, float]]:
        """Tokens of the text with their share of the similarity; the shares add up to it."""
        ...


def heaviest(words: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Equal words joined, the heaviest first, at most :data:`MOST`, none that weighs nothing.

    Examples
    --------
    >>> heaviest([("cat", 0.2), ("the", 0.0), ("cat", 0.1), ("dog", 0.25)])
    [('cat', 0.3), ('dog', 0.25)]
    """
    total: dict[str, float] = {}
    for word, weight in words:
        total[word] = total.get(word, 0.0) + weight
    ordered = sorted(total.items(), key=lambda pair: -pair[1])
    return [(word, round(weight, 4)) for word, weight in ordered[:MOST] if weight > 0]


def by_clause(contributions: Mapping[Clause, float]) -> list[tuple[str, float]]:
    """The clauses of a keyword query with what each gave to a score."""
    return heaviest((clause.label, weight) for clause, weight in contributions.items())


def place(ranking: Ranking, name: int) -> tuple[int, float] | None:
    """Rank (from 1) and score of one candidate, None if it is not in the ranking."""
    for rank, (one, score) in enumerate(zip(ranking.ids, ranking.scores, strict=True), 1):
        if one == name:
            return rank, float(score)
    return None
