"""The runner: every pair is judged once, kept at once, and what goes wrong stays with itself."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kinspace.evaluate
from kinspace.errors import (
    DuplicateId,
    EmptyInput,
    InvalidParameter,
    NotApplicable,
    NotFound,
    TaskNotFound,
)
from kinspace.evaluate.costs import watched
from kinspace.evaluate.report import Report
from kinspace.evaluate.runner import Step, evaluate
from kinspace.evaluate.system import Meter, System
from kinspace.evaluate.systems import Dense, Hybrid, Keyword
from kinspace.evaluate.tasks.retrieval import RetrievalTask
from tests.conftest import ROOT
from tests.evaluate.fakes import CountingEncoder, Quiz, figures, library
from tests.toys import HashEncoder


def system(name: str, *, fingerprint: str = "", seed: int = 0) -> System:
    return System(name, fingerprint or f"of {name}", Meter(HashEncoder(seed=seed)))


A, B, C = (system(name) for name in "abc")
WORDLESS = System("mute", "mute")


def test_a_report_holds_figures_with_intervals() -> None:
    report = evaluate([A, B], [Quiz("one"), Quiz("two")], cache=False)
    assert (report.tasks, report.systems, len(report)) == (["one", "two"], ["a", "b"], 4)
    result = report["one", "b"]
    assert result.accuracy.value == pytest.approx(figures("b", 40).mean())
    assert result.accuracy.low < result.accuracy.value < result.accuracy.high
    assert result.score is result.accuracy
    assert result.outcome.items[3] == "item 3"
    assert result.origin["machine"]["cores"] >= 1
    assert report.parameters["seed"] == 0


def test_one_model_and_one_task_need_no_list() -> None:
    report = evaluate(A, Quiz(), cache=False)
    assert (report.systems, report.tasks) == (["a"], ["quiz"])
    assert evaluate((one for one in [A, B]), (Quiz(),), cache=False).systems == ["a", "b"]


def test_what_cannot_be_done_is_skipped_with_the_reason() -> None:
    report = evaluate([A, WORDLESS], Quiz(), cache=False)
    assert [(one.task, one.system) for one in report.skipped] == [("quiz", "mute")]
    assert "gives no vectors" in report.skipped[0].reason
    assert not report.failed
    with pytest.raises(NotApplicable, match="gives no vectors"):
        _ = report["quiz", "mute"]


def test_what_goes_wrong_stays_with_itself(tmp_path: Path) -> None:
    one, two = Quiz("one", fails="b"), Quiz("two")
    report = evaluate([A, B, C], [one, two], cache=tmp_path)
    (failed,) = report.failed
    assert (failed.task, failed.system, failed.error) == ("one", "b", "RuntimeError")
    assert failed.message == "out of memory"
    assert "fakes.py" in failed.trace
    assert len(report) == 5
    with pytest.raises(NotFound, match="b failed on one: RuntimeError: out of memory"):
        _ = report["one", "b"]
    one.fails = ""
    again = evaluate([A, B, C], [one, two], cache=tmp_path)
    assert one.runs == ["a", "b", "c", "b"]  # only what was missing
    assert two.runs == ["a", "b", "c"]
    assert (len(again), again.failed) == (6, [])


def test_a_set_that_cannot_be_had_is_no_end() -> None:
    class Gone(Quiz):
        @property
        def fingerprint(self) -> str:
            raise OSError("the disk is gone")

    report = evaluate([A, B], [Gone("gone"), Quiz("here")], cache=False)
    assert [(one.task, one.system, one.error) for one in report.failed] == [
        ("gone", "a", "OSError"),
        ("gone", "b", "OSError"),
    ]
    assert len(report) == 2


def test_a_main_measure_that_the_task_does_not_have() -> None:
    quiz = Quiz()
    quiz.main = "ndgc_at_10"
    (failed,) = evaluate([A], quiz, cache=False).failed
    assert failed.error == "InvalidParameter"
    assert "no measure 'ndgc_at_10'" in failed.message


@pytest.mark.parametrize(
    ("models", "tasks", "error"),
    [
        ([A], [], EmptyInput),
        ([], [Quiz()], EmptyInput),
        ([A, A], [Quiz()], DuplicateId),
        ([A], [Quiz(), Quiz()], DuplicateId),
        ([A], [Quiz(), "no-such-task"], TaskNotFound),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_any_work(
    models: list[System], tasks: list[Quiz], error: type[Exception]
) -> None:
    with pytest.raises(error):
        evaluate(models, tasks, cache=False)
    assert not any(task.runs for task in tasks if isinstance(task, Quiz))


def test_a_file_is_no_folder_for_a_report(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    task = Quiz()
    with pytest.raises(InvalidParameter, match="is a file"):
        evaluate(A, task, output=tmp_path / "file", cache=False)
    assert not task.runs


def test_one_more_model_is_one_models_work(tmp_path: Path) -> None:
    tasks = [Quiz("one"), Quiz("two")]
    first = evaluate([A, B], tasks, cache=tmp_path)
    second = evaluate([A, B, C], tasks, cache=tmp_path)
    assert tasks[0].runs == tasks[1].runs == ["a", "b", "c"]
    for pair in (("one", "a"), ("two", "b")):
        old, new = first[pair], second[pair]
        assert new.measures == old.measures
        assert new.costs == old.costs  # those of when it was measured
        assert new.origin == old.origin
        assert new.outcome.notes == old.outcome.notes
        for name, sample in old.outcome.samples.items():
            for key, column in sample.columns.items():
                kept = new.outcome.samples[name].columns[key]
                np.testing.assert_array_equal(kept, column)
                assert kept.dtype == column.dtype


def test_what_changed_is_measured_again(tmp_path: Path) -> None:
    task = Quiz()
    evaluate(A, task, cache=tmp_path)
    evaluate(system("a", fingerprint="new weights"), task, cache=tmp_path)
    evaluate(A, task, cache=tmp_path, seed=1)
    assert len(task.runs) == 3
    newer = Quiz(version=2)
    evaluate(A, newer, cache=tmp_path)
    assert newer.runs == ["a"]
    evaluate(A, task, cache=tmp_path)
    assert len(task.runs) == 3


def test_another_version_measures_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Quiz()
    evaluate(A, task, cache=tmp_path)
    monkeypatch.setattr("kinspace.evaluate.cache.METHOD", 999)
    evaluate(A, task, cache=tmp_path)
    assert len(task.runs) == 2


def test_the_same_model_under_another_name_is_known(tmp_path: Path) -> None:
    task = Quiz()
    evaluate(A, task, cache=tmp_path)
    report = evaluate(system("renamed", fingerprint=A.fingerprint), task, cache=tmp_path)
    assert task.runs == ["a"]
    assert report["quiz", "renamed"].system == "renamed"


@pytest.mark.parametrize("damage", [b"", b"junk", b"\x1f\x8b\x08\x00cut off"])
def test_a_damaged_result_is_measured_again(tmp_path: Path, damage: bytes) -> None:
    task = Quiz()
    evaluate(A, task, cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for content in (damage, whole[: len(whole) // 2]):
        kept.write_bytes(content)
        evaluate(A, task, cache=tmp_path)
    assert len(task.runs) == 3
    evaluate(A, task, cache=tmp_path)
    assert len(task.runs) == 3


def test_without_a_cache_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))
    task = Quiz()
    evaluate(A, task, cache=False)
    assert not (tmp_path / "cache").exists()
    evaluate(A, task)
    assert len(list((tmp_path / "cache" / "evaluations").iterdir())) == 1


def test_a_cache_that_cannot_be_written_to_is_no_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="cannot be kept"):
        report = evaluate([A, B], Quiz(), cache=tmp_path / "file" / "cache")
    assert len(report) == 2


def test_texts_with_half_a_character_are_kept(tmp_path: Path) -> None:
    class Odd(Quiz):
        def run(self, system, *, progress=None):  # type: ignore[no-untyped-def]
            outcome = super().run(system, progress=progress)
            return replace(outcome, notes=["half \ud83d a character, and a whole \u20ac"])

    task = Odd()
    for _ in range(2):
        report = evaluate(A, task, cache=tmp_path, output=tmp_path / "report")
        assert report["quiz", "a"].outcome.notes == task.run(A).notes
    assert Report.load(tmp_path / "report")["quiz", "a"].outcome.notes == task.run(A).notes


def test_interrupted_it_goes_on_where_it_was(tmp_path: Path) -> None:
    def interrupt() -> None:
        if len(task.runs) == 2:
            raise KeyboardInterrupt

    task = Quiz(before=interrupt)
    with pytest.raises(KeyboardInterrupt):
        evaluate([A, B, C], task, cache=tmp_path)
    report = evaluate([A, B, C], task, cache=tmp_path)
    assert task.runs == ["a", "b", "b", "c"]
    assert len(report) == 3


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from kinspace.evaluate.runner import evaluate
from kinspace.evaluate.system import Meter, System
from tests.evaluate.fakes import Quiz
from tests.toys import HashEncoder

folder, dies = Path(sys.argv[1]), sys.argv[2]
systems = [System(name, name, Meter(HashEncoder())) for name in "abc"]
tasks = [Quiz("one", log=folder / "log"), Quiz("two", log=folder / "log", dies=dies)]
evaluate(systems, tasks, cache=folder / "cache", output=folder / "report")
"""


