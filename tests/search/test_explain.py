"""Which words weigh most, joined, ordered and cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.search.explain import MOST, ExplainsMatches, by_clause, heaviest, place
from kinspace.search.fusion import EMPTY, Ranking
from kinspace.search.keyword import Clause


def test_equal_words_are_joined_and_the_heaviest_come_first() -> None:
    words = [("a", 0.1), ("b", 0.3), ("a", 0.25), ("c", -0.2), ("d", 0.0)]
    assert heaviest(words) == [("a", 0.35), ("b", 0.3)]
    assert len(heaviest((str(i), i) for i in range(100))) == MOST
    assert heaviest([]) == []


def test_clauses_are_named() -> None:
    contributions = {Clause(("cat",)): 1.5, Clause(("two", "model"), "title"): 2.5}
    assert by_clause(contributions) == [('title:"two model"', 2.5), ("cat", 1.5)]


def test_a_place_in_a_ranking() -> None:
    one = Ranking(np.array([7, 3]), np.array([0.9, 0.5], np.float32))
    assert place(one, 3) == (2, 0.5)
    assert place(one, 4) is None
    assert place(EMPTY, 4) is None


def test_the_shipped_model_says_which_words_made_a_match(tmp_path: Path) -> None:
    model = ks.load()
    assert isinstance(model, ExplainsMatches)
    with ks.Collection.open(tmp_path / "c.kin", model) as opened:
        opened.add(
            [
                {"id": "cat", "text": "the kitten sleeps on the table"},
                {"id": "car", "text": "an engine needs oil"},
            ]
        )
        (hit,) = opened.search("cats", k=1, explain=True)
    assert hit.id == "cat"
    assert set(hit.parts) == {"dense"}  # no word is the same
    assert hit.parts["dense"].words[0][0] == "kitten"
    assert hit.parts["dense"].rank == 1
    assert sum(w for _, w in hit.parts["dense"].words) == pytest.approx(
        hit.parts["dense"].score, abs=0.2
    )
