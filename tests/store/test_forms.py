"""Collections of sparse vectors, and of several vectors a record: the same promises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from kinspace.encoder import Encoder
from kinspace.errors import DimensionMismatch, InvalidInput, InvalidVectors
from kinspace.multi import MultiVectors
from kinspace.space import Space
from kinspace.sparse import is_sparse
from kinspace.store import Collection
from kinspace.store.care import salvage
from tests.toys import HashEncoder, MultiHashEncoder, SparseHashEncoder

ENCODERS = {"dense": HashEncoder, "sparse": SparseHashEncoder, "multi": MultiHashEncoder}
WORDS = "cat dog car rate bank river tree stone cloud".split()


def texts(count: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(count)
    return [
        {"id": f"n{i}", "text": " ".join([*rng.choice(WORDS, 1 + i % 5), f"item{i}"]), "n": i}
        for i in range(count)
    ]


@pytest.fixture(params=["sparse", "multi"])
def encoder(request: pytest.FixtureRequest) -> Encoder[str]:
    made: Encoder[str] = ENCODERS[request.param]()
    return made


def brute(encoder: Encoder[str], records: Sequence[Any], query: str) -> dict[str, float]:
    """The score of each record with a query, by id."""
    vectors = encoder.encode([one["text"] for one in records])
    values = np.ravel(encoder.encode_query([query]).similarity(vectors))
    return {one["id"]: float(value) for one, value in zip(records, values, strict=True)}


@pytest.mark.parametrize("flushed", [False, True])
def test_search_is_exact(encoder: Encoder[str], flushed: bool, tmp_path: Path) -> None:
    records = texts(80)
    with Collection.open(tmp_path / "c.kin", encoder) as opened:
        opened.add(records[:50])
        if flushed:
            opened.flush()
        opened.add(records[50:])
        opened.delete([f"n{i}" for i in range(0, 80, 7)])
        opened.upsert([{"id": "n1", "text": "stone cloud"}])
        kept = [one for i, one in enumerate(records) if i % 7 and i != 1]
        kept.append({"id": "n1", "text": "stone cloud"})
        for query in ("item33", "cat bank", "stone cloud"):
            wanted = brute(encoder, kept, query)
            found = opened.find(query, k=100, mode="dense")
            assert len(found) == len(kept)
            for name, score in found:  # float16 holds three digits
                assert score == pytest.approx(wanted[name], abs=5e-3)
            assert list(found.scores) == sorted(found.scores, reverse=True)
        only = opened.search("cat", k=5, where={"n": {"$gte": 60}}, mode="dense")
        assert {hit.fields["n"] >= 60 for hit in only} == {True}
        assert opened.search("item33", k=1)[0].id == "n33"  # by both
        assert opened.check() == []


def test_vectors_come_back_and_neighbours_are_near(encoder: Encoder[str], tmp_path: Path) -> None:
    records = texts(40)
    with Collection.open(tmp_path / "c.kin", encoder, dtype="float32") as opened:
        opened.add(records)
        found = opened.vectors(["n3", "n1"])
        wanted = encoder.encode([records[3]["text"], records[1]["text"]])
        assert found.space == encoder.space
        if is_sparse(found.vectors):
            assert abs(found.vectors - wanted.vectors).max() == 0
        else:
            np.testing.assert_array_equal(found.vectors.values, wanted.vectors.values)
        assert opened.near("n3", k=2)[0].id != "n3"
    with Collection.open(tmp_path / "c.kin", encoder) as opened:
        assert opened.search("item7", k=1)[0].id == "n7"
        assert opened.upsert(records) == 0  # nothing changed
        assert opened.repairs == []


def test_given_vectors(tmp_path: Path) -> None:
    sparse = Space("s", "00", 9, "dot", "sparse")
    with Collection.open(tmp_path / "s.kin", space=sparse) as opened:
        opened.add([{"id": "a", "text": "", "vector": csr_array(([2.0], ([0], [4])), (1, 9))}])
        opened.add([{"id": "b", "text": "", "vector": np.eye(9)[3]}])
        opened.add([{"id": "none", "text": "", "vector": np.zeros(9)}])
        for _ in range(2):
            assert [hit.id for hit in opened.search(np.eye(9)[4], k=1)] == ["a"]
            opened.flush()
        with pytest.raises(DimensionMismatch):
            opened.add([{"id": "c", "text": "", "vector": np.zeros(8)}])
    multi = Space("m", "01", 2, "cosine", "multi")
    with Collection.open(tmp_path / "m.kin", space=multi) as opened:
        opened.add([{"id": "a", "text": "", "vector": [[1, 0], [0, 1]]}])
        opened.add([{"id": "b", "text": "", "vector": MultiVectors.of([[[0, 2]]])}])
        assert [hit.id for hit in opened.search(np.array([[1, 0], [0, 1]]), k=2)] == ["a", "b"]
        with pytest.raises(InvalidVectors):
            opened.add([{"id": "c", "text": "", "vector": [[np.nan, 1]]}])
        with pytest.raises(InvalidInput):
            opened.add([{"id": "c", "text": "", "vector": [[[1, 0]], [[0, 1]]]}])
        assert opened.count() == 2


def test_all_zeros_have_no_bytes(tmp_path: Path) -> None:
    space = Space("s", "00", 9, "dot", "sparse")
    with Collection.open(tmp_path / "s.kin", space=space) as opened:
        opened.add([{"id": str(i), "text": "", "vector": np.zeros(9)} for i in range(3)])
        opened.flush()
        assert len(opened.search(np.eye(9)[4], k=3)) == 3
        assert opened.check() == []


def test_damage_is_seen_and_derived_parts_are_made_anew(
    encoder: Encoder[str], tmp_path: Path
) -> None:
    path = tmp_path / "c.kin"
    with Collection.open(path, encoder) as opened:
        opened.add(texts(30))
    for kind in ("seqs", "rows", "ends"):
        (file,) = (path / "derived").glob(f"vectors-*.{kind}")
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        with Collection.open(path, encoder) as opened:
            assert opened.repairs
            assert opened.check() == []
            assert opened.search("item12", k=1)[0].id == "n12"


def test_compact_and_salvage(encoder: Encoder[str], tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", encoder) as opened:
        opened.add(texts(30))
        opened.delete([f"n{i}" for i in range(10)])
        opened.compact()
        assert opened.search("item20", k=1)[0].id == "n20"
        assert opened.check() == []
    saved = salvage(tmp_path / "c.kin", tmp_path / "new.kin")
    assert (saved.records, saved.without_vector) == (20, 0)
    with Collection.open(tmp_path / "new.kin", encoder) as opened:
        assert opened.check() == []
        assert opened.search("item20", k=1)[0].id == "n20"
