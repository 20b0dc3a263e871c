"""Numbers brought to one scale: standardised, min-max, or by quartiles."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter
from kinspace.learn.categories.learner import ValueLearner
from kinspace.metric import Metric

Floats = NDArray[np.float64]
Missing = Literal["error", "mean", "indicator"]
"""What a missing number becomes: an error; the centre of its column; that, and a 1 beside it."""


class _Scaler(ValueLearner):
    """``(x − centre) / scale``, each column by its own."""

    metric: ClassVar[Metric] = "euclidean"
    missing: Missing

    @abstractmethod
    def _measure(self, column: Floats) -> tuple[float, float]:
        """The centre and the scale of a column without missing values."""

    def fit(self, items: Iterable[Any]) -> Self:
        """Learn the centre and the scale of each column.

        Parameters
        ----------
        items : iterable of number, or array_like, shape (n,) or (n, columns)
            NaN and None are missing values.

        Raises
        ------
        EmptyInput, InvalidInput, InvalidParameter
        """
        if self.missing not in ("error", "mean", "indicator"):
            raise InvalidParameter(
                f"Unknown missing={self.missing!r}.", "Choose one of: error, mean, indicator."
            )
        rows = _matrix(items)
        if not len(rows):
            raise EmptyInput("There are no numbers to learn from.", "Give at least one.")
        self._refuse_missing(rows)
        centres, scales = [], []
        for place, column in enumerate(rows.T):
            there = column[~np.isnan(column)]
            if not len(there):
                raise InvalidInput(f"Column {place} has no numbers.", "Leave it out.")
            centre, scale = self._measure(there)
            centres.append(float(centre))
            scales.append(float(scale) if scale > 0 else 1.0)
        gaps = np.isnan(rows).any(0).tolist() if self.missing == "indicator" else []
        return self._learned(centres=centres, scales=scales, gaps=gaps)

    @property
    def names(self) -> list[str]:
        """What each dimension stands for."""
        places = range(len(self.facts["centres"]))
        gaps = [f"number {p} is missing" for p in places if self.facts["gaps"][p : p + 1] == [True]]
        return [f"number {place}" for place in places] + gaps

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        rows = _matrix(items)
        centres, scales = np.array(self.facts["centres"]), np.array(self.facts["scales"])
        if rows.shape[1] != len(centres):
            raise InvalidInput(
                f"Rows have {rows.shape[1]} numbers; {len(centres)} were learned from.",
                "Give the same columns.",
            )
        self._refuse_missing(rows)
        gone = np.isnan(rows)
        scaled = np.where(gone, 0, (rows - centres) / scales)
        beside = [gone[:, place] for place, gap in enumerate(self.facts["gaps"]) if gap]
        return np.column_stack([scaled, *beside]).astype(np.float32)

    def _refuse_missing(self, rows: Floats) -> None:
        if self.missing == "error" and np.isnan(rows).any():
            row, column = np.argwhere(np.isnan(rows))[0]
            raise InvalidInput(
                f"The number of row {row}, column {column} is missing.",
                'Fill it in, or set missing="mean" or missing="indicator".',
            )


class StandardScaler(_Scaler):
    """Mean 0 and standard deviation 1. A constant column becomes zeros.

    Parameters
    ----------
    missing : {"error", "mean", "indicator"}
        What a missing number becomes: an error; the mean of its column; or that, with a dimension
        beside it that says so.

    Examples
    --------
    >>> StandardScaler().fit([1, 3]).encode([1, 2, 3]).vectors.ravel()
    array([-1.,  0.,  1.], dtype=float32)
    """

    method: ClassVar[str] = "standard"

    def __init__(self, *, missing: Missing = "error") -> None:
        self.missing = missing

    def _measure(self, column: Floats) -> tuple[float, float]:
        return float(column.mean()), float(column.std())


class MinMaxScaler(_Scaler):
    """From 0 for the least that was learned from to 1 for the most; others lie outside.

    Parameters
    ----------
    missing : {"error", "mean", "indicator"}
        As for :class:`StandardScaler`; the centre is the least.

    Examples
    --------
    >>> MinMaxScaler().fit([10, 20]).encode([10, 15, 30]).vectors.ravel()
    array([0. , 0.5, 2. ], dtype=float32)
    """

    method: ClassVar[str] = "min-max"

    def __init__(self, *, missing: Missing = "error") -> None:
        self.missing = missing

    def _measure(self, column: Floats) -> tuple[float, float]:
        return float(column.min()), float(column.max() - column.min())


class RobustScaler(_Scaler):
    """Less the median, over the distance of the quartiles: outliers do not move it.

    Parameters
    ----------
    missing : {"error", "mean", "indicator"}
        As for :class:`StandardScaler`; the centre is the median.

    Examples
    --------
    >>> RobustScaler().fit([1, 2, 3, 4, 1000]).encode([3, 5]).vectors.ravel()
    array([0., 1.], dtype=float32)
    """

    method: ClassVar[str] = "robust"

    def __init__(self, *, missing: Missing = "error") -> None:
        self.missing = missing

    def _measure(self, column: Floats) -> tuple[float, float]:
        low, middle, high = np.percentile(column, [25, 50, 75])
        return float(middle), float(high - low)


def _matrix(items: Iterable[Any]) -> Floats:
    """Numbers as a matrix of float64; missing ones are NaN."""
    held = items if isinstance(items, np.ndarray) else list(items)
    try:
        rows = np.asarray(held, np.float64)  # None becomes NaN
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"These are not numbers: {error}.", "Give numbers.") from error
    if rows.ndim == 1:
        rows = rows[:, None]
    if rows.ndim != 2:
        raise InvalidInput(f"Numbers have {rows.ndim} axes.", "Give a column, or rows of numbers.")
    if np.isinf(rows).any():
        row, column = np.argwhere(np.isinf(rows))[0]
        raise InvalidInput(
            f"The number of row {row}, column {column} is infinite.", "Give finite numbers."
        )
    return rows
