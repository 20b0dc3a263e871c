"""CSV, TSV, JSON and JSON Lines: the text field, the other fields, the lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kinspace import read
from kinspace.errors import ReadError

Place = Callable[[dict[str, str | bytes]], Path]


def rows(path: Path, **options: object) -> list[tuple[str, dict[str, object], int, int]]:
    found = read.passages(path, **options)
    return [(p.text, p.fields, p.start_line, p.end_line) for p in found]


def test_csv(place: Place) -> None:
    path = place(
        {
            "a.csv": "id,title,year,score,zip,text\r\n"
            '7,One,2020,0.5,01234,"Quoted, with ""marks""\r\nand a break"\r\n'
            "8,Two,2021,1,12345,Plain\r\n"
            "\r\n"
            "9,,2022,,99999,No title\r\n"
        }
    )
    assert rows(path) == [
        (
            'Quoted, with "marks"\nand a break',
            {"id": 7, "title": "One", "year": 2020, "score": 0.5, "zip": "01234"},
            2,
            3,
        ),
        ("Plain", {"id": 8, "title": "Two", "year": 2021, "score": 1, "zip": "12345"}, 4, 4),
        ("No title", {"id": 9, "year": 2022, "zip": "99999"}, 6, 6),
    ]
    found = list(read.passages(path, id_field="id"))
    assert [p.fields["id"] for p in found] == ["7", "8", "9"]
    assert [(p.row, p.document) for p in found][:2] == [(1, f"{path}#1"), (2, f"{path}#2")]
    assert found[0].context == "One"


def test_csv_with_missing_and_extra_columns(place: Place) -> None:
    path = place({"a.csv": "name,text,year\nshort,only text\nlong,words,2020,extra,more\nx\n"})
    report = read.Report()
    found = [(p.text, p.fields) for p in read.passages(path, report=report)]
    assert found == [
        ("only text", {"name": "short"}),
        ("words", {"name": "long", "year": 2020, "column_4": "extra", "column_5": "more"}),
    ]
    assert [(n.reason, n.line) for n in report.warnings] == [("broken row", 3), ("missing text", 4)]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters(place: Place, mark: str) -> None:
    path = place(
        {"a.csv": f"name{mark}text\nAnn{mark}some words, and; more\n"}
        if mark not in ",;"
        else {"a.csv": f'name{mark}text\nAnn{mark}"some words, and; more"\n'}
    )
    assert [(p.text, p.fields) for p in read.passages(path)] == [
        ("some words, and; more", {"name": "Ann"})
    ]


def test_tsv_takes_quotation_marks_as_they_are(place: Place) -> None:
    path = place({"a.tsv": 'id\ttext\n1\t"Unbalanced, he said\n2\t"whole ""cell"""\n3\tlast\n'})
    assert [t for t, *_ in rows(path)] == ['"Unbalanced, he said', 'whole "cell"', "last"]


def test_a_table_without_names(place: Place) -> None:
    path = place({"a.csv": "1,a first text here\n2,and a second one\n"})
    assert rows(path)[0] == ("a first text here", {"column_1": 1}, 1, 1)


def test_no_words_at_all(place: Place) -> None:
    path = place({"d/a.csv": "user,rating\n1,2\n3,4\n", "d/b.csv": "a,b\n"})
    report = read.Report()
    assert list(read.passages("d", report=report)) == []
    assert {n.path: n.reason for n in report.skipped} == {
        "d/a.csv": "no text",
        "d/b.csv": "no text",
    }
    with pytest.raises(ReadError, match="no rows"):
        list(read.passages(path))


def test_the_text_field_is_chosen(place: Place) -> None:
    usual = {"id": "x" * 50, "note": "long " * 20, "Abstract": "short"}
    longest = {"code": "ab", "remark": "some longer words", "n": 5}
    as_list = {"title": "t", "abstract": ["One.", "Two."]}
    given = json.dumps(usual)
    assert rows(place({"a.jsonl": given}))[0][0] == "short"
    assert rows(place({"b.jsonl": json.dumps(longest)}))[0][0] == "some longer words"
    assert rows(place({"c.jsonl": json.dumps(as_list)}))[0][:2] == ("One.\nTwo.", {"title": "t"})
    assert rows(place({"a.jsonl": given}), text_field="note")[0][0] == usual["note"].rstrip()
    both = rows(place({"c.jsonl": json.dumps(as_list)}), text_field=("title", "abstract"))
    assert both[0][:2] == ("t\nOne.\nTwo.", {})
    with pytest.raises(ReadError, match=r"no field 'body'.*It has: 'id', 'note', 'Abstract'"):
        rows(place({"a.jsonl": given}), text_field="body")


