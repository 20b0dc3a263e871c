"""Neighbours and hits: small, frozen, plain."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from kinspace.errors import InvalidParameter
from kinspace.results import Hit, Neighbours, Part


def test_neighbours_are_pairs_best_first() -> None:
    found = Neighbours(["a", "b"], np.array([0.5, 0.25], np.float32))
    assert list(found) == [("a", 0.5), ("b", 0.25)]
    assert len(found) == 2
    assert found.distances.tolist() == [0.5, 0.75]


def test_scores_of_a_distance_are_negative_and_distances_positive() -> None:
    found = Neighbours([4, 7], np.array([-1, -3], np.float32), "euclidean")
    assert found.distances.tolist() == [1, 3]


def test_dot_has_no_distances() -> None:
    with pytest.raises(InvalidParameter):
        _ = Neighbours([1], np.ones(1, np.float32), "dot").distances


def test_neighbours_compare_without_a_trace() -> None:
    a = Neighbours(["a", "b"], np.zeros(2, np.float32))
    assert a == a
    assert a != Neighbours(["a", "b"], np.zeros(2, np.float32))


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Hit("1", 0.5, "text").score = 1.0  # type: ignore[misc]


def test_a_hit_goes_into_json() -> None:
    hit = Hit("1", 0.5, "a cat", {"year": 2021}, [(2, 5)], {"dense": Part(1, 0.9, [("cat", 0.7)])})
    values = json.loads(json.dumps(hit.to_dict()))
    assert values == {
        "id": "1",
        "score": 0.5,
        "text": "a cat",
        "fields": {"year": 2021},
        "marks": [[2, 5]],
        "parts": {"dense": {"rank": 1, "score": 0.9, "words": [["cat", 0.7]]}},
    }
    assert "parts" not in Hit("1", 0.5, "a cat").to_dict()
