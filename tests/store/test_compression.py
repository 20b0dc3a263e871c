"""A collection's vectors in fewer bytes: beside, changed over, added to, gone back, let go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinspace.compress import PCA, Binary, Float16, RandomProjection, RowInt8, Truncation
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.store import Collection
from kinspace.store.compression import compress_collection, dense_vectors, kept_bytes
from tests.toys import HashEncoder, MultiHashEncoder

TEXTS = [f"text number {i} of things and words {i * 7}" for i in range(3000)]


def filled(path: Path, **options: object) -> Collection:
    opened = Collection.open(path, HashEncoder(dim=32), **options)  # type: ignore[arg-type]
    opened.add([{"id": f"t{i}", "text": text} for i, text in enumerate(TEXTS)])
    return opened


@pytest.mark.parametrize(
    ("way", "dim", "dtype"),
    [
        (RowInt8(), 32, "int8"), (Float16(), 32, "float16"), (Truncation(16), 16, "float32"),
        (PCA(12), 12, "float32"), (RandomProjection(16), 16, "float32"),
    ],
)  # fmt: skip
def test_there_and_back(way: object, dim: int, dtype: str, tmp_path: Path) -> None:
    with filled(tmp_path / "x.kin", dtype="float32") as opened:
        names, vectors = dense_vectors(opened)
        assert names == [f"t{i}" for i in range(3000)]
        way.fit(vectors)  # type: ignore[attr-defined]
        before, after = kept_bytes(opened, way)  # type: ignore[arg-type]
        assert (before, after) == (128, {"int8": 36, "float16": 64}.get(dtype, 4 * dim))
        done = []
        count = compress_collection(opened, way, progress=lambda a, b: done.append((a, b)))  # type: ignore[arg-type]
        assert count == 3000
        assert done[-1] == (3000, 3000)
        assert (opened.space.dim, opened.dtype) == (dim, dtype)
        found = opened.search(TEXTS[77], 1, mode="dense")
        assert found[0].id == "t77"
        opened.add([{"id": "new", "text": "a new text that is quite another"}])
        assert opened.search("a new text that is quite another", 1, mode="dense")[0].id == "new"
        assert opened.check() == []
        opened.switch()  # back
        assert (opened.space.dim, opened.dtype) == (32, "float32")
        assert opened.search("a new text that is quite another", 1, mode="dense")[0].id == "new"
        opened.switch()
        opened.drop_other()
        opened.compact()
        assert opened.search(TEXTS[77], 1, mode="dense")[0].id == "t77"
        held = opened.vectors(["t5"]).vectors
        wanted = way.vectors(way.encode(vectors[5:6]))  # type: ignore[attr-defined]
        assert held @ wanted.T / np.linalg.norm(wanted) == pytest.approx(1, abs=0.01)


def test_int8_is_a_dtype_from_the_start(tmp_path: Path) -> None:
    with filled(tmp_path / "x.kin", dtype="int8") as opened:
        assert opened.search(TEXTS[5], 1, mode="dense")[0].id == "t5"
        assert opened.info().to_dict()["dtype"] == "int8"
        opened.delete(["t5"])
        opened.compact()
    with Collection.open(tmp_path / "x.kin", HashEncoder(dim=32)) as again:
        assert again.search(TEXTS[9], 1, mode="dense")[0].id == "t9"
        assert again.check() == []
    with pytest.raises(InvalidParameter, match="cannot be kept as int8"):
        Collection.open(tmp_path / "m.kin", MultiHashEncoder(), dtype="int8")


def test_records_without_a_text(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 32)).astype(np.float32)
    with Collection.open(tmp_path / "x.kin", HashEncoder(dim=32), dtype="float32") as opened:
        opened.add([{"id": f"v{i}", "vector": v} for i, v in enumerate(vectors)])
        names, held = dense_vectors(opened)
        assert compress_collection(opened, Truncation(30).fit(held)) == 50
        assert opened.near("v7", 1)
        assert opened.vectors(names[:1]).shape == (1, 30)
        assert len(dense_vectors(opened, most=20)[0]) < 35


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    way = Truncation(16)
    with filled(tmp_path / "x.kin") as opened:
        way.fit(dense_vectors(opened)[1])

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            compress_collection(opened, way, progress=stop)
        assert opened.space.dim == 32
        other = opened.other
        assert other is not None
        assert 0 < other.lacking < 3000
        lacking = other.lacking
        with pytest.raises(InvalidParameter, match="beside its own"):
            compress_collection(opened, RowInt8().fit(dense_vectors(opened)[1]))
        assert compress_collection(opened, way) == lacking
        assert opened.space.dim == 16


def test_what_a_collection_does_not_take(tmp_path: Path) -> None:
    with filled(tmp_path / "x.kin", dtype="float16") as opened:
        vectors = dense_vectors(opened)[1]
        with pytest.raises(InvalidParameter, match="binary does not leave"):
            compress_collection(opened, Binary().fit(vectors))
        with pytest.raises(InvalidParameter, match="already"):
            compress_collection(opened, Float16().fit(vectors))
    with Collection.open(tmp_path / "m.kin", MultiHashEncoder()) as multi:
        multi.add([{"id": "a", "text": "some words"}])
        with pytest.raises(InvalidInput, match="multi"):
            dense_vectors(multi)
        with pytest.raises(InvalidInput, match="multi"):
            compress_collection(multi, RowInt8().fit(vectors))
