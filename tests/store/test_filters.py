"""Filters: a plain Python reading of `store/filters.py` and the SQL that is made agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinspace.errors import InvalidFilter
from kinspace.space import Space
from kinspace.store import Collection
from kinspace.store.filters import parse, to_sql

SPACE = Space("none", "0" * 16, 2)

# -- the oracle: what the docstring of kinspace.store.filters says ---------------------------------

MISSING = object()


def field(record: dict[str, Any], path: str) -> Any:
    if path == "id":
        return record["id"]
    value: Any = {k: v for k, v in record.items() if k not in ("id", "text", "vector")}
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def number(value: Any) -> Any:
    """A number as it is compared: beyond 64 bits as a float."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    return value


def compares(value: Any, op: str, operand: Any) -> bool:
    if value is None or operand is None:
        return op == "$eq" and value is None and operand is None
    if isinstance(value, bool) or isinstance(operand, bool):
        return op == "$eq" and value is operand
    kinds = [(int, float), (str,)]
    if not any(isinstance(value, kind) and isinstance(operand, kind) for kind in kinds):
        return False
    a, b = number(value), number(operand)
    return {"$eq": a == b, "$gt": a > b, "$gte": a >= b, "$lt": a < b, "$lte": a <= b}[op]


def holds(record: dict[str, Any], path: str, op: str, operand: Any) -> bool:
    value = field(record, path)
    if op == "$not":
        return not all(holds(record, path, o, v) for o, v in operand.items())
    if op in ("$ne", "$nin"):
        return not holds(record, path, "$eq" if op == "$ne" else "$in", operand)
    if op == "$exists":
        return (value is not MISSING) is operand
    if value is MISSING:
        return False
    if op == "$in":
        return any(holds(record, path, "$eq", one) for one in operand)
    return any(
        compares(one, op, operand) for one in (value if isinstance(value, list) else [value])
    )


def satisfies(record: dict[str, Any], where: dict[str, Any]) -> bool:
    for key, value in where.items():
        if key == "$and":
            fits = all(satisfies(record, one) for one in value)
        elif key == "$or":
            fits = any(satisfies(record, one) for one in value)
        elif key == "$not":
            fits = not satisfies(record, value)
        elif isinstance(value, dict):
            fits = all(holds(record, key, op, operand) for op, operand in value.items())
        else:
            fits = holds(record, key, "$eq", value)
        if not fits:
            return False
    return True


# -- random records and filters ------------------------------------------------------------------

# Few names and values, so that filters hit; odd ones, so that they hit where it hurts.
NAMES = ["b", "a", "ä", "with space", "it's", "back\\slash", "line\nbreak", "x$", "[0]", "😀", "0"]
TEXTS = ["", "a", "A", "b", "ä", "z", "😀", "\uffff", "1", "true", "null", 'quo"te', "\\", "a\nb"]
NUMBERS = [
    0, 1, -1, 2, 0.0, -0.0, 1.0, 0.1, 0.30000000000000004, 1 / 3, 1e300, -1e-300, 5e-324, 1e23,
    2**53, 2**53 + 1, float(2**53), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**25, 1.5,
]  # fmt: skip

names = st.sampled_from(NAMES)
texts = st.sampled_from(TEXTS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4
)
numbers = (
    st.sampled_from(NUMBERS)
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
)
scalars = st.none() | st.booleans() | texts | numbers
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
IDS = ["a", "b", "A", "ä", "0", "1", "😀", "z"]


