"""Sketches: what they estimate, and how far off they may be."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

from kinspace.compress import CountSketch, MinHash, RandomProjection, SimHash, UnifiedEmbedding
from kinspace.compress.hashing import hashed, mixed
from kinspace.embeddings import Embeddings
from kinspace.errors import (
    DimensionMismatch,
    EmptyInput,
    IdNotFound,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    NotFitted,
)
from kinspace.index import Exact
from kinspace.space import Space


def test_simhash_estimates_the_cosine() -> None:
    angles = np.linspace(0, np.pi, 9)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    one = SimHash(8192, seed=2).fit(rows)
    found = one.scores(rows[:1], one.encode(rows))[0]
    assert found == pytest.approx(np.cos(angles), abs=3 * np.pi / (2 * np.sqrt(8192)))
    back = one.decode(one.encode(rows))
    assert np.diag(back @ rows.T) == pytest.approx(1, abs=0.05)
    assert one.space(Space("flat", "00", dim=2)).form == "binary"


@pytest.mark.parametrize("n_bits", [64, 20])
def test_simhash_bits_are_found_by_an_index_of_hamming(n_bits: int) -> None:
    rows = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    one = SimHash(n_bits).fit(rows)
    codes, space = one.encode(rows), one.space(Space("x", "00", dim=8))
    index = Exact(space.dim, space.metric)
    index.add(one.vectors(codes))
    found = index.search(one.query(rows[:5]), k=3)
    assert found.ids[:, 0].tolist() == [0, 1, 2, 3, 4]
    cosines = np.cos(np.pi * -found.scores / n_bits)
    ours = np.sort(one.scores(rows[:5], codes), axis=1)[:, ::-1][:, :3]
    assert ours == pytest.approx(cosines, abs=1e-5)


def test_count_sketch_keeps_products_on_average() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 1, 500)).astype(np.float32)
    for n_hashes in (1, 4):
        found = [
            float(one.scores(a, one.encode(b), "dot")[0, 0])
            for seed in range(300)
            for one in [CountSketch(64, n_hashes=n_hashes, seed=seed).fit(a)]
        ]
        # The standard error: |a| |b| / sqrt(64), over sqrt(300) sketches.
        bound = 4 * float(np.linalg.norm(a) * np.linalg.norm(b)) / np.sqrt(64 * 300)
        assert np.mean(found) == pytest.approx(float(a[0] @ b[0]), abs=bound)


def test_count_sketch_brings_back_what_is_heavy() -> None:
    rng = np.random.default_rng(4)
    row = rng.standard_normal((1, 5000)).astype(np.float32) * 0.01
    row[0, [7, 1234, 4999]] = 10, -20, 30
    one = CountSketch(700, n_hashes=7).fit(row)
    assert one.decode(one.encode(row))[0, [7, 1234, 4999]] == pytest.approx([10, -20, 30], abs=0.5)


@pytest.mark.parametrize("one", [CountSketch(32), RandomProjection(32), SimHash(64)])
def test_sparse_vectors_give_what_dense_ones_do(one: CountSketch) -> None:
    rows = np.random.default_rng(0).standard_normal((30, 400)).astype(np.float32)
    rows[np.abs(rows) < 1.8] = 0
    thin = csr_array(rows)
    one.fit(thin)
    assert np.array_equal(one.encode(thin), one.encode(rows)) or one.encode(thin) == pytest.approx(
        one.encode(rows), abs=1e-5
    )
    codes = one.encode(thin)
    assert one.scores(thin[:3], codes) == pytest.approx(one.scores(rows[:3], codes), abs=1e-5)
    space = one.space(Space("terms", "00", dim=400, metric="dot", form="sparse"))
    assert space.form in ("dense", "binary")


# -- sets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_minhash_estimates_jaccard(bits: int) -> None:
    sets = [set(range(start, start + 100)) for start in (0, 10, 50, 100)]
    exact = [len(sets[0] & s) / len(sets[0] | s) for s in sets]
    one = MinHash(4096, bits=bits)  # type: ignore[arg-type]
    codes = one.encode(sets)
    assert codes.nbytes == 4 * one.bytes_per_vector == 4 * 4096 * bits // 8
    found = one.scores([sets[0]], codes)[0]
    assert found == pytest.approx(exact, abs=3 / (2 * np.sqrt(4096)))


def test_minhash_of_what_is_odd() -> None:
    one = MinHash(64)
    codes = one.encode([[], set(), ["a", "a"], {"a"}, ["a", "b"]])
    assert np.array_equal(codes[0], codes[1])
    assert np.array_equal(codes[2], codes[3])
    assert one.scores([[]], codes)[0, 0] == 1
    assert abs(one.scores([[]], codes)[0, 3]) < 0.1
    assert one.encode([]).shape == (0, 64)
    assert one.encode([range(20_000)]).shape == (1, 64)  # more than are hashed at once
    for wrong in (["text"], [3], [[1.5]], [[("a", 1)]]):
        with pytest.raises(InvalidInput):
            one.encode(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter):
        MinHash(8, bits=7).encode([])  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter):
        MinHash(0).encode([])
    with pytest.raises(InvalidVectors, match="no signatures"):
        one.scores([["a"]], codes[:, :3])


def test_minhash_signatures_are_found_by_an_index_of_hamming() -> None:
    one = MinHash(256)
    sets = [set(range(i, i + 30)) for i in range(0, 300, 10)]
    codes = one.encode(sets)
    index = Exact(256, one.space().metric)
    index.add(one.vectors(codes))
    assert set(index.search(one.vectors(codes[5:6]), k=3)[0].ids) == {4, 5, 6}
    assert not MinHash(256, seed=1).space().agrees(one.space())
    assert not np.array_equal(MinHash(256, seed=1).encode(sets), codes)
    with pytest.raises(InvalidInput, match="32 bits"):
        MinHash(8, bits=32).vectors(MinHash(8, bits=32).encode(sets))


def test_hashes_are_the_same_in_another_process() -> None:
    values = ["a", "", "naïve", 7, -1, True, None, b"x", np.int64(7)]
    code = (
        "from kinspace.compress.hashing import hashed, mixed\n"
        "import numpy as np\n"
        "v = ['a', '', 'naïve', 7, -1, True, None, b'x', np.int64(7)]\n"
        "print(mixed(hashed(v), 5).tolist())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(mixed(hashed(values), 5).tolist())
    found = hashed(values)
    assert found[3] == found[8]  # 7, of whatever type of whole number
    assert len(set(found.tolist())) == len(values) - 1


# -- features ----------------------------------------------------------------------------------


def table(feature: str, count: int, dim: int, seed: int) -> Embeddings:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return Embeddings(
        rows, Space(feature, feature, dim=dim), [f"{feature}{i}" for i in range(count)]
    )


def test_a_large_shared_table_holds_all_tables() -> None:
    towns, colours = table("town", 50, 8, 0), table("colour", 20, 4, 1)
    shared = UnifiedEmbedding(200_000, 4, {"town": 2, "colour": 1})
    shared.fit({"town": towns, "colour": colours})
    assert shared.encode("town", towns.ids or []) == pytest.approx(towns.vectors, abs=1e-6)
    assert shared.encode("colour", ["colour7"])[0] == pytest.approx(colours["colour7"], abs=1e-6)
    assert shared.encode("town", ["never seen"]).shape == (1, 8)
    assert shared.nbytes == 200_000 * 4 * 4


def test_a_small_one_holds_the_mean_of_what_is_shared() -> None:
    towns = table("town", 300, 4, 0)
    shared = UnifiedEmbedding(40, 4, 1).fit({"town": towns})
    places = shared.rows("town", towns.ids or [])[:, 0]
    for place in np.unique(places):
        mean = towns.vectors[places == place].mean(axis=0)
        assert shared.table_[place] == pytest.approx(mean, abs=1e-5)
    weights = np.where(np.arange(300) == 5, 1e9, 1.0)  # what comes most keeps its vector
    heavy = UnifiedEmbedding(40, 4, 1).fit({"town": towns}, {"town": weights})
    assert heavy.encode("town", ["town5"])[0] == pytest.approx(towns["town5"], abs=1e-4)


def test_features_share_rows_but_no_hashes() -> None:
    shared = UnifiedEmbedding(1000, 4, 2)
    values = [f"v{i}" for i in range(4000)]
    a, b = shared.rows("a", values), shared.rows("b", values)
    assert a.shape == (4000, 2)
    assert a.min() >= 0
    assert a.max() < 1000
    for left, right in ((a[:, 0], b[:, 0]), (a[:, 0], a[:, 1]), (a[:, 0], b[:, 1])):
        assert (left == right).mean() < 0.005  # one in a thousand, by chance
    counts = np.bincount(a[:, 0], minlength=1000)
    assert counts.std() == pytest.approx(2, abs=0.3)  # a Poisson distribution of 4
    assert np.array_equal(shared.rows("a", values), UnifiedEmbedding(1000, 4, 2).rows("a", values))
    other = UnifiedEmbedding(1000, 4, 2, seed=1).rows("a", values)
    assert (a == other).mean() < 0.005
    space = Space("town", "00", dim=8)
    assert not shared.space("a", space).agrees(shared.space("b", space))


def test_what_a_shared_table_refuses() -> None:
    shared = UnifiedEmbedding(10, 4, {"town": 2})
    with pytest.raises(NotFitted):
        shared.encode("town", ["x"])
    with pytest.raises(IdNotFound, match="town"):
        shared.dim("colour")
    with pytest.raises(EmptyInput):
        shared.fit({})
    with pytest.raises(DimensionMismatch, match="lookups"):
        shared.fit({"town": table("town", 3, 4, 0)})
    with pytest.raises(InvalidInput, match="no ids"):
        shared.fit({"town": Embeddings(np.ones((2, 8)), Space("t", "00", dim=8))})
    with pytest.raises(InvalidParameter, match="positive"):
        shared.fit({"town": table("town", 3, 8, 0)}, {"town": np.zeros(3)})
    with pytest.raises(InvalidParameter, match="n_rows"):
        UnifiedEmbedding(0, 4).begin()
