"""Judgements: every form is read, and what is written is read again, by us and by others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinspace.datasets import read_judgements, write_judgements
from kinspace.errors import DuplicateId, InvalidInput, InvalidJudgements, PathNotFound, ReadError

QRELS = {"q1": {"a": 1, "b": 0}, "q2": {"c": 2, "d": -1}}

ids = st.text(min_size=1, max_size=8)
plain = st.from_regex(r"[!-~À-ÿ一-鿿]{1,8}", fullmatch=True)


def qrels(names: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, dict[str, int]]]:
    grades = st.dictionaries(names, st.integers(-2, 5), min_size=1)
    return st.dictionaries(names, grades, min_size=1)


@contextmanager
def in_file(name: str) -> Iterator[Path]:
    """A file of a test's own, for each of its examples."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / name


@pytest.mark.parametrize(
    "name", ["qrels.txt", "qrels.tsv", "q.tsv.gz", "q.json", "q.xz", "q.TSV.bz2"]
)
def test_judgements_are_written_and_read(name: str, tmp_path: Path) -> None:
    write_judgements(QRELS, tmp_path / name)
    assert read_judgements(tmp_path / name) == QRELS


@settings(max_examples=40)
@given(qrels(plain), st.sampled_from(["q.txt", "q.tsv", "q.txt.gz", "q.json"]))
def test_all_judgements_are_read_again(judged: dict[str, dict[str, int]], name: str) -> None:
    with in_file(name) as path:
        write_judgements(judged, path)
        assert read_judgements(path) == judged


@settings(max_examples=40)
@given(qrels(ids), st.sampled_from(["q.txt", "q.tsv", "q.json"]))
def test_odd_judgements_are_kept_or_refused(judged: dict[str, dict[str, int]], name: str) -> None:
    with in_file(name) as path:
        try:
            write_judgements(judged, path)
        except InvalidInput:
            assert path.suffix == ".tsv" and not path.exists()
        else:
            assert read_judgements(path) == judged


def test_beir_s_table(tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_text("query-id\tcorpus-id\tscore\r\nq 1\tdoc one\t1\r\n\r\nq 1\tdoc two\t2\r\n")
    assert read_judgements(path) == {"q 1": {"doc one": 1, "doc two": 2}}
    path.write_text("q1\td1\t1\n")  # without its header
    assert read_judgements(path) == {"q1": {"d1": 1}}
    write_judgements(QRELS, path)
    assert path.read_text().startswith("query-id\tcorpus-id\tscore\nq1\ta\t1\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.txt", "q1 0 a 1\nq1 0 b 0\n"),
        ("qrels", "q1\t0\ta\t1\r\n\r\nq1\t0\tb\t0\r\n"),
        ("q.tsv", "q1\t0\ta\t1\nq1\t0\tb\t0\n"),
        ("q.txt", "q1 a 1\nq1 b 0"),
        ("q.qrels", "\ufeffquery-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tb\t0\n"),
        ("q.tsv", "query\tdocument\tRelevance\nq1\ta\t1.0\nq1\tb\t0\nq1\ta\t1\n"),
        ("q.json", '{"q1": {"a": 1, "b": 0}}'),
    ],
)
def test_forms_that_others_write(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    assert read_judgements(tmp_path / name) == {"q1": {"a": 1, "b": 0}}


def test_blanks_in_ids_between_tabs(tmp_path: Path) -> None:
    (tmp_path / "qrels.txt").write_text("q 1\tmy notes.md\t1\n")
    assert read_judgements(tmp_path / "qrels.txt") == {"q 1": {"my notes.md": 1}}


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\tb", "a\u00a0b", "a\u2028b", "\ufeffa", "\ud800", "100 %", "%"]
)
def test_ids_that_no_column_holds_are_quoted(name: str, tmp_path: Path) -> None:
    judged = {"q": {name: 1, "50%20": 0}, name: {"a": 1}}
    write_judgements(judged, tmp_path / "qrels.txt")
    assert read_judgements(tmp_path / "qrels.txt") == judged


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("q.txt", "q1 0 a 1\nq1 0 b\n", ReadError, "line 2: 3 columns where 4 belong"),
        ("q.txt", "q1 0 a\n", ReadError, "line 1: 'a' is not a whole number"),
        ("q.txt", "q1 a\n", ReadError, "line 1: 2 columns where 4 belong"),
        ("q.txt", "q1 0 a 1.5\n", ReadError, "line 1: '1.5' is not a whole number"),
        ("q.txt", "q1 0 a 1\nq1 0 a 0\n", InvalidJudgements, "line 2: query 'q1'"),
        ("q.tsv", "q1 a 1\n", ReadError, "line 1: 1 columns where 3 belong"),
        ("q.json", '{"q": {"a": 1.5}}', ReadError, "not numbers by query"),
        ("q.json", '{"q": {"a": 1, "a": 1}}', DuplicateId, "'a' is there twice"),
        ("q.gz", "q1 0 a 1\\n", ReadError, "not compressed with gz"),
        ("q.xz", "q1 0 a 1\\n", ReadError, "not compressed with xz"),
    ],
)
def test_bad_judgements(
    name: str, content: str, error: type[Exception], says: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(error, match=says):
        read_judgements(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"no file .*nowhere\.tsv"):
        read_judgements(tmp_path / "nowhere.tsv")


def test_ir_measures_reads_what_we_write(tmp_path: Path) -> None:
    ir_measures = pytest.importorskip("ir_measures", reason="ir-measures is not installed")
    write_judgements(QRELS, tmp_path / "qrels.txt")
    judged = ir_measures.read_trec_qrels(str(tmp_path / "qrels.txt"))
    assert [(q.query_id, q.doc_id, q.relevance) for q in judged] == [
        (query, document, grade) for query, row in QRELS.items() for document, grade in row.items()
    ]


@pytest.mark.slow  # ranx compiles for a minute
@pytest.mark.filterwarnings("ignore")  # those of ranx's own imports
@pytest.mark.parametrize("name", ["qrels.trec", "qrels.json"])
def test_ranx_and_we_read_each_other(name: str, tmp_path: Path) -> None:
    ranx = pytest.importorskip("ranx", reason="ranx is not installed")
    write_judgements(QRELS, tmp_path / name)
    judged = ranx.Qrels.from_file(str(tmp_path / name))
    assert judged.to_dict() == QRELS
    judged.save(str(tmp_path / f"theirs-{name}"))
    assert read_judgements(tmp_path / f"theirs-{name}") == QRELS
