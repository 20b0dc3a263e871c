"""Tables on disk: files that older versions wrote, mapping, and damage that shows in use."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kinspace.embeddings import Embeddings
from kinspace.errors import IdNotFound, InvalidVectors, ReadError
from kinspace.space import Space

SPACE = Space("by hand", "0000", dim=2)
IDS = ["cat", "kitten", "car"]
VECTORS = np.array([[1, 0], [0.9, 0.1], [0, 1]], np.float32)


def small() -> Embeddings:
    return Embeddings(VECTORS, SPACE, IDS)


def test_a_file_of_the_first_version_still_loads(tmp_path: Path) -> None:
    """As 0.1.0 wrote it, by the safetensors package."""
    names = np.frombuffer(json.dumps(IDS).encode(), np.uint8)
    meta = {"format": "kinspace-embeddings-1", "space": json.dumps(SPACE.to_dict())}
    save_file({"vectors": VECTORS, "ids": names}, tmp_path / "e", metadata=meta)
    found = Embeddings.load(tmp_path / "e")
    assert found.space == SPACE and found.ids == IDS
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.nearest("cat", k=1).ids == ["kitten"]


def test_safetensors_opens_what_is_saved(tmp_path: Path) -> None:
    small().save(tmp_path / "e")
    found = load_file(tmp_path / "e")
    np.testing.assert_array_equal(found["vectors"], VECTORS)
    assert json.loads(found["ids"].tobytes()) == IDS


def test_a_loaded_table_answers_as_before(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 6), dtype=np.float32)
    before = Embeddings(vectors, Space("t", "f", 6), [f"w{i}" for i in range(50)])
    before.save(tmp_path / "e")
    after = Embeddings.load(tmp_path / "e")
    for name in ("w3", "w44", "w0", "w9", "w7", "w3"):  # more than are looked for one by one
        assert name in after and "nothing" not in after
        assert after.nearest(name).ids == before.nearest(name).ids
        np.testing.assert_array_equal(after[name], before[name])
    for name in ("nothing", "w50"):
        with pytest.raises(IdNotFound):
            Embeddings.load(tmp_path / "e")[name]
    np.testing.assert_array_equal(np.asarray(after), vectors)
    assert after[10:12].ids == ["w10", "w11"]


def test_numbers_as_ids_stay_names(tmp_path: Path) -> None:
    Embeddings(VECTORS, SPACE, [2, 0, 1]).save(tmp_path / "e")
    after = Embeddings.load(tmp_path / "e")
    assert after[0].tolist() == VECTORS[1].tolist()
    with pytest.raises(IdNotFound):
        after[-1]


def test_what_is_loaded_can_be_changed_and_saved_in_its_own_place(tmp_path: Path) -> None:
    small().save(tmp_path / "e")
    loaded = Embeddings.load(tmp_path / "e")
    loaded.vectors[0] = [0, 7]
    assert Embeddings.load(tmp_path / "e")["cat"].tolist() == [1, 0]
    loaded.save(tmp_path / "e")
    assert Embeddings.load(tmp_path / "e")["cat"].tolist() == [0, 7]
    assert loaded["cat"].tolist() == [0, 7]


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells what is used")
def test_loading_does_not_read_the_vectors(tmp_path: Path) -> None:
    rows, dim = 20_000, 200
    Embeddings(np.ones((rows, dim), np.float32), Space("t", "f", dim)).save(tmp_path / "e")

    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    before = resident()
    loaded = Embeddings.load(tmp_path / "e")
    assert loaded[7].sum() == dim
    assert resident() - before < rows * dim  # a quarter of what the file holds
    del loaded


def damaged(folder: Path, value: float) -> Path:
    """A file in whose vectors one number was changed."""
    small().save(folder / "e")
    whole = (folder / "e").read_bytes()
    place = whole.index(VECTORS.tobytes()) + 8  # the second row, which no query is
    changed = np.float32(value).tobytes()
    (folder / "e").write_bytes(whole[:place] + changed + whole[place + 4 :])
    return folder / "e"


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "use",
    [
        lambda e: e.vectors,
        np.asarray,
        list,
        lambda e: e["kitten"],
        lambda e: e[:2].vectors,
        lambda e: e.nearest("cat"),
        lambda e: e.nearest([1, 0]),
        lambda e: e.similarity(),
        lambda e: e.similarity("cat", "kitten"),
        lambda e: e.similarity(e),
        lambda e: small_like(e).similarity(e),
        lambda e: e.rank("cat", "car"),
        lambda e: e.analogy("cat", "kitten", "car"),
        lambda e: e.analogy("cat", "car", [1, 1], method="3cosmul"),
        lambda e: e.odd_one_out(["cat", "kitten", "car"]),
        lambda e: e.truncate(1),
        lambda e: e.save("unused"),
    ],
)
def test_nan_is_found_when_it_is_used(
    use: Any, value: float, metric: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"{__name__}.SPACE", Space("by hand", "0000", 2, metric))
    loaded = Embeddings.load(damaged(tmp_path, value))
    assert loaded["cat"].tolist() == [1, 0]
    for _ in range(2):  # and again, not only the first time
        with pytest.raises(InvalidVectors) as raised:
            use(loaded)
        assert raised.value.remedy
    assert not (tmp_path / "unused").exists()


def small_like(e: Embeddings) -> Embeddings:
    return Embeddings(VECTORS, e.space)


def changed(path: Path, **tensors: Any) -> None:
    held: dict[str, Any] = {
        "vectors": VECTORS,
        "ids": np.frombuffer(json.dumps(IDS).encode(), np.uint8),
    }
    held |= tensors
    meta = {"format": "kinspace-embeddings-1", "space": json.dumps(SPACE.to_dict())}
    save_file({k: v for k, v in held.items() if v is not None}, path, metadata=meta)


@pytest.mark.parametrize(
    "tensors",
    [
        {"vectors": None},
        {"vectors": VECTORS[:, :1].copy()},
        {"vectors": VECTORS.ravel()},
        {"vectors": VECTORS.astype(np.float64)},
        {"vectors": VECTORS[:2].copy()},
        {"ids": np.frombuffer(b'["cat", "kitten"]', np.uint8)},
        {"ids": np.frombuffer(b'["cat", "kit', np.uint8)},
        {"ids": np.frombuffer(b"\xff\xfe", np.uint8)},
        {"ids": np.frombuffer(b"7", np.uint8)},
        {"ids": np.frombuffer(b'{"cat": 1, "kitten": 2, "car": 3}', np.uint8)},
    ],
)
def test_parts_that_do_not_fit(tensors: Any, tmp_path: Path) -> None:
    changed(tmp_path / "e", **tensors)
    with pytest.raises(ReadError) as raised:
        Embeddings.load(tmp_path / "e")
    assert raised.value.remedy and str(tmp_path / "e") in str(raised.value)


def test_a_file_of_something_else(tmp_path: Path) -> None:
    save_file({"weights": VECTORS}, tmp_path / "e")
    with pytest.raises(ReadError):
        Embeddings.load(tmp_path / "e")
