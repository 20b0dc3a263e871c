"""Alignment: a planted rotation is found, self-learning grows from few pairs, CSLS helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

from kinspace import load
from kinspace.embeddings import Embeddings
from kinspace.errors import (
    EmptyInput,
    InvalidInput,
    InvalidParameter,
    NotFitted,
    ReadError,
    SpaceMismatch,
)
from kinspace.learn.alignment import Procrustes, translate, translation_precision
from kinspace.metric import normalise
from kinspace.space import Space

DIM = 20


def rotation(dim: int = DIM, seed: int = 0) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.linalg.qr(
        np.random.default_rng(seed).standard_normal((dim, dim))
    )[0]
    return found


def table(vectors: NDArray[np.floating], name: str, ids: list[str] | None = None) -> Embeddings:
    space = Space(name, name, dim=vectors.shape[1])
    names = [f"{name}{row}" for row in range(len(vectors))] if ids is None else ids
    return Embeddings(vectors, space, names)


@pytest.fixture
def points() -> NDArray[np.float64]:
    """Clustered points, as those of words are: some directions matter more than others."""
    rng = np.random.default_rng(3)
    middles = 2 * rng.standard_normal((30, DIM))
    spread = np.linspace(2, 0.3, DIM)
    return (middles[rng.integers(0, 30, 600)] + rng.standard_normal((600, DIM))) * spread


def pairs(count: int) -> list[tuple[str, str]]:
    return [(f"s{row}", f"t{row}") for row in range(count)]


def test_a_planted_rotation_is_recovered(points: NDArray[np.float64]) -> None:
    planted = rotation()
    source, target = table(points, "s"), table(points @ planted, "t")
    aligner = Procrustes().fit(source, target, pairs(100))
    np.testing.assert_allclose(aligner.matrix_, planted, atol=1e-5)
    assert aligner.pairs_ == 100
    mapped = aligner.map(source)
    assert mapped.space == target.space
    assert mapped.ids == source.ids
    np.testing.assert_allclose(mapped.vectors, normalise(target.vectors), atol=1e-5)
    assert target.nearest(mapped[[7]], k=1).ids == ["t7"]  # compared across, as in one space


def test_it_is_the_solution_that_scipy_finds(points: NDArray[np.float64]) -> None:
    noise = np.random.default_rng(1).standard_normal(points.shape)
    source, target = table(points, "s"), table(points @ rotation() + noise, "t")
    aligner = Procrustes(unit=False).fit(source, target, pairs(600))
    wanted, _ = orthogonal_procrustes(source.vectors, target.vectors)
    np.testing.assert_allclose(aligner.matrix_, wanted, atol=1e-4)
    np.testing.assert_allclose(aligner.matrix_ @ aligner.matrix_.T, np.eye(DIM), atol=1e-5)


def test_a_planted_shift_is_recovered_too(points: NDArray[np.float64]) -> None:
    planted, shift = rotation(), np.arange(DIM) / 4
    source, target = table(points, "s"), table(points @ planted + shift, "t")
    aligner = Procrustes(unit=False, center=True).fit(source, target, pairs(200))
    np.testing.assert_allclose(aligner.map(source).vectors, target.vectors, atol=1e-3)
    off = Procrustes(unit=False).fit(source, target, pairs(200)).map(source)
    assert np.abs(off.vectors - target.vectors).max() > 0.5


def test_spaces_of_different_dimensions(points: NDArray[np.float64]) -> None:
    wide = np.hstack([points, np.zeros((600, 5))]) @ rotation(DIM + 5)
    up = Procrustes().fit(table(points, "s"), table(wide, "t"), pairs(300))
    assert up.matrix_.shape == (DIM, DIM + 5)
    np.testing.assert_allclose(up.matrix_ @ up.matrix_.T, np.eye(DIM), atol=1e-5)
    mapped = up.map(table(points, "s"))
    np.testing.assert_allclose(mapped.vectors, normalise(wide.astype(np.float32)), atol=1e-5)
    down = Procrustes().fit(table(wide, "s"), table(points, "t"), pairs(300))
    np.testing.assert_allclose(down.matrix_.T @ down.matrix_, np.eye(DIM), atol=1e-5)


def test_self_learning_grows_from_few_pairs(points: NDArray[np.float64]) -> None:
    noise = 0.2 * np.random.default_rng(1).standard_normal(points.shape)
    order = np.random.default_rng(2).permutation(600)
    source = table(points, "s")
    target = table((points @ rotation() + noise)[order], "t", [f"t{row}" for row in order])
    few = Procrustes().fit(source, target, pairs(7))
    grown = Procrustes(30).fit(source, target, pairs(7))
    shares = [
        translation_precision(pairs(600), one.map(source), target)["csls_precision_at_1"]
        for one in (few, grown)
    ]
    assert shares[0] < 60
    assert shares[1] > 95
    assert 1 < len(grown.rounds_) <= 30
    likeness = [each["cosine"] for each in grown.rounds_]
    assert likeness == sorted(likeness)
    assert grown.rounds_[-1]["pairs"] > 500
    again = Procrustes(30).fit(source, target, pairs(7))
    np.testing.assert_array_equal(grown.matrix_, again.matrix_)


def test_without_pairs_the_same_names_belong_together(points: NDArray[np.float64]) -> None:
    names = [f"w{row}" for row in range(600)]
    others = names[:100] + [f"v{row}" for row in range(500)]
    source, target = table(points, "s", names), table(points @ rotation(), "t", others)
    aligner = Procrustes().fit(source, target)
    assert aligner.pairs_ == 100
    np.testing.assert_allclose(aligner.matrix_, rotation(), atol=1e-5)
    by_row = Embeddings(points, Space("s", "s", dim=DIM))
    rows = Procrustes().fit(by_row, by_row, [(0, 0), (1, 1), (2, 2)])
    assert rows.pairs_ == 3


def test_csls_puts_hubs_back() -> None:
    rng = np.random.default_rng(0)
    own = normalise(rng.standard_normal((200, 30)).astype(np.float32))
    noise = 1.5 * normalise(rng.standard_normal(own.shape).astype(np.float32))
    # All lean to one side, so that a target that lies there is near to all.
    source, target = own + 0.2, np.vstack([own + 0.2 + noise, np.ones((1, 30), np.float32)])
    space = Space("one", "1", dim=30)
    here = Embeddings(source, space, [f"s{row}" for row in range(200)])
    there = Embeddings(target, space, [f"t{row}" for row in range(200)] + ["hub"])
    asked = [f"s{row}" for row in range(200)]
    near = [found.ids[0] for found in translate(asked, here, there, method="nearest")]
    csls = [found.ids[0] for found in translate(asked, here, there)]
    assert near.count("hub") > 80
    assert csls.count("hub") < 20
    figures = translation_precision(
        [(f"s{row}", f"t{row}") for row in range(200)], here, there, depths=(1, 2)
    )
    assert figures["words"] == 200
    assert figures["csls_precision_at_1"] > figures["precision_at_1"] + 20
    assert figures["precision_at_2"] >= figures["precision_at_1"]


def test_what_was_saved_maps_the_same(points: NDArray[np.float64], tmp_path: Path) -> None:
    source, target = table(points, "s"), table(points @ rotation(), "t")
    aligner = Procrustes(3, center=True).fit(source, target, pairs(50))
    aligner.save(tmp_path / "map")
    for again in (Procrustes.load(tmp_path / "map"), load(tmp_path / "map")):
        assert isinstance(again, Procrustes)
        assert again.get_params() == aligner.get_params()
        assert (again.pairs_, again.rounds_) == (aligner.pairs_, aligner.rounds_)
        np.testing.assert_array_equal(again.map(source).vectors, aligner.map(source).vectors)


def test_what_cannot_be(points: NDArray[np.float64], tmp_path: Path) -> None:
    source, target = table(points, "s"), table(points @ rotation(), "t")
    with pytest.raises(EmptyInput, match="None of 1 pairs"):
        Procrustes().fit(source, target, [("cat", "chat")])
    with pytest.raises(EmptyInput):
        Procrustes().fit(source, target, [])
    with pytest.raises(InvalidInput, match="not pairs"):
        Procrustes().fit(source, target, ["s10"])  # type: ignore[list-item]
    with pytest.raises(InvalidParameter):
        Procrustes(-1).fit(source, target, pairs(3))
    with pytest.raises(InvalidInput, match="without ids"):
        Procrustes().fit(Embeddings(points, source.space), target)
    with pytest.raises(NotFitted):
        Procrustes().map(source)
    with pytest.raises(NotFitted):
        Procrustes().save(tmp_path / "map")
    aligner = Procrustes().fit(source, target, pairs(30))
    with pytest.raises(SpaceMismatch):
        aligner.map(target)
    with pytest.raises(SpaceMismatch, match="translated"):
        translate(["s1"], source, target)
    mapped = aligner.map(source)
    for wrong in ({"k": 0}, {"neighbours": 0}, {"frequent": 0}, {"method": "best"}):
        with pytest.raises(InvalidParameter):
            translate(["s1"], mapped, target, **wrong)  # type: ignore[arg-type]
    with pytest.raises(EmptyInput):
        translate([], mapped, target)
    with pytest.raises(EmptyInput):
        translation_precision([("cat", "chat")], mapped, target)
    aligner.save(tmp_path / "map")
    (tmp_path / "map" / "state.safetensors").write_bytes(b"x")
    with pytest.raises(ReadError):
        Procrustes.load(tmp_path / "map")
