"""Dense vectors that an index holds in 8 bits a number, or in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.compress.int8 import quantise_rows
from kinspace.errors import InvalidParameter, InvalidVectors
from kinspace.index.held import compared_by
from kinspace.metric import Metric, as_matrix, normalise, scores

_LARGEST: Final = 127
_BLOCK: Final = 1 << 20
"""Numbers that are brought to float32 at once (4 MiB)."""
_FIRST_ROOM: Final = 64


class Int8Held:
    """Rows of one byte a number, each with a scale of its own.

    A row is rounded so that its largest number is 127; one of whole numbers from -127 to 127 is
    kept as it is. For cosine, what was rounded has length 1 again.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
        By hamming only whole numbers from -127 to 127 can be kept.
    """

    def __init__(self, dim: int, metric: Metric) -> None:
        self.dim = dim
        self.metric: Metric = metric
        self._codes = _Rows(np.empty((0, dim), np.int8))
        self._scales = _Rows(np.empty(0, np.float32))

    def __len__(self) -> int:
        return self._codes.count

    @property
    def nbytes(self) -> int:
        """Bytes of all rows and their scales."""
        return self._codes.rows.nbytes + self._scales.rows.nbytes

    def prepared(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Vectors, checked, float32; of length 1 for cosine."""
        matrix = as_matrix(vectors, self.dim)
        if self.metric == "hamming" and not _are_bytes(matrix).all():
            raise InvalidVectors(
                "Rounded to 8 bits, numbers would differ from what they are compared with.",
                "Give whole numbers from -127 to 127, or keep them as float32.",
            )
        return normalise(matrix) if self.metric == "cosine" else matrix

    def append(self, rows: NDArray[np.float32]) -> None:
        """Round rows that were prepared, and add them."""
        codes, scales = quantise_rows(rows)
        whole = _are_bytes(rows)
        codes[whole], scales[whole] = rows[whole], 1
        if self.metric == "cosine":
            lengths = np.sqrt(np.einsum("ij,ij->i", codes, codes, dtype=np.float64))
            scales = (1 / np.where(lengths == 0, 1, lengths)).astype(np.float32)
        self._codes.append(codes)
        self._scales.append(scales)

    def take(self, places: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Some rows, float32."""
        rows: NDArray[np.float32] = self._codes.rows[places] * self._scales.rows[places, None]
        return rows

    def scores(
        self, queries: NDArray[np.float32], places: NDArray[np.int64] | slice
    ) -> NDArray[np.float32]:
        """Scores of prepared queries with some rows, shape (queries, places)."""
        metric = compared_by(self.metric)

        def of(some: NDArray[np.int64] | slice) -> NDArray[np.float32]:
            if metric != "dot":
                return scores(queries, self.take(some), metric)
            products = queries @ self._codes.rows[some].astype(np.float32).T
            products *= self._scales.rows[some]
            return products

        return _by_blocks(of, (len(queries), len(self)), places, max(1, _BLOCK // self.dim))

    def emptied(self) -> Int8Held:
        """Another of the same kind, without rows."""
        return Int8Held(self.dim, self.metric)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Rows and scales."""
        return {"codes": self._codes.rows, "scales": self._scales.rows}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Hold what :meth:`arrays` gave, without a copy."""
        codes, scales = arrays["codes"], arrays["scales"]
        if codes.shape != (len(scales), self.dim) or codes.dtype != np.int8:
            raise InvalidParameter(f"Codes of shape {codes.shape} for vectors of {self.dim}.")
        self._codes, self._scales = _Rows(codes), _Rows(scales)


class BitsHeld:
    """Rows of one bit a number, 1 where it is above zero, compared by the bits that differ.

    Parameters
    ----------
    dim : int
        How many bits a row has.
    metric : {"hamming"}
    """

    def __init__(self, dim: int, metric: Metric) -> None:
        if metric != "hamming":
            raise InvalidParameter(
                f"Bits cannot be compared by {metric}.",
                'Choose metric="hamming", or keep the vectors as int8.',
            )
        self.dim = dim
        self.metric: Metric = metric
        self._words = _Rows(np.empty((0, -(-dim // 64)), np.uint64))

    def __len__(self) -> int:
        return self._words.count

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self._words.rows.nbytes

    def prepared(self, vectors: ArrayLike) -> NDArray[np.uint64]:
        """Vectors, checked, as words of 64 bits, the last of which is filled up with zeros."""
        bits = np.packbits(as_matrix(vectors, self.dim) > 0, axis=1)
        words = np.zeros((len(bits), 8 * self._words.rows.shape[1]), np.uint8)
        words[:, : bits.shape[1]] = bits
        return words.view(np.uint64)

    def append(self, rows: NDArray[np.uint64]) -> None:
        """Add rows that were prepared."""
        self._words.append(rows)

    def take(self, places: NDArray[np.int64] | slice) -> NDArray[np.uint64]:
        """Some rows, as prepared ones are."""
        return self._words.rows[places]

    def scores(
        self, queries: NDArray[np.uint64], places: NDArray[np.int64] | slice
    ) -> NDArray[np.float32]:
        """Scores of prepared queries with some rows, shape (queries, places)."""

        def of(some: NDArray[np.int64] | slice) -> NDArray[np.float32]:
            rows = np.ascontiguousarray(self.take(some).T)
            apart = np.zeros((len(queries), rows.shape[1]), np.uint32)
            for word, line in zip(queries.T, rows, strict=True):
                apart += np.bitwise_count(word[:, None] ^ line)
            return 0 - apart.astype(np.float32)

        step = max(1, _BLOCK // max(1, len(queries)))
        return _by_blocks(of, (len(queries), len(self)), places, step)

    def emptied(self) -> BitsHeld:
        """Another of the same kind, without rows."""
        return BitsHeld(self.dim, self.metric)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The words."""
        return {"words": self._words.rows}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Hold what :meth:`arrays` gave, without a copy."""
        words = arrays["words"]
        if words.ndim != 2 or words.shape[1] != -(-self.dim // 64) or words.dtype != np.uint64:
            raise InvalidParameter(f"Words of shape {words.shape} for vectors of {self.dim} bits.")
        self._words = _Rows(words)


class _Rows:
    """An array that grows at its end; what was read of it stays as it was."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self._room, self.count = rows, len(rows)

    @property
    def rows(self) -> NDArray[Any]:
        return self._room[: self.count]

    def append(self, new: NDArray[Any]) -> None:
        needed = self.count + len(new)
        if needed > len(self._room):
            grown = max(needed, self.count + self.count // 2, _FIRST_ROOM)
            room = np.empty((grown, *self._room.shape[1:]), self._room.dtype)
            room[: self.count] = self.rows
            self._room = room
        self._room[self.count : needed] = new
        self.count = needed


def _are_bytes(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows are of whole numbers from -127 to 127."""
    found: NDArray[np.bool_] = ((np.rint(rows) == rows) & (np.abs(rows) <= _LARGEST)).all(axis=1)
    return found


def _by_blocks(
    scored: Callable[[Any], NDArray[np.float32]],
    shape: tuple[int, int],
    places: NDArray[np.int64] | slice,
    step: int,
) -> NDArray[np.float32]:
    """Scores with some of the rows, ``step`` at once, so that what is unpacked stays small."""
    queries, total = shape
    pieces = [scored(some) for some in _pieces(places, total, step)]
    if len(pieces) == 1:
        return pieces[0]
    return np.hstack([np.empty((queries, 0), np.float32), *pieces])


def _pieces(places: NDArray[np.int64] | slice, total: int, step: int) -> Iterator[Any]:
    if isinstance(places, slice):
        first, last, _ = places.indices(total)
        return (slice(a, min(a + step, last)) for a in range(first, last, step))
    return (places[a : a + step] for a in range(0, len(places), step))
