"""``kinspace index tune``, beside ``kinspace index``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinspace import Embeddings
from kinspace.index import Exact
from kinspace.space import Space
from kinspace.store import Collection
from tests.cli.conftest import Kin
from tests.toys import HashEncoder


@pytest.fixture
def array(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = 3 * rng.standard_normal((40, 16))[rng.integers(0, 40, 5000)]
    np.save(tmp_path / "rows.npy", rows + rng.standard_normal((5000, 16)))
    return tmp_path / "rows.npy"


def test_an_array(kin: Kin, array: Path, tmp_path: Path) -> None:
    code, out, err = kin("index", "tune", array, "--metric", "euclidean", "--recall", "0.9")
    assert code == 0
    assert "recall@10" in out
    assert "queries/s" in out
    assert "Exact" in out
    assert "warning" not in err
    code, out, _ = kin("index", "tune", array, "--quick", "--json", "--threads", "1")
    told = json.loads(out)
    assert code == 0
    assert (told["count"], told["recall"], told["k"], told["met"]) == (5000, 0.95, 10, True)


def test_what_cannot_be_had_is_said(kin: Kin, array: Path) -> None:
    code, out, err = kin("index", "tune", array, "--quick", "--memory", "1kB")
    assert code == 0
    assert "could not" in out
    assert "bytes" in err


def test_a_file_of_vectors_and_the_index_saved(kin: Kin, tmp_path: Path) -> None:
    space = Space("by hand", "0000", dim=4, metric="euclidean")
    Embeddings(np.eye(4), space, ids=list("abcd")).save(tmp_path / "four.safetensors")
    saved = tmp_path / "four.index"
    code, out, _ = kin("index", "tune", tmp_path / "four.safetensors", "-o", saved, "--json")
    assert code == 0
    assert json.loads(out)["index"] == "Exact"
    index = Exact.load(saved)
    assert (len(index), index.metric) == (4, "euclidean")
    assert index.choice is not None


def test_a_collection(kin: Kin, tmp_path: Path) -> None:
    path = tmp_path / "c.kin"
    with Collection.open(path, HashEncoder(), recall=0.8) as opened:
        opened.add([{"id": str(i), "text": f"text {i}"} for i in range(20)])
    code, out, _ = kin("index", "tune", path, "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["count"], told["recall"]) == (20, 0.8)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.npy"], "no file"),
        (["rows.npy", "--recall", "2"], "recall is 2"),
        (["rows.npy", "--metric", "angular"], "angular"),
        (["rows.npy", "--latency", "soon"], "latency"),
        (["broken.npy"], "cannot be read"),
    ],
)
def test_errors(
    kin: Kin, array: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(array.parent)
    Path("broken.npy").write_bytes(b"no array")
    code, out, err = kin("index", "tune", *arguments)
    assert (code, out) == (1, "")
    assert said in err


def test_a_folder_of_that_name_can_be_indexed(
    kin: Kin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))
    Path("tune").mkdir()
    Path("tune/a.txt").write_text("A piano is tuned by ear.")
    code, out, _ = kin("index", "./tune", "-c", "c.kin")
    assert code == 0
    assert "1 passages" in out