def test_killed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    def start(dies: str) -> int:
        command = [sys.executable, "-c", KILLED, str(tmp_path), dies]
        return subprocess.run(command, cwd=ROOT, check=False).returncode

    assert start("b") == -9
    assert not (tmp_path / "report" / "report.json").exists()
    assert start("") == 0
    runs = (tmp_path / "log").read_text().splitlines()
    assert runs == ["one a", "one b", "one c", "two a", "two b", "two b", "two c"]
    assert len(Report.load(tmp_path / "report")) == 6


def test_two_systems_of_one_encoder_encode_a_document_once() -> None:
    encoder = CountingEncoder()
    meter = Meter(encoder)
    systems = [
        System("dense", "dense", meter, Dense(meter)),
        System("both", "both", retriever=Hybrid(meter)),
    ]
    report = evaluate(systems, [RetrievalTask(library())], cache=False)
    for document in library().documents.values():
        assert encoder.count(document.text) == 1
    assert encoder.seen.count(("query", "where is word3 ?")) > 1  # queries are by the clock
    dense, both = (report["library", name].costs for name in ("dense", "both"))
    assert dense.texts == both.texts == 20
    assert dense.vector_bytes == both.vector_bytes == 4 * 32
    evaluate(systems, [RetrievalTask(library())], cache=False)
    assert encoder.count("word3 beside other words") == 2  # remembered no longer than one task


