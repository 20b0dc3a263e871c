"""``kinspace compress``: measured first, refused above the limit, collections and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.compress import Compressed
from kinspace.embeddings import Embeddings
from kinspace.space import Space
from tests.cli.conftest import Kin
from tests.cli.test_migrate import model, things, told  # noqa: F401 - fixtures


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = np.random.default_rng(0).standard_normal((400, 32)).astype(np.float32)
    path = tmp_path / "table.safetensors"
    ids = [f"w{i}" for i in range(400)]
    Embeddings(rows, Space("by hand", "0000", dim=32), ids).save(path)
    return path


def test_a_file(table: Path, kin: Kin, tmp_path: Path) -> None:
    found = told(kin, "compress", table, "--to", "int8", "-o", tmp_path / "small")
    assert found["accepted"]
    assert found["loss"] <= 0.05
    assert found["measured"]["bytes_after"] == 32
    assert found["bytes"] == (tmp_path / "small").stat().st_size
    small = Compressed.load(tmp_path / "small")
    assert small.nearest(Embeddings.load(table).vectors[7], k=1).ids == ["w7"]
    code, printed, said = kin("compress", table, "--to", "pca:30+int8", "--loss", 0.5)
    assert code == 0, said
    assert "128 → 30 bytes a vector, recall@10 0." in printed
    assert table.with_name("table.pca-30-int8.kinc").is_file()


def test_too_much_is_refused_and_nothing_written(table: Path, kin: Kin, tmp_path: Path) -> None:
    code, printed, said = kin("compress", table, "--to", "binary", "-o", tmp_path / "small")
    assert code == 1
    assert "recall@10" in printed
    assert "would be lost, and at most 5.0% may be" in said
    assert not (tmp_path / "small").exists()
    code, printed, _ = kin("compress", table, "--to", "binary", "--json")
    assert code == 1
    assert json.loads(printed)["accepted"] is False
    found = told(kin, "compress", table, "--to", "int4", "--rescore", "--dry-run")
    assert found["output"] is None
    assert found["loss"] == pytest.approx(1 - found["measured"]["rescored"])


def test_npy_and_wrong_use(table: Path, kin: Kin, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((50, 8)))
    assert told(kin, "compress", tmp_path / "a.npy", "--dry-run")["accepted"]
    np.save(tmp_path / "b.npy", np.arange(3))
    (tmp_path / "c.npy").write_bytes(b"no array")
    for arguments, said in (
        (["b.npy"], "shape"), (["c.npy"], "damaged"), (["a.npy", "--to", "zip"], "Choose one of"),
        (["a.npy", "--loss", 2], "share"), (["a.npy", "--qrels", "q"], "--queries"),
        (["a.npy", "--queries", "q"], "no model"), (["nowhere"], "nowhere"),
    ):  # fmt: skip
        code, _, error = kin("compress", tmp_path / str(arguments[0]), *arguments[1:])
        assert code == 1
        assert said in error
    code, _, error = kin("compress", table, "-o", table)
    assert code == 1
    assert "Name another output" in error


def test_a_collection(things: Path, kin: Kin) -> None:  # noqa: F811
    before: Any = told(kin, "search", "the violin at the temple", "-c", things, "-k", 3)
    found = told(kin, "compress", things, "--to", "int8")
    assert found["accepted"]
    assert found["vectors"] == told(kin, "info", things)["records"]
    assert told(kin, "info", things)["dtype"] == "int8"
    after = told(kin, "search", "the violin at the temple", "-c", things, "-k", 3)
    assert [hit["id"] for hit in after] == [hit["id"] for hit in before]
    assert told(kin, "migrate", things, "--back")
    assert told(kin, "info", things)["dtype"] != "int8"
    told(kin, "migrate", things, "--drop")
    told(kin, "compress", things, "--to", "pca:64", "--loss", 0.9)
    told(kin, "migrate", things, "--finish")
    info = told(kin, "info", things, "--check")
    assert info["space"]["dim"] == 64
    assert info["problems"] == []
    code, _, said = kin("compress", things, "--to", "product")
    assert code == 1
    assert "does not leave" in said
    code, _, said = kin("compress", things, "--rescore")
    assert code == 1
    assert "Leave --output and --rescore out" in said


def test_judged_queries_decide(things: Path, kin: Kin, tmp_path: Path) -> None:  # noqa: F811
    hits = told(kin, "search", "the violin at the temple", "-c", things, "-k", 1, "--mode", "dense")
    queries, qrels = tmp_path / "q.tsv", tmp_path / "qrels.tsv"
    queries.write_text("q1\tthe violin at the temple\nq2\tnobody judged this\n")
    qrels.write_text(f"q1\t0\t{hits[0]['id']}\t1\n")
    arguments = ("compress", things, "--queries", queries, "--qrels", qrels)
    found = told(kin, *arguments, "--dry-run")
    assert found["ndcg"] == {"before": 1.0, "after": 1.0}
    assert found["loss"] == 0
    code, printed, said = kin(*arguments, "--to", "truncate:8")
    if code:
        assert "of nDCG@10 would be lost" in said
    assert "nDCG@10 1.000 → " in printed
