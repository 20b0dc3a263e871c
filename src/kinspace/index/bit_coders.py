"""From numbers to bits: sides of hyperplanes, or draws that equal numbers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import Metric

_MULTIPLIERS: Final = 16
_ANGLE: Final = 2048
"""Dimensions up to which directions are made to stand at right angles."""

Coded = tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]]
"""Bits, shape (n, bits), lengths and shifts, shape (n,)."""


class Coder(Protocol):
    """What :class:`~kinspace.index.binary.Binary` codes rows and queries with."""

    @property
    def bits(self) -> int:
        """How many a vector has."""
        ...

    @property
    def weighted(self) -> bool:
        """Whether rows have lengths and shifts of their own."""
        ...

    @property
    def scale(self) -> float:
        """What makes of a sum of a query's numbers, signed by bits, a product."""
        ...

    def coded(self, rows: NDArray[np.float32]) -> Coded:
        """The bits of rows, and what turns counts of bits into scores."""
        ...

    def asked(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The bits of queries, and the numbers that these are the signs of."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is needed to make it again."""
        ...


class Planes:
    """Each bit says on which side of a hyperplane a vector lies.

    A row x becomes ``y = x P - t``, and its bits the signs of y. P keeps products, as its columns
    are bases at right angles, so that for a query q, with ``z = q P - t``::

        q·x          =  z·y + t·y + something that rows share
        -|q - x|²/2  =  z·y - |y|²/2 + something that rows share

    Lengths |y| and the shifts after z·y are kept; the bits give z·y.

    Parameters
    ----------
    directions : ndarray of float32, shape (dim, bits), or (1, 1) for the axes
    thresholds : ndarray of float32, shape (bits,)
    metric : str
    scale : float
        What makes of a sum of a query's numbers, signed by the bits of a row, their product with a
        row of length 1: √(π / 2 bits) where numbers are many and normal.
    """

    def __init__(
        self,
        directions: NDArray[np.float32],
        thresholds: NDArray[np.float32],
        metric: Metric,
        scale: float,
    ) -> None:
        self.directions = directions
        self.thresholds = thresholds
        self.metric = metric
        self.scale = scale

    @classmethod
    def learned(
        cls,
        rows: NDArray[np.float32],
        bits: int,
        metric: Metric,
        thresholds: str,
        rotate: bool,
        rng: np.random.Generator,
    ) -> Self:
        """Directions at random, or the axes; thresholds from rows."""
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        unit = np.float32(1 / (lengths.mean() or 1))  # so that no square leaves float32
        directions = np.full((1, 1), unit)
        if rotate:
            directions = unit * _random_directions(rows.shape[1], bits, rng)
        made = cls(directions, np.zeros(bits, np.float32), metric, 1.0)
        if thresholds != "zero":
            middle = np.mean if thresholds == "mean" else np.median
            made.thresholds = np.asarray(middle(made._projected(rows), axis=0), np.float32)
        # The sum is right for a row itself: its absolute numbers, where its length is meant.
        numbers = made.asked(rows)[1]
        sums, lengths = np.abs(numbers).sum(axis=1), np.linalg.norm(numbers, axis=1)
        made.scale = float(lengths.sum() / (sums.sum() or 1))
        return made

    @property
    def bits(self) -> int:
        """How many a vector has."""
        return len(self.thresholds)

    @property
    def weighted(self) -> bool:
        """Around the origin rows of length 1 are still of length 1."""
        return self.metric != "cosine" or bool(self.thresholds.any())

    def _projected(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.directions.shape == (1, 1):
            return rows * self.directions
        return rows @ self.directions

    def asked(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The bits of queries, and the numbers that these are the signs of."""
        numbers = self._projected(queries) - self.thresholds
        return numbers > 0, numbers

    def coded(self, rows: NDArray[np.float32]) -> Coded:
        """The bits of rows, their lengths from the thresholds, and shifts of their scores."""
        signs, numbers = self.asked(rows)
        squares = np.einsum("ij,ij->i", numbers, numbers)
        by_distance = self.metric in ("euclidean", "manhattan")
        shifts = -squares / 2 if by_distance else numbers @ self.thresholds
        return signs, np.sqrt(squares), shifts

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Directions, thresholds and the scale."""
        return {
            "directions": self.directions,
            "thresholds": self.thresholds,
            "scale": np.array([self.scale]),
        }

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], metric: Metric) -> Self:
        """From what :meth:`arrays` gave."""
        directions, thresholds = np.array(arrays["directions"]), np.array(arrays["thresholds"])
        return cls(directions, thresholds, metric, float(arrays["scale"][0]))


class Draws:
    """Each bit is drawn from one number: equal numbers give equal bits, others in half of all.

    So the bits that differ estimate the Hamming distance (b-bit hashing, Li & König 2010), and are
    the distance itself where a dimension has two values, of which a draw is chosen that parts them.

    Parameters
    ----------
    multipliers : ndarray of uint64, shape (bits,)
        Odd. Bit j is drawn from dimension ``j % dim``.
    """

    def __init__(self, multipliers: NDArray[np.uint64]) -> None:
        self.multipliers = multipliers

    @property
    def bits(self) -> int:
        """How many a vector has."""
        return len(self.multipliers)

    @property
    def weighted(self) -> bool:
        """A count is a distance as it is."""
        return False

    @property
    def scale(self) -> float:
        """Signs times signs: the bits that agree less those that differ, against a length."""
        return float(self.bits**-0.5)

    @classmethod
    def learned(cls, rows: NDArray[np.float32], bits: int, rng: np.random.Generator) -> Self:
        """Of some multipliers, for each bit the one that cuts the rows most evenly."""
        best, evenness = cls(np.ones(bits, np.uint64)), np.full(bits, np.inf)
        for _ in range(_MULTIPLIERS):
            draw = cls(rng.integers(0, 1 << 63, bits, np.uint64) * np.uint64(2) + np.uint64(1))
            uneven = np.abs(draw.coded(rows)[0].mean(axis=0) - 0.5)
            better = uneven < evenness
            best.multipliers[better], evenness[better] = draw.multipliers[better], uneven[better]
        return best

    def coded(self, rows: NDArray[np.float32]) -> Coded:
        """The bits of rows; lengths and shifts are not used."""
        numbers = (rows + np.float32(0)).view(np.uint32)  # -0 becomes 0, as both are equal
        dims = np.arange(len(self.multipliers)) % rows.shape[1]
        drawn = (numbers[:, dims].astype(np.uint64) * self.multipliers) >> np.uint64(63)
        return drawn.astype(np.bool_), np.empty(0, np.float32), np.empty(0, np.float32)

    def asked(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The bits of queries, and the same as signs: nothing finer is known."""
        signs = self.coded(queries)[0]
        return signs, np.where(signs, np.float32(1), np.float32(-1))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The multipliers, by their name."""
        return {"multipliers": self.multipliers}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], metric: Metric) -> Self:
        """From what :meth:`arrays` gave."""
        return cls(np.array(arrays["multipliers"]))


def _random_directions(dim: int, bits: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Columns at right angles, ``dim`` at a time, that keep lengths together: shape (dim, bits)."""
    parts = []
    for start in range(0, bits, dim):
        drawn = rng.standard_normal((dim, min(dim, bits - start)), np.float32)
        parts.append(np.linalg.qr(drawn)[0] if dim <= _ANGLE else drawn / np.float32(dim**0.5))
    joined = np.concatenate(parts, axis=1) * np.float32((dim / bits) ** 0.5)
    return np.ascontiguousarray(joined, np.float32)
