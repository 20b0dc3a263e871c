"""Results and reports: access by name, comparisons, what moved, and the way to a file and back."""

from __future__ import annotations

import copy
import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from kinspace.errors import (
    InvalidParameter,
    NotApplicable,
    NotFound,
    PathNotFound,
    ReadError,
    TaskNotFound,
)
from kinspace.evaluate.costs import Costs
from kinspace.evaluate.estimate import Estimate, Sample
from kinspace.evaluate.report import Report
from kinspace.evaluate.results import Failed, Result, Skipped
from kinspace.evaluate.runs import Run
from kinspace.evaluate.task import Outcome
from tests.evaluate.fakes import made

N = 200
RNG = np.random.default_rng(7)
HARD = RNG.random(N) * 0.5
REPORT = made(
    {
        ("t", "weak"): HARD,
        ("t", "strong"): HARD + 0.3 + 0.1 * RNG.random(N),
        ("t", "twin"): HARD + 0.3 + 0.1 * RNG.random(N),
        ("u", "weak"): [0.0, 1.0],
        ("u", "strong"): [1.0, 1.0],
    },
    skipped=[Skipped("u", "twin", "twin gives no vectors, which u needs.")],
    failed=[Failed("v", "weak", "RuntimeError", "out of memory", "Take less.")],
)


def test_measures_are_attributes() -> None:
    result = REPORT["u", "weak"]
    assert result.ndcg_at_10 is result.measures["ndcg_at_10"] is result.score
    assert "ndcg_at_10" in dir(result)
    with pytest.raises(AttributeError, match=r"no 'ndgc_at_10' of u; there are: ndcg_at_10\."):
        _ = result.ndgc_at_10
    assert copy.deepcopy(result).ndcg_at_10 == result.ndcg_at_10
    assert f"{result.ndcg_at_10:.2f}" == "0.50 [0.45, 0.55]"


def test_names_that_are_not_there() -> None:
    with pytest.raises(TaskNotFound, match=r"There are: t, u, v\."):
        _ = REPORT["w", "weak"]
    with pytest.raises(NotFound, match="There are: weak, strong, twin"):
        _ = REPORT["t", "bm25"]
    with pytest.raises(NotApplicable, match="gives no vectors"):
        _ = REPORT["u", "twin"]
    with pytest.raises(NotFound, match=r"RuntimeError: out of memory Take less\."):
        _ = REPORT["v", "weak"]
    with pytest.raises(NotFound, match="was not judged"):
        _ = REPORT["v", "strong"]


def test_what_is_in_a_report() -> None:
    assert ("t", "weak") in REPORT
    assert ("u", "twin") not in REPORT
    assert [(one.task, one.system) for one in REPORT] == [
        ("t", "weak"), ("t", "strong"), ("t", "twin"), ("u", "weak"), ("u", "strong"),
    ]  # fmt: skip
    assert list(REPORT.of("u")) == ["weak", "strong"]
    assert REPORT.shared == ["t"]
    assert repr(REPORT) == "Report(3 tasks × 3 systems, 1 failed)"
    assert "strong" in str(REPORT)


def test_a_paired_test_of_two_systems() -> None:
    found = REPORT.compare("t", "strong", "weak")
    expected = REPORT["t", "strong"].score.value - REPORT["t", "weak"].score.value
    assert found.difference == pytest.approx(expected)
    assert found.low < expected < found.high
    assert found.p < 0.001
    assert REPORT.compare("t", "weak", "strong").difference == pytest.approx(-expected)
    with pytest.raises(InvalidParameter, match="There are: ndcg_at_10"):
        REPORT.compare("t", "strong", "weak", "accuracy")


def test_all_pairs_of_a_task_with_holms_correction() -> None:
    pairs = REPORT.comparisons("t")
    first, second = REPORT.ranking("t")[:2]
    assert {first, second} == {"strong", "twin"}
    assert [(one.a, one.b) for one in pairs] == [
        (first, second), (first, "weak"), (second, "weak"),
    ]  # fmt: skip
    for one in pairs:
        assert one.adjusted >= one.comparison.p
    assert [one.differs for one in pairs] == [False, True, True]
    assert REPORT.best("t") == [first, second]
    assert REPORT.comparisons("v") == []
    assert REPORT.best("v") == []


