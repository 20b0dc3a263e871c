"""``kinspace evaluate``: what it prints where, its exit codes, and how it is asked again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kinspace.cli import run
from kinspace.evaluate.report import Report
from tests.conftest import ROOT
from tests.evaluate.unlabelled.chat_server import serving

Kin = Callable[..., tuple[int, str, str]]

PAIRS = """left\tright\tscore
A cat sleeps.\tThe kitten naps.\t5
A cat sleeps.\tA dog barks.\t2
Stocks fell in London.\tShares dropped in the city.\t4.5
Stocks fell in London.\tA cat sleeps.\t0
It rains.\tThe weather is wet.\t4
It rains.\tHe plays chess.\t0.5
"""


@pytest.fixture
def kin(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kin:
    """Run a command in this process and in an empty folder, with a cache of its own."""
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_text(PAIRS)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder as BEIR has it: each query is answered by one document."""
    folder = tmp_path / "library"
    (folder / "qrels").mkdir(parents=True)
    subjects = ["cats", "trains", "bread", "violins", "glaciers", "taxes", "bees", "chess"]
    documents = [{"_id": f"d{i}", "title": "", "text": f"All about {s}."} for i, s in
                 enumerate(subjects)]  # fmt: skip
    queries = [{"_id": f"q{i}", "text": f"what is known of {s}?"} for i, s in enumerate(subjects)]
    for name, rows in (("corpus", documents), ("queries", queries)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text)
    lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\td{i}\t1" for i in range(len(subjects)))]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_table_and_a_folder(kin: Kin, pairs: Path, library: Path) -> None:
    code, out, err = kin(
        "evaluate", "--models", "default,bm25", "-m", "default+bm25", "--tasks",
        f"{library},{pairs}", "-o", "report",
    )  # fmt: skip
    assert code == 0
    assert "library" in out
    assert "nDCG@10" in out
    assert "skipped bm25 gives no vectors, which pairs needs." in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert err == "Written: report/report.html, report.json, report.md\n"
    report = Report.load("report")
    assert report.systems == ["default", "bm25", "default+bm25"]
    assert report.tasks == ["library", "pairs"]
    assert report["library", "bm25"].ndcg_at_10.value == 1
    assert report["library", "bm25"].run is not None
    assert (Path("report") / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert (Path("report") / "report.md").read_text("utf-8").startswith("# ")


def test_json(kin: Kin, pairs: Path) -> None:
    code, out, _ = kin("evaluate", "-m", "default", "-t", pairs, "--json")
    assert code == 0
    found = json.loads(out)
    (result,) = found["results"]
    assert 0.5 < result["measures"]["spearman"]["value"] <= 1
    assert result["costs"]["texts_per_second"] > 0
    assert found["parameters"]["models"] == ["default"]
    assert found["machine"]["versions"]["kinspace"]


def test_measured_once_unless_it_is_said_otherwise(kin: Kin, pairs: Path, tmp_path: Path) -> None:
    asked = ("evaluate", "-m", "default", "-t", pairs, "--json")

    def when() -> str:
        origin = json.loads(kin(*asked)[1])["results"][0]["costs"]["seconds"]
        return str(origin)

    first = when()
    assert when() == first
    kept = list((tmp_path / "cache" / "evaluations").iterdir())
    assert len(kept) == 1
    asked = (*asked, "--no-cache")
    assert when() != first
    assert list((tmp_path / "cache" / "evaluations").iterdir()) == kept


def test_again(kin: Kin, pairs: Path) -> None:
    kin("evaluate", "-m", "default", "-t", pairs, "-o", "report", "--seed", 3)
    code, _, err = kin("evaluate", "--again", "report/report.json", "-o", "again")
    assert code == 0
    assert "Every main figure is what it was, to 6 digits." in err
    old, new = Report.load("report"), Report.load("again")
    assert new.parameters == old.parameters
    assert new["pairs", "default"].measures == old["pairs", "default"].measures
    pairs.write_text(PAIRS.replace("\t4.5", "\t0.1"))
    code, _, err = kin("evaluate", "--again", "report")
    assert code == 0
    assert "warning: default on pairs: was" in err


def test_again_needs_names(kin: Kin, pairs: Path, tmp_path: Path) -> None:
    kin("evaluate", "-m", "default", "-t", pairs, "-o", "report")
    code, _, err = kin("evaluate", "--again", "report", "-t", "stsb")
    assert code == 1
    assert "Leave out --models, --tasks and -c." in err
    report = Report.load("report")
    report.parameters["models"] = None
    report.save("unnamed")
    code, _, err = kin("evaluate", "--again", "unnamed")
    assert code == 1
    assert "Run the script that made it." in err
    assert kin("evaluate", "--again", "nowhere")[0] == 1


def test_texts_of_ones_own_without_labels(kin: Kin) -> None:
    asked = ("evaluate", "-m", "default,bm25", "-c", ROOT / "docs", "-o", "report")
    code, _, err = kin(*asked)
    assert code == 0, err
    report = Report.load("report")
    assert "known-item" in report.tasks
    assert len(report.of("known-item")) == 2
    assert report.parameters["collection"] == str(ROOT / "docs")
    assert any(result.texts for result in report)


def test_questions_are_asked_for_and_paid_once(kin: Kin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody")
    with serving() as server:
        asked = (
            "evaluate", "-c", ROOT / "docs", "-m", "bm25", "--questions", 30,
            "--questions-from", server.url, "--questions-model", "toy",
        )  # fmt: skip
        code, out, err = kin(*asked)
        calls = len(server.requests)
        assert code == 0
        assert "questions" in out.splitlines()[0]
        assert "Asking toy for 30 questions" in err
        assert kin(*asked)[0] == 0
        assert calls == len(server.requests) > 15
    assert "sk-of-nobody" not in out + err
    assert {one["Authorization"] for one in server.headers} == {"Bearer sk-of-nobody"}


def test_a_list_of_tasks(kin: Kin) -> None:
    code, out, _ = kin("evaluate", "--list")
    assert code == 0
    assert "scifact" in out
    assert "Groups: all" in out
    listed = json.loads(kin("evaluate", "--list", "--json")[1])
    assert {"scifact", "stsb"} <= {one["name"] for one in listed["tasks"]}
    assert "quick" in listed["groups"]


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ([], "Name tasks (--tasks scifact,stsb"),
        (["-t", "scifcat"], "Did you mean scifact"),
        (["-t", "stsb", "-m", "no-such-model"], "At hand: default"),
        (["-t", "stsb", "--queries", "log.csv"], "Name it: -c notes.kin"),
        (["-c", "x", "--questions-from", "http://localhost:1"], "Give both."),
        (["-t", "stsb", "-o", "pairs.tsv"], "Name a folder for the report."),
        (["-t", "stsb", "-m", "default,default"], "another name"),
        (["-c", "nowhere"], ""),
    ],
)
def test_errors_with_remedies(kin: Kin, pairs: Path, arguments: list[str], remedy: str) -> None:
    code, out, err = kin("evaluate", *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 2
    assert remedy in err


def test_what_fails_leaves_the_rest_and_an_exit_code(
    kin: Kin, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KINSPACE_DATA", raising=False)
    monkeypatch.setattr("urllib.request.OpenerDirector.open", _no_network)
    code, out, err = kin("evaluate", "-m", "default", "-t", f"stsb,{pairs}", "-o", "report")
    assert code == 1
    assert "failed default on stsb: DownloadFailed" in out
    assert "error: 1 of 2 results are missing." in err
    assert ("pairs", "default") in Report.load("report")


def _no_network(*_: object, **__: object) -> None:
    raise OSError("no network in tests")


def test_where_nothing_can_be_judged(kin: Kin, pairs: Path) -> None:
    code, out, err = kin("evaluate", "-m", "bm25", "-t", pairs)
    assert code == 1
    assert out == "skipped bm25 gives no vectors, which pairs needs.\n"
    assert "None of these systems can do any of these tasks." in err


def test_interrupted(kin: Kin, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kinspace.evaluate.runner.measure", interrupt)
    code, _, err = kin("evaluate", "-m", "default", "-t", pairs)
    assert code == 130
    assert "the same command goes on from there" in err


def test_progress_on_a_terminal_only(
    kin: Kin, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    _, _, err = kin("evaluate", "-m", "default", "-t", pairs)
    assert "Judging" in err
