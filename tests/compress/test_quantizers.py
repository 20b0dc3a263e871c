"""What every quantizer keeps: shapes, bytes, spaces, files, refusals, and what scores mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.compress import (
    PCA,
    Binary,
    Chain,
    CountSketch,
    Float16,
    Int4,
    Int8,
    ProductQuantizer,
    Quantizer,
    RandomProjection,
    RowInt8,
    SimHash,
    Truncation,
    parse_quantizer,
)
from kinspace.compress.encoder import packed, unpacked
from kinspace.embeddings import Embeddings
from kinspace.errors import (
    DimensionMismatch,
    EmptyInput,
    InvalidParameter,
    InvalidVectors,
    NotFitted,
    PathNotFound,
    ReadError,
)
from kinspace.metric import scores
from kinspace.space import Space

DIM = 21  # odd, and no multiple of eight
MAKERS: dict[str, Any] = {
    "float16": Float16,
    "int8": Int8,
    "row-int8": RowInt8,
    "int4": Int4,
    "binary": Binary,
    "binary-turned": lambda: Binary("median", rotate=True),
    "product": lambda: ProductQuantizer(5),
    "product-turned": lambda: ProductQuantizer(7, rotate=True),
    "pca": lambda: PCA(8),
    "pca-centred": lambda: PCA(8, center=True),
    "truncate": lambda: Truncation(8),
    "random": lambda: RandomProjection(8),
    "random-sparse": lambda: RandomProjection(8, density=1 / 3),
    "count-sketch": lambda: CountSketch(9, n_hashes=3),
    "simhash": lambda: SimHash(20),
    "chain": lambda: Chain([Truncation(16), PCA(12), Int4()]),
}
BYTES = {
    "float16": 42, "int8": 21, "row-int8": 25, "int4": 11, "binary": 3, "binary-turned": 3,
    "product": 5, "product-turned": 7, "pca": 32, "pca-centred": 32, "truncate": 32, "random": 32,
    "random-sparse": 32, "count-sketch": 36, "simhash": 3, "chain": 6,
}  # fmt: skip
SPACE = Space("by hand", "0000", dim=DIM)
each = pytest.mark.parametrize("name", MAKERS)


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    rng = np.random.default_rng(3)
    spread = np.linspace(2, 0.1, DIM)
    return (rng.standard_normal((600, DIM)) * spread + 0.1).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(rows: NDArray[np.float32]) -> dict[str, Quantizer]:
    return {name: make().fit(rows) for name, make in MAKERS.items()}


@each
def test_shapes_and_bytes(
    name: str, fitted: dict[str, Quantizer], rows: NDArray[np.float32]
) -> None:
    one = fitted[name]
    codes = one.encode(rows)
    assert codes.shape == (len(rows), one.width)
    assert codes.dtype == one.code_dtype
    assert codes.nbytes == len(rows) * one.bytes_per_vector == len(rows) * BYTES[name]
    assert one.decode(codes).shape == rows.shape
    assert one.vectors(codes).shape == (len(rows), one.space(SPACE).dim)
    assert one.encode(rows[:0]).shape == (0, one.width)
    assert one.decode(codes[:0]).shape == (0, DIM)
    assert one.encode(rows[5]).shape == (1, one.width)  # one vector is a matrix of one row


@each
def test_what_is_brought_back_is_nearer_than_nothing(
    name: str, fitted: dict[str, Quantizer], rows: NDArray[np.float32]
) -> None:
    back = fitted[name].decode(fitted[name].encode(rows))
    cosines = np.diag(scores(back, rows, "cosine"))
    assert cosines.mean() > 0.4
    if name in ("float16", "int8", "row-int8", "int4"):
        assert cosines.min() > 0.98


@each
@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean", "manhattan", "hamming"])
def test_scores_are_those_of_the_vectors_that_codes_stand_for(
    name: str, metric: Any, fitted: dict[str, Quantizer], rows: NDArray[np.float32]
) -> None:
    one, codes = fitted[name], fitted[name].encode(rows)
    if metric not in one.METRICS:
        with pytest.raises(InvalidParameter, match=metric):
            one.scores(rows[:1], codes, metric)
        return
    queries = np.concatenate([rows[:9], np.zeros((1, DIM), np.float32)])
    if name == "simhash":
        return  # see test_sketches.py
    wanted = scores(one.query(queries), one.vectors(codes), metric)
    assert one.scores(queries, codes, metric) == pytest.approx(wanted, abs=2e-4)
    few = one.scores(queries[7:], codes, metric)  # a few queries go another way
    assert few == pytest.approx(wanted[7:], abs=2e-4, rel=1e-4)
    assert one.scores(queries[:0], codes, metric).shape == (0, len(codes))
    assert one.scores(queries, codes[:0], metric).shape == (10, 0)


@each
def test_each_finds_itself_and_ignores_scale_under_cosine(
    name: str, fitted: dict[str, Quantizer], rows: NDArray[np.float32]
) -> None:
    one, codes = fitted[name], fitted[name].encode(rows)
    if "cosine" not in one.METRICS:
        return
    found = one.scores(rows, codes, "cosine")
    if name in ("float16", "int8", "row-int8"):
        assert (found.argmax(axis=1) == np.arange(len(rows))).all()
    places = (found > np.diag(found)[:, None]).sum(axis=1)  # of each vector for itself
    assert np.median(places) <= 8
    assert one.scores(1000 * rows[:2], codes) == pytest.approx(found[:2], abs=1e-4)


@each
def test_the_space_is_another_and_the_same_for_the_same(
    name: str, fitted: dict[str, Quantizer], rows: NDArray[np.float32]
) -> None:
    space = fitted[name].space(SPACE)
    assert space.agrees(MAKERS[name]().fit(rows).space(SPACE))
    assert space.agrees(SPACE) == (name == "float16")
    others = [fitted[other].space(SPACE) for other in MAKERS if other != name]
    assert not any(space.agrees(other) for other in others)
    if name not in ("float16", "row-int8", "truncate") and "random" not in name:
        learned_elsewhere = MAKERS[name]().fit(rows[:300] * 2 - 1)
        if name not in ("simhash", "count-sketch"):  # which learn nothing of the numbers
            assert not learned_elsewhere.space(SPACE).agrees(space)
    with pytest.raises(InvalidParameter, match="dimensions"):
        fitted[name].space(Space("by hand", "0000", dim=DIM + 1))


@each
def test_saved_and_loaded(
    name: str, fitted: dict[str, Quantizer], rows: NDArray[np.float32], tmp_path: Path
) -> None:
    one, path = fitted[name], tmp_path / "one"
    one.save(path)
    again = type(one).load(path)
    assert repr(again) == repr(one)
    assert again.space(SPACE).agrees(one.space(SPACE))
    codes = one.encode(rows)
    assert np.array_equal(again.encode(rows), codes)
    assert np.array_equal(again.decode(codes), one.decode(codes))
    in_json = unpacked(packed(one))
    assert np.array_equal(in_json.encode(rows), codes)
    assert in_json.space(SPACE).agrees(one.space(SPACE))
    other = Int4 if name != "int4" else Int8
    with pytest.raises(ReadError, match=type(one).__name__):
        other.load(path)


@each
def test_what_is_refused(
    name: str, fitted: dict[str, Quantizer], rows: NDArray[np.float32], tmp_path: Path
) -> None:
    one, fresh = fitted[name], MAKERS[name]()
    with pytest.raises(NotFitted):
        fresh.encode(rows)
    with pytest.raises(NotFitted):
        _ = fresh.bytes_per_vector
    with pytest.raises(NotFitted):
        fresh.save(tmp_path / "nothing")
    with pytest.raises(EmptyInput):
        fresh.fit(np.empty((0, DIM), np.float32))
    with pytest.raises(InvalidVectors):
        fresh.fit([[np.nan] * DIM])
    with pytest.raises(InvalidVectors):
        fresh.fit([["a"]])
    with pytest.raises(DimensionMismatch):
        one.encode(rows[:, :-1])
    with pytest.raises(DimensionMismatch):
        one.scores(rows[:, :-1], one.encode(rows), one.METRICS[0])
    with pytest.raises(InvalidVectors):
        one.encode(np.full((1, DIM), np.inf))
    with pytest.raises(InvalidVectors, match="no codes"):
        one.decode(np.zeros((2, one.width + 1), one.code_dtype))
    with pytest.raises(InvalidVectors, match="no codes"):
        one.scores(rows, np.zeros((2, one.width), np.int64), one.METRICS[0])
    with pytest.raises(PathNotFound):
        type(one).load(tmp_path / "nowhere")
    with pytest.raises(PathNotFound):
        one.save(tmp_path / "no" / "folder")


@each
@pytest.mark.parametrize("kind", ["one", "equal", "zeros"])
def test_hardly_any_vectors(name: str, kind: str, rows: NDArray[np.float32]) -> None:
    some = {"one": rows[:1], "equal": rows[[0] * 50], "zeros": np.zeros((9, DIM))}[kind]
    one = MAKERS[name]().fit(some)
    codes = one.encode(some)
    assert (codes == codes[0]).all()
    assert np.isfinite(one.decode(codes)).all()
    found = one.scores(some[:1], codes, one.METRICS[0])
    assert np.isfinite(found).all()
    assert (found == found[0, 0]).all()


@each
def test_parameters_are_kept_and_cloned(name: str, fitted: dict[str, Quantizer]) -> None:
    again = fitted[name].clone()
    assert repr(again) == repr(fitted[name])
    assert name == "chain" or not hasattr(again, "dim_")


def test_the_same_seed_gives_the_same(rows: NDArray[np.float32]) -> None:
    for make in (ProductQuantizer, Binary):
        first, second = (make(rotate=True, seed=4).fit(rows).encode(rows) for _ in range(2))
        assert np.array_equal(first, second)
    for kind in (RandomProjection, CountSketch, SimHash):
        first, second, third = (kind(8, seed=s).fit(rows).encode(rows) for s in (1, 1, 2))
        assert np.array_equal(first, second)
        assert not np.array_equal(first, third)


def test_names_that_people_write(rows: NDArray[np.float32]) -> None:
    good = (
        "float16 int8 row-int8 int4 binary product product:3 pca:4 truncate:4 random:4 "
        "count-sketch:4 simhash:16 pca:8+int8"
    )
    for text in good.split():
        assert parse_quantizer(text).fit(rows).encode(rows).shape[0] == len(rows)
    bad = {
        "Choose one of": ("int7", "", "int8+"),
        "no number": ("int8:3",),
        "whole number": ("pca", "pca:", "pca:x", "pca:-3"),
    }
    for said, texts in bad.items():
        for text in texts:
            with pytest.raises(InvalidParameter, match=said):
                parse_quantizer(text)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (PCA(0), "n_components"), (PCA(22), "1 to 21"), (Truncation(22), "1 to 21"),
        (ProductQuantizer(22), "1 to 21"), (RandomProjection(0), "n_components"),
        (RandomProjection(3, density=0), "density"), (CountSketch(9, n_hashes=2), "divides"),
        (CountSketch(3, n_hashes=4), "n_hashes"), (SimHash(0), "n_bits"), (Int8(0.2), "quantile"),
        (Binary("mode"), "threshold"),  # type: ignore[arg-type]
        (Chain([Int8()]), "two"), (Chain([Int8(), PCA(3)]), "Put it last"),
        (Chain([SimHash(16), PCA(3)]), "Put it last"),
    ],
)  # fmt: skip
def test_arguments_out_of_range(wrong: Quantizer, said: str, rows: NDArray[np.float32]) -> None:
    with pytest.raises(InvalidParameter, match=said):
        wrong.fit(rows)


def test_a_truncated_space_is_that_of_truncated_embeddings(rows: NDArray[np.float32]) -> None:
    table = Embeddings(rows, SPACE)
    assert Truncation(8).fit(rows).space(SPACE).agrees(table.truncate(8).space)
    assert Truncation(DIM).fit(rows).space(SPACE).agrees(SPACE)