def test_the_queries_that_moved_most() -> None:
    report = made(
        {("t", "a"): [1, 0.5, 0.2, 0.7], ("t", "b"): [0, 0.5, 0.9, 0.6]},
        texts={"q0": "the first question"},
    )
    moved = report.moved("t", "a", "b")
    assert [one.item for one in moved] == ["q0", "q2", "q3"]  # q1 did not
    assert (moved[0].text, moved[0].a, moved[0].b) == ("the first question", 1.0, 0.0)
    assert moved[1].difference == pytest.approx(-0.7)
    assert [one.item for one in report.moved("t", "a", "b", n=1)] == ["q0"]


def one_measure(measure: str, sample: Sample, items: list[str], system: str) -> Result:
    value = sample.value()
    outcome = Outcome({measure: sample, "all": Sample("mean", {"values": np.ones(99)})}, items)
    figures = {measure: Estimate(value, value, value)}
    return Result("t", "kind", system, measure, figures, outcome, texts={"i0": "the first"})


@pytest.mark.parametrize("statistic", ["spearman", "average_precision", "v_measure", "best_f1"])
def test_what_items_contribute_to_a_figure_of_all_together(statistic: str) -> None:
    gold = np.arange(40) % 2
    right, wrong = gold.copy(), gold.copy()
    wrong[0] = 1  # the first item, and only that, is taken for one of the others
    names = {"spearman": ("predicted", "gold"), "v_measure": ("assigned", "gold")}
    told, given = names.get(statistic, ("scores", "labels"))
    samples = [Sample(statistic, {told: one, given: gold}) for one in (right, wrong)]
    items = [f"i{row}" for row in range(40)]
    pair = [one_measure("main", one, items, name) for one, name in zip(samples, "ab", strict=True)]
    report = Report(pair, tasks=["t"], systems=["a", "b"])
    most = report.moved("t", "a", "b", n=1)[0]
    assert (most.item, most.text) == ("i0", "the first")
    assert most.difference > 0.3
    every = report.moved("t", "a", "b", n=None)
    assert sorted(one.item for one in every) == sorted(items)
    for one, side in zip(samples, "ab", strict=True):
        assert np.mean([getattr(m, side) for m in every]) == pytest.approx(one.value(), abs=0.05)


def test_rows_that_are_no_items_have_no_movers() -> None:
    sample = Sample("mean", {"values": np.array([0.0, 1.0])})
    pair = [one_measure("main", sample, ["x", "y"], name) for name in "ab"]
    report = Report(pair, tasks=["t"], systems=["a", "b"])
    assert report.moved("t", "a", "b") == []
    assert [one.difference for one in report.moved("t", "a", "b", n=None)] == [0, 0]
    with pytest.raises(NotApplicable, match="rows of all are not the items"):
        report.moved("t", "a", "b", measure="all")


def test_systems_are_compared_on_the_items_that_both_know() -> None:
    def result(system: str, items: list[str], values: list[float]) -> Result:
        gold = [float(len(item)) for item in items]
        sample = Sample("spearman", {"predicted": np.array(values), "gold": np.array(gold)})
        value = sample.value()
        measures = {"spearman": Estimate(value, value, value)}
        return Result("t", "words", system, "spearman", measures, Outcome(
            {"spearman": sample, "all": Sample("mean", {"values": np.ones(9)})}, items
        ))  # fmt: skip

    small = result("small", ["b", "dddd", "ccc", "ee"], [1, 3, 4, 2])
    large = result("large", ["a" * 5, "b", "ccc", "dddd", "ee"], [9, 1, 3, 4, 2])
    report = Report([small, large], tasks=["t"], systems=["small", "large"])
    found = report.compare("t", "large", "small")
    ours = spearmanr([1, 4, 3, 2], [1, 4, 3, 2]).statistic
    theirs = spearmanr([1, 3, 4, 2], [1, 4, 3, 2]).statistic
    assert found.difference == pytest.approx(ours - theirs)
    assert {one.item for one in report.moved("t", "large", "small")} <= {"b", "ccc", "dddd", "ee"}
    assert report.compare("t", "large", "small", "all").difference == 0
    other = Report(
        [small, result("other", ["x", "yyyyyyy"], [1, 2])], tasks=["t"], systems=["small", "other"]
    )
    with pytest.raises(NotApplicable, match="other items"):
        other.compare("t", "small", "other")


