"""How an index is made for its trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.index.tuning.asked import Asked
from kinspace.index.tuning.contest import completed, described, made, prove, set_all
from kinspace.index.tuning.data import Questions, data_of
from kinspace.index.tuning.families import FAMILIES, family_of, highest, ladders
from kinspace.index.tuning.intrinsic import intrinsic_dimension


@pytest.fixture
def vectors() -> Any:
    return np.random.default_rng(0).standard_normal((2000, 8)).astype(np.float32)


def test_a_graph_is_not_asked_for_what_it_holds(vectors: Any) -> None:
    data, _ = data_of(vectors, "euclidean", None, copy=True)
    questions = Questions(data, None, 0)
    trials = [questions.draw(100, 10) for _ in range(2)]
    graph = next(one for one in FAMILIES["dense"] if one.holds_out)
    entry, theirs = made(graph, data, trials, 1)
    assert len(entry.index) == 1800
    assert entry.held_out is not None
    for before, now in zip(trials, theirs, strict=True):
        assert now.own is None
        assert not np.isin(now.ids, entry.held_out).any()
        assert before.own is not None
        assert np.isin(before.own, entry.held_out).all()
    asked = Asked.of(0.9, 10, None, None, 1)
    assert set_all(entry, theirs[0], [10], asked, None)
    assert prove(entry, theirs[1], [10], 0.88)
    index = completed(entry, data)
    assert len(index) == 2000
    assert index.tuned[10] == entry.settings[10]
    found = index.search(vectors[entry.held_out], 1).ids[:, 0]
    assert (found == entry.held_out).mean() > 0.98


def test_other_indexes_hold_everything_at_once(vectors: Any) -> None:
    data, _ = data_of(vectors, "dot", None, copy=True)
    trial = Questions(data, None, 0).draw(50, 10)
    assert trial.own is not None
    assert not (trial.ids == trial.own[:, None]).any()
    entry, (same,) = made(FAMILIES["dense"][0], data, [trial], 1)
    assert same is trial
    assert len(entry.index) == 2000
    assert entry.held_out is None


@pytest.mark.parametrize("group", list(FAMILIES))
def test_every_family_can_be_made_and_set(group: str) -> None:
    for family in FAMILIES[group]:
        index = family.make(16, family.metrics[0], 5000, "float32" if group == "dense" else None)
        assert family_of(index) is family
        assert set(ladders(index, 10)) == set(index.SEARCH)
        for values in ladders(index, 10).values():
            assert list(values) == sorted(set(values))
        assert highest(index, 10)
        assert described(index).startswith(family.name)


@pytest.mark.parametrize("directions", [2, 5])
def test_intrinsic_dimension(directions: int) -> None:
    rng = np.random.default_rng(1)
    flat = rng.random((4000, directions)) @ rng.standard_normal((directions, 40))
    data, _ = data_of(flat, "euclidean", None, copy=True)
    trial = Questions(data, None, 0).draw(200, 50)
    assert intrinsic_dimension(trial.scores, "euclidean") == pytest.approx(directions, rel=0.2)
    assert intrinsic_dimension(trial.scores, "dot") == np.inf
    same = np.zeros((3, 10), np.float32)
    assert intrinsic_dimension(same, "euclidean") == np.inf
