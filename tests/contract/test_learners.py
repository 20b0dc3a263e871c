"""What holds for every learner: constructors store, `fit` learns, learned state ends in ``_``."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from kinspace.encoder import Learner
from kinspace.errors import InvalidInput, NotFitted
from tests.contract.registry import LEARNERS


@pytest.fixture(params=LEARNERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def learner(name: str) -> Learner[Any]:
    return LEARNERS[name].make()


@pytest.fixture
def items(name: str) -> list[Any]:
    return list(LEARNERS[name].items)


def test_the_constructor_only_stores(learner: Learner[Any]) -> None:
    names = list(inspect.signature(type(learner).__init__).parameters)[1:]
    marks = {name: object() for name in names}  # anything at all can be stored
    made = type(learner)(**marks)
    assert vars(made) == marks
    assert made.get_params(deep=False) == marks


def test_before_fit_it_says_so(learner: Learner[Any], items: list[Any]) -> None:
    for attempt in (lambda: learner.encode(items), lambda: learner.space):
        with pytest.raises(NotFitted) as raised:
            attempt()
        assert "fit" in raised.value.remedy


def test_fit_returns_the_learner_and_leaves_its_parameters(
    learner: Learner[Any], items: list[Any]
) -> None:
    before = learner.get_params(deep=False)
    assert learner.fit(items) is learner
    after = learner.get_params(deep=False)
    assert all(after[name] is value for name, value in before.items())


def test_what_is_learned_ends_in_an_underscore(learner: Learner[Any], items: list[Any]) -> None:
    before = set(vars(learner))
    learned = set(vars(learner.fit(items))) - before
    assert any(name.endswith("_") and not name.startswith("_") for name in learned)
    assert all(name.endswith("_") or name.startswith("_") for name in learned)


def test_the_same_seed_gives_the_same_vectors(learner: Learner[Any], items: list[Any]) -> None:
    first = learner.clone().fit(items).encode(items)
    second = learner.clone().fit(items).encode(items)
    again = learner.fit(items).fit(items).encode(items)  # a second fit starts anew
    for other in (second, again):
        assert first.space == other.space
        np.testing.assert_array_equal(first, other)


def test_other_items_make_another_space(learner: Learner[Any], items: list[Any]) -> None:
    half = items[: len(items) // 2]
    assert not learner.clone().fit(items).space.agrees(learner.clone().fit(half).space)


def test_fit_transform_is_fit_then_encode(learner: Learner[Any], items: list[Any]) -> None:
    both = learner.clone().fit_transform(iter(items))
    np.testing.assert_array_equal(both, learner.fit(items).encode(items))


def test_a_clone_is_unfitted(learner: Learner[Any], items: list[Any]) -> None:
    from sklearn.base import clone

    learner.fit(items)
    for copy in (learner.clone(), clone(learner)):
        with pytest.raises(NotFitted):
            copy.encode(items)


def test_nothing_to_learn_from(learner: Learner[Any]) -> None:
    with pytest.raises(InvalidInput) as raised:
        learner.fit([])
    assert raised.value.remedy
