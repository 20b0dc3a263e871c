"""Runs: what is written is read again, by us and by others."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinspace.errors import DuplicateId, InvalidInput, PathNotFound, ReadError
from kinspace.evaluate.runs import Run, write_trec

RUN = Run("mine", {"q1": {"b": 2.0, "a": 0.1 + 0.2, "c": 2.0}, "q2": {"a": -1e-30}})

finite = st.floats(allow_nan=False, allow_infinity=False)
ids = st.text(min_size=1, max_size=8)
plain = st.from_regex(r"[!-~À-ÿ一-鿿]{1,8}", fullmatch=True)


def runs(names: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, dict[str, float]]]:
    return st.dictionaries(names, st.dictionaries(names, finite, min_size=1), min_size=1)


@contextmanager
def in_file(name: str) -> Iterator[Path]:
    """A file of a test's own, for each of its examples."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / name


def test_a_run_is_ranked_as_trec_eval_ranks_it() -> None:
    assert RUN.ranked("q1") == ["c", "b", "a"]
    assert RUN.ranked("never asked") == []


def test_six_columns() -> None:
    assert write_trec(RUN) == (
        "q1 Q0 c 1 2.0 mine\n"
        "q1 Q0 b 2 2.0 mine\n"
        "q1 Q0 a 3 0.30000000000000004 mine\n"
        "q2 Q0 a 1 -1e-30 mine\n"
    )


@pytest.mark.parametrize("name", ["run.trec", "run.txt.gz", "run.json", "run.json.gz"])
def test_written_and_read(name: str, tmp_path: Path) -> None:
    RUN.write(tmp_path / name)
    found = Run.read(tmp_path / name)
    assert found.scores == RUN.scores
    assert found.name == ("run" if "json" in name else "mine")
    assert Run.read(tmp_path / name, name="other").name == "other"


@settings(max_examples=40)
@given(runs(plain))
def test_every_run_in_columns_is_read_again(scores: dict[str, dict[str, float]]) -> None:
    with in_file("run.trec") as path:
        Run("a name", scores).write(path)
        assert Run.read(path).scores == scores
        assert Run.read(path).name == "a_name"


@settings(max_examples=40)
@given(runs(ids))
def test_every_run_in_json_is_read_again(scores: dict[str, dict[str, float]]) -> None:
    with in_file("run.json") as path:
        Run("a name", scores).write(path)
        assert Run.read(path).scores == scores


@settings(max_examples=60)
@given(runs(ids))
def test_odd_ids_are_quoted_in_columns(scores: dict[str, dict[str, float]]) -> None:
    with in_file("run.trec") as path:
        Run("a name", scores).write(path)
        assert Run.read(path).scores == scores


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\tb", "a\u00a0b", "a\u2028b", "\ufeffa", "\ud800", "100 %", "%"]
)
def test_ids_that_no_column_holds(name: str, tmp_path: Path) -> None:
    import ir_measures

    path = tmp_path / "run.trec"
    scores = {"q": {name: 1.0, "50%20": 2.0}, name: {"a": 1.0}}
    Run("x", scores).write(path)
    assert Run.read(path).scores == scores
    lines = list(ir_measures.read_trec_run(str(path)))
    assert len(lines) == 3  # others can read it too
    assert lines[0] == ir_measures.ScoredDoc("q", "50%20", 2.0)


