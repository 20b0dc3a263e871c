"""Figures with their intervals, and the columns they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.errors import DimensionMismatch, EmptyInput, InvalidParameter, InvalidVectors
from kinspace.evaluate.estimate import Estimate, Sample


def test_an_estimate_is_a_number_with_bounds() -> None:
    found = Estimate(0.68123, 0.6, 0.75)
    assert float(found) == 0.68123
    assert str(found) == f"{found}" == "0.6812 [0.6000, 0.7500]"
    assert f"{found:.2f}" == "0.68 [0.60, 0.75]"


@pytest.mark.parametrize("statistic", ["mean", "spearman"])
def test_draws_of_rows(statistic: str, rng: np.random.Generator) -> None:
    """The figure over a draw is the figure over a sample that holds that draw."""
    columns = {"values": rng.normal(size=20)}
    if statistic == "spearman":
        columns = {"predicted": rng.normal(size=20), "gold": rng.normal(size=20).round()}
    rows = rng.integers(0, 20, (30, 20))
    found = Sample(statistic, columns).resampled(rows)
    alone = [Sample(statistic, {n: c[row] for n, c in columns.items()}).value() for row in rows]
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-12)
    whole = Sample(statistic, columns)
    assert whole.resampled(np.arange(20)[None])[0] == pytest.approx(whole.value(), abs=1e-12)


@pytest.mark.parametrize(
    ("statistic", "columns", "error"),
    [
        ("median", {"values": np.ones(3)}, InvalidParameter),
        ("spearman", {"predicted": np.ones(3), "gold": np.ones(4)}, DimensionMismatch),
        ("mean", {"values": np.ones(0)}, EmptyInput),
        ("mean", {"values": np.array([1.0, np.nan])}, InvalidVectors),
        ("mean", {"values": np.array([1.0, np.inf])}, InvalidVectors),
        ("mean", {"scores": np.ones(3)}, InvalidParameter),
        ("spearman", {"predicted": np.ones(3)}, InvalidParameter),
    ],
)
def test_bad_samples(statistic: str, columns: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Sample(statistic, columns)
