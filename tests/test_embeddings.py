"""Vectors with a space and names: known answers, the walls between spaces, and the disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kinspace.embeddings import Embeddings
from kinspace.errors import (
    DimensionMismatch,
    DuplicateId,
    EmptyInput,
    IdNotFound,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    KinspaceError,
    PathNotFound,
    ReadError,
    SpaceMismatch,
)
from kinspace.metric import METRICS
from kinspace.space import Space

SPACE = Space("by hand", "0000", dim=2)
OTHER = Space("another", "1111", dim=2)

# man, woman, king, queen: the second axis is royalty, the first is sex; a car is elsewhere.
WORDS = ["man", "woman", "king", "queen", "car"]
ROYAL = Space("royal", "2222", dim=3)
ROYALS = Embeddings([[1, 0, 0.1], [-1, 0, 0.1], [1, 1, 0.1], [-1, 1, 0.1], [0, 0, 1]], ROYAL, WORDS)


def small() -> Embeddings:
    return Embeddings([[1, 0], [0.9, 0.1], [0, 1]], SPACE, ids=["cat", "kitten", "car"])


def test_numpy_takes_it() -> None:
    e = small()
    assert np.asarray(e).dtype == np.float32
    assert np.asarray(e).shape == (3, 2)
    assert np.asarray(e, dtype=np.float64).dtype == np.float64
    assert np.shares_memory(np.asarray(e), e.vectors)
    copied = np.array(e)
    copied[:] = 7
    assert e.vectors[0].tolist() == [1, 0]


def test_scikit_learn_takes_it() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=2).fit(small()).kneighbors(small(), return_distance=False)
    assert found[:, 0].tolist() == [0, 1, 2]
    sex = ["m", "f", "m", "f"]
    assert LogisticRegression().fit(ROYALS[:4], sex).score(ROYALS[:4], sex) == 1
    assert cross_val_score(LogisticRegression(), ROYALS[:4], sex, cv=2).tolist() == [1, 1]


def test_as_a_container() -> None:
    e = small()
    assert len(e) == 3
    assert [row.tolist() for row in e] == e.vectors.tolist()
    assert "cat" in e and "dog" not in e
    assert e["car"].tolist() == [0, 1]
    assert e[1:].ids == ["kitten", "car"]
    assert e[np.array([True, False, True])].ids == ["cat", "car"]
    assert e[[2, 0]].vectors.tolist() == [[0, 1], [1, 0]]
    assert e[:0].ids == [] and len(e[:0]) == 0
    assert repr(e) == "Embeddings(3 × 2, by hand, with ids)"


def test_without_ids_rows_count_from_0() -> None:
    e = Embeddings([[1, 0], [0, 1]], SPACE)
    assert e.ids is None and 0 not in e
    assert e[1].tolist() == e[-1].tolist() == [0, 1]
    assert e.nearest(0, k=1).ids == [1]
    assert e[1:].ids is None
    for name in (2, -3, "cat", 0.5):
        with pytest.raises(IdNotFound):
            e[name]


def test_numbers_as_ids_are_names_not_positions() -> None:
    e = Embeddings([[1, 0], [0, 1]], SPACE, ids=[1, 0])
    assert e[0].tolist() == [0, 1]
    with pytest.raises(IdNotFound):
        e[-1]


@pytest.mark.parametrize(
    ("vectors", "ids", "error"),
    [
        ([[1, np.nan]], None, InvalidVectors),
        ([[1, np.inf]], None, InvalidVectors),
        ([[1, 2, 3]], None, DimensionMismatch),
        ([[[1, 2]]], None, InvalidVectors),
        ([[1, 2]], ["a", "b"], InvalidInput),
        ([[1, 2], [3, 4]], ["a", "a"], DuplicateId),
        ([[1, 2]], [["a"]], InvalidInput),
    ],
)
def test_impossible_embeddings(vectors: Any, ids: Any, error: type[KinspaceError]) -> None:
    with pytest.raises(error) as raised:
        Embeddings(vectors, SPACE, ids)
    assert raised.value.remedy


def test_similarity_of_known_vectors() -> None:
    e = Embeddings([[1, 0], [0, 2], [3, 3]], SPACE)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        e.similarity(), [[1, 0, half], [0, 1, half], [half, half, 1]], atol=1e-6
    )
    assert e.similarity(e[:1]).shape == (3, 1)


def test_two_models_are_kept_apart() -> None:
    other = Embeddings([[1, 0]], OTHER)
    for attempt in (
        lambda: small().similarity(other),
        lambda: small().nearest(other),
        lambda: small().nearest(positive=["cat", other]),
        lambda: small().similarity(small().truncate(1)),
    ):
        with pytest.raises(SpaceMismatch) as raised:
            attempt()
        assert "by hand" in str(raised.value) and raised.value.remedy


def test_nearest_by_id_leaves_itself_out() -> None:
    found = small().nearest("cat")
    assert found.ids == ["kitten", "car"]
    assert found.scores[0] > found.scores[1]


def test_nearest_by_vector_leaves_nothing_out() -> None:
    for query in ([1, 0], np.array([[1, 0]]), small()[:1]):
        assert small().nearest(query).ids == ["cat", "kitten", "car"]


def test_nearest_by_examples() -> None:
    assert small().nearest(positive=["cat", "kitten"]).ids == ["car"]
    assert small().nearest(positive=[[0, 1]], negative=["cat"], k=1).ids == ["car"]
    assert small().nearest(negative=["car"], k=1).ids == ["cat"]


def test_analogy() -> None:
    assert ROYALS.analogy("man", "king", "woman").ids == ["queen"]
    assert ROYALS.analogy("king", "man", "queen").ids == ["woman"]


@pytest.mark.parametrize("metric", METRICS)
def test_nearest_is_the_order_of_similarity(metric: Any, rng: np.random.Generator) -> None:
    e = Embeddings(rng.integers(0, 2, (40, 8)), Space("m", "f", 8, metric))
    whole = e.similarity()
    for row in range(5):
        others = [i for i in range(40) if i != row]
        best = sorted(others, key=lambda i: (-whole[row, i], i))[:10]
        assert e.nearest(row).ids == best


def test_blocks_make_no_difference(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    e = Embeddings(rng.standard_normal((50, 2)), SPACE)
    whole = e.nearest(7, k=20)
    monkeypatch.setattr("kinspace.embeddings.rows._BLOCK", 14)
    assert e.nearest(7, k=20).ids == whole.ids


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, EmptyInput),
        ({"query": "cat", "k": 0}, InvalidParameter),
        ({"query": "cat", "positive": ["car"]}, InvalidParameter),
        ({"query": "dog"}, IdNotFound),
        ({"positive": ["cat"], "negative": ["dog"]}, IdNotFound),
        ({"query": [1, 2, 3]}, DimensionMismatch),
        ({"query": [np.nan, 2]}, InvalidVectors),
        ({"query": small()}, InvalidInput),
        ({"query": {"a": 1}}, InvalidInput),
    ],
)
def test_impossible_queries(arguments: dict[str, Any], error: type[KinspaceError]) -> None:
    with pytest.raises(error) as raised:
        small().nearest(**arguments)
    assert raised.value.remedy


def test_nothing_is_near_nothing() -> None:
    assert Embeddings(np.empty((0, 2)), SPACE).nearest([1, 0]).ids == []
    assert Embeddings([[1, 0]], SPACE, ["only"]).nearest("only").ids == []


def test_truncating_gives_a_new_space_of_unit_vectors() -> None:
    short = ROYALS.truncate(2)
    assert short.space.dim == 2 and not short.space.agrees(ROYAL)
    assert short.ids == WORDS
    np.testing.assert_allclose(np.linalg.norm(short.vectors[:4], axis=1), 1, rtol=1e-6)
    assert ROYALS.truncate(3) is ROYALS
    raw = Embeddings([[3, 4, 5]], Space("raw", "f", 3, "dot")).truncate(2)
    assert raw.vectors.tolist() == [[3, 4]]
    for dim in (0, 4):
        with pytest.raises(InvalidParameter):
            ROYALS.truncate(dim)


_ids = st.one_of(
    st.none(),
    st.lists(st.text(st.characters()), unique=True, max_size=8),
    st.lists(st.integers(), unique=True, max_size=8),
)


@given(st.data(), _ids, st.integers(1, 5), st.sampled_from(METRICS))
def test_save_and_load(data: st.DataObject, ids: Any, dim: int, metric: Any) -> None:
    rows = data.draw(st.integers(0, 8)) if ids is None else len(ids)
    vectors = data.draw(
        hnp.arrays(np.float32, (rows, dim), elements=st.floats(-1e6, 1e6, width=32))
    )
    before = Embeddings(vectors, Space("näme", "f", dim, metric), ids)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e.safetensors"
        before.save(path)
        after = Embeddings.load(str(path))
        assert [p.name for p in Path(folder).iterdir()] == ["e.safetensors"]
    np.testing.assert_array_equal(after.vectors, before.vectors)
    assert after.space == before.space
    assert after.ids == before.ids
    assert all(type(a) is type(b) for a, b in zip(after.ids or [], before.ids or [], strict=True))


def test_saving_over_a_file_replaces_it(tmp_path: Path) -> None:
    small().save(tmp_path / "e")
    ROYALS.save(tmp_path / "e")
    assert Embeddings.load(tmp_path / "e").ids == WORDS


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    odd = Embeddings([[1, 0]], SPACE, ids=[("a", 1)])
    with pytest.raises(InvalidInput) as raised:
        odd.save(tmp_path / "e")
    assert raised.value.remedy
    assert not list(tmp_path.iterdir())
    with pytest.raises(PathNotFound):
        small().save(tmp_path / "no" / "e")


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        Embeddings.load(tmp_path / "none")
    small().save(tmp_path / "e")
    whole = (tmp_path / "e").read_bytes()
    for damaged in (b"", b"hello", whole[:-3], whole.replace(b"cosine", b"cosmic")):
        (tmp_path / "e").write_bytes(damaged)
        with pytest.raises(ReadError) as raised:
            Embeddings.load(tmp_path / "e")
        assert raised.value.remedy
