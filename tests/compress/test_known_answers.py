"""Each way of compressing, on answers that are known: bounds, and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.compress import (
    PCA,
    Binary,
    Float16,
    Int4,
    Int8,
    ProductQuantizer,
    RandomProjection,
    RowInt8,
)
from kinspace.compress.levels import lloyd
from kinspace.engines import codes as kernels
from kinspace.errors import InvalidVectors


@pytest.fixture(scope="module")
def normal() -> NDArray[np.float32]:
    return np.random.default_rng(8).standard_normal((20_000, 16)).astype(np.float32)


def test_int8_is_within_half_a_step_of_what_lies_in_range(normal: NDArray[np.float32]) -> None:
    every = Int8(1.0).fit(normal)
    off = np.abs(every.decode(every.encode(normal)) - normal)
    assert (off <= every.steps_ / 2 + 1e-5).all()
    assert every.steps_ == pytest.approx((normal.max(0) - normal.min(0)) / 255, rel=1e-5)
    narrow = Int8(0.99).fit(normal)  # numbers beyond come to the ends
    assert narrow.encode(np.full((1, 16), 1e30))[0].tolist() == [127] * 16
    assert narrow.encode(np.full((1, 16), -1e30))[0].tolist() == [-128] * 16
    assert (narrow.steps_ < every.steps_).all()


def test_a_constant_dimension_is_exact() -> None:
    rows = np.random.default_rng(0).standard_normal((100, 3)).astype(np.float32)
    rows[:, 1] = 0.7
    for one in (Int8(), Int4(), Binary("mean")):
        back = one.fit(rows).decode(one.encode(rows))
        assert back[:, 1] == pytest.approx(0.7, abs=1e-6)


def test_row_int8_suits_any_scale() -> None:
    rows = np.array([[1e-20, -1e-20], [1e20, 5e19], [0, 0]], np.float32)
    one = RowInt8().fit(rows)
    assert one.decode(one.encode(rows)) == pytest.approx(rows, rel=0.01)


@pytest.mark.parametrize(("count", "error"), [(2, 0.3634), (4, 0.1175), (16, 0.009497)])
def test_levels_of_a_normal_distribution(
    count: int, error: float, normal: NDArray[np.float32]
) -> None:
    """Max (1960, table I) gives the least error that so many levels can have."""
    column = normal.reshape(-1, 1)
    levels = lloyd(column, count)
    off = np.abs(column - levels[0][None]).min(axis=1)
    assert float((off**2).mean()) == pytest.approx(error, rel=0.03)
    assert (np.diff(levels[0]) > 0).all()


def test_binary_levels_are_the_means_of_both_sides(normal: NDArray[np.float32]) -> None:
    one = Binary().fit(normal)
    mean = np.sqrt(2 / np.pi)  # of half a normal distribution
    assert one.levels_[:, 1] == pytest.approx(mean, abs=0.02)
    assert one.levels_[:, 0] == pytest.approx(-mean, abs=0.02)
    bits = np.unpackbits(one.encode(normal), axis=1, bitorder="little")
    assert np.array_equal(bits, normal > 0)
    middle = Binary("median").fit(normal + 5)
    shares = np.unpackbits(middle.encode(normal + 5), axis=1, bitorder="little").mean(axis=0)
    assert shares == pytest.approx(0.5, abs=0.001)


def test_a_turn_keeps_all_products(normal: NDArray[np.float32]) -> None:
    turn = Binary(rotate=True, seed=3).fit(normal).rotation_
    assert turn is not None
    assert turn @ turn.T == pytest.approx(np.eye(16), abs=1e-5)
    learned = ProductQuantizer(4, rotate=True).fit(normal).rotation_
    assert learned is not None
    assert learned @ learned.T == pytest.approx(np.eye(16), abs=1e-4)


def test_a_learned_turn_helps_where_dimensions_go_together() -> None:
    rng = np.random.default_rng(5)
    hidden = rng.standard_normal((4000, 4)).astype(np.float32)
    rows = hidden @ rng.standard_normal((4, 32)).astype(np.float32)
    plain, turned = (ProductQuantizer(4, rotate=r).fit(rows) for r in (False, True))
    off = [float(((one.decode(one.encode(rows)) - rows) ** 2).mean()) for one in (plain, turned)]
    assert off[1] < off[0]


def test_product_codes_are_those_of_the_nearest_centroids(normal: NDArray[np.float32]) -> None:
    one = ProductQuantizer(4).fit(normal)
    parts = normal[:500].reshape(500, 4, 1, 4)
    apart = ((parts - one.centroids_[None]) ** 2).sum(axis=-1)
    assert (one.encode(normal[:500]) == apart.argmin(axis=-1)).mean() > 0.999
    few = normal[:100]  # no more than there are centroids: nothing is lost
    exact = ProductQuantizer(4).fit(few)
    assert exact.decode(exact.encode(few)) == pytest.approx(few, abs=1e-6)


def test_float16_as_numpy_has_it() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)].reshape(-1, 32)
    assert np.array_equal(kernels.widened(every), every.astype(np.float32))
    one = Float16().fit([[1.0]])
    with pytest.raises(InvalidVectors, match="too large"):
        one.encode([[70_000.0]])


def test_compiled_as_plain() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (50, 7), np.uint8)
    values = rng.standard_normal((7, 256, 3)).astype(np.float32)
    plain = np.empty((50, 21), np.float32)
    kernels._bring_back(codes, values, plain)
    assert np.array_equal(kernels.brought_back(codes, values), plain)
    tables, squares = values[:, :, 0].copy(), values[:, :, 1] ** 2
    dots, lengths = np.empty((2, 50), np.float32)
    kernels._sum(codes, tables, squares, dots, lengths)
    found = kernels.sums(codes, tables, squares)
    assert found[0] == pytest.approx(dots, abs=1e-5)
    assert found[1] == pytest.approx(lengths, abs=1e-5)
    steps, middles, query = rng.random((3, 7), np.float32)
    signed = codes.view(np.int8)
    rows = middles + steps * signed
    found = kernels.affine_sums(signed, query, steps, middles)
    assert found[0] == pytest.approx(rows @ query, rel=1e-4, abs=1e-3)
    assert found[1] == pytest.approx((rows**2).sum(1), rel=1e-4)


def test_principal_components_as_scikit_learn_has_them() -> None:
    from sklearn import decomposition

    rng = np.random.default_rng(2)
    rows = (rng.standard_normal((900, 12)) * np.arange(1, 13) + 3).astype(np.float32)
    ours, theirs = PCA(5, center=True).fit(rows), decomposition.PCA(5).fit(rows)
    assert ours.explained_ == pytest.approx(theirs.explained_variance_ratio_, abs=1e-4)
    assert np.abs(ours.encode(rows)) == pytest.approx(np.abs(theirs.transform(rows)), abs=1e-2)
    assert ours.decode(ours.encode(rows)) == pytest.approx(
        theirs.inverse_transform(theirs.transform(rows)), abs=1e-2
    )
    plain = PCA(12).fit(rows)  # all of them: products are as they were
    kept = plain.encode(rows)
    assert kept @ kept.T == pytest.approx(rows @ rows.T, rel=1e-3, abs=1e-1)


@pytest.mark.parametrize("density", [None, 1 / 3, 0.05])
def test_random_projection_keeps_distances_as_johnson_and_lindenstrauss_say(
    density: float | None,
) -> None:
    rows = np.random.default_rng(0).standard_normal((40, 2000)).astype(np.float32)
    short = RandomProjection(600, density=density, seed=1).fit(rows).encode(rows)
    before, after = (((a[:, None] - a[None]) ** 2).sum(-1) for a in (rows, short))
    ratios = after[before > 0] / before[before > 0]
    assert ratios.mean() == pytest.approx(1, abs=0.03)
    assert np.abs(ratios - 1).max() < 0.35  # sqrt(2 / 600) is .058 of one standard deviation