def test_a_quoted_line_says_so() -> None:
    assert write_trec(Run("x", {"q": {"my notes/a.md#1": 1.0}})) == (
        "q Q0% my%20notes/a.md#1 1 1.0 x\n"
    )


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.trec.gz", "b.trec.gz"):
        RUN.write(tmp_path / name)
    assert (tmp_path / "a.trec.gz").read_bytes() == (tmp_path / "b.trec.gz").read_bytes()


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ("q1 Q0 a 1 2.0 x\n\nq1 Q0 b 2\n", ReadError, "line 3: 4 columns where 6 belong"),
        ("q1 Q0 a 1 2.0 my model\n", ReadError, "line 1: 7 columns"),
        ("q1 Q0 a 1 high x\n", ReadError, "line 1: 'high' is not a number"),
        ("q1 Q0 a 1 nan x\n", InvalidInput, "line 1: the score 'nan'"),
        ("q1 Q0 a 1 -inf x\n", InvalidInput, "line 1: the score '-inf'"),
        ("q1 Q0 a 1 2 x\nq2 Q0 a 1 2 x\nq1 Q0 a 2 1 x", DuplicateId, "line 3: the query 'q1'"),
        (b"\xff\xfe", ReadError, "not UTF-8"),
    ],
)
def test_bad_runs(content: str | bytes, error: type[Exception], says: str, tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error, match=says) as caught:
        Run.read(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ("{", ReadError, "not JSON"),
        ("[1]", ReadError, "not numbers by query"),
        ('{"q": [1]}', ReadError, "not numbers by query"),
        ('{"q": {"a": "1"}}', ReadError, "query 'q'"),
        ('{"q": {"a": true}}', ReadError, "query 'q'"),
        ('{"q": {"a": 1, "a": 2}}', DuplicateId, "'a' is there twice"),
        ('{"q": {"a": NaN}}', InvalidInput, "has the score nan"),
    ],
)
def test_bad_json(content: str, error: type[Exception], says: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(error, match=says):
        Run.read(path)


def test_files_that_are_not_there_or_not_compressed(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"no file .*nowhere\.trec"):
        Run.read(tmp_path / "nowhere.trec")
    (tmp_path / "run.trec.gz").write_text("q1 Q0 a 1 2.0 x\n")
    with pytest.raises(ReadError, match="not compressed"):
        Run.read(tmp_path / "run.trec.gz")
    cut = gzip.compress(write_trec(RUN).encode())[:-9]
    (tmp_path / "run.trec.gz").write_bytes(cut)
    with pytest.raises(ReadError, match="not compressed"):
        Run.read(tmp_path / "run.trec.gz")


def test_scores_that_are_no_numbers() -> None:
    with pytest.raises(InvalidInput, match="mine: the document 'a' of query 'q' has the score nan"):
        Run("mine", {"q": {"b": 1.0, "a": float("nan")}})


@pytest.mark.parametrize("ending", ["trec", "trec.gz"])
def test_ir_measures_reads_what_we_write(ending: str, tmp_path: Path) -> None:
    import ir_measures

    RUN.write(tmp_path / f"run.{ending}")
    found = ir_measures.read_trec_run(str(tmp_path / f"run.{ending}"))
    assert sorted(found) == sorted(
        ir_measures.ScoredDoc(query, document, score)
        for query, row in RUN.scores.items()
        for document, score in row.items()
    )


RANX_TREC = "q1 Q0 b 1 2.0 theirs\nq1 Q0 a 2 0.5 theirs\nq2 Q0 a 1 -1e-30 theirs"


def test_what_ranx_writes_is_read(tmp_path: Path) -> None:
    """As ranx 0.3.21 writes it: no line break at the end, JSON without spaces."""
    scores = {"q1": {"b": 2.0, "a": 0.5}, "q2": {"a": -1e-30}}
    (tmp_path / "run.trec").write_text(RANX_TREC)
    assert Run.read(tmp_path / "run.trec").scores == scores
    (tmp_path / "run.json").write_text(json.dumps(scores, separators=(",", ":")))
    assert Run.read(tmp_path / "run.json").scores == scores


@pytest.mark.slow  # ranx compiles for a minute
@pytest.mark.filterwarnings("ignore")  # those of ranx's own imports
def test_ranx_and_we_read_each_other(tmp_path: Path) -> None:
    ranx = pytest.importorskip("ranx", reason="ranx is not installed")
    whole = Run(
        "mine", {q: {d: round(s, 3) for d, s in row.items()} for q, row in RUN.scores.items()}
    )
    for name in ("ours.trec", "ours.json"):
        whole.write(tmp_path / name)
        theirs = ranx.Run.from_file(str(tmp_path / name))
        assert theirs.to_dict() == whole.scores
        theirs.name = "theirs"
        again = tmp_path / name.replace("ours", "theirs")
        theirs.save(str(again))
        assert Run.read(again).scores == whole.scores
        assert Run.read(again).name == "theirs"


def test_json_is_as_ranx_has_it(tmp_path: Path) -> None:
    RUN.write(tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text()) == RUN.scores
