"""What holds for every encoder, and for every learner once it has learned."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder
from kinspace.errors import InvalidInput, InvalidVectors
from tests.contract.registry import ENCODERS, LEARNERS, Case

NAMES = [*ENCODERS, *LEARNERS]


def case(name: str) -> Case[Any]:
    return ENCODERS.get(name) or LEARNERS[name]


def make(name: str) -> Encoder[Any]:
    """A new encoder; a learner has learned from its items."""
    one = case(name).make()
    return one.fit(list(case(name).items)) if name in LEARNERS else one


@cache
def shared(name: str) -> Encoder[Any]:
    """One encoder for all the tests that do not change it."""
    return make(name)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def encoder(name: str) -> Encoder[Any]:
    return shared(name)


@pytest.fixture
def items(name: str) -> list[Any]:
    return list(case(name).items)


def dense(found: Any) -> Any:
    """A row an item, also of vectors that are sparse, or that are several to an item."""
    if not isinstance(found, Embeddings) or found.space.form != "multi":
        return np.asarray(found)
    rows = np.zeros((len(found), 600 * found.space.dim), np.float32)
    for row, item in zip(rows, found, strict=True):
        row[: item.size] = item.ravel()
    return rows


def close(name: str, a: Any, b: Any) -> None:
    np.testing.assert_allclose(dense(a), dense(b), atol=case(name).tolerance)


def test_one_row_an_item_float32_and_finite(encoder: Encoder[Any], items: list[Any]) -> None:
    found = encoder.encode(items)
    assert isinstance(found, Embeddings)
    assert found.vectors.shape == (len(items), encoder.space.dim)
    assert found.vectors.dtype == np.float32
    assert np.isfinite(dense(found)).all()
    assert found.space == encoder.space


def test_different_items_differ(encoder: Encoder[Any], items: list[Any]) -> None:
    assert len(np.unique(dense(encoder.encode(items)), axis=0)) > len(items) // 2


def test_the_order_is_kept(name: str, encoder: Encoder[Any], items: list[Any]) -> None:
    close(name, dense(encoder.encode(items[::-1]))[::-1], encoder.encode(items))


def test_equal_items_have_equal_vectors(encoder: Encoder[Any], items: list[Any]) -> None:
    found = dense(encoder.encode([items[0], items[1], items[0], *items]))
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[0], found[3])


def test_again_is_the_same(encoder: Encoder[Any], items: list[Any]) -> None:
    np.testing.assert_array_equal(dense(encoder.encode(items)), dense(encoder.encode(items)))


def test_neighbours_in_the_batch_do_not_matter(
    name: str, encoder: Encoder[Any], items: list[Any]
) -> None:
    alone = np.concatenate([dense(encoder.encode([item])) for item in items])
    close(name, encoder.encode(items * 5)[: len(items)], alone)


def test_nothing_gives_no_rows(encoder: Encoder[Any]) -> None:
    for found in (encoder.encode([]), encoder.encode_query([]), encoder.encode(iter(()))):
        assert found.vectors.shape == (0, encoder.space.dim)
        assert found.space == encoder.space


def test_a_lone_string_is_one_text(name: str, encoder: Encoder[Any], items: list[Any]) -> None:
    if not isinstance(items[0], str):
        pytest.skip("encodes no texts")
    close(name, encoder.encode(items[0]), encoder.encode(items[:1]))


@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "\0", "字" * 20_000, "a\u0301" * 9, "x" * 100_000],
    ids=["empty", "blank", "nul", "long", "combining", "one-long-word"],
)
def test_odd_texts(encoder: Encoder[Any], items: list[Any], text: str) -> None:
    if not isinstance(items[0], str):
        pytest.skip("encodes no texts")
    found = dense(encoder.encode([items[0], text, items[1]]))
    assert np.isfinite(found).all()


def test_half_a_character(encoder: Encoder[Any], items: list[Any]) -> None:
    if not isinstance(items[0], str):
        pytest.skip("encodes no texts")
    try:  # a lone surrogate comes from broken file names; a vector or a plain refusal, no crash
        assert np.isfinite(dense(encoder.encode(["a \ud800 b"]))).all()
    except InvalidInput as error:
        assert error.remedy


@pytest.mark.parametrize("odd", [None, 3, b"bytes", ["a", "list"]])
def test_what_is_no_text(encoder: Encoder[Any], items: list[Any], odd: Any) -> None:
    if not isinstance(items[0], str):
        pytest.skip("encodes no texts")
    with pytest.raises(InvalidInput) as raised:
        encoder.encode([items[0], odd])
    assert raised.value.remedy


def test_one_space_in_every_instance(name: str, encoder: Encoder[Any]) -> None:
    first, second = encoder.space, make(name).space
    assert first == second == encoder.space
    assert len(first.fingerprint) == 16
    int(first.fingerprint, 16)


def test_queries_live_in_the_same_space(encoder: Encoder[Any], items: list[Any]) -> None:
    queries = encoder.encode_query(items[:3])
    assert queries.space == encoder.space
    assert queries.similarity(encoder.encode(items)).shape == (3, len(items))


def test_transform_is_encode(encoder: Encoder[Any], items: list[Any]) -> None:
    np.testing.assert_array_equal(dense(encoder.transform(items)), dense(encoder.encode(items)))


def test_a_stream_is_encode_in_parts(name: str, encoder: Encoder[Any], items: list[Any]) -> None:
    parts = list(encoder.stream(iter(items), size=3))
    assert [len(part) for part in parts] == [3] * (len(items) // 3) + [len(items) % 3] * bool(
        len(items) % 3
    )
    close(name, np.concatenate([dense(part) for part in parts]), encoder.encode(items))


def test_progress_reaches_the_total(encoder: Encoder[Any], items: list[Any]) -> None:
    calls: list[tuple[int, int]] = []
    encoder.encode(items, progress=lambda done, of: calls.append((done, of)))
    assert calls[-1][0] == calls[-1][1] == len(items)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_parameters_make_an_equal_encoder(encoder: Encoder[Any]) -> None:
    from sklearn.base import clone

    params = encoder.get_params(deep=False)
    for copy in (encoder.clone(), clone(encoder), type(encoder)(**params)):
        assert type(copy) is type(encoder)
        assert copy.get_params(deep=False).keys() == params.keys()
    assert encoder.set_params(**params) is encoder
    assert repr(encoder).startswith(type(encoder).__name__)


def test_numpy_and_scikit_learn_take_what_comes_out(
    encoder: Encoder[Any], items: list[Any]
) -> None:
    from sklearn.neighbors import NearestNeighbors

    found = encoder.encode(items)
    if found.space.form == "multi":
        with pytest.raises(InvalidVectors, match="several vectors"):
            np.asarray(found)
        return
    assert np.asarray(found).shape == found.shape
    NearestNeighbors(n_neighbors=1).fit(found).kneighbors(found)


def test_input_is_left_alone(encoder: Encoder[Any], items: list[Any]) -> None:
    before = list(items)
    vectors = dense(encoder.encode(items)).copy()
    owned = encoder.encode(items).vectors  # what came out belongs to the caller
    numbers = {"sparse": "data", "multi": "values"}.get(encoder.space.form)
    numbers = owned if numbers is None else getattr(owned, numbers)
    numbers[:] = 0
    assert items == before
    np.testing.assert_array_equal(dense(encoder.encode(items)), vectors)


def test_nothing_is_pickled(encoder: Encoder[Any]) -> None:
    for part in type(encoder).__mro__[:-1]:
        assert not {"__reduce__", "__reduce_ex__", "__getstate__"} & set(vars(part))
