"""One search of a collection: candidates from its parts, joined, cut and explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder
from kinspace.errors import DimensionMismatch, EmptyInput, InvalidParameter
from kinspace.metric import metric_of_scores, normalise
from kinspace.results import Hit, Neighbours, Part
from kinspace.search import keyword
from kinspace.search.explain import ExplainsMatches, by_clause, heaviest, place
from kinspace.search.fusion import EMPTY, Ranking, hybrid
from kinspace.space import Space
from kinspace.store.base import Mode, with_title
from kinspace.store.database import Row
from kinspace.store.filters import Filter
from kinspace.store.packing import Rows, checked
from kinspace.store.view import View

_ONE: Final = (10, 100)
_SEVERAL: Final = (100,)
"""How deep to look at first: for several rankings that are joined, and for one alone. Then four
times as deep each time, where that does not give enough results."""


@dataclass
class _Question:
    """What is looked for: as a text, as words, as a vector; among which row numbers."""

    text: str
    clauses: list[keyword.Clause]
    vector: Rows | None
    allowed: NDArray[np.int64] | None


class Searcher:
    """Searches one view.

    Parameters
    ----------
    view : View
    encoder : callable
        Gives the encoder when a text must be encoded.
    """

    def __init__(self, view: View, encoder: Callable[[], Encoder[Any]]) -> None:
        self.view = view
        self._encoder = encoder

    def search(
        self,
        query: Any,
        k: int,
        where: Filter | str | None,
        mode: Mode,
        explain: bool,
        unique: str | None,
        offset: int,
    ) -> list[Hit]:
        """See :meth:`kinspace.store.collection.Collection.search`."""
        _check(k, mode, offset)
        for question, rankings, joined, is_last in self._deeper(query, where, mode):
            hits = list(self._take(joined, k, offset, unique))
            if is_last or len(hits) >= k:
                return [self._hit(row, value, question, rankings, explain) for row, value in hits]
        return []

    def find(self, query: Any, k: int, where: Filter | str | None, mode: Mode) -> Neighbours[str]:
        """See :meth:`kinspace.store.collection.Collection.find`."""
        _check(k, mode, 0)
        joined = EMPTY
        for _, _, joined, _ in self._deeper(query, where, mode):
            if len(joined) >= k:
                break
        ids = joined.ids[:k].tolist()
        names = self.view.database.names_of(ids)  # less what was deleted a moment ago
        kept = np.array([one in names for one in ids], np.bool_)
        found = [names[one] for one in ids if one in names]
        space = self.view.space
        metric = metric_of_scores(space.metric, space.form)
        return Neighbours(found, joined.scores[:k][kept], metric)

    def _deeper(
        self, query: Any, where: Filter | str | None, mode: Mode
    ) -> Iterator[tuple[_Question, dict[str, Ranking], Ranking, bool]]:
        """The question, the rankings of each way, the joined one, and whether there is no more.

        Each time they reach deeper.
        """
        self.view.refresh()
        question = self._ask(query, where, mode)
        joined = EMPTY
        for depth in _depths(_SEVERAL if question.clauses else _ONE):
            rankings = self._candidates(question, depth)
            # What was found less deep keeps its place, so that pages fit together.
            joined = joined.followed_by(self._join(question, rankings))
            is_last = all(len(ranking) < depth for ranking in rankings.values())
            yield question, rankings, joined, is_last
            if is_last:
                return

    def _ask(self, query: Any, where: Filter | str | None, mode: Mode) -> _Question:
        allowed = None
        if where is not None:
            allowed = self.view.filtered(where)
        space = self.view.space
        if not isinstance(query, str):
            if isinstance(query, Embeddings):
                space.require(query.space, "compared")
                query = query.vectors
            vector = _prepared(query, space)
            if vector.shape[0] != 1:
                raise DimensionMismatch(
                    f"The query has {vector.shape[0]} vectors.", "Search one vector at a time."
                )
            return _Question("", [], vector, allowed)
        if not query.strip():
            raise EmptyInput("The query is empty.", "Say what to look for.")
        query = query.encode("utf-8", "replace").decode()
        clauses = keyword.parse(query) if mode != "dense" else []
        encoded = None
        if mode != "keyword":
            found = self._encoder().encode_query([query])
            space.require(found.space, "compared")
            encoded = _prepared(found.vectors, space)
        return _Question(query, clauses, encoded, self._needed(clauses, allowed))

    def _candidates(self, question: _Question, depth: int) -> dict[str, Ranking]:
        rankings = {}
        if question.clauses:
            rankings["keyword"] = self.view.keyword(question.clauses, depth, question.allowed)
        if question.vector is not None:
            rankings["dense"] = self.view.dense(question.vector, depth, question.allowed)
        return rankings

    def _join(self, question: _Question, rankings: dict[str, Ranking]) -> Ranking:
        if len(rankings) == 1:
            return next(iter(rankings.values()))
        if not rankings:
            return EMPTY
        assert question.vector is not None
        words, meaning = rankings["keyword"], rankings["dense"]
        others = np.setdiff1d(words.ids, meaning.ids)
        late = self.view.dense_scores(question.vector, others)
        everything = Ranking(
            np.concatenate([meaning.ids, late.ids]), np.concatenate([meaning.scores, late.scores])
        )
        return hybrid(words, everything, self._encoder().keyword_share)

    def _needed(
        self, clauses: list[keyword.Clause], allowed: NDArray[np.int64] | None
    ) -> NDArray[np.int64] | None:
        """Row numbers that hold what must be there and not what must not, for both sides alike.

        This runs before the best are taken, as filters do, so that ``k`` come back where ``k`` fit.
        """
        for clause in clauses:
            if clause.need == "should":
                continue
            found = self.view.holding(clause)
            if clause.need == "must":
                allowed = found if allowed is None else np.intersect1d(allowed, found)
            else:
                allowed = self.view.database.seqs_where("1", []) if allowed is None else allowed
                allowed = np.setdiff1d(allowed, found)
        return allowed

    def _take(
        self, ranking: Ranking, k: int, offset: int, unique: str | None
    ) -> Iterator[tuple[Row, float]]:
        """Rows of the best, ``offset`` left out, each value of a unique field once."""
        seen: set[str] = set()
        passed = given = 0
        step = max(32, k + offset) if unique else k + offset
        for start in range(0, len(ranking), step):
            part = slice(start, start + step)
            ids = ranking.ids[part].tolist()
            rows = self.view.database.rows(ids)
            for one, score in zip(ids, ranking.scores[part].tolist(), strict=True):
                if one not in rows:
                    continue  # deleted by another process a moment ago
                if unique is not None:
                    value = _value(rows[one], unique)
                    if value in seen:
                        continue
                    seen.add(value)
                passed += 1
                if passed > offset:
                    yield rows[one], score
                    given += 1
                    if given == k:
                        return

    def _hit(
        self,
        row: Row,
        score: float,
        question: _Question,
        rankings: dict[str, Ranking],
        explain: bool,
    ) -> Hit:
        marks = keyword.marks(row.text, question.clauses or keyword.parse(question.text))
        hit = Hit(row.id, score, row.text, row.fields, marks)
        if explain:
            hit.parts.update(self._parts(row, question, rankings))
        return hit

    def _parts(
        self, row: Row, question: _Question, rankings: dict[str, Ranking]
    ) -> dict[str, Part]:
        parts = {}
        for name, ranking in rankings.items():
            found = place(ranking, row.seq)
            if found is None:
                continue
            words: list[tuple[str, float]] = []
            if name == "keyword":
                words = by_clause(self.view.explain(question.clauses, row.seq))
            elif question.text and isinstance(self._encoder(), ExplainsMatches):
                encoder: Any = self._encoder()
                text = with_title(row.fields.get("title"), row.text)
                words = heaviest(encoder.contributions(question.text, text))
            parts[name] = Part(found[0], found[1], words)
        return parts


def _depths(first: tuple[int, ...]) -> Iterator[int]:
    yield from first
    depth = first[-1]
    while True:
        depth *= 4
        yield depth


def _prepared(vectors: Any, space: Space) -> Rows:
    """Queries in the form of a space, of length 1 where only directions are compared."""
    rows = checked(vectors, space)
    return normalise(rows) if space.metric == "cosine" else rows


def check_page(k: int, offset: int) -> None:
    """Raise unless so many results can be shown from such a place on."""
    if not isinstance(k, int | np.integer) or k < 1:
        raise InvalidParameter(f"k is {k!r}; at least one result is needed.", "Give k ≥ 1.")
    if not isinstance(offset, int | np.integer) or offset < 0:
        raise InvalidParameter(f"offset is {offset!r}.", "Give 0 or more.")


def _check(k: int, mode: Mode, offset: int) -> None:
    check_page(k, offset)
    if mode not in get_args(Mode):
        raise InvalidParameter(
            f"Unknown mode {mode!r}.", f"Choose one of: {', '.join(get_args(Mode))}."
        )


def _value(row: Row, path: str) -> str:
    """A field's value as text, for telling documents apart; a record without it is its own."""
    value: Any = row.fields
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return f"seq {row.seq}"
        value = value[name]
    return json.dumps(value, sort_keys=True)
