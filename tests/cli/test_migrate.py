"""``kinspace migrate``: change the model, compare, go back, let go; and ``--model`` remembered."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from kinspace.learn.documents.lsa import LSA
from kinspace.store import Collection
from tests.cli.conftest import Kin
from tests.cli.test_cli import docs, notes, process  # noqa: F401 - fixtures

PLACES = ["harbour", "orchard", "canyon", "meadow", "glacier", "temple", "market", "island"]
THINGS = ["lantern", "violin", "saddle", "ribbon", "anchor", "hammer", "pepper", "velvet", "timber"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that was learned here, to change to."""
    texts = [f"the {thing} lies at the {place}" for thing in THINGS for place in PLACES]
    folder = tmp_path / "mine"
    LSA(dim=8).fit(texts).save(folder)
    return folder


@pytest.fixture
def things(tmp_path: Path, kin: Kin) -> Path:
    folder = tmp_path / "things"
    folder.mkdir()
    for place in PLACES:
        (folder / f"{place}.txt").write_text(
            "\n\n".join(f"The {thing} lies at the {place}." for thing in THINGS)
        )
    path = tmp_path / "things.kin"
    assert kin("index", folder, "-c", path, "--max-tokens", 16)[0] == 0
    return path


def told(kin: Kin, *arguments: object) -> Any:
    code, printed, said = kin(*arguments, "--json")
    assert code == 0, said
    return json.loads(printed)


def test_there_and_back(things: Path, model: Path, kin: Kin) -> None:
    count = told(kin, "info", things)["records"]
    done = told(kin, "migrate", things, "--model", model, "--no-switch")
    assert (done["encoded"], done["switched"], done["old"]) == (count, False, "default")
    assert done["comparison"]["overlap"]["of"] == "records"
    assert told(kin, "info", things)["space"]["model"] == "default"
    code, _, said = kin("migrate", things, "--finish")
    assert code == 1
    assert "--drop" in said
    done = told(kin, "migrate", things, "--no-compare")  # goes on with what was begun
    assert (done["encoded"], done["switched"], done["comparison"]) == (0, True, None)
    info = told(kin, "info", things)
    assert info["space"]["model"] == done["new"]
    assert info["other"]["space"]["model"] == "default"
    code, printed, _ = kin("info", things)
    assert "default (changed from it)" in printed
    assert told(kin, "search", "the violin at the temple", "-c", things, "-k", 1)
    assert told(kin, "migrate", things, "--back")["model"] == "default"
    assert told(kin, "migrate", things, "--no-compare")["switched"]
    assert told(kin, "migrate", things, "--finish")["after"] > 0
    assert told(kin, "info", things, "--check")["problems"] == []
    code, _, said = kin("migrate", things, "--back")
    assert code == 1
    assert "not changed" in said


def test_in_words(things: Path, model: Path, tmp_path: Path, kin: Kin) -> None:
    queries = tmp_path / "q.txt"
    queries.write_text("velvet at the market\nwhere is the anchor?\n")
    code, printed, _ = kin("migrate", things, "--model", model, "--queries", queries)
    assert code == 0
    assert "records encoded" in printed
    assert "best of 2 queries" in printed
    assert "--back" in printed
    code, printed, _ = kin("migrate", things, "--back")
    assert "searches by default again" in printed
    code, printed, _ = kin("migrate", things, "--drop")
    assert "holds vectors of default only" in printed


def test_a_model_that_finds_less_is_not_changed_to(
    things: Path,
    model: Path,
    tmp_path: Path,
    kin: Kin,
) -> None:
    with Collection.open(things) as opened:
        found = {f"q{i}": opened.search(f"the {t} lies at the {p}", 1, mode="dense")[0].id
                 for i, (t, p) in enumerate(zip(THINGS, PLACES, strict=False))}  # fmt: skip
    pairs = zip(THINGS, PLACES, strict=False)
    lines = [f"q{i}\tthe {t} lies at the {p}" for i, (t, p) in enumerate(pairs)]
    (tmp_path / "q.tsv").write_text("\n".join(lines))
    (tmp_path / "qrels.txt").write_text("\n".join(f"{q} 0 {d} 1" for q, d in found.items()))
    noise = tmp_path / "noise"
    LSA(dim=2).fit(["nothing of this kind", "and nothing more"]).save(noise)
    asked = ["--queries", tmp_path / "q.tsv", "--qrels", tmp_path / "qrels.txt", "--mode", "dense"]
    code, printed, said = kin("migrate", things, "--model", noise, *asked)
    assert code == 1
    assert "your judgements (8 queries)" in printed
    assert "not changed over" in said
    assert told(kin, "info", things)["space"]["model"] == "default"
    code, printed, _ = kin("migrate", things, *asked, "--anyway")
    assert code == 0
    assert told(kin, "info", things)["space"]["model"] != "default"


def test_what_is_refused(things: Path, model: Path, tmp_path: Path, kin: Kin) -> None:
    for arguments, wanted in (
        ([], "Nothing is under way"),
        (["--model", "default"], "already"),
        (["--model", "nowhere"], "nowhere"),
        (["--model", model, "--back"], "four different things"),
        (["--back"], "not changed"),
        (["--drop"], "nothing to let go"),
        (["--qrels", tmp_path / "x"], "--queries"),
        (["--model", model, "--queries", "q.txt", "--no-compare"], "Leave them out"),
        (["--back", "--anyway"], "Leave them out"),
        (["--model", model, "--queries", tmp_path / "none.txt"], "none.txt"),
    ):
        code, _, said = kin("migrate", things, *arguments)
        assert code == 1, arguments
        assert wanted in said
    assert kin("migrate", tmp_path / "none.kin", "--model", model)[0] == 1
    code, _, said = kin("index", tmp_path / "things", "-c", things, "--model", model)
    assert code == 1
    assert "kinspace migrate" in said
    assert told(kin, "info", things)["other"] is None


def test_an_empty_collection(tmp_path: Path, model: Path, kin: Kin) -> None:
    Collection.open(tmp_path / "c.kin").close()
    assert told(kin, "migrate", tmp_path / "c.kin", "--model", model)["switched"]


def test_the_model_is_remembered_wherever_one_is(
    tmp_path: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    kin: Kin,
) -> None:
    (tmp_path / "a.txt").write_text("The violin lies at the temple.")
    monkeypatch.chdir(tmp_path)
    assert kin("index", "a.txt", "-c", "c.kin", "--model", "mine")[0] == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = told(kin, "search", "violin", "-c", tmp_path / "c.kin", "--mode", "dense")
    assert found[0]["fields"]["path"].endswith("a.txt")


def test_a_killed_command_goes_on(things: Path, model: Path, kin: Kin) -> None:
    with Collection.open(things) as opened:
        opened.add({"id": f"x{i}", "text": f"the {THINGS[i % 9]} number {i}"} for i in range(6000))
        count = opened.count()
    started = process("migrate", things, "--model", model, "--no-compare", "--no-switch")
    with Collection.open(things, read_only=True) as opened:
        until = time.monotonic() + 60
        while time.monotonic() < until and started.poll() is None:
            other = opened.other
            if other is not None and other.lacking < count:
                break
            time.sleep(0.002)
    os.kill(started.pid, signal.SIGKILL)
    started.communicate()
    done = told(kin, "migrate", things, "--model", model, "--no-compare")
    assert done["encoded"] < count
    assert done["switched"]
    assert told(kin, "info", things, "--check")["problems"] == []