def test_a_row_without_text_stands_with_its_title(place: Place) -> None:
    lines = [{"text": "a", "title": "A"}, {"text": "", "title": "B"}, {"text": None}]
    path = place({"a.jsonl": "\n".join(map(json.dumps, lines))})
    report = read.Report()
    assert [p.text for p in read.passages(path, report=report)] == ["a", "B"]
    assert [(n.reason, n.line) for n in report.warnings] == [("missing text", 3)]


def test_broken_lines_are_told_and_the_rest_is_read(place: Place) -> None:
    path = place(
        {
            "a.jsonl": '{"text": "one"}\n{"text": "tw\n\n[1]\n3\n"a string"\n'
            + "[" * 100_000
            + '\n{"text": "\\ud83d half", "n": NaN, "big": 1e999, "\\udc00": ["\\ud800"]}'
            + '\n{"text": "last"}'
        }
    )
    report = read.Report()
    found = list(read.passages(path, report=report))
    assert [(p.text, p.start_line) for p in found] == [
        ("one", 1),
        ("a string", 6),
        ("\ufffd half", 8),
        ("last", 9),
    ]
    assert found[2].fields == {"\ufffd": ["\ufffd"]}
    assert [(n.reason, n.line) for n in report.warnings] == [
        ("broken row", n) for n in (2, 4, 5, 7)
    ]
    assert str(report.warnings[0]).startswith("a.jsonl:2: broken row: ")


def test_many_broken_lines_do_not_fill_the_report(place: Place) -> None:
    path = place({"a.jsonl": '{"text": "x"}\n' + "broken\n" * 500})
    report = read.Report()
    list(read.passages(path, report=report))
    assert len(report.notices) == 10
    assert report.summary() == "500 warnings (500 broken row)"


def test_json(place: Place) -> None:
    records = [{"text": "one", "year": 1}, {"text": "two", "tags": ["a"], "in": {"b": 2}}]
    for name, value in (("list", records), ("within", {"version": 1, "data": records})):
        path = place({f"{name}.json": json.dumps(value, indent=1)})
        lines = path.read_text().split("\n")
        for text, fields, start, end in rows(path):
            source = "\n".join(lines[start - 1 : end])
            assert json.loads(source.strip().rstrip(",")) == {"text": text, **fields}
        assert [r[0] for r in rows(path)] == ["one", "two"]
    assert [r[0] for r in rows(place({"s.json": '["a b", "c"]'}))] == ["a b", "c"]


def test_other_json_is_read_as_it_is_written(place: Place) -> None:
    config = {"name": "x", "authors": [{"name": "y"}], "scripts": {"a": "b" * 200}}
    text = json.dumps(config, indent=2)
    assert rows(place({"package.json": text})) == [(text, {}, 1, text.count("\n") + 1)]
    assert rows(place({"n.json": "[[1, 2], [3]]"}))[0][0] == "[[1, 2], [3]]"


def test_broken_json(place: Place) -> None:
    path = place({"a.json": '[{"text": "one"},\n{"text": "two"},\n{"text": '})
    report = read.Report()
    assert [p.text for p in read.passages(path, report=report)] == ["one", "two"]
    assert [(n.reason, n.line) for n in report.warnings] == [("broken row", 3)]
    for text in ("[" * 100_000, '{"a":' * 100_000, '{"a": [}', '["a" "b"]'):
        assert list(read.passages(place({"b.json": text}), report=report)) != []
    with pytest.raises(ReadError, match="no field with words"):
        list(read.passages(place({"b.json": "[{}"})))


def test_one_value_on_many_lines_in_a_jsonl_file(place: Place) -> None:
    path = place({"a.jsonl": json.dumps([{"text": "one"}, {"text": "two"}], indent=2)})
    assert [(r[0], r[2]) for r in rows(path)] == [("one", 2), ("two", 5)]


def test_a_long_row_becomes_several_passages(place: Place) -> None:
    text = " ".join(f"Sentence {i} is here." for i in range(100))
    path = place(
        {"a.jsonl": json.dumps({"text": "first"}) + "\n" + json.dumps({"text": text, "k": 1})}
    )
    found = list(read.passages(path, max_tokens=64))
    assert len(found) > 5
    assert {(p.row, p.start_line, p.end_line) for p in found[1:]} == {(2, 2, 2)}
    assert [p.part for p in found] == list(range(len(found)))
    found[1].fields["k"] = "changed"
    assert found[2].fields == {"k": 1}, "each passage has fields of its own"


def test_rows_are_streamed(place: Place) -> None:
    path = place({"a.jsonl": '{"text": "row"}\n' * 200_000})
    stream = read.passages(path)
    first = next(stream)
    path.unlink()
    assert first.text == "row"
    stream.close()  # type: ignore[attr-defined]
