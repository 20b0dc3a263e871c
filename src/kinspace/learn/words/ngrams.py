"""The table rows that a word is made of: its own, and those of its n-grams' buckets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.rows import Rows
from kinspace.engines.subwords import ngrams_of
from kinspace.errors import InvalidParameter
from kinspace.learn.words.prediction import require_number

END = "</s>"
"""What Facebook's fastText puts at the end of a line: a word without n-grams."""


@dataclass(frozen=True)
class Buckets:
    """The table row of each bucket of hashes.

    Facebook's tables have a row for each of 2,000,000 buckets, of which a text needs few. Here
    only buckets that are used have one, and all others share one row of zeros.

    Attributes
    ----------
    count : int
        How many there are; a hash belongs to the bucket of its remainder.
    used : ndarray of int32
        Those that have a row, in the order of rows.
    first : int
        The row of the first of them.
    others : int
        The row of all others; below 0, they are left out.
    """

    count: int
    used: Rows
    first: int
    others: int = -1

    @classmethod
    def of(cls, hashes: Iterable[NDArray[Any]], count: int, first: int) -> Self:
        """Rows for the buckets of these hashes, from ``first``, and one of zeros for the others.

        Hashes are arrays of unsigned numbers. Where they have no bucket, no row is needed.
        """
        is_used = np.zeros(count, bool)
        for some in hashes:
            is_used[some % some.dtype.type(count)] = True
        used = np.flatnonzero(is_used).astype(np.int32)
        return cls(count, used, first, first + len(used))

    def grown(self, hashes: Iterable[NDArray[Any]], first: int) -> Buckets:
        """The same, from another row on, with rows also for the buckets of these hashes."""
        more = Buckets.of(hashes, self.count, 0).used
        used = np.concatenate([self.used, np.setdiff1d(more, self.used)]).astype(np.int32)
        return Buckets(self.count, used, first, first + len(used) if self.others >= 0 else -1)

    @cached_property
    def rows(self) -> Rows:
        """The row of each bucket, shape (count,)."""
        rows = np.full(self.count, self.others, np.int32)
        rows[self.used] = np.arange(self.first, self.first + len(self.used), dtype=np.int32)
        return rows

    def facts(self) -> dict[str, int]:
        """All but :attr:`used`, as plain values."""
        return {"count": self.count, "first": self.first, "others": self.others}

    @property
    def end(self) -> int:
        """The first row after these, and so the rows of the table."""
        return max(self.first + len(self.used), self.others + 1)


def word_rows(
    words: Sequence[str], places: Mapping[str, int], min_n: int, max_n: int, buckets: Buckets
) -> tuple[Rows, NDArray[np.int64]]:
    """The rows that words are made of: a word's own, if it has one, then those of its n-grams.

    Parameters
    ----------
    words : sequence of str
    places : mapping from str to int
        The own rows.
    min_n, max_n : int
        Characters of an n-gram; with ``max_n`` 0 there are none.
    buckets : Buckets

    Returns
    -------
    rows : ndarray of int32
    starts : ndarray of int64, shape (words + 1,)
        Those of word ``i`` are ``rows[starts[i]:starts[i + 1]]``.
    """
    n = len(words)
    rows = np.fromiter((places.get(word, -1) for word in words), np.int32, n)
    owners = np.arange(n)
    if max_n > 0 and buckets.count > 0:
        grams, ends = ngrams_of(words, min_n, max_n)
        ofs = np.repeat(owners, np.diff(ends))
        wanted = np.array([word != END for word in words], bool)[ofs]
        of_grams = buckets.rows[grams[wanted] % np.uint32(buckets.count)]
        rows, owners = np.append(rows, of_grams), np.append(owners, ofs[wanted])
    owners, rows = owners[rows >= 0], rows[rows >= 0]
    starts = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(owners, minlength=n), out=starts[1:])
    return rows[np.argsort(owners, kind="stable")], starts


def require_ngrams(min_n: object, max_n: object, bucket: object, *, needed: bool) -> None:
    """Raise :class:`InvalidParameter` unless these make n-grams, or none at all.

    Parameters
    ----------
    min_n, max_n, bucket : object
        As they were given.
    needed : bool
        Whether n-grams of words need buckets too.
    """
    for name, value in {"min_n": min_n, "max_n": max_n, "bucket": bucket}.items():
        require_number(name, value, least=0)
    if max_n and not 1 <= min_n <= max_n:  # type: ignore[operator]
        raise InvalidParameter(
            f"There are no n-grams of {min_n} to {max_n} characters.",
            "Give 1 ≤ min_n ≤ max_n, or max_n=0 for none.",
        )
    if (max_n or needed) and not 1 <= bucket < 2**31:  # type: ignore[operator]
        raise InvalidParameter(
            f"n-grams cannot be hashed to {bucket} buckets.", "Give 1 or more, such as 2,000,000."
        )
