"""One-hot, label, ordinal, binary and hashed codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import preprocessing

import kinspace as ks
from kinspace.errors import DuplicateId, EmptyInput, InvalidInput, InvalidParameter
from kinspace.learn.categories import (
    BinaryEncoder,
    HashingEncoder,
    LabelEncoder,
    OneHotEncoder,
    OrdinalEncoder,
)

COLOURS = ["red", "blue", "red", "green", "blue", "red"]
values = st.lists(st.sampled_from([*"abcdefgh", 1, 2.5, None, True]), min_size=1)


def test_one_hot_is_scikit_learns() -> None:
    theirs = preprocessing.OneHotEncoder(sparse_output=False)
    expected = theirs.fit_transform(np.array(COLOURS)[:, None])
    assert np.array_equal(OneHotEncoder().fit(COLOURS).encode(COLOURS), expected)


def test_label_and_ordinal_are_scikit_learns() -> None:
    expected = preprocessing.LabelEncoder().fit_transform(COLOURS)
    labels = LabelEncoder().fit(COLOURS)
    assert labels.encode(COLOURS).vectors.ravel().tolist() == expected.tolist()
    assert labels.decode(expected) == COLOURS
    order = ["green", "red", "blue"]
    theirs = preprocessing.OrdinalEncoder(categories=[order])
    expected = theirs.fit_transform(np.array(COLOURS)[:, None])
    assert np.array_equal(OrdinalEncoder(order).fit(COLOURS).encode(COLOURS), expected)


@given(values)
def test_binary_codes_tell_all_categories_apart(items: list[Any]) -> None:
    kinds = list(dict.fromkeys(items))
    codes = BinaryEncoder().fit(items).encode(kinds).vectors
    assert len({tuple(row) for row in codes.tolist()}) == len(kinds)
    assert codes.any(axis=1).all()  # zeros are for what was not seen
    assert codes.shape[1] == int(np.ceil(np.log2(len(kinds) + 1)))


@given(values)
def test_labels_decode_to_what_was_encoded(items: list[Any]) -> None:
    labels = LabelEncoder().fit(items)
    assert labels.decode(labels.encode(items).vectors) == items


def test_what_becomes_of_unseen_categories() -> None:
    assert not OneHotEncoder().fit(COLOURS).encode(["pink"]).vectors.any()
    own = OneHotEncoder(unseen="own").fit(COLOURS)
    assert own.names[own.encode(["pink"]).vectors.argmax()] == "(unseen)"
    assert LabelEncoder().fit(COLOURS).encode(["pink"]).vectors == -1
    for strict in (OneHotEncoder(unseen="error"), OrdinalEncoder(), LabelEncoder(unseen="error")):
        with pytest.raises(InvalidInput, match=r"'pink' was not seen.*blue, green, red"):
            strict.fit(COLOURS).encode(["pink"])
    with pytest.raises(InvalidParameter, match="zeros, own, error"):
        OneHotEncoder(unseen="whatever").fit(COLOURS).encode(["red"])  # type: ignore[arg-type]


def test_rare_categories_can_be_left_out() -> None:
    assert OneHotEncoder(min_count=2).fit(COLOURS).names == ["blue", "red"]
    assert OneHotEncoder(max_categories=1).fit(COLOURS).names == ["red"]
    with pytest.raises(InvalidParameter, match=r"No category comes 9 times.*comes 3 times"):
        OneHotEncoder(min_count=9).fit(COLOURS)


def test_what_is_missing_is_a_category() -> None:
    encoder = OneHotEncoder().fit(["a", None, float("nan"), np.nan])
    assert encoder.names == ["a", "(missing)"]
    assert encoder.encode([np.nan, None]).vectors.tolist() == [[0, 1], [0, 1]]


def test_hashing_keeps_inner_products() -> None:
    rng = np.random.default_rng(0)
    bags = [[f"word{i}" for i in rng.choice(1000, 30, replace=False)] for _ in range(200)]
    vectors = HashingEncoder(dim=4096).encode(bags).vectors
    shared = np.array([[len({*a} & {*b}) for b in bags] for a in bags])
    assert np.abs(vectors @ vectors.T - shared).mean() < 0.5  # the sign evens collisions out
    assert not (HashingEncoder(dim=8, signed=False).encode(bags).vectors < 0).any()


def test_hashing_takes_names_with_values() -> None:
    encoder = HashingEncoder(dim=512)
    both = encoder.encode([{"age": 2.5, "town": "Ulm"}]).vectors
    town = encoder.encode([{"town": "Ulm"}]).vectors
    assert sorted(np.abs(both[both != 0]).tolist()) == [1, 2.5]
    assert np.array_equal(both * (town != 0), town)
    with pytest.raises(InvalidInput, match="'age' is inf"):
        encoder.encode([{"age": float("inf")}])
    with pytest.raises(InvalidInput, match="lone surrogate"):
        encoder.encode(["\ud800"])


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(unseen="own"), LabelEncoder(), BinaryEncoder(),
        OrdinalEncoder(["red", "blue", "green"]), HashingEncoder(32),
    ],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_saved_and_loaded_it_is_the_same(encoder: Any, tmp_path: Path) -> None:
    before = encoder.fit(COLOURS).encode(["red", "green"])
    encoder.save(tmp_path / "model")
    after = ks.load(tmp_path / "model").encode(["red", "green"])
    assert after.space == before.space
    assert np.array_equal(after, before)


@pytest.mark.parametrize("encoder", [OneHotEncoder, LabelEncoder, BinaryEncoder, OrdinalEncoder])
def test_nothing_to_learn_from(encoder: Any) -> None:
    with pytest.raises(EmptyInput, match="no values"):
        encoder().fit([])
    with pytest.raises(InvalidInput, match="cannot be a category"):
        encoder().fit([["a", "list"]])


def test_an_order_names_each_once() -> None:
    with pytest.raises(DuplicateId):
        OrdinalEncoder(["a", "b", "a"]).fit(["a"])
    with pytest.raises(EmptyInput):
        OrdinalEncoder([]).fit(["a"])
    with pytest.raises(InvalidInput, match="not the number of a category"):
        LabelEncoder().fit(["a"]).decode([1])
