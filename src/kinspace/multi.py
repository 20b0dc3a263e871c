"""Items of several vectors each, as late interaction has them: one for every token of a text.

The vectors of all items lie in one table, one after the other, without padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import DimensionMismatch, InvalidVectors

_BLOCK: Final = 1 << 20
"""Scores between single vectors that are held at once (4 MiB, about what a core's cache holds)."""


@dataclass(frozen=True, slots=True, eq=False)
class MultiVectors:
    """Several items of several vectors each.

    Attributes
    ----------
    values : ndarray of float32, shape (total, dim)
        The vectors of all items, one after the other.
    starts : ndarray of int64, shape (n + 1,)
        Where each item begins, and at the end where the last one ends.

    Raises
    ------
    InvalidVectors
        If the two do not fit each other, or an item has no vector.

    Examples
    --------
    >>> two = MultiVectors.of([[[1, 0], [0, 1]], [[0.6, 0.8]]])
    >>> len(two), two.shape, two.lengths.tolist()
    (2, (2, 2), [2, 1])
    >>> two[1]
    array([[0.6, 0.8]], dtype=float32)
    """

    values: NDArray[np.float32]
    starts: NDArray[np.int64]

    def __post_init__(self) -> None:
        values, starts = self.values, self.starts
        if (
            getattr(values, "ndim", 0) != 2
            or values.dtype != np.float32
            or getattr(starts, "ndim", 0) != 1
            or starts.dtype != np.int64
            or not len(starts)
            or (starts[0], starts[-1]) != (0, len(values))
        ):
            raise InvalidVectors(
                "These are not the vectors of several items: values and starts do not fit.",
                "Give float32 of shape (total, dim), and int64 that begin at 0 and end at total.",
            )
        if (starts[1:] <= starts[:-1]).any():
            item = int(np.argmax(starts[1:] <= starts[:-1]))
            raise InvalidVectors(f"Item {item} has no vector.", "Give each item one or more.")

    @classmethod
    def of(cls, items: Sequence[Any], dim: int | None = None) -> MultiVectors:
        """Items from one array of shape (k, dim) each; ``dim`` is needed where there are none."""
        with np.errstate(over="ignore"):
            arrays = [np.asarray(item, np.float32) for item in items]
        if any(array.ndim != 2 for array in arrays):
            raise ValueError("an item has not two axes")
        lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))
        empty = np.empty((0, dim or 0), np.float32)
        return cls(np.concatenate(arrays) if arrays else empty, _starts(lengths))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many vectors each item has, shape (n,)."""
        return np.diff(self.starts)

    @property
    def shape(self) -> tuple[int, int]:
        """Items and dimensions."""
        return len(self), self.values.shape[1]

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """float32."""
        return self.values.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors, and of where the items begin."""
        return self.values.nbytes + self.starts.nbytes

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (self[item] for item in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """One item by its place, shape (k, dim); several by slice, mask or places."""
        if isinstance(key, int | np.integer):
            place = range(len(self))[key]
            return self.values[self.starts[place] : self.starts[place + 1]]
        if isinstance(key, slice) and key.step in (None, 1):
            first, last, _ = key.indices(len(self))
            starts = self.starts[first : max(first, last) + 1]
            return MultiVectors(self.values[starts[0] : starts[-1]], starts - starts[0])
        places = np.arange(len(self))[key]
        lengths = self.lengths[places]
        starts = _starts(lengths)
        rows = np.repeat(self.starts[places] - starts[:-1], lengths) + np.arange(starts[-1])
        return MultiVectors(self.values[rows], starts)

    def __repr__(self) -> str:
        return f"MultiVectors({len(self)} items, {len(self.values)} × {self.shape[1]})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        raise InvalidVectors(
            "Items of several vectors each do not make one table.",
            "Take their values, or one item by its place.",
        )

    def each(self, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> MultiVectors:
        """The same items with their vectors changed, all (total, dim) of them at once."""
        return MultiVectors(np.ascontiguousarray(change(self.values)), self.starts)


def is_multi(vectors: Any) -> bool:
    """Whether these are items of several vectors each."""
    return isinstance(vectors, MultiVectors)


def as_multi(vectors: Any, dim: int) -> MultiVectors:
    """Return ``vectors`` as finite items whose vectors are ``dim`` long.

    Parameters
    ----------
    vectors : MultiVectors, or array_like
        An array of shape (k, dim) is one item; one of shape (n, k, dim), or a list of arrays of
        shape (k, dim), is several.
    dim : int

    Raises
    ------
    InvalidVectors
        If it holds NaN or infinity, an item has no vector, or it is something else.
    DimensionMismatch
        If the vectors are not ``dim`` long.
    """
    try:
        found = vectors if is_multi(vectors) else MultiVectors.of(_items(vectors), dim)
    except (TypeError, ValueError) as error:
        raise InvalidVectors(
            "These are not items of several vectors each.",
            "Give MultiVectors, or a list of arrays of shape (k, dim).",
        ) from error
    if found.shape[1] != dim:
        raise DimensionMismatch(
            f"Vectors have {found.shape[1]} dimensions; {dim} are needed here.",
            "Encode them with the model that this space belongs to.",
        )
    item = first_bad(found)
    if item is not None:
        raise InvalidVectors(
            f"Item {item} has a vector with NaN or infinity.", "Remove or replace it."
        )
    return found


def first_bad(vectors: MultiVectors) -> int | None:
    """The first item with NaN or infinity; None if there is none."""
    if np.isfinite(np.vdot(vectors.values, vectors.values)):
        return None  # the sum of squares needs one pass and no memory; it may overflow
    finite = np.isfinite(vectors.values).all(axis=1)
    if finite.all():
        return None
    return int(np.searchsorted(vectors.starts, np.argmin(finite), side="right")) - 1


def joined(parts: Sequence[MultiVectors], dim: int) -> MultiVectors:
    """The items of several, one after the other."""
    if not parts:
        return MultiVectors(np.empty((0, dim), np.float32), np.zeros(1, np.int64))
    lengths = np.concatenate([part.lengths for part in parts])
    return MultiVectors(np.concatenate([part.values for part in parts]), _starts(lengths))


def max_sums(
    a: MultiVectors,
    b: MultiVectors,
    score: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """MaxSim of every item of ``a`` with every item of ``b``, shape (n, m).

    Each vector of an item of ``a`` takes its best score among the vectors of an item of ``b``,
    and these are added up (Khattab and Zaharia, 2020, equation 3): an item of ``a`` is the query.

    Parameters
    ----------
    a, b : MultiVectors
    score : callable
        Scores vectors (t, dim) against vectors (u, dim): shape (t, u).
    """
    found = np.empty((len(a), len(b)), np.float32)
    for first, last in blocks(a, _BLOCK // 1024):
        asked = a[first:last]
        for start, stop in blocks(b, _BLOCK // max(1, len(asked.values))):
            held = b[start:stop]
            best = np.maximum.reduceat(score(asked.values, held.values), held.starts[:-1], axis=1)
            found[first:last, start:stop] = np.add.reduceat(best, asked.starts[:-1], axis=0)
    return found


def blocks(vectors: MultiVectors, size: int) -> Iterator[tuple[int, int]]:
    """Runs of items of at most ``size`` vectors together; a longer item is a run by itself."""
    first = 0
    while first < len(vectors):
        reach = vectors.starts[first] + size
        last = int(np.searchsorted(vectors.starts, reach, side="right")) - 1
        last = max(first + 1, last)
        yield first, last
        first = last


def _items(vectors: Any) -> Sequence[Any]:
    """Arrays of shape (k, dim), from one of them or several."""
    if isinstance(vectors, np.ndarray):
        return [vectors] if vectors.ndim == 2 else list(vectors)
    listed = list(vectors)
    return [listed] if listed and np.ndim(listed[0]) == 1 else listed


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
