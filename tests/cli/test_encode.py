"""``kinspace encode``: files in, one file out, and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.bulk import job
from tests.cli.conftest import Kin
from tests.pretrained.providers.server import Server, serving, status


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache that nobody else uses."""
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of JSON Lines: fields key and body."""
    path = tmp_path / "rows.jsonl"
    lines = [{"key": f"k{i}", "body": f"the cat number {i} sat"} for i in range(20)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_rows_to_parquet(rows: Path, tmp_path: Path, kin: Kin) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "v.parquet"
    code, out, err = kin(
        "encode", rows, "-o", target, "--id", "key", "--field", "body", "--keep-text"
    )
    assert (code, out) == (0, "")
    assert "20 vectors of default" in err
    assert "texts/s" in err
    table = pq.read_table(target)
    assert table["id"].to_pylist() == [f"k{i}" for i in range(20)]
    flat = table["vector"].combine_chunks().flatten().to_numpy()
    right = ks.load().encode(table["text"].to_pylist()).vectors
    np.testing.assert_allclose(flat.reshape(20, -1), right, atol=1e-6)
    said = json.loads(kin("encode", rows, "-o", target, "--json")[1])
    assert (said["vectors"], said["resumed"], said["left_out"]) == (20, 0, 0)
    assert said["space"]["model"] == "default"
    assert said["tokens"] > 20


def test_ids_can_be_searched(rows: Path, tmp_path: Path, kin: Kin) -> None:
    target = tmp_path / "v.safetensors"
    assert kin("encode", rows, "-o", target, "--id", "key")[0] == 0
    assert ks.Embeddings.load(target).ids == [f"k{i}" for i in range(20)]
    assert len(json.loads(kin("near", target, "k3", "-k", 2, "--json")[1])) == 2


def test_what_was_left_out_is_said(tmp_path: Path, kin: Kin) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": ""}\nbroken\n{"text": "b"}\n')
    code, _, err = kin("encode", path, "-o", tmp_path / "v.safetensors")
    assert code == 0
    assert "2 rows without text, or broken, were left out" in err
    assert ks.Embeddings.load(tmp_path / "v.safetensors").ids == [0, 3]
    code, _, err = kin("encode", path, "-o", tmp_path / "v.npy")
    assert code == 1
    assert "no ids" in err


def test_it_goes_on_where_it_was_interrupted(
    tmp_path: Path, kin: Kin, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = tmp_path / "t.txt", tmp_path / "v.npy"
    path.write_text("".join(f"text {i}\n" for i in range(100)))
    monkeypatch.setattr(job, "WINDOW_ITEMS", 10)
    assert kin("encode", path, "-o", target)[0] == 0
    whole = target.read_bytes()
    target.unlink()
    static = type(ks.load())
    work, calls = static._encode_batch, iter(range(100))

    def stop_at_5(*arguments: object) -> object:
        if next(calls) == 5:
            raise KeyboardInterrupt
        return work(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(static, "_encode_batch", stop_at_5)
    code, _, err = kin("encode", path, "-o", target)
    assert code == 130
    assert "goes on" in err
    monkeypatch.setattr(static, "_encode_batch", work)
    code, _, err = kin("encode", path, "-o", target, "--query")
    assert code == 1
    assert "--restart" in err
    code, _, err = kin("encode", path, "-o", target)
    assert code == 0
    assert "50 were done before" in err
    assert target.read_bytes() == whole


def test_dry_run(rows: Path, tmp_path: Path, kin: Kin) -> None:
    target = tmp_path / "v.npy"
    code, out, err = kin("encode", rows, "-o", target, "--dry-run")
    assert (code, err) == (0, "")
    assert "texts       20" in out
    assert "texts/s" in out
    found = json.loads(kin("encode", rows, "--dry-run", "--json")[1])
    assert (found["texts"], found["to_encode"], found["dollars"]) == (20, 20, None)
    assert found["seconds"] > 0
    assert not list(tmp_path.glob("v.npy*"))
    paid = kin("encode", rows, "--dry-run", "--model", "openai:text-embedding-3-small")
    assert paid[0] == 0
    assert " $, at 0.02 $" in paid[1]


def test_cut_texts_are_counted_and_read_in_parts(tmp_path: Path, kin: Kin) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "t.txt"
    path.write_text("short\n" + "a long word " * 400 + "\n")
    model = ["--model", "all-MiniLM-L6-v2", "--precision", "float32"]
    code, _, err = kin("encode", path, "-o", tmp_path / "v.npy", *model)
    assert code == 0
    assert "1 texts are longer than the model reads; 946 tokens of them were not read" in err
    dry = json.loads(kin("encode", path, "--dry-run", "--json", *model)[1])
    assert (dry["cut_texts"], dry["cut_tokens"]) == (1, 946)
    said = json.loads(
        kin("encode", path, "-o", tmp_path / "m.npy", "--long", "mean", "--json", *model)[1]
    )
    assert said["cut_texts"] == 0
    first, second = np.load(tmp_path / "v.npy"), np.load(tmp_path / "m.npy")
    assert not np.allclose(first[1], second[1])
    code, _, err = kin("encode", path, "-o", tmp_path / "e.npy", "--long", "error", *model)
    assert code == 1
    dim = json.loads(kin("encode", "a", "--dim", "64", "--json", *model)[1])
    assert dim["space"]["dim"] == 64


def test_the_cache(rows: Path, tmp_path: Path, kin: Kin) -> None:
    assert kin("encode", rows, "-o", tmp_path / "a.npy", "--cache")[0] == 0
    assert kin("encode", rows, "-o", tmp_path / "b.npy", "--cache")[0] == 0
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    assert "20 in the cache" in kin("encode", rows, "--dry-run", "--cache")[1]
    assert list((tmp_path / "cache" / "vectors").glob("default-*.vectors"))


def test_no_text_is_paid_for_twice(
    tmp_path: Path, kin: Kin, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = tmp_path / "t.txt", tmp_path / "v.npy"
    path.write_text("".join(f"text {i % 60}\n" for i in range(70)))
    monkeypatch.setattr(job, "WINDOW_ITEMS", 10)
    monkeypatch.setenv("KINSPACE_API_KEY", "very-secret")
    with serving() as server:
        command = ["encode", path, "-o", target, "--model", f"{server.url}#small"]
        assert kin("encode", "a", "--model", f"{server.url}#small")[0] == 0  # it is reached
        server.asked.clear()
        server.moods += [lambda answer: answer] * 3 + [status(401)]
        code, _, err = kin(*command)
        assert code == 1
        assert "401" in err
        assert kin(*command)[0] == 0
        paid = [item for item in server.items if item.startswith("text")]
        assert sorted(paid) == sorted([*{f"text {i}" for i in range(60)}, *paid_in_vain(server)])
        right = np.stack([server.vector(f"text {i % 60}") for i in range(70)])
        np.testing.assert_allclose(np.load(target), right, rtol=1e-6)
        asked = len(server.asked)
        assert kin(*command)[0] == 0
        assert len([one for one in server.asked[asked:] if "text" in one.items[0]]) == 0
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(b"very-secret" in content for content in written)


def paid_in_vain(server: Server) -> list[str]:
    """What the request held that was refused."""
    return server.asked[3].items


def test_refusals(rows: Path, tmp_path: Path, kin: Kin) -> None:
    for arguments, words in [
        (["none.jsonl", "-o", tmp_path / "v.npy"], "There is no file none.jsonl"),
        ([rows, "a text"], "There is no file a text"),
        (["a text", "--field", "body"], "Texts have no fields"),
        ([rows, "--field", "nobody", "-o", tmp_path / "v.npy"], "nobody"),
        ([rows, "--keep-text"], "nothing to keep"),
        ([rows, "--keep-text", "-o", tmp_path / "v.npy"], ".parquet files only"),
        ([rows, "-o", tmp_path / "none" / "v.npy"], "There is no folder"),
        ([rows, "--device", "cpu"], "device"),
    ]:
        code, out, err = kin("encode", *arguments)
        assert (code, out) == (1, ""), arguments
        assert words in err
    assert not list(tmp_path.glob("*.npy"))


def test_what_is_kept_is_listed_and_thrown_away(rows: Path, tmp_path: Path, kin: Kin) -> None:
    assert "Nothing is kept" in kin("cache")[2]
    assert kin("encode", rows, "-o", tmp_path / "a.npy", "--cache")[0] == 0
    (listed,) = json.loads(kin("cache", "--json")[1])
    assert (listed["model"], listed["vectors"]) == ("default", 20)
    assert "default" in kin("cache")[1]
    code, _, err = kin("cache", "clear", "nobody")
    assert code == 1
    assert "default" in err
    assert kin("cache", "clear")[0] == 1
    assert kin("cache", "clear", "default")[0] == 0
    assert json.loads(kin("cache", "--json")[1]) == []
    assert json.loads(kin("cache", "clear", "--all", "--json")[1])["bytes"] == 0


def test_images(tmp_path: Path, kin: Kin) -> None:
    pytest.importorskip("torch")
    images = pytest.importorskip("PIL.Image")
    from tests.pretrained.neural import tiny, tiny_images

    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in (("b.png", "red"), ("a.jpg", "blue")):
        images.new("RGB", (40, 30), colour).save(folder / name)
    model = tiny.made(tiny_images.clip)
    target = tmp_path / "v.safetensors"
    command = ["encode", folder, "--images", "-o", target, "--model", model, "--cache"]
    assert kin(*command)[0] == 0
    found = ks.Embeddings.load(target)
    assert found.ids == [str(folder / "a.jpg"), str(folder / "b.png")]
    right = ks.load(model).encode([folder / "a.jpg", folder / "b.png"]).vectors
    np.testing.assert_allclose(found.vectors, right, atol=1e-5)
    assert "2 in the cache" in kin(*command, "--dry-run")[1]
    images.new("RGB", (40, 30), "green").save(folder / "b.png")
    assert "1 in the cache" in kin(*command, "--dry-run")[1], "another image under the same name"
    code, _, err = kin("encode", folder / "a.jpg", "-o", target)
    assert code == 1
    assert "is not a text" in err
