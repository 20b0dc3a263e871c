"""A measured figure with its interval (`Estimate`), and what it was computed from (`Sample`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import DimensionMismatch, EmptyInput, InvalidParameter, InvalidVectors
from kinspace.evaluate.metrics import ORDINAL, STATISTICS
from kinspace.evaluate.metrics.columns import places


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval in which the true one lies with 95 % confidence.

    Parameters
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float

    def __float__(self) -> float:
        return self.value

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __str__(self) -> str:
        return f"{self:.4f}"


@dataclass(frozen=True, eq=False)
class Sample:
    """What a figure was computed from: columns of equal length, and the statistic over them.

    It is plain data, so that it can be saved, resampled for an interval, and compared row by row
    with the sample of another system on the same items.

    Parameters
    ----------
    statistic : str
        A name in :data:`kinspace.evaluate.metrics.STATISTICS`: ``"mean"``, ``"spearman"`` …
    columns : mapping of str to ndarray, shape (n,)
        What that statistic takes, by name; a row is an item (a query, a pair, a text).

    Examples
    --------
    >>> import numpy as np
    >>> Sample("mean", {"values": np.array([0.0, 1.0])}).value()
    0.5
    """

    statistic: str
    columns: Mapping[str, NDArray[np.float64] | NDArray[np.int64]]

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            raise InvalidParameter(
                f"Unknown statistic {self.statistic!r}.", f"Choose of: {', '.join(STATISTICS)}."
            )
        wanted = list(signature(STATISTICS[self.statistic]).parameters)
        if sorted(self.columns) != sorted(wanted):
            raise InvalidParameter(
                f"A {self.statistic} of the columns {', '.join(self.columns)}.",
                f"Give {' and '.join(wanted)}.",
            )
        lengths = {len(column) for column in self.columns.values()}
        if len(lengths) != 1:
            raise DimensionMismatch(
                f"Columns of lengths {sorted(lengths)}.", "Give columns of one length."
            )
        if lengths == {0}:
            raise EmptyInput("A sample without items.", "Give at least one.")
        for name, column in self.columns.items():
            if not np.isfinite(column).all():
                raise InvalidVectors(f"The column {name!r} holds NaN or infinity.", "Check it.")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def value(self) -> float:
        """The statistic over all rows."""
        return float(STATISTICS[self.statistic](**self.columns))

    def resampled(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """The statistic over each of several draws of rows, shape (draws, n) → (draws,)."""
        taken = {name: column[rows] for name, column in self._drawn_from.items()}
        return np.asarray(STATISTICS[self.statistic](**taken), np.float64)

    @cached_property
    def _drawn_from(self) -> dict[str, NDArray[Any]]:
        """The columns; of those of which only the order counts, the places in that order."""
        ordinal = ORDINAL.get(self.statistic, ())
        return {
            name: places(column)[0] if name in ordinal else np.asarray(column)
            for name, column in self.columns.items()
        }
