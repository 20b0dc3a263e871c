"""What counts as found, and how sure a share is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kinspace.index.tuning.recall import (
    Trial,
    joined,
    low_end,
    proof_of,
    shares,
    trial_of,
    without,
)
from kinspace.multi import MultiVectors


def found(*rows: list[float], of: str = "f4") -> NDArray[Any]:
    return np.array(rows, of)


def test_a_query_is_not_its_own_neighbour() -> None:
    ids, scores = found([5, 7, 9], [1, 2, 3], of="i8"), found([3, 2, 1], [3, 2, 1])
    kept, values = without(np.array([7, 8]), ids, scores)
    assert kept.tolist() == [[5, 9], [1, 2]]
    assert values.tolist() == [[3, 1], [3, 2]]


def test_shares() -> None:
    trial = trial_of(
        np.ones((2, 3), "f4"), found([1, 2], [3, 4], of="i8"), found([9, 8], [7, 6]), None
    )
    assert shares(found([2, 1], [3, 9], of="i8"), found([8, 9], [7, 5]), trial, 2).tolist() == [
        1,
        0.5,
    ]
    # Another vector that scores as the last of the true ones is as good.
    assert shares(found([1, 6], [3, 5], of="i8"), found([9, 8], [7, 6]), trial, 2).tolist() == [
        1,
        1,
    ]
    # Nothing found is nothing found.
    nothing = np.full((2, 2), -1)
    assert shares(nothing, np.full((2, 2), -np.inf, "f4"), trial, 2).tolist() == [0, 0]


def test_fewer_neighbours_than_were_asked_for() -> None:
    trial = Trial(np.ones((1, 3), "f4"), found([4, -1, -1], of="i8"), found([2, -np.inf, -np.inf]))
    assert shares(found([4, -1, -1], of="i8"), found([2, -np.inf, -np.inf]), trial, 3).tolist() == [
        1
    ]


def test_the_low_end_is_low_nineteen_times_of_twenty() -> None:
    rng = np.random.default_rng(0)
    for share in (0.7, 0.95, 0.99):
        held = 0
        for _ in range(400):
            # Neighbours of one query are found or missed together: beta-binomial.
            hard = rng.beta(6 * share, 6 * (1 - share), 500)
            held += low_end(rng.binomial(10, hard) / 10) <= share
        assert 0.92 <= held / 400 <= 0.985


def test_the_low_end_of_few_or_no_queries() -> None:
    assert low_end(np.empty(0)) == 0
    assert low_end(np.ones(1)) < 0.3
    assert low_end(np.zeros(100)) == pytest.approx(0)
    assert low_end(np.ones(10_000)) > 0.9997


def test_two_trials_together() -> None:
    one = Trial(
        np.ones((2, 3), "f4"), np.ones((2, 4), "i8"), np.ones((2, 4), "f4"), np.array([5, 6])
    )
    both = joined(one, one)
    assert len(both) == 4
    assert both.own is not None
    assert both.own.tolist() == [5, 6, 5, 6]
    assert len(both.part(slice(3))) == 3


def test_a_proof_in_words() -> None:
    proof = proof_of(np.array([1.0, 0.5, 1.0, 1.0]), 2)
    assert (proof.k, proof.recall, proof.queries) == (2, 0.875, 4)
    assert "recall@2 0.8750" in str(proof)


@pytest.mark.parametrize(
    "queries",
    [
        csr_array(np.eye(2, dtype=np.float32)),
        MultiVectors.of([np.eye(2), np.ones((1, 2))]),
    ],
    ids=["sparse", "multi"],
)
def test_trials_of_other_forms(queries: Any) -> None:
    one = Trial(queries, np.ones((2, 1), "i8"), np.ones((2, 1), "f4"))
    both = joined(one, one)
    assert both.queries.shape == (4, 2)
    assert both.part(slice(None, None, 2)).queries.shape == (2, 2)
    assert shares(one.ids, one.scores, one, 1).tolist() == [1, 1]


def test_copies_of_a_query_count_neither_way() -> None:
    ids, scores = found([5, 6, 7, 8], of="i8"), -found([0.1, 0.2, 1.0, 1.1])
    trial = Trial(np.ones((1, 2), "f4"), ids, scores, np.array([4]), "euclidean")
    assert trial.copies(4).tolist() == [[True, True, False, False]]
    assert shares(found([5, 6, 7, 9], of="i8"), -found([0.1, 0.2, 1, 2]), trial, 4).tolist() == [
        0.5
    ]
    assert shares(found([9, 8, 7, 10], of="i8"), -found([3, 1.1, 1, 2]), trial, 4).tolist() == [1]
    given = Trial(trial.queries, ids, scores, None, "euclidean")
    assert not given.copies(4).any()
    same = Trial(trial.queries, ids, 0 * scores, np.array([4]), "euclidean")
    assert not same.copies(4).any()
