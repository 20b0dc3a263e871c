"""Words, phrases and fields: read from a query, scored by BM25, in the tail and in the index."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from kinspace.search.keyword import Clause, bm25, idf, marks, parse, words_of
from kinspace.space import Space
from kinspace.store import Collection
from kinspace.store.keywords import TITLE_COUNTS

SPACE = Space("none", "0" * 16, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The models' vectors", ["the", "model", "vector"]),
        ("Naïve CAFÉ", ["naiv", "cafe"]),
        ("snake_case and x86-64", ["snake", "case", "and", "x86", "64"]),
        ("running runs ran", ["run", "run", "ran"]),
        ("北京 Ελλάδα", ["北京", "ελλάδα"]),
        ("", []),
        ("?! ...", []),
        ("x" * 81, []),
        ("x" * 79, ["x" * 79]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words_of(text) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cats", [("cat", "should")]),
        ("+cats -dogs", [("cat", "must"), ("dog", "not")]),
        ('"two models" apart', [('"two model"', "should"), ("apart", "should")]),
        ('-"two models" +x', [('"two model"', "not"), ("x", "must")]),
        ("title:cats", [("title:cat", "should")]),
        ('+author.name:"Ann Lee"', [('author.name:"ann lee"', "must")]),
        ("the models of it", [("model", "should")]),
        ("to be or not", [("to", "should"), ("be", "should"), ("or", "should"), ("not", "should")]),
        ("x86-64", [("x86", "should"), ("64", "should")]),
        ("http://example.org", [("http", "should"), ("exampl", "should"), ("org", "should")]),
        ('an unclosed "quote', [("unclos", "should"), ("quot", "should")]),
        ("...", []),
        ("", []),
        ("-", []),
    ],
)
def test_queries(query: str, expected: list[tuple[str, str]]) -> None:
    # The words of a query may be looked for in the title too; those clauses are left out here.
    own = [c for c in parse(query) if not (c.field == "title" and "title:" not in query)]
    assert [(clause.label, clause.need) for clause in own] == expected


def test_bm25_by_hand() -> None:
    # Robertson and Zaragoza (2009), equation 3.15, with Lucene's idf.
    assert idf(10, 2) == pytest.approx(math.log(1 + (10 - 2 + 0.5) / (2 + 0.5)))
    weight, frequency, length, mean = 1.5, 3, 20, 10
    norm = 1.2 * (1 - 0.75 + 0.75 * length / mean)
    expected = weight * frequency * 2.2 / (frequency + norm)
    assert bm25(frequency, length, mean, weight) == pytest.approx(expected)
    assert bm25(0, length, mean, weight) == 0
    assert idf(5, 9) > 0  # deletions may leave more containing than there are


RECORDS: list[dict[str, Any]] = [
    {"id": "a", "text": "two models are kept apart", "title": "Models"},
    {"id": "b", "text": "models of two kinds", "tags": ["red car", "blue boat"]},
    {"id": "c", "text": "to be or not to be", "author": {"name": "William Shakespeare"}},
    {"id": "d", "text": "apart from that, nothing", "title": "Kept notes"},
    {"id": "e", "text": "models models models", "year": 2020},
    {"id": "f", "text": "a long text " + "filler " * 40 + "models"},
    {"id": "g", "text": "car red"},
]


@pytest.fixture(params=["tail", "index", "both"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    records = [{**record, "vector": [1, i]} for i, record in enumerate(RECORDS)]
    with Collection.open(tmp_path / "c.kin", space=SPACE) as one:
        if request.param == "both":
            one.add(records[:3])
            one.flush()
            one.add(records[3:])
        else:
            one.add(records)
        if request.param == "index":
            one.flush()
        yield one


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("models", "abef"),
        ('"two models"', "a"),
        ('"models two"', ""),
        ('"to be or not to be"', "c"),
        ("to be", "c"),
        ("title:models", "a"),
        ("title:kept", "d"),
        ('title:"kept notes"', "d"),
        ("author.name:shakespeare", "c"),
        ('author.name:"william shakespeare"', "c"),
        ("tags:red", "b"),
        ('tags:"red car"', "b"),
        ('tags:"car blue"', ""),  # a phrase does not reach from one text into the next
        ("nofield:red", ""),
        ("+models two", "abef"),
        ("+models +two", "ab"),
        ("models -two", "ef"),
        ("-two", ""),
        ('models -"two models"', "bef"),
        ("+nowhere models", ""),
        ("kept", "ad"),
        ("2020", ""),  # numbers are for filters
        ("MODEL", "abef"),
    ],
)
def test_what_is_found(opened: Collection, query: str, expected: str) -> None:
    hits = opened.search(query, k=20, mode="keyword")
    assert "".join(sorted(hit.id for hit in hits)) == expected
    assert all(hit.score > 0 for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_scores_are_those_of_the_formula(opened: Collection) -> None:
    lengths = {
        r["id"]: len(words_of(r["text"])) + TITLE_COUNTS * len(words_of(r.get("title", "")))
        for r in RECORDS
    }
    mean = sum(lengths.values()) / len(lengths)
    for word in ("apart", "two", "noth"):  # in no title
        containing = [r["id"] for r in RECORDS if word in words_of(r["text"])]
        weight = idf(len(RECORDS), len(containing))
        expected = {name: bm25(1, lengths[name], mean, weight) for name in containing}
        hits = opened.search(word, k=20, mode="keyword")
        # With a tail beside it, the index still weighs words by its own records alone.
        some = 0 < opened.info().waiting < len(RECORDS)
        found = {hit.id: hit.score for hit in hits}
        assert (
            found.keys() == expected.keys() if some else found == pytest.approx(expected, rel=0.02)
        )


def test_often_is_better_and_long_is_worse(opened: Collection) -> None:
    order = [hit.id for hit in opened.search("models", k=20, mode="keyword")]
    assert order[-1] == "f"
    assert set(order[:2]) == {"a", "e"}  # in the title too, and three times


def test_marks_are_where_the_words_are() -> None:
    text = "Two models, modelled TWICE; naïve remodelling"
    found = [text[start:end] for start, end in marks(text, parse("model naive"))]
    assert found == ["models", "modelled", "naïve"]
    assert marks(text, parse("-models")) == []
    assert marks(text, []) == []
    assert marks("", parse("models")) == []


def test_a_clause_says_what_it_looks_for() -> None:
    assert Clause(("a", "b"), "x.y", "must").label == 'x.y:"a b"'
    assert Clause(("a",)).label == "a"
