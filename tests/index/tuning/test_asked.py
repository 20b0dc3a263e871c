"""Units of memory and time, and which numbers of neighbours are set."""

from __future__ import annotations

import pytest

from kinspace.errors import InvalidParameter
from kinspace.index.tuning.asked import Asked


@pytest.mark.parametrize(
    ("given", "meant"),
    [("400MB", 400e6), ("1.5 gb", 1.5e9), ("64KiB", 65536), ("100", 100), (7e5, 7e5), ("2B", 2)],
)
def test_memory(given: str | float, meant: float) -> None:
    assert Asked.of(0.9, 10, given, None, None).memory == meant


@pytest.mark.parametrize(
    ("given", "meant"), [("2ms", 2e-3), ("500 µs", 5e-4), ("80us", 8e-5), ("1s", 1), (0.25, 0.25)]
)
def test_latency(given: str | float, meant: float) -> None:
    assert Asked.of(0.9, 10, None, given, None).latency == pytest.approx(meant)


@pytest.mark.parametrize("given", ["", "MB", "4 apples", "-3MB", "nan", 0, -1, float("nan"), "1e9"])
def test_what_is_no_amount(given: str | float) -> None:
    with pytest.raises(InvalidParameter, match="memory"):
        Asked.of(0.9, 10, given, None, None)


def test_numbers_of_neighbours() -> None:
    assert Asked.of(0.9, 10, None, None, None).ks(1000) == [10, 1, 100]
    assert Asked.of(0.9, 25, None, None, None).ks(1000) == [25, 1, 10, 100]
    assert Asked.of(0.9, 10, None, None, None).ks(50) == [10, 1]
    assert Asked.of(0.9, 50, None, None, None).ks(20) == [19, 1, 10]
    assert Asked.of(0.9, 10, None, None, None).ks(1) == []
    assert Asked.of(0.9, 10, None, None, None).ks(0) == []
