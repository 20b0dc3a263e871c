"""Query logs with clicks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinspace.datasets.content import Document
from kinspace.errors import (
    EmptyInput,
    InvalidJudgements,
    InvalidParameter,
    PathNotFound,
    ReadError,
)
from kinspace.evaluate.unlabelled import Click, judgements_of, read_clicks

DOCUMENTS = [Document(name, f"Text {name}.") for name in "abcd"]
ROWS = [
    Click("Cats", "a", 1, 3, 10),
    Click("cats ", "b", 4, 2, 10),
    Click("dogs", "c", 2, 1, 5),
]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_logs_are_read_in_three_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    keys = ("query", "id", "position", "count", "shown")
    rows = [(one.query, one.document, one.position, one.count, one.shown) for one in ROWS]
    if suffix == "jsonl":
        lines = [json.dumps(dict(zip(keys, row, strict=True))) for row in rows]
    else:
        sign = "," if suffix == "csv" else "\t"
        lines = [sign.join(map(str, row)) for row in (keys, *rows)]
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8-sig")
    assert read_clicks(path) == ROWS


def test_a_log_with_the_least(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text('q,clicked\n"what, then?",a\n')
    assert read_clicks(path) == [Click("what, then?", "a")]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("log.jsonl", '{"query": "a", "id": "a"}\n{oops\n', "line 2"),
        ("log.jsonl", "[1]\n", "line 1"),
        ("log.jsonl", '{"query": "", "id": "a"}\n', "line 1"),
        ("log.jsonl", '{"query": "a"}\n', "line 1"),
        ("log.jsonl", '{"query": "a", "id": "a", "position": 0}\n', "position is 0"),
        ("log.jsonl", '{"query": "a", "id": "a", "position": 1.5}\n', "position is 1.5"),
        ("log.jsonl", '{"query": "a", "id": "a", "count": -1}\n', "count is -1"),
        ("log.jsonl", '{"query": "a", "id": "a", "count": true}\n', "count is True"),
        ("log.csv", "query,id,count\ncats,a,many\n", "line 2"),
        ("log.csv", "question,answer\ncats,a\n", "line 2"),
        ("log.csv", 'query,id\n"cats"x,a\n', "line 2"),
    ],
)
def test_rows_that_cannot_be_understood_are_named(
    tmp_path: Path, name: str, text: str, line: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ReadError, match=line):
        read_clicks(tmp_path / name)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        read_clicks(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("query,id\n")
    with pytest.raises(EmptyInput):
        read_clicks(tmp_path / "empty.csv")
    (tmp_path / "bytes.csv").write_bytes(b"query,id\n\xff\xfe,a\n")
    with pytest.raises(ReadError):
        read_clicks(tmp_path / "bytes.csv")


def test_grades_follow_the_share_of_clicks() -> None:
    rows = [Click("x", "a", count=9), Click("x", "b", count=3), Click("x", "c", count=2)]
    rows += [Click("x", "d", count=0)]
    assert judgements_of(rows, DOCUMENTS).qrels == {"q1": {"a": 3, "b": 2, "c": 1, "d": 0}}


def test_a_click_further_down_counts_more() -> None:
    rows = [Click("x", "a", position=1, count=2), Click("x", "b", position=4, count=1)]
    assert judgements_of(rows, DOCUMENTS).qrels["q1"] == {"a": 2, "b": 3}
    assert judgements_of(rows, DOCUMENTS, eta=0).qrels["q1"] == {"a": 3, "b": 2}


def test_what_was_shown_often_must_be_clicked_often() -> None:
    rows = [Click("x", "a", count=10, shown=100), Click("x", "b", count=5, shown=10)]
    assert judgements_of(rows, DOCUMENTS).qrels["q1"] == {"a": 1, "b": 3}


def test_the_correction_undoes_the_bias_of_a_simulated_log() -> None:
    """Relevance .9, .6, .1 and .3, always shown in the order d, c, b, a."""
    rng = np.random.default_rng(0)
    relevance = {"a": 0.9, "b": 0.6, "c": 0.1, "d": 0.3}
    rows = []
    for position, name in enumerate("dcba", 1):
        clicks = rng.binomial(20_000, relevance[name] / position)
        rows.append(Click("x", name, position, int(clicks), 20_000))
    assert judgements_of(rows, DOCUMENTS).qrels["q1"] == {"a": 3, "b": 3, "c": 1, "d": 2}
    assert judgements_of(rows, DOCUMENTS, eta=0).qrels["q1"]["d"] == 3


def test_queries_are_one_but_for_case_and_white_space() -> None:
    made = judgements_of(ROWS, DOCUMENTS)
    assert made.queries == {"q1": "Cats", "q2": "dogs"}
    assert made.qrels["q1"].keys() == {"a", "b"}


def test_queries_without_a_click_are_left_out() -> None:
    made = judgements_of([Click("x", "a", count=0), Click("y", "b")], DOCUMENTS)
    assert made.queries == {"q1": "y"}
    with pytest.raises(EmptyInput):
        judgements_of([Click("x", "a", count=0)], DOCUMENTS)


def test_unknown_documents_are_an_error_or_left_out() -> None:
    rows = [Click("x", "a"), Click("x", "gone")]
    with pytest.raises(InvalidJudgements, match="'gone'"):
        judgements_of(rows, DOCUMENTS)
    assert judgements_of(rows, DOCUMENTS, unknown="skip").qrels == {"q1": {"a": 3}}
    with pytest.raises(EmptyInput):
        judgements_of(rows[1:], DOCUMENTS, unknown="skip")


@pytest.mark.parametrize("column", ["position", "shown"])
def test_half_a_column_is_an_error(column: str) -> None:
    rows = [Click("x", "a"), Click("x", "b", **{column: 2})]
    with pytest.raises(InvalidJudgements, match=column):
        judgements_of(rows, DOCUMENTS)


def test_parameters_out_of_range() -> None:
    with pytest.raises(InvalidParameter):
        judgements_of(ROWS, DOCUMENTS, eta=-1)
    with pytest.raises(InvalidParameter):
        judgements_of(ROWS, DOCUMENTS, unknown="ignore")  # type: ignore[arg-type]
