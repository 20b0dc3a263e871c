"""``kinspace datasets``: what it lists, shows and fetches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kinspace.cli import run
from kinspace.cli.datasets import first_items
from kinspace.datasets import Dataset, File, OutlierSet, describe, load, names
from tests.conftest import ROOT
from tests.datasets.server import Server, serving

TEXT = b"sun\tsunlight\t50.0\nbakery\tzebra\t0.0\n"
Kin = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kin(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kin:
    """Run a command where nothing is at hand."""
    monkeypatch.delenv("KINSPACE_DATA", raising=False)
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run(["datasets", *map(str, arguments)])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(TEXT) as state:
        yield state


@pytest.fixture
def small(server: Server, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A set of two pairs under the name ``men``, that a server here has."""
    sha256 = hashlib.sha256(TEXT).hexdigest()
    file = File("words/men.txt", sha256, len(TEXT), address=server.address)
    record = replace(describe("men"), files=(file,))
    for place in ("kinspace.datasets.describe", "kinspace.datasets.loading.describe"):
        monkeypatch.setattr(place, lambda name: record)
    return record


def test_the_list_names_all(kin: Kin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = kin()
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == names()
    assert max(map(len, out.splitlines())) <= 80  # a line each, however long the licence
    assert kin("list") == (0, out, "")
    found = json.loads(kin("--json")[1])
    assert [one["name"] for one in found] == names()
    assert not any(one["at_hand"] for one in found)
    assert json.loads(kin("list", "--json")[1]) == found


def test_show_tells_what_is_known_without_having_it(kin: Kin) -> None:
    code, out, err = kin("show", "stsb")
    assert code == 0
    for said in ("STS benchmark", "test (1,379), the default", "CC BY-SA 4.0", "Cer et al. 2017",
                 "sts/stsbenchmark/sts-test.csv", "sha256", "(not confirmed)"):  # fmt: skip
        assert said in out
    assert "item" not in out
    assert "kinspace datasets fetch stsb" in err
    assert "Clone https://" in kin("show", "20newsgroups")[2]


def test_show_gives_the_first_items_of_what_is_at_hand(
    kin: Kin, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINSPACE_DATA", str(data))
    code, out, err = kin("show", "scifact")
    assert (code, err) == (0, "")
    assert (
        "query: 0-dimensional biomaterials show inductive properties. | relevant: 31715818" in out
    )
    found = json.loads(kin("show", "stsb", "--split", "dev", "--json")[1])
    assert found["at_hand"] is True
    assert found["shown"] == "dev"
    assert found["items"][0]["score"] == 5.0
    assert found["files"][0]["address"].startswith("https://")


def test_every_kind_of_content_can_be_shown(data: Path) -> None:
    for name in ("weat", "wnut17", "lee-background", "trec", "muse-en-es", "multi30k-en-cs",
                 "google-analogies", "cosqa"):  # fmt: skip
        assert 0 < len(json.dumps(first_items(load(name)))) < 10_000
    groups = OutlierSet("cats", {"cats": (["lion"], ["spoon"])})
    assert first_items(groups) == [{"group": "cats", "members": ["lion"], "outliers": ["spoon"]}]


def test_fetch_brings_a_set_once(kin: Kin, small: Dataset, server: Server, tmp_path: Path) -> None:
    code, out, err = kin("fetch", "men")
    assert code == 0
    assert out == "men: fetched 1 file, checked\n"
    assert "free for research" in err
    assert (tmp_path / "cache/datasets/words/men.txt").read_bytes() == TEXT
    assert kin("fetch", "men")[:2] == (0, "men: at hand, checked\n")
    assert len(server.asked) == 1
    assert json.loads(kin("fetch", "men", "--json")[1]) == [
        {"name": "men", "licence": small.licence, "fetched": []}
    ]
    assert "sunlight" in kin("show", "men")[1]


def test_what_goes_wrong_is_told_in_a_line_and_a_remedy(
    kin: Kin, small: Dataset, server: Server
) -> None:
    server.status = [404]
    code, out, err = kin("fetch", "men")
    assert (code, out) == (1, "")
    assert "answers 404" in err
    assert "KINSPACE_DATA" in err
    server.body = TEXT[::-1]
    code, _, err = kin("fetch", "men")
    assert code == 1
    assert "sha256" in err


def test_names_and_splits_that_do_not_exist(kin: Kin) -> None:
    code, _, err = kin("show", "ws-353")
    assert code == 1
    assert "ws353" in err
    code, _, err = kin("fetch", "scifact", "--split", "dev")
    assert code == 1
    assert "test, train" in err


@pytest.mark.parametrize("command", ["list", "show", "fetch"])
def test_every_command_explains_itself(kin: Kin, command: str) -> None:
    code, out, _ = kin(command, "--help")
    assert code == 0
    assert "--json" in out


def test_the_records_are_in_the_package() -> None:
    found = sorted(path.name for path in (ROOT / "src/kinspace/datasets/records").iterdir())
    assert found
    assert all(name.endswith(".toml") for name in found)
