"""Tables in fewer bytes: asked, rescored, measured, saved; damage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.compress import (
    Binary,
    Chain,
    Compressed,
    Int4,
    Int8,
    Quantizer,
    SimHash,
    Truncation,
    compress,
    measure,
)
from kinspace.compress.search import nearest
from kinspace.embeddings import Embeddings
from kinspace.errors import (
    DimensionMismatch,
    DuplicateId,
    EmptyInput,
    InvalidInput,
    InvalidParameter,
    KinspaceError,
    ReadError,
    SpaceMismatch,
)
from kinspace.metric import scores, top_k
from kinspace.space import Space

DIM = 48
SPACE = Space("by hand", "0000", dim=DIM)


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((40, DIM))
    near = middles[rng.integers(0, 40, 1500)] + 0.4 * rng.standard_normal((1500, DIM))
    return near.astype(np.float32)


@pytest.fixture(scope="module")
def table(rows: NDArray[np.float32]) -> Embeddings:
    return Embeddings(rows, SPACE, [f"r{i}" for i in range(len(rows))])


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_rescored_by_all_is_exact(metric: str, rows: NDArray[np.float32]) -> None:
    one = Binary().fit(rows)
    codes = one.encode(rows)
    for queries in (rows[:20], rows[3]):
        found = nearest(one, codes, queries, 10, metric, rescore=rows, oversampling=150)  # type: ignore[arg-type]
        places, values = top_k(scores(np.atleast_2d(queries), rows, metric), 10)  # type: ignore[arg-type]
        assert np.array_equal(found.ids, places)
        assert found.scores == pytest.approx(values, abs=1e-3)
    half = rows.astype(np.float16)
    near = nearest(one, codes, rows[:20], 10, "cosine", rescore=half, oversampling=8)
    assert near.ids[:, 0].tolist() == list(range(20))


def test_odd_numbers_of_neighbours(rows: NDArray[np.float32]) -> None:
    one = Int8().fit(rows)
    codes = one.encode(rows[:5])
    assert nearest(one, codes, rows[:2], 10).ids.shape == (2, 5)
    assert nearest(one, codes, rows[:2], 10, rescore=rows[:5]).ids.shape == (2, 5)
    assert nearest(one, codes, rows[:0], 10).ids.shape[0] == 0
    assert nearest(one, codes[:0], rows[:2], 10).ids.shape == (2, 0)
    for wrong in (0, -1, 1.5):
        with pytest.raises(InvalidParameter):
            nearest(one, codes, rows[:2], wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidParameter):
            nearest(one, codes, rows[:2], 1, oversampling=wrong)  # type: ignore[arg-type]
    with pytest.raises(DimensionMismatch, match="same order"):
        nearest(one, codes, rows[:2], 1, rescore=rows)


def test_loss_is_what_an_oracle_counts(rows: NDArray[np.float32]) -> None:
    one = Int4().fit(rows)
    queries = rows[:25] + 0.1
    found = measure(rows, one, "cosine", queries=queries, k=7)
    exact = top_k(scores(queries, rows, "cosine"), 7)[0]
    near = top_k(scores(queries, one.decode(one.encode(rows)), "cosine"), 7)[0]
    shared = np.mean([len(set(a) & set(b)) / 7 for a, b in zip(exact, near, strict=True)])
    assert found.recall == pytest.approx(shared, abs=1e-9)
    assert found.of() == pytest.approx(1 - shared)
    assert found.rescored >= found.recall
    assert (found.vectors, found.queries, found.k) == (1500, 25, 7)
    assert (found.bytes_before, found.bytes_after) == (192, 24)
    back = one.decode(one.encode(queries))
    error = ((back - queries) ** 2).sum() / (queries**2).sum()
    assert found.error == pytest.approx(error, rel=1e-4)
    assert found.to_dict()["metric"] == "cosine"


def test_a_vector_does_not_count_as_its_own_neighbour(rows: NDArray[np.float32]) -> None:
    lossless = measure(rows, Int8(1.0).fit(rows), n_queries=50)
    assert lossless.queries == 50
    assert lossless.rescored == 1
    bits = SimHash(8).fit(rows)  # which finds next to nothing, so not by finding itself either
    assert measure(rows, bits, n_queries=50).recall < 0.3
    twice = np.concatenate([rows[:30], rows[:30]])  # of equal ones either may come first
    assert measure(twice, Int8(1.0).fit(twice), k=1).recall > 0.9
    with pytest.raises(EmptyInput):
        measure(rows[:1], bits)
    with pytest.raises(EmptyInput):
        measure(rows, bits, queries=rows[:0])
    assert measure(rows[:1], bits, queries=rows[:2]).recall == 1
    with pytest.raises(InvalidParameter):
        measure(rows, bits, k=0)


def test_a_table_is_asked_by_its_ids(table: Embeddings) -> None:
    small = compress(table, "int8")
    assert len(small) == 1500
    assert small.codes.nbytes == 1500 * DIM
    assert small.nbytes == small.codes.nbytes + 2 * 4 * DIM
    query = table.vectors[3]
    assert small.nearest(query, k=3).ids == table.nearest(query, k=3).ids
    assert small.nearest(table[3:4], k=1, rescore=table).ids == ["r3"]
    assert small.search(table[:4], k=1).ids[:, 0].tolist() == [0, 1, 2, 3]
    back = small.embeddings()
    assert back.ids == table.ids
    assert back.space.agrees(small.space)
    assert np.abs(back.vectors - table.vectors).max() < 0.1
    stranger = Embeddings(table.vectors, Space("other", "1111", dim=DIM))
    with pytest.raises(SpaceMismatch):
        small.nearest(stranger[:1])
    with pytest.raises(SpaceMismatch):
        small.nearest(query, rescore=stranger)
    with pytest.raises(SpaceMismatch):
        back.similarity(table)
    with pytest.raises(InvalidInput, match="one at a time"):
        small.nearest(table[:2])


def test_too_great_a_loss_is_refused_with_what_was_measured(table: Embeddings) -> None:
    with pytest.raises(InvalidParameter, match=r"loses .*% .*recall@10 0\.\d+"):
        compress(table, "simhash:16", max_loss=0.05)
    compress(table, "binary", max_loss=0.2, rescore=True)
    with pytest.raises(InvalidParameter):
        compress(table, "binary", max_loss=0.01)
    compress(table, "int8", max_loss=0.1, queries=table[:50])
    fitted = Int8().fit(table.vectors[:200])  # one that is fitted stays so
    assert compress(table, fitted).quantizer is fitted
    thin = Embeddings(
        __import__("scipy.sparse").sparse.csr_array(np.eye(3, dtype=np.float32)),
        Space("terms", "00", dim=3, metric="dot", form="sparse"),
    )
    with pytest.raises(InvalidInput, match="not dense"):
        compress(thin)


@pytest.mark.parametrize("named", [True, False])
def test_saved_and_mapped(named: bool, table: Embeddings, tmp_path: Path) -> None:
    plain = Embeddings(table.vectors, SPACE)
    small = compress(table if named else plain, Chain([Truncation(32), Int4()]))
    small.save(tmp_path / "small")
    again = Compressed.load(tmp_path / "small")
    assert again.ids == small.ids
    assert again.space.agrees(small.space)
    assert again.of.agrees(SPACE)
    assert np.array_equal(again.codes, small.codes)
    query = table.vectors[9]
    assert again.nearest(query).ids == small.nearest(query).ids
    assert (tmp_path / "small").stat().st_size < 1500 * 16 + 40_000


def test_ids_that_cannot_be(table: Embeddings, tmp_path: Path) -> None:
    one = Int8().fit(table.vectors)
    codes = one.encode(table.vectors[:2])
    with pytest.raises(InvalidInput):
        Compressed(codes, one, SPACE, ["a"])
    with pytest.raises(DuplicateId):
        Compressed(codes, one, SPACE, ["a", "a"])
    with pytest.raises(InvalidInput, match="saved"):
        Compressed(codes, one, SPACE, [(1,), (2,)]).save(tmp_path / "x")


def test_a_damaged_file_is_refused(table: Embeddings, tmp_path: Path) -> None:
    """Flipped bits, cuts and insertions, 250 of each of the two formats."""
    small = compress(table[:40], "pca:8+int8")
    small.save(tmp_path / "small")
    small.quantizer.save(tmp_path / "learned")
    bad = tmp_path / "bad"
    for path, load in ((tmp_path / "small", Compressed.load), (tmp_path / "learned", Chain.load)):
        whole, rng = path.read_bytes(), np.random.default_rng(9)
        for turn in range(250):
            raw, at = bytearray(whole), int(rng.integers(len(whole)))
            if turn % 3 == 0:
                raw[at] ^= 1 << int(rng.integers(8))
            elif turn % 3 == 1:
                del raw[at:]
            else:
                raw[at:at] = rng.bytes(int(rng.integers(1, 9)))
            bad.write_bytes(bytes(raw))
            with pytest.raises(ReadError, match="bad is "):
                load(bad)
        assert load(path)
    with pytest.raises(KinspaceError):
        Compressed.load(tmp_path / "learned")


def test_one_who_writes_a_quantizer_writes_little(rows: NDArray[np.float32]) -> None:
    """The three methods and the width are all that another way needs."""

    class Signs(Quantizer):
        name = "signs"

        def _learn(self, rows: NDArray[np.float32]) -> None:
            """There is nothing to learn."""

        @property
        def width(self) -> int:
            return self.dim_

        def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.uint8]:
            return (rows > 0).astype(np.uint8)

        def _decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
            return 2 * codes.astype(np.float32) - 1

    one = Signs().fit(rows)
    assert measure(rows, one).rescored > 0.5
    assert one.space(SPACE).model == "by hand (signs)"