def test_the_mean_over_tasks() -> None:
    report = made({("t", "a"): [0.2, 0.4], ("u", "a"): [0.6, 0.8], ("u", "b"): [1.0, 1.0]})
    mean = report.mean("a", ["t", "u"])
    assert mean.value == pytest.approx(0.5)
    assert mean.high - mean.value == pytest.approx(np.hypot(0.0512, 0.0512) / 2)
    assert report.mean("a").value == pytest.approx(0.7)  # u is what both did
    with pytest.raises(NotApplicable, match="No task was done by all"):
        made({("t", "a"): [1.0], ("u", "b"): [1.0]}).mean("a")


def test_json_and_back() -> None:
    text = REPORT.to_json()
    again = Report.from_json(text)
    assert again.to_json() == text
    assert again["t", "weak"].measures == REPORT["t", "weak"].measures
    values = again["t", "weak"].outcome.samples["ndcg_at_10"].columns["values"]
    np.testing.assert_array_equal(values, HARD)  # to the last bit
    assert again.comparisons("t") == REPORT.comparisons("t")
    assert (again.skipped, again.failed) == (REPORT.skipped, REPORT.failed)


def test_json_keeps_costs_that_are_computed_for_its_readers() -> None:
    costs = Costs(2.0, texts=10, text_seconds=0.5, peak_bytes=900, start_bytes=500)
    head = json.loads(made({("t", "a"): [1.0]}, costs=costs).to_json(items=False))
    (result,) = head["results"]
    assert result["costs"]["texts_per_second"] == 20
    assert result["costs"]["added_bytes"] == 400
    assert Costs.from_dict(result["costs"]) == costs
    assert "items" not in head


def test_whole_numbers_keep_their_type() -> None:
    columns = {"assigned": np.array([1, 0, 1]), "gold": np.array([1, 0, 0])}
    outcome = Outcome({"ari": Sample("ari", columns)}, ["x", "y", "z"])
    one = Result("t", "clustering", "a", "ari", {"ari": Estimate(0, 0, 0)}, outcome)
    again = Report.from_json(Report([one], tasks=["t"], systems=["a"]).to_json())
    assert again["t", "a"].outcome.samples["ari"].columns["gold"].dtype == np.int64


@pytest.mark.parametrize("text", ["", "[]", "{}", '"a report"', "{\x00"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ReadError, match="not a report"):
        Report.from_json(text)


def test_reports_that_cannot_be_read() -> None:
    with pytest.raises(ReadError, match="without the figures of single items"):
        Report.from_json(REPORT.to_json(items=False))
    newer = json.loads(REPORT.to_json()) | {"format": 99}
    with pytest.raises(ReadError, match="Update Kinspace"):
        Report.from_json(json.dumps(newer))


def test_a_folder_and_back(tmp_path: Path) -> None:
    run = Run("words and more", {"q0": {"d1": 0.5, "d2": 0.25}})
    outcome = replace(REPORT["u", "weak"].outcome, run=run)
    result = replace(REPORT["u", "weak"], system="a>b/c", outcome=outcome)
    report = Report([result], tasks=["u"], systems=["a>b/c"], made="now")
    folder = report.save(tmp_path / "new" / "report")
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert names == ["report.html", "report.json", "report.md", "runs/u.a-b-c.trec.gz"]
    written = gzip.decompress((folder / names[3]).read_bytes()).decode()
    assert written.splitlines()[0].split()[:4] == ["q0", "Q0", "d1", "1"]
    for path in (folder, folder / "report.json"):
        again = Report.load(path)
        assert again.to_json() == report.to_json()
        kept = again["u", "a>b/c"].run
        assert kept is not None
        assert kept.scores == run.scores
    again.save(tmp_path / "copy")
    assert (tmp_path / "copy" / names[3]).read_bytes() == (folder / names[3]).read_bytes()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"report\.json"):
        Report.load(tmp_path)
    (tmp_path / "report.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ReadError, match="UTF-8"):
        Report.load(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(ReadError, match=r"report\.json: This is not a report"):
        Report.load(tmp_path)