def places(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every path of a record with what is there: values, and elements of lists."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield path, inner


@st.composite
def comparisons(draw: st.DrawFn, known: list[tuple[str, Any]]) -> dict[str, Any]:
    """A comparison that is about a field of one of the records, more often than not."""
    path, value = draw(st.sampled_from(known))
    if draw(st.integers(0, 9)) == 0:
        path = draw(names)
    plain = not isinstance(value, dict | list)
    operands = st.just(value) if plain and draw(st.integers(0, 3)) else scalars
    op = draw(st.sampled_from([*"= = $eq $ne $gt $gte $lt $lte $in $nin $exists $not".split()]))
    if op == "=":
        return {path: draw(operands)}
    if op in ("$in", "$nin"):
        return {path: {op: draw(st.lists(operands | scalars, max_size=4))}}
    if op == "$exists":
        return {path: {op: draw(st.booleans())}}
    if op == "$not":
        inner = next(iter(draw(comparisons(known)).values()))
        return {path: {op: inner if isinstance(inner, dict) else {"$eq": inner}}}
    operand = draw(operands)
    if op not in ("$eq", "$ne") and (operand is None or isinstance(operand, bool)):
        operand = draw(texts | numbers)
    second = {"$lt": draw(numbers)} if op == "$gt" else {}
    return {path: {op: operand, **second}}


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records, and eight filters over them."""
    rest = dict.fromkeys(NAMES[1:], values)
    one = st.fixed_dictionaries(
        {"b": st.sampled_from([0, 1, 2, "a", None, True]) | values}, optional=rest
    )
    fields = draw(st.lists(one, min_size=6, max_size=8))
    listed = [
        {"id": name, "text": "t", "vector": [1, place], **one}
        for place, (name, one) in enumerate(zip(IDS, fields, strict=False))
    ]
    known = [("id", "A"), ("missing", 1), *(place for one in fields for place in places(one))]
    wheres = st.recursive(
        comparisons(known),
        lambda inner: st.one_of(
            st.fixed_dictionaries({"$and": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"$or": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"$not": inner}),
            st.tuples(inner, inner).map(lambda pair: {**pair[0], **pair[1]}),
        ),
        max_leaves=5,
    )
    return listed, draw(st.lists(wheres, min_size=8, max_size=8))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    folder = tmp_path_factory.mktemp("filters") / "c.kin"
    with Collection.open(folder, space=SPACE) as opened:
        yield opened


@settings(max_examples=125, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_a_thousand_random_filters_agree_with_plain_python(
    store: Collection, case: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    listed, wheres = case
    store.delete(where={})
    store.upsert(listed)
    for where in wheres:
        expected = [record["id"] for record in listed if satisfies(record, where)]
        assert [record["id"] for record in store.records(where)] == expected, where
        assert store.count(where) == len(expected)
    found = store.search([1, 0], k=8, where=wheres[-1])
    assert {hit.id for hit in found} == set(expected)


# -- known answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("year >= 2020", {"year": {"$gte": 2020}}),
        ("year<2020.5", {"year": {"$lt": 2020.5}}),
        ("a = 1 and b != 2", {"$and": [{"a": {"$eq": 1}}, {"b": {"$ne": 2}}]}),
        ("a == -1e3", {"a": {"$eq": -1000.0}}),
        ("a <> x", {"a": {"$ne": "x"}}),
        (
            "a = 1 or b = 2 and c = 3",
            {"$or": [{"a": {"$eq": 1}}, {"$and": [{"b": {"$eq": 2}}, {"c": {"$eq": 3}}]}]},
        ),
        ("not (a > 1)", {"$not": {"a": {"$gt": 1}}}),
        ("not a exists", {"$not": {"a": {"$exists": True}}}),
        ("lang in [en, 'de', 3]", {"lang": {"$in": ["en", "de", 3]}}),
        ("lang not in (en,)", {"lang": {"$nin": ["en"]}}),
        ("lang in []", {"lang": {"$in": []}}),
        (
            "NOT a = 1 AND b EXISTS",
            {"$and": [{"$not": {"a": {"$eq": 1}}}, {"b": {"$exists": True}}]},
        ),
        ("draft = true", {"draft": {"$eq": True}}),
        ("draft = 'true'", {"draft": {"$eq": "true"}}),
        ("x = null", {"x": {"$eq": None}}),
        ("author.name = 'O\\'Neil'", {"author.name": {"$eq": "O'Neil"}}),
        ('"with space" = "a \\"b\\""', {"with space": {"$eq": 'a "b"'}}),
        ("day >= 2020-01-31", {"day": {"$gte": "2020-01-31"}}),
        ("path = docs/a_b.md", {"path": {"$eq": "docs/a_b.md"}}),
        ("naïve = 北京", {"naïve": {"$eq": "北京"}}),
    ],
)
def test_filters_as_text(text: str, expected: dict[str, Any]) -> None:
    assert parse(text) == expected
    assert to_sql(text) == to_sql(expected)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    fields = [
        {"it's": 1}, {"back\\slash": 1}, {"line\nbreak": 1}, {"nul\0": 1}, {"😀": 1},
        {"n": 10**400}, {"n": 2**63}, {"n": 2**63 - 1}, {"n": 7}, {"deep": {"er": {"est": 1}}},
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("odd") / "c.kin"
    with Collection.open(folder, space=SPACE) as opened:
        opened.add({"id": str(i), "text": "", "vector": [1, i], **f} for i, f in enumerate(fields))
        yield opened


def nested(level: Any, inner: dict[str, Any], times: int) -> dict[str, Any]:
    for _ in range(times):
        inner = level(inner)
    return inner


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"it's": 1}, "0"),
        ({"back\\slash": 1}, "1"),
        ({"line\nbreak": 1}, "2"),
        ({"nul\0": 1}, "3"),
        ({"😀": {"$exists": True}}, "4"),
        ({"n": {"$gte": 10**400}}, "5"),
        ({"n": {"$in": [10**400, "x"]}}, "5"),
        ({"n": {"$lt": -(10**400)}}, ""),
        ({"n": 2**63}, "6"),
        ({"n": 2**63 - 1}, "7"),
        ({"n": {"$lt": 2**63 - 1}}, "8"),
        ({"n": np.int64(7)}, "8"),
        ({"n": {"$lt": float("inf")}}, "678"),
        ({"deep.er.est": 1}, "9"),
        ({"deep.er": {"$exists": True}}, "9"),
        ({"deep.er": {"$gt": 0}}, ""),
        ({}, "0123456789"),
        ({"$or": []}, ""),
        ({"$and": []}, "0123456789"),
        ({"id": {"$in": ["3", 4, None]}}, "3"),
        ({"$or": [{"n": i} for i in range(3000)]}, "8"),
        ({"$and": [{"n": {"$ne": i}} for i in range(3000)]}, "012345679"),
        ({"n": {"$in": list(range(100_000))}}, "8"),
        (nested(lambda w: {"$not": w}, {"n": 7}, 24), "8"),
        ({"n": nested(lambda w: {"$not": w}, {"$eq": 7}, 24)}, "8"),
        (nested(lambda w: {"$or": [{"x": 1}, {"$and": [{"n": 7}, w]}]}, {"n": 7}, 12), "8"),
        (
            nested(lambda w: {"$and": [w, {"$or": [w, {"x": 1}]}]}, {"n": {"$nin": [6]}}, 5),
            "0123456789",
        ),
        ("(" * 20 + "not " * 4 + "n = 7" + ")" * 20, "8"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_known_answers(odd: Collection, where: Any, expected: str) -> None:
    assert [record["id"] for record in odd.records(where)] == list(expected)


@pytest.mark.parametrize(
    "where",
    [
        "", "  ", "year", "year >=", "year 3", "a = 'x", "a = b c", "a in 3", "a in [1 2]",
        "a in [1", "a = 1 and", "(a = 1", "a = 1)", "= 3", "and",
        "a not 3", "a.b. = 1", '"" = 1', "a = = 1",
        b"a = 1", 3, [{"a": 1}], {1: 2}, {"a": {"$near": 1}}, {"$nor": []},
        {"a": [1]}, {"a": {"$eq": [1]}}, {"a": {}}, {"a": {"$eq": 1, "b": 2}}, {"a": {"b": 1}},
        {"a": object()}, {"a": b"x"}, {"a": float("nan")}, {"a": {"$in": [float("nan")]}},
        {"a": {"$in": "abc"}}, {"a": {"$in": 3}}, {"a": {"$exists": 1}}, {"a": {"$gt": True}},
        {"a": {"$lte": None}}, {"a": {"$not": {"b": 3}}}, {"$and": {"a": 1}}, {"$or": 1},
        {"$not": 1}, {"$not": [{"a": 1}]}, {"$and": [3]}, {"": 1}, {"a..b": 1}, {'a"b': 1},
        {"a": "\ud800"}, {"a": "x\0y"}, {"\ud800": 1}, {"a": 1j}, {"a": {1: 2}},
        {"$or": [{"a": i} for i in range(20_000)]},
        nested(lambda w: {"$not": w}, {"a": 1}, 100),
        {"a": nested(lambda w: {"$not": w}, {"$eq": 1}, 100)},
        "(" * 5000 + "a = 1" + ")" * 5000,
        "not " * 5000 + "a = 1",
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_what_is_no_filter(odd: Collection, where: Any) -> None:
    for use in (odd.count, odd.records, lambda w: odd.search([1, 1], where=w)):
        with pytest.raises(InvalidFilter) as raised:
            list(use(where))
        assert raised.value.remedy
    assert odd.count() == 10


def test_an_error_shows_the_place() -> None:
    with pytest.raises(InvalidFilter, match="year >= 2020 and ⟨here⟩, lang"):
        parse("year >= 2020 and , lang = en")
