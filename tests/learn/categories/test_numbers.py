"""Numbers on one scale, and target encoding, against scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import preprocessing

import kinspace as ks
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter
from kinspace.learn.categories import MinMaxScaler, RobustScaler, StandardScaler, TargetEncoder

ROWS = np.random.default_rng(0).gamma(2, 3, (200, 4))
SCALERS = [
    (StandardScaler, preprocessing.StandardScaler),
    (MinMaxScaler, preprocessing.MinMaxScaler),
    (RobustScaler, preprocessing.RobustScaler),
]


@pytest.mark.parametrize(("ours", "theirs"), SCALERS)
def test_scalers_are_scikit_learns(ours: Any, theirs: Any) -> None:
    expected = theirs().fit_transform(ROWS)
    assert np.allclose(ours().fit(ROWS).encode(ROWS), expected, atol=1e-6)


@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler, RobustScaler])
def test_missing_numbers(scaler: Any) -> None:
    rows = [[1.0, 5.0], [None, 6.0], [3.0, 8.0]]
    with pytest.raises(InvalidInput, match="row 1, column 0 is missing"):
        scaler().fit(rows)
    assert scaler(missing="mean").fit(rows).encode(rows).vectors[1, 0] == 0
    marked = scaler(missing="indicator").fit(rows)
    assert marked.encode(rows).vectors[:, 2].tolist() == [0, 1, 0]
    assert marked.names[2] == "number 0 is missing"
    with pytest.raises(InvalidParameter):
        scaler(missing="guess").fit(rows)


def test_a_constant_column_becomes_zeros() -> None:
    assert not StandardScaler().fit([3, 3, 3]).encode([3, 3]).vectors.any()


def test_bad_numbers() -> None:
    for bad in (["a"], [float("inf")], [[1], [2, 3]]):
        with pytest.raises(InvalidInput):
            StandardScaler().fit(bad)
    with pytest.raises(EmptyInput):
        StandardScaler().fit([])
    with pytest.raises(InvalidInput, match="Rows have 1 numbers; 4"):
        StandardScaler().fit(ROWS).encode([1, 2])
    with pytest.raises(InvalidInput, match="Column 0 has no numbers"):
        StandardScaler(missing="mean").fit([None, None])


def _categories() -> tuple[list[str], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(1)
    items = rng.choice(list("abcdefghij"), 500, p=np.arange(1, 11) / 55)
    return items.tolist(), rng.normal(0, 1, 500) + (items == "j")


@pytest.mark.parametrize("smoothing", ["auto", 0, 7.5])
def test_target_means_are_scikit_learns(smoothing: Any) -> None:
    items, targets = _categories()
    column = np.array(items)[:, None]
    for wanted in (targets, np.where(targets > 0.5, "yes", "no"), np.digitize(targets, [0, 1])):
        kind = "continuous" if wanted is targets else "auto"
        classes = wanted.astype(str) if wanted.dtype.kind == "i" else wanted
        theirs = preprocessing.TargetEncoder(smooth=smoothing, target_type=kind)
        expected = theirs.fit(column, classes).transform(column)
        found = TargetEncoder(smoothing=smoothing).fit(items, classes.tolist()).encode(items)
        assert np.allclose(found, expected, atol=1e-6)


def test_a_row_does_not_see_its_own_target() -> None:
    rng = np.random.default_rng(2)
    items, noise = [f"id{i}" for i in range(400)], rng.normal(0, 1, 400)
    encoder = TargetEncoder(smoothing=0)
    cross = encoder.fit_transform(items, noise).vectors.ravel()
    assert abs(np.corrcoef(cross, noise)[0, 1]) < 0.2
    assert np.corrcoef(encoder.encode(items).vectors.ravel(), noise)[0, 1] > 0.99


def test_bad_targets() -> None:
    for targets, words in ((None, "needs targets"), ([1], "1 targets for 2"), ([1, None], "1 is")):
        with pytest.raises(InvalidInput, match=words):
            TargetEncoder().fit(["a", "b"], targets)
    with pytest.raises(InvalidParameter, match="folds"):
        TargetEncoder(folds=9).fit_transform(["a", "b"], [1, 2])
    with pytest.raises(InvalidParameter, match="smoothing"):
        TargetEncoder(smoothing=-1).fit(["a", "b"], [1, 2])


def test_saved_and_loaded_they_are_the_same(tmp_path: Path) -> None:
    items, targets = _categories()
    learners = [
        (StandardScaler(missing="indicator").fit([1, None, 3]), [2, None]),
        (TargetEncoder().fit(items, targets), ["a", "?"]),
    ]
    for place, (learner, asked) in enumerate(learners):
        learner.save(tmp_path / str(place))
        again = ks.load(tmp_path / str(place)).encode(asked)
        assert again.space == learner.space
        assert np.array_equal(again, learner.encode(asked))
