"""A stream to a file: the same vectors, the same bytes however often it was interrupted."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import kinspace as ks
from kinspace.bulk import Entry, Progress, encode_to_file, job
from kinspace.bulk.work import folder_of
from kinspace.encoder import Encoder, Side
from kinspace.errors import (
    DuplicateId,
    EmptyInput,
    InvalidInput,
    InvalidParameter,
    PathNotFound,
    StoreLocked,
)
from kinspace.space import Space
from tests.bulk.killed import Slow
from tests.conftest import ROOT
from tests.toys import HashEncoder, MultiHashEncoder, SparseHashEncoder

TEXTS = [f"text {i % 170} of {i}" for i in range(230)]


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "WINDOW_ITEMS", 50)
    monkeypatch.setattr(job, "COMMIT_EVERY", 0.0)


def named(texts: Sequence[str] = TEXTS) -> list[Entry]:
    return [Entry(f"№ {i}", text) for i, text in enumerate(texts)]


# -- what comes out --------------------------------------------------------------------------------


def test_npy(tmp_path: Path) -> None:
    done = encode_to_file(HashEncoder(), iter(TEXTS), tmp_path / "v.npy")
    found = np.load(tmp_path / "v.npy")
    np.testing.assert_array_equal(found, HashEncoder().encode(TEXTS).vectors)
    assert (done.rows, done.resumed, done.space) == (230, 0, HashEncoder().space)
    assert [path.name for path in tmp_path.iterdir()] == ["v.npy"]


@pytest.mark.parametrize("encoder", [HashEncoder(), SparseHashEncoder(), MultiHashEncoder(4)])
@pytest.mark.parametrize("ids", [False, True])
def test_safetensors(encoder: Encoder[str], ids: bool, tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    encode_to_file(encoder, named() if ids else TEXTS, path)
    found = ks.Embeddings.load(path)
    names = [f"№ {i}" for i in range(230)] if ids else None
    assert found.ids == names
    assert found.space == encoder.space
    whole = ks.Embeddings(encoder.encode(TEXTS).vectors, encoder.space, names)
    if encoder.space.form == "sparse":
        np.testing.assert_array_equal(np.asarray(found), np.asarray(whole))
        return
    whole.save(tmp_path / "w.safetensors")
    assert path.read_bytes() == (tmp_path / "w.safetensors").read_bytes()


def test_parquet(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "v.parquet"
    encode_to_file(HashEncoder(), named(), path, keep_text=True)
    table = pq.read_table(path)
    assert table.column_names == ["id", "text", "vector"]
    assert table["id"].to_pylist()[:2] == ["№ 0", "№ 1"]
    assert table["text"].to_pylist() == TEXTS
    flat = table["vector"].combine_chunks().flatten().to_numpy()
    right = HashEncoder().encode(TEXTS).vectors
    np.testing.assert_array_equal(flat.reshape(-1, 32), right)
    space = json.loads(table.schema.metadata[b"kinspace.space"])
    assert Space.from_dict(space) == HashEncoder().space
    encode_to_file(HashEncoder(), TEXTS, path)
    assert pq.read_table(path)["id"].to_pylist() == list(range(230))
    assert pq.read_table(path).column_names == ["id", "vector"]


def test_parquet_of_other_forms(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    encode_to_file(SparseHashEncoder(), TEXTS, tmp_path / "s.parquet")
    rows = pq.read_table(tmp_path / "s.parquet")["vector"].to_pylist()
    right = SparseHashEncoder().encode(TEXTS).vectors
    for row, line in zip(rows, right.toarray(), strict=True):
        assert {one["index"]: one["value"] for one in row} == {
            int(place): line[place] for place in np.flatnonzero(line)
        }
    encode_to_file(MultiHashEncoder(4), TEXTS, tmp_path / "m.parquet")
    items = pq.read_table(tmp_path / "m.parquet")["vector"].to_pylist()
    for item, wanted in zip(items, MultiHashEncoder(4).encode(TEXTS).vectors, strict=True):
        np.testing.assert_array_equal(np.array(item, np.float32), wanted)


def test_many_row_groups_are_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    from kinspace.bulk import parquet

    monkeypatch.setattr(parquet, "_GROUP", 4096)
    encode_to_file(HashEncoder(), named(), tmp_path / "v.parquet")
    file = pq.ParquetFile(tmp_path / "v.parquet")
    assert file.num_row_groups > 5
    assert file.read()["id"].to_pylist() == [f"№ {i}" for i in range(230)]


def test_queries(tmp_path: Path) -> None:
    class Sided(HashEncoder):
        def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
            return super()._encode_batch(items, side) + (side == "query")

    encode_to_file(Sided(), TEXTS, tmp_path / "q.npy", side="query")
    right = Sided().encode_query(TEXTS).vectors
    np.testing.assert_array_equal(np.load(tmp_path / "q.npy"), right)


def test_progress(tmp_path: Path) -> None:
    told: list[Progress] = []
    encode_to_file(HashEncoder(), TEXTS, tmp_path / "v.npy", progress=told.append)
    assert [one.done for one in told] == [50, 100, 150, 200, 230]
    assert all(one.resumed == 0 and one.total is None for one in told)
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(HashEncoder(), interrupted(120), tmp_path / "v.npy")
    told.clear()
    encode_to_file(HashEncoder(), TEXTS, tmp_path / "v.npy", progress=told.append)
    assert [(one.done, one.resumed) for one in told] == [(150, 100), (200, 100), (230, 100)]


def test_what_was_cut_is_counted_over_all_runs(tmp_path: Path) -> None:
    class Cutting(HashEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.truncated_ = {"texts": 5, "tokens": 50}  # from what it did before

        def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
            self.truncated_["texts"] += len(items)
            self.truncated_["tokens"] += 3 * len(items)
            return super()._encode_batch(items, side)

    with pytest.raises(KeyboardInterrupt):
        encode_to_file(Cutting(), interrupted(120), tmp_path / "v.npy")
    done = encode_to_file(Cutting(), TEXTS, tmp_path / "v.npy")
    assert (done.resumed, done.cut_texts, done.cut_tokens) == (100, 230, 690)
    assert encode_to_file(HashEncoder(), TEXTS, tmp_path / "v.npy").cut_texts is None


# -- going on --------------------------------------------------------------------------------------


def interrupted(after: int) -> Iterator[str]:
    """The texts, until somebody presses Ctrl-C."""
    yield from TEXTS[:after]
    raise KeyboardInterrupt


@pytest.mark.parametrize("ending", ["npy", "safetensors", "parquet"])
@pytest.mark.parametrize("encoder", [Slow(), SparseHashEncoder(), MultiHashEncoder(4)])
def test_interrupted_it_goes_on_to_the_same_bytes(
    encoder: Encoder[str], ending: str, tmp_path: Path
) -> None:
    if ending == "npy" and encoder.space.form != "dense":
        pytest.skip("an .npy holds dense vectors")
    whole, parts = tmp_path / f"whole.{ending}", tmp_path / f"parts.{ending}"
    encode_to_file(encoder, named(), whole)
    for after in (0, 49, 50, 120, 229):
        with pytest.raises(KeyboardInterrupt):
            encode_to_file(
                encoder, (Entry(f"№ {i}", t) for i, t in enumerate(interrupted(after))), parts
            )
        assert not parts.exists()
    done = encode_to_file(encoder, named(), parts)
    assert done.resumed == 200
    assert parts.read_bytes() == whole.read_bytes()
    assert not folder_of(parts).exists()


def test_a_static_model_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.npy", tmp_path / "parts.npy"
    encode_to_file(ks.load(), TEXTS, whole)
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(ks.load(), interrupted(60), parts)
    encode_to_file(ks.load(), TEXTS, parts)
    assert parts.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_it_goes_on_to_the_same_bytes(
    how: signal.Signals, tmp_path: Path, ctrl_c: None
) -> None:
    texts, whole, parts = (tmp_path / name for name in ("t.txt", "whole.parquet", "parts.parquet"))
    texts.write_text("".join(f"{text}\n" for text in TEXTS))
    subprocess.run([*command(texts, whole, 0)], cwd=ROOT, check=True)
    journal = folder_of(parts) / "journal.jsonl"
    for lines in (2, 4):
        running = subprocess.Popen(command(texts, parts, 0.2), cwd=ROOT, stderr=subprocess.DEVNULL)
        wait_until(lambda lines=lines: journal.is_file() and count(journal) >= lines)  # type: ignore[misc]
        running.send_signal(how)
        assert running.wait(timeout=30) != 0
        assert not parts.exists()
    subprocess.run(command(texts, parts, 0), cwd=ROOT, check=True)
    assert parts.read_bytes() == whole.read_bytes()


def command(texts: Path, target: Path, pause: float) -> list[str]:
    arguments = [str(texts), str(target), str(pause)]
    return [sys.executable, "-m", "tests.bulk.killed", *arguments]


def count(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def wait_until(true: Any) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("tail", [b'{"rows": 9', b"\xff\xfe", b'{"rows": 9}\n[1, 2]\n'])
def test_a_journal_whose_end_is_broken(tail: bytes, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.npy", tmp_path / "parts.npy"
    encode_to_file(Slow(), TEXTS, whole)
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(Slow(), interrupted(130), parts)
    journal = folder_of(parts) / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(tail)
    with (folder_of(parts) / "vectors").open("ab") as file:
        file.write(b"half a window")
    assert encode_to_file(Slow(), TEXTS, parts).resumed == 100
    assert parts.read_bytes() == whole.read_bytes()


def test_arrays_shorter_than_the_journal_says(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.npy", tmp_path / "parts.npy"
    encode_to_file(Slow(), TEXTS, whole)
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(Slow(), interrupted(130), parts)
    with (folder_of(parts) / "vectors").open("r+b") as file:
        file.truncate(50 * 32 * 4 + 7)
    assert encode_to_file(Slow(), TEXTS, parts).resumed == 50
    assert parts.read_bytes() == whole.read_bytes()


def test_another_input_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(HashEncoder(), interrupted(120), path)
    for other in (["x", *TEXTS[1:]], TEXTS[:70], TEXTS[:90], named()):
        with pytest.raises(InvalidInput, match="not those"):
            encode_to_file(HashEncoder(), other, path)
    grown = [*TEXTS, "one more"]
    assert encode_to_file(HashEncoder(), grown, path).rows == 231


def test_another_model_or_option_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.parquet"
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(HashEncoder(), interrupted(120), path)
    for encoder, options in [
        (HashEncoder(seed=1), {}),
        (HashEncoder(), {"side": "query"}),
        (HashEncoder(), {"keep_text": True}),
    ]:
        with pytest.raises(InvalidInput, match="unfinished work with another") as raised:
            encode_to_file(encoder, TEXTS, path, **options)  # type: ignore[arg-type]
        assert "--restart" in raised.value.remedy
    done = encode_to_file(HashEncoder(seed=1), TEXTS, path, restart=True)
    assert (done.rows, done.resumed) == (230, 0)


def test_work_that_had_not_begun_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    with pytest.raises(InvalidInput):
        encode_to_file(ks.load(), [3], path)  # type: ignore[list-item]
    assert encode_to_file(HashEncoder(), TEXTS, path).rows == 230


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    encode_to_file(HashEncoder(), TEXTS[:3], path)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(HashEncoder(), interrupted(120), path)
    assert path.read_bytes() == before


TWICE = [Entry("a", "x"), Entry("b", "y"), Entry("a", "z")]

# -- refusals --------------------------------------------------------------------------------------


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="none of"):
        encode_to_file(HashEncoder(), TEXTS, tmp_path / "v.csv")
    for encoder in (SparseHashEncoder(), MultiHashEncoder(4)):
        with pytest.raises(InvalidParameter, match="one row of numbers"):
            encode_to_file(encoder, TEXTS, tmp_path / "v.npy")
    with pytest.raises(PathNotFound):
        encode_to_file(HashEncoder(), TEXTS, tmp_path / "none" / "v.npy")
    with pytest.raises(EmptyInput):
        encode_to_file(HashEncoder(), [], tmp_path / "v.npy")
    with pytest.raises(DuplicateId, match="Rows 0 and 2"):
        encode_to_file(HashEncoder(), TWICE, tmp_path / "v.safetensors")
    folder_of(tmp_path / "v.safetensors").rename(folder_of(tmp_path / "v.parquet"))
    assert encode_to_file(HashEncoder(), TWICE, tmp_path / "v.parquet").resumed == 3
    with pytest.raises(InvalidInput):
        encode_to_file(HashEncoder(), ["a", 3], tmp_path / "w.npy")


def test_two_at_once(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"

    def inner() -> Iterator[str]:
        yield "a"
        with pytest.raises(StoreLocked, match="is being made by process"):
            encode_to_file(HashEncoder(), ["a"], path)

    encode_to_file(HashEncoder(), inner(), path)
    assert np.load(path).shape == (1, 32)


def test_windows_are_bounded_by_characters_too() -> None:
    texts = itertools.chain(["x" * (5 << 20)], ["y"] * 60, [3, 4])
    sizes = [len(window) for window in job.windows(texts)]
    assert sizes == [1, 50, 12]
