"""The five metrics against scipy, and the best k against a plain sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from kinspace.errors import DimensionMismatch, InvalidParameter, InvalidVectors
from kinspace.metric import (
    METRICS,
    as_matrix,
    check_metric,
    distances,
    is_distance,
    normalise,
    paired_scores,
    scores,
    top_k,
)

SCIPY = {
    "cosine": "cosine",
    "euclidean": "euclidean",
    "manhattan": "cityblock",
    "hamming": "hamming",
}


def _pair(rng: np.random.Generator, metric: str) -> tuple[np.ndarray, np.ndarray]:
    if metric == "hamming":
        return tuple(rng.integers(0, 3, (n, 12)).astype(np.float32) for n in (17, 23))
    return tuple(rng.standard_normal((n, 12), np.float32) for n in (17, 23))


@pytest.mark.parametrize("metric", SCIPY)
def test_distances_are_scipys(rng: np.random.Generator, metric: str) -> None:
    a, b = _pair(rng, metric)
    expected = cdist(a, b, SCIPY[metric]) * (12 if metric == "hamming" else 1)
    found = distances(scores(a, b, check_metric(metric)), check_metric(metric))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32
    assert is_distance(check_metric(metric)) == (metric != "cosine")


def test_dot_is_the_inner_product(rng: np.random.Generator) -> None:
    a, b = _pair(rng, "dot")
    np.testing.assert_allclose(scores(a, b, "dot"), np.inner(a, b), rtol=1e-5)
    assert not is_distance("dot")
    with pytest.raises(InvalidParameter, match="no distance"):
        distances(scores(a, b, "dot"), "dot")


@pytest.mark.parametrize("metric", METRICS)
def test_a_vector_is_nearest_to_itself(rng: np.random.Generator, metric: str) -> None:
    a = normalise(_pair(rng, "dot")[0])
    assert (scores(a, a, check_metric(metric)).argmax(axis=1) == np.arange(len(a))).all()


@pytest.mark.parametrize("metric", METRICS)
def test_row_by_row_is_the_diagonal(rng: np.random.Generator, metric: str) -> None:
    a, b = _pair(rng, metric)
    b = b[: len(a)]
    found = paired_scores(a, b, check_metric(metric))
    np.testing.assert_allclose(found, np.diag(scores(a, b, check_metric(metric))), atol=1e-5)
    assert found.dtype == np.float64
    with pytest.raises(DimensionMismatch):
        paired_scores(a, b[1:], check_metric(metric))


def test_near_vectors_far_from_the_origin_keep_their_distance() -> None:
    a = np.full((1, 4), 1000, np.float32)
    b = a.copy()
    b[0, 0] += np.float32(0.001)
    step = b[0, 0] - a[0, 0]
    np.testing.assert_allclose(scores(a, b, "euclidean"), [[-step]], rtol=1e-3)


@pytest.mark.parametrize("metric", ["manhattan", "hamming"])
def test_blocks_make_no_difference(
    rng: np.random.Generator, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = _pair(rng, metric)
    whole = scores(a, b, check_metric(metric))
    monkeypatch.setattr("kinspace.metric._BLOCK", 5 * b.size)
    np.testing.assert_array_equal(scores(a, b, check_metric(metric)), whole)


def test_zeros_have_cosine_0_with_everything() -> None:
    a = np.zeros((1, 3), np.float32)
    b = np.eye(3, dtype=np.float32)
    assert scores(a, b, "cosine").tolist() == [[0, 0, 0]]
    assert normalise(a).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1.0, 1e20, 1e30])
def test_length_1_whatever_the_size(size: float) -> None:
    unit = normalise(np.array([[3, 4]], np.float32) * np.float32(size))
    np.testing.assert_allclose(unit, [[0.6, 0.8]], rtol=1e-5)
    assert unit.dtype == np.float32


def test_distances_are_never_minus_zero() -> None:
    a = np.ones((1, 3), np.float32)
    assert not np.signbit(distances(scores(a, a, "manhattan"), "manhattan")).any()


def test_two_lengths_cannot_be_compared() -> None:
    with pytest.raises(DimensionMismatch) as raised:
        scores(np.ones((1, 3), np.float32), np.ones((1, 4), np.float32), "dot")
    assert raised.value.remedy


def test_unknown_metric() -> None:
    with pytest.raises(InvalidParameter, match="cosine, dot, euclidean, manhattan, hamming"):
        check_metric("l2")


def test_as_matrix_takes_what_numpy_takes() -> None:
    assert as_matrix([1, 2, 3]).shape == (1, 3)
    assert as_matrix([[1, 2], [3, 4]]).dtype == np.float32
    assert as_matrix([], dim=3).shape == (0, 3)
    assert as_matrix(np.empty((0, 3)), dim=3).shape == (0, 3)


@pytest.mark.parametrize(
    ("given_", "error"),
    [
        ([[1, np.nan]], InvalidVectors),
        ([[1, np.inf]], InvalidVectors),
        ([[1, 1e300]], InvalidVectors),
        ([[[1, 2]]], InvalidVectors),
        ([["a", "b"]], InvalidVectors),
        ([[1, 2], [3]], InvalidVectors),
        (None, InvalidVectors),
        (7, InvalidVectors),
        ([[1, 2, 3]], DimensionMismatch),
    ],
)
def test_as_matrix_refuses(given_: object, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        as_matrix(given_, dim=2)  # type: ignore[arg-type]
    assert raised.value.remedy  # type: ignore[attr-defined]


# Few different values, so that ties are the rule.
_lines = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, float("-inf")]),
)


@given(_lines, st.integers(0, 15))
def test_top_k_is_a_stable_sort(table: np.ndarray, k: int) -> None:
    positions, values = top_k(table, k)
    for row, line in enumerate(table.tolist()):
        best = sorted(range(len(line)), key=lambda i: (-line[i], i))[:k]
        assert positions[row].tolist() == best
        assert values[row].tolist() == [line[i] for i in best]
    assert positions.dtype == np.int64
    assert values.dtype == np.float32


def test_top_k_of_nothing() -> None:
    positions, values = top_k(np.empty((3, 0), np.float32), 5)
    assert positions.shape == values.shape == (3, 0)
