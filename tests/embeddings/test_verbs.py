"""The verbs on known answers, against plain formulas, and against gensim's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspace.embeddings import Embeddings
from kinspace.errors import (
    EmptyInput,
    IdNotFound,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    KinspaceError,
    SpaceMismatch,
)
from kinspace.metric import METRICS
from kinspace.space import Space

WORDS = ["man", "woman", "king", "queen", "car"]
ROYAL = Space("royal", "2222", dim=3)
ROYALS = Embeddings([[1, 0, 0.1], [-1, 0, 0.1], [1, 1, 0.1], [-1, 1, 0.1], [0, 0, 1]], ROYAL, WORDS)
METHODS = ("3cosadd", "3cosmul", "pairdirection")


def table(rows: int = 60, dim: int = 8, metric: Any = "cosine", seed: int = 0) -> Embeddings:
    vectors = np.random.default_rng(seed).standard_normal((rows, dim))
    return Embeddings(vectors, Space("t", "f", dim, metric), [f"w{i}" for i in range(rows)])


@pytest.fixture(scope="module")
def rival() -> Any:
    """The same table in gensim."""
    keyed = pytest.importorskip("gensim.models.keyedvectors", exc_type=ImportError)
    held = table()
    found = keyed.KeyedVectors(8)
    found.add_vectors(held.ids, held.vectors)
    return found


def unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


# -- similarity and rank ---------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_one_pair_is_a_float_of_the_matrix(metric: Any) -> None:
    e = table(metric=metric)
    found = e.similarity("w1", "w2")
    assert type(found) is float
    assert found == pytest.approx(e.similarity()[1, 2], rel=1e-5)
    assert e.similarity(e["w1"], "w2") == pytest.approx(found, rel=1e-6)
    assert e.similarity(e[1:2], e[2:3]) == pytest.approx(found, rel=1e-6)


def test_impossible_pairs() -> None:
    with pytest.raises(InvalidInput, match="alone"):
        ROYALS.similarity("man")  # type: ignore[call-overload]
    with pytest.raises(IdNotFound):
        ROYALS.similarity("man", "dog")
    with pytest.raises(SpaceMismatch):
        ROYALS.similarity("man", Embeddings([[1, 0, 0]], Space("o", "3", 3)))
    with pytest.raises(InvalidInput, match="5 rows"):
        ROYALS.similarity("man", ROYALS)


@pytest.mark.parametrize("metric", METRICS)
def test_rank_is_the_place_among_the_neighbours(metric: Any) -> None:
    e = table(metric=metric)
    near = e.nearest("w3", k=60)
    for place, name in enumerate(near.ids, 1):
        rank = e.rank("w3", name)
        assert rank <= place
        assert rank == 1 + int((near.scores > near.scores[place - 1]).sum())
    if metric != "dot":  # where a longer vector can be nearer than oneself
        assert e.rank(e["w3"], "w3") == 1
    with pytest.raises(InvalidParameter):
        e.rank("w3", "w3")
    with pytest.raises(IdNotFound):
        e.rank("w3", "nothing")


# -- analogies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_king_and_queen(method: Any) -> None:
    assert ROYALS.analogy("man", "king", "woman", method=method).ids == ["queen"]
    found = ROYALS.analogy("man", "king", "woman", k=9, method=method)
    assert set(found.ids) == {"queen", "car"}


@given(st.integers(0, 2**32), st.sampled_from(METHODS), st.sampled_from(METRICS))
def test_analogies_are_their_formulas(seed: int, method: Any, metric: Any) -> None:
    e = table(seed=seed, metric="cosine" if method == "3cosadd" else metric)
    x = unit(e.vectors.astype(np.float64))
    a, b, c = x[4], x[9], x[30]
    if method == "3cosadd":
        expected = x @ unit(b - a + c)
    elif method == "3cosmul":
        expected = (1 + x @ b) / 2 * ((1 + x @ c) / 2) / ((1 + x @ a) / 2 + 0.001)
    else:
        apart = x - c
        apart[30] = 1
        expected = unit(apart) @ unit(b - a)
    found = e.analogy("w4", "w9", "w30", k=60, method=method)
    assert len(found) == 57 and not {"w4", "w9", "w30"} & set(found.ids)
    scores = [expected[int(name[1:])] for name in found.ids]
    np.testing.assert_allclose(found.scores, scores, atol=2e-5)
    assert (np.diff(found.scores) <= 0).all()


def test_scores_of_a_product_have_no_distance() -> None:
    with pytest.raises(InvalidParameter):
        _ = ROYALS.analogy("man", "king", "woman", method="3cosmul").distances
    assert ROYALS.analogy("man", "king", "woman", method="pairdirection").distances[0] < 1


def test_the_terms_may_be_vectors() -> None:
    for method in METHODS:
        named = dict(ROYALS.analogy("man", "king", "woman", k=5, method=method))  # type: ignore[arg-type]
        found = dict(
            ROYALS.analogy(ROYALS["man"], [1, 1, 0.1], ROYALS["woman"], k=5, method=method)  # type: ignore[arg-type]
        )
        assert set(found) == set(WORDS)  # nothing was asked by its name
        assert {name: found[name] for name in named} == pytest.approx(named)


def test_a_pair_without_a_direction() -> None:
    found = ROYALS.analogy("man", "man", "woman", k=3, method="pairdirection")
    assert found.scores.tolist() == [0, 0, 0]
    doubled = Embeddings([[1, 0], [0, 1], [1, 1], [2, 2]], Space("d", "f", 2), list("abcd"))
    assert doubled.analogy("a", "b", "c", method="pairdirection").scores.tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("man", "king", "dog"), IdNotFound),
        (("man", "king", "woman", 0), InvalidParameter),
        (("man", "king", "woman", 1, "4cosadd"), InvalidParameter),
        (("man", "king", [np.nan, 0, 0]), InvalidVectors),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_impossible_analogies(arguments: Any, error: type[KinspaceError], method: str) -> None:
    with pytest.raises(error) as raised:
        ROYALS.analogy(*arguments, **({} if len(arguments) > 4 else {"method": method}))
    assert raised.value.remedy


# -- the odd one -----------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_the_odd_one_has_the_lowest_mean_score(metric: Any) -> None:
    e = Embeddings(table(9, metric=metric).vectors.round(), Space("t", "f", 8, metric))
    whole = e.similarity().astype(np.float64)
    for names in ([0, 1, 2], [3, 4, 5, 6], list(range(9))):
        near = [whole[i, [j for j in names if j != i]].mean() for i in names]
        assert e.odd_one_out(names) == names[int(np.argmin(near))]


def test_the_odd_one() -> None:
    assert ROYALS.odd_one_out(["king", "man", "car"]) == "car"
    assert ROYALS.odd_one_out(iter(["car", "king", "man"])) == "car"
    for few in ([], ["king"], ["king", "man"], "king"):
        with pytest.raises(InvalidInput, match="three"):
            ROYALS.odd_one_out(few)
    with pytest.raises(IdNotFound):
        ROYALS.odd_one_out(["king", "man", "dog"])


# -- arithmetic, selections ------------------------------------------------------------------------


def test_vectors_can_be_reckoned_with() -> None:
    target = ROYALS["king"] - ROYALS["man"] + ROYALS["woman"]
    assert ROYALS.nearest(target, k=1).ids == ["queen"]
    assert ROYALS.nearest(target.tolist(), k=1).ids == ["queen"]


def test_rows_by_their_names() -> None:
    chosen = ROYALS[["car", "man"]]
    assert chosen.ids == ["car", "man"]
    assert chosen.vectors.tolist() == [ROYALS["car"].tolist(), ROYALS["man"].tolist()]
    with pytest.raises(IdNotFound):
        ROYALS[["car", "dog"]]
    assert ROYALS[[]].ids == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_gensim_says_the_same(rival: Any) -> None:
    e = table()
    for name in ("w0", "w7", "w59"):
        theirs = rival.most_similar(name, topn=10)
        ours = e.nearest(name)
        assert ours.ids == [one for one, _ in theirs]
        np.testing.assert_allclose(ours.scores, [score for _, score in theirs], atol=1e-6)
    given_ = {"positive": ["w1", "w2"], "negative": ["w3"]}
    assert e.nearest(**given_).ids == [one for one, _ in rival.most_similar(**given_)]
    products = rival.most_similar_cosmul(**given_, topn=10)
    ours = e.analogy("w3", "w1", "w2", k=10, method="3cosmul")
    assert ours.ids == [one for one, _ in products]
    # gensim's ε is 0.000001, the paper's is 0.001.
    np.testing.assert_allclose(ours.scores, [score for _, score in products], rtol=0.02)
    assert e.similarity("w1", "w2") == pytest.approx(float(rival.similarity("w1", "w2")), abs=1e-6)
    for other in ("w5", "w44"):
        assert e.rank("w9", other) == rival.rank("w9", other)
    for start in range(0, 50, 5):
        names = [f"w{i}" for i in range(start, start + 5)]
        assert e.odd_one_out(names) == rival.doesnt_match(names)


# -- sizes, and what is kept -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-40, 1e-30, 1e-13, 1.0, 1e13, 1e30, 8e37])
def test_cosines_whatever_the_size(size: float) -> None:
    e = Embeddings(np.array([[3, 4], [4, 3], [0, 0], [-3, 0]]) * size, Space("s", "f", 2))
    np.testing.assert_allclose(
        e.similarity()[0], [1, 0.96, 0, -0.6], atol=1e-2 if size < 1e-35 else 1e-5
    )
    found = e.nearest(0)
    assert found.ids == [1, 2, 3]


def test_rows_of_all_sizes_together() -> None:
    sizes = np.array([1e-30, 1e-5, 1, 1e5, 1e30])[:, None]
    e = Embeddings(np.ones((5, 4)) * sizes, Space("s", "f", 4))
    np.testing.assert_allclose(e.similarity(), 1, rtol=1e-5)


def test_answers_follow_changes_until_they_are_kept() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1]], np.float32)
    e = Embeddings(vectors, Space("s", "f", 2), ["cat", "kitten", "car"])
    e.vectors[2] = [1, 0]
    assert e.nearest("cat", k=1).ids == ["car"]
    with pytest.raises(ValueError, match="read-only"):
        e.vectors[2] = [0, 1]
    vectors[:] = vectors  # whoever made the array may still write


def test_nothing_at_all() -> None:
    e = Embeddings(np.empty((0, 2)), Space("s", "f", 2))
    assert e.similarity().shape == (0, 0)
    assert e.nearest([1, 0]).ids == []
    assert e.analogy([1, 0], [0, 1], [1, 1], method="3cosmul").ids == []
    with pytest.raises(EmptyInput):
        e.nearest()
