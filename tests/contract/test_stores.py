"""What holds for every store: records come back, searches find, nothing is half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import (
    DimensionMismatch,
    DuplicateId,
    InvalidFilter,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    KinspaceError,
    SpaceMismatch,
    StoreClosed,
)
from kinspace.store import Store
from tests.contract.registry import STORES, StoreCase
from tests.toys import HashEncoder

ENCODER = HashEncoder(dim=32)
MODES = ["hybrid", "dense", "keyword"]

RECORDS: list[dict[str, Any]] = [
    {"id": "cat", "text": "a cat sat on the mat", "year": 2019, "tags": ["animal", "home"]},
    {"id": "dog", "text": "the dog barks at strangers", "year": 2020, "tags": ["animal"]},
    {"id": "car", "text": "a red car stops", "year": 2021, "maker": {"name": "Škoda"}},
    {"id": "rates", "text": "interest rates rose in March", "year": 2022, "draft": True},
    {"id": "empty", "text": ""},
]


@pytest.fixture(params=STORES)
def case(request: pytest.FixtureRequest) -> StoreCase:
    return STORES[request.param]


@pytest.fixture
def store(case: StoreCase, tmp_path: Path) -> Iterator[Store]:
    with case.make(tmp_path, ENCODER) as opened:
        yield opened


@pytest.fixture
def full(store: Store) -> Store:
    assert store.add(RECORDS) == len(RECORDS)
    return store


def ids(hits: list[Any]) -> list[str]:
    return [hit.id for hit in hits]


def test_it_is_a_store(store: Store) -> None:
    assert isinstance(store, Store)
    assert store.space == ENCODER.space
    assert store.count() == 0


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_store_finds_nothing(store: Store, mode: Any) -> None:
    assert store.search("cat", mode=mode) == []
    assert store.get(["cat"]) == [None]
    assert store.delete(["cat"]) == 0


def test_records_come_back_as_they_were(full: Store) -> None:
    assert full.count() == len(RECORDS)
    found = full.get(["car", "none", "cat", "empty", "rates"])
    assert found[1] is None
    kept = [{key: value for key, value in (r or {}).items() if key != "vector"} for r in found]
    assert [kept[0], kept[2], kept[3], kept[4]] == [RECORDS[i] for i in (2, 0, 4, 3)]


@pytest.mark.parametrize("mode", MODES)
def test_known_answers(full: Store, mode: Any) -> None:
    for query, best in (("cat mat", "cat"), ("red car", "car"), ("rates in March", "rates")):
        hits = full.search(query, k=3, mode=mode)
        assert hits[0].id == best
        assert hits[0].text == next(r["text"] for r in RECORDS if r["id"] == best)
        assert hits[0].fields["year"]
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)


def test_marks_stand_where_the_words_are(full: Store) -> None:
    (hit,) = full.search("barks", k=1, mode="keyword")
    assert [hit.text[start:end] for start, end in hit.marks] == ["barks"]


def test_dense_search_finds_all_and_keyword_only_what_has_the_words(full: Store) -> None:
    assert set(ids(full.search("cat", k=10, mode="keyword"))) == {"cat"}
    assert len(full.search("cat", k=10, mode="dense")) >= len(RECORDS) - 1
    assert len(full.search("cat", k=2, mode="dense")) == 2


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"year": {"$gte": 2021}}, {"car", "rates"}),
        ({"tags": "animal"}, {"cat", "dog"}),
        ({"maker.name": "Škoda"}, {"car"}),
        ({"year": {"$exists": False}}, {"empty"}),
        ({"$or": [{"year": 2019}, {"draft": True}]}, {"cat", "rates"}),
        ({"$not": {"tags": {"$in": ["home", "x"]}}}, {"dog", "car", "rates", "empty"}),
        ({"id": {"$in": ["dog", "none"]}}, {"dog"}),
        ({}, {r["id"] for r in RECORDS}),
        ({"year": 1}, set()),
    ],
)
def test_filters(full: Store, where: dict[str, Any], expected: set[str]) -> None:
    assert full.count(where) == len(expected)
    found = set(ids(full.search("a cat and a dog", k=10, where=where, mode="dense")))
    assert found | {"empty"} == expected | {"empty"}  # an empty text need not be near anything
    assert found <= expected


@pytest.mark.parametrize("mode", MODES)
def test_k_come_back_where_k_exist(store: Store, mode: Any) -> None:
    store.add({"id": f"n{i}", "text": f"common word {i}", "i": i} for i in range(300))
    hits = store.search("common word 5", k=10, where={"i": {"$gte": 285}}, mode=mode)
    assert len(hits) == 10
    assert all(hit.fields["i"] >= 285 for hit in hits)


def test_adding_refuses_what_is_there(full: Store) -> None:
    with pytest.raises(DuplicateId, match="cat"):
        full.add([{"id": "new", "text": "new"}, {"id": "cat", "text": "another"}])
    assert full.get(["new"]) == [None]
    assert full.count() == len(RECORDS)
    with pytest.raises(DuplicateId, match="twin"):
        full.add([{"id": "twin", "text": "one"}, {"id": "twin", "text": "two"}])
    assert full.count() == len(RECORDS)


@pytest.mark.parametrize("mode", MODES)
def test_upserting_replaces(full: Store, mode: Any) -> None:
    assert full.upsert([{"id": "cat", "text": "an owl hoots", "year": 1}, RECORDS[1]]) == 1
    assert full.count() == len(RECORDS)
    assert full.search("owl hoots", k=1, mode=mode)[0].id == "cat"
    assert full.search("owl hoots", k=1, mode=mode)[0].fields == {"year": 1}
    assert "cat" not in ids(full.search("mat", k=10, mode="keyword"))
    assert full.upsert([RECORDS[0], {"id": "new", "text": "new"}]) == 2
    assert full.search("cat mat", k=1, mode=mode)[0].id == "cat"


@pytest.mark.parametrize("mode", MODES)
def test_deleting(full: Store, mode: Any) -> None:
    assert full.delete(["cat", "none", "cat"]) == 1
    assert full.get(["cat"]) == [None]
    assert "cat" not in ids(full.search("a cat sat on the mat", k=10, mode=mode))
    assert full.delete(where={"year": {"$gte": 2021}}) == 2
    assert full.count() == 2
    assert full.add([RECORDS[0]]) == 1
    assert full.search("cat mat", k=1, mode=mode)[0].id == "cat"


@pytest.mark.parametrize("mode", MODES)
def test_compacting_changes_no_answer(full: Store, mode: Any) -> None:
    full.delete(["dog"])
    before = full.search("red cat", k=9, mode=mode)
    full.compact()
    after = full.search("red cat", k=9, mode=mode)
    assert ids(after) == ids(before)
    if mode == "dense":  # BM25 may count words of deleted records until then
        scores = [[hit.score for hit in hits] for hits in (after, before)]
        np.testing.assert_allclose(*scores, atol=1e-3)  # vectors may be kept in 16 bits
    assert full.count() == len(RECORDS) - 1


def test_closed_and_opened_again(case: StoreCase, tmp_path: Path) -> None:
    with case.make(tmp_path, ENCODER) as first:
        first.add(RECORDS)
        before = ids(first.search("the red cat", k=3))
    with pytest.raises(StoreClosed) as raised:
        first.count()
    assert raised.value.remedy
    first.close()  # twice is once
    with case.make(tmp_path, HashEncoder(dim=32)) as again:
        assert again.count() == len(RECORDS)
        assert ids(again.search("the red cat", k=3)) == before


def test_another_model_is_kept_out(case: StoreCase, tmp_path: Path) -> None:
    with case.make(tmp_path, ENCODER) as first:
        first.add(RECORDS)
    with pytest.raises(SpaceMismatch) as raised:
        case.make(tmp_path, HashEncoder(dim=32, seed=1)).__enter__()
    assert "hash-0" in str(raised.value) and "hash-1" in str(raised.value)
    assert raised.value.remedy


def test_vectors_of_the_callers_own(store: Store) -> None:
    vectors = ENCODER.encode(["fish", "bird"]).vectors
    store.add([{"id": str(i), "text": "?", "vector": v} for i, v in enumerate(vectors)])
    assert ids(store.search("bird", k=1, mode="dense")) == ["1"]


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({"text": "no id"}, InvalidInput),
        ({"id": "", "text": "x"}, InvalidInput),
        ({"id": None, "text": "x"}, InvalidInput),
        ({"id": "x"}, InvalidInput),
        ({"id": "x", "text": 7}, InvalidInput),
        ({"id": "x", "text": "half \ud800"}, InvalidInput),
        ({"id": "x", "text": "x", "when": object()}, InvalidInput),
        ({"id": "x", "text": "x", "size": float("nan")}, InvalidInput),
        ({"id": "x", "text": "x", "vector": [1.0]}, DimensionMismatch),
        ({"id": "x", "text": "x", "vector": [np.nan] * 32}, InvalidVectors),
        ("not a record", InvalidInput),
    ],
    ids=lambda value: getattr(value, "__name__", "case"),
)
def test_one_bad_record_changes_nothing(
    full: Store, record: Any, error: type[KinspaceError]
) -> None:
    for write in (full.add, full.upsert):
        with pytest.raises(error) as raised:
            write([{"id": "good", "text": "good"}, record])
        assert raised.value.remedy
        assert full.count() == len(RECORDS)
        assert full.get(["good"]) == [None]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"query": "cat", "k": 0}, InvalidParameter),
        ({"query": "cat", "k": -3}, InvalidParameter),
        ({"query": "cat", "mode": "psychic"}, InvalidParameter),
        ({"query": "cat", "where": {"year": {"$near": 3}}}, InvalidFilter),
        ({"query": "cat", "where": {"$or": 3}}, InvalidFilter),
        ({"query": "cat", "where": 3}, InvalidFilter),
        ({"query": ""}, InvalidInput),
        ({"query": "  \n"}, InvalidInput),
        ({"query": None}, InvalidInput),
        ({"query": np.ones(31), "mode": "dense"}, InvalidInput),
    ],
)
def test_bad_searches(full: Store, arguments: dict[str, Any], error: type[KinspaceError]) -> None:
    with pytest.raises(error) as raised:
        full.search(**arguments)
    assert raised.value.remedy


def test_deleting_everything_by_accident_is_refused(full: Store) -> None:
    with pytest.raises(InvalidInput) as raised:
        full.delete()
    assert raised.value.remedy
    assert full.count() == len(RECORDS)


def test_agrees_with_a_dict_over_many_steps(store: Store, rng: np.random.Generator) -> None:
    truth: dict[str, dict[str, Any]] = {}
    for step in range(60):
        names = [f"r{i}" for i in rng.choice(40, 5, replace=False)]
        if rng.random() < 0.3:
            assert store.delete(names) == len(truth.keys() & set(names))
            truth = {name: record for name, record in truth.items() if name not in names}
            continue
        batch = [{"id": name, "text": f"step {step} {name}", "step": step} for name in names]
        store.upsert(batch)
        truth |= {record["id"]: record for record in batch}
        if step % 20 == 19:
            store.compact()
    assert store.count() == len(truth)
    for name, record in zip(truth, store.get(list(truth)), strict=True):
        assert record is not None
        assert {key: record[key] for key in ("id", "text", "step")} == truth[name]
    found = store.search("step", k=100, mode="keyword")
    assert set(ids(found)) == set(truth)
    assert len(store.search("step", k=100, mode="dense")) == len(truth)