def test_remembered_vectors_are_charged() -> None:
    meter = Meter(CountingEncoder())
    meter.remember()
    first = meter.encode(["a cat", "a dog"])
    spent = meter.seconds
    meter.reset()
    second = meter.encode(["a dog", "a cat", "a dog"])
    np.testing.assert_array_equal(second.vectors, first.vectors[[1, 0, 1]])
    assert (meter.texts, meter.saved) == (3, pytest.approx(spent))
    assert meter.seconds >= meter.saved
    meter.forget()
    meter.reset()
    meter.encode(["a dog"])
    assert meter.saved == 0


def test_costs_of_retrieval() -> None:
    meter = Meter(HashEncoder())
    systems = [
        System("dense", "dense", meter, Dense(meter)),
        System("words", "words", retriever=Keyword()),
    ]
    report = evaluate(systems, RetrievalTask(library()), cache=False)
    dense, words = (report["library", name].costs for name in ("dense", "words"))
    for costs in (dense, words):
        assert costs.documents == 20
        assert costs.seconds > 0
        assert costs.texts_per_second is not None
        assert costs.texts_per_second > 0
        assert costs.query_ms is not None
        assert costs.query_ms_95 is not None
        assert 0 < costs.query_ms <= costs.query_ms_95
        assert costs.price is None
    assert dense.index_bytes == 20 * (32 * 4 + 9)  # nine bytes of an id and its mark
    assert dense.bytes_per_document == 32 * 4 + 9
    assert words.vector_bytes is None
    assert words.index_bytes is not None
    assert words.index_bytes > 0
    run = report["library", "dense"].run
    assert run is not None
    assert set(run.scores) == set(library().queries)
    assert report["library", "dense"].texts["q3"] == "where is word3 ?"


def test_what_a_provider_charges_is_a_cost() -> None:
    class Paid(HashEncoder):
        charged = 1.0

        def _encode_batch(self, items, side):  # type: ignore[no-untyped-def]
            self.charged += 0.01 * len(items)
            return super()._encode_batch(items, side)

    report = evaluate(System("paid", "paid", Meter(Paid())), Quiz(n=5), cache=False)
    assert report["quiz", "paid"].costs.price == pytest.approx(0.05)


def test_peak_memory_is_that_of_what_is_inside() -> None:
    with watched() as watch:
        held = np.ones(12_000_000)
        del held
    if watch.peak_bytes is None or watch.start_bytes is None:
        pytest.skip("this system does not say how much memory a process held")
    assert 90_000_000 < watch.peak_bytes - watch.start_bytes < 200_000_000
    with watched() as watch:
        pass
    assert watch.peak_bytes is not None
    assert watch.start_bytes is not None
    assert watch.peak_bytes - watch.start_bytes < 50_000_000


def test_progress_says_where_it_is() -> None:
    steps: list[Step] = []
    evaluate([A, B], [Quiz("one"), Quiz("two")], cache=False, progress=steps.append)
    order = list(dict.fromkeys((step.number, step.task, step.system) for step in steps))
    assert order == [(1, "one", "a"), (2, "one", "b"), (3, "two", "a"), (4, "two", "b")]
    assert {step.count for step in steps} == {4}
    assert any(step.done == step.total == 40 for step in steps)


def test_the_room_is_the_verb() -> None:
    assert kinspace.evaluate.Report is Report
    report = kinspace.evaluate([A], [Quiz()], cache=False)
    assert isinstance(report, Report)
    with pytest.raises(AttributeError, match="has no attribute 'Reprot'"):
        _ = kinspace.evaluate.Reprot


@pytest.mark.parametrize(
    "statement",
    [
        "import kinspace.evaluate",
        "import kinspace.evaluate.runner; import kinspace.evaluate.task",
        "from kinspace.evaluate import System, Report, task_names, catalogue",
        "from kinspace.evaluate.results import Result; import kinspace.evaluate as room",
    ],
)
def test_the_room_can_be_called_however_it_was_imported(statement: str) -> None:
    code = (
        f"{statement}\nimport sys, types, kinspace\n"
        "assert callable(kinspace.evaluate), kinspace.evaluate\n"
        "assert isinstance(kinspace.evaluate, types.ModuleType)\n"
        "import kinspace.evaluate.task as module\n"
        "assert isinstance(module, types.ModuleType)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_room_is_light() -> None:
    code = "import sys, kinspace.evaluate; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"scipy", "sklearn", "tomllib", "rich", "faiss", "numba"} & set(loaded)
