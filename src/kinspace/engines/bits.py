"""Vectors as bits: how many bits differ, and which rows differ least.

Codes to be scanned lie in groups of eight rows, word by word: shape (groups, 8 × words) of uint64,
where word ``w`` of row ``8 g + lane`` is at ``[g, 8 w + lane]``, so that eight rows are counted at
once. Codes of which only a few are looked at lie row by row, shape (n, words). The functions are
plain Python, the oracle of the tests; :mod:`.bits_code` makes them fast.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LANES: Final = 8
"""Rows of a group."""
GROUPS: Final = 128
"""Groups whose codes stay in the processor's nearest cache while several queries read them."""
TOGETHER: Final = 4
"""Queries that share the reading of a code."""
SINE: Final = (1.5706268, -0.6432292, 0.0727102)
"""sin(x π/2) / x as a polynomial in x², within .0002 where x² ≤ 1."""
_ROW: Final = 32
_LAST: Final = (1 << 31) - 1


class Coded(NamedTuple):
    """Rows as bits, and what turns a count of bits into a score."""

    codes: NDArray[np.uint64]
    """Shape (groups, 8 × words), or (n, words)."""
    total: int
    """How many rows there are."""
    norms: NDArray[np.float32]
    """The length of each row; empty where only counts matter."""
    shifts: NDArray[np.float32]
    """What is added to each row's score."""
    usable: NDArray[np.bool_]
    """Which rows may be found; empty where all may."""


class Asked(NamedTuple):
    """Queries, and room for what is found for them."""

    words: NDArray[np.uint64]
    """Shape (n, words)."""
    numbers: NDArray[np.float32]
    """What each bit stands for, shape (n, bits); the bits of a row give the signs."""
    lengths: NDArray[np.float32]
    """Shape (n,)."""
    bits: int
    scale: float
    """What makes of a sum of ``numbers`` a product with a row of length 1."""
    fine: NDArray[np.float32]
    """Keys are whole numbers: what each query's scores are multiplied by, shape (n,)."""
    wanted: int
    """How many rows are found by counts."""
    best: int
    """How many of them are left by ``numbers``."""
    near: NDArray[np.int64]
    """Room for keys and rows, shape (n, 2 × wanted + 8)."""
    found: NDArray[np.int64]
    """How many there are so far, and the key that the next must be below, shape (n, 2)."""


class Work(NamedTuple):
    """Scratch space."""

    keys: NDArray[np.int32]
    """Shape (TOGETHER, 8 × GROUPS)."""
    places: NDArray[np.int32]
    """Room for one more."""
    total: NDArray[np.float32]
    """Shape (1,)."""


def work() -> Work:
    """Scratch space for one thread."""
    size = LANES * GROUPS
    keys = np.empty((TOGETHER, size), np.int32)
    return Work(keys, np.empty(size + 1, np.int32), np.empty(1, np.float32))


def filled_up(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows with zeros behind them, so that they end with a word of 64."""
    gap = -rows.shape[1] % 64
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, gap))) if gap else rows)


def packed(signs: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Bits, shape (n, bits), in words of 64, shape (n, words); bit 0 is the lowest of word 0."""
    octets = np.packbits(filled_up(signs), axis=1, bitorder="little")
    return octets.view(np.dtype("<u8")).astype(np.uint64)


def put(codes: NDArray[np.uint64], words: NDArray[np.uint64], first: int) -> None:
    """Write words, shape (n, words), as the codes of the rows from ``first`` on."""
    places = np.arange(first, first + len(words))
    lanes = codes.shape[1] // words.shape[1]
    columns = lanes * np.arange(words.shape[1]) + (places % lanes)[:, None]
    codes[(places // lanes)[:, None], columns] = words


# -- the kernel ------------------------------------------------------------------------------------


def differing(
    codes: Any, first: Any, last: Any, words: Any, query: Any, queries: Any, keys: Any
) -> None:
    """How many bits of the rows of some groups differ from those of up to four queries."""
    apart = codes[first:last].reshape(last - first, -1, LANES)[None]
    apart = apart ^ words[query : query + queries][:, None, :, None]
    counts = np.bitwise_count(apart).sum(2)
    keys[:queries, : LANES * (last - first)] = counts.reshape(queries, -1)


def weigh(
    norms: Any, shifts: Any, start: Any, rows: Any, bits: Any, length: Any, fine: Any, keys: Any,
    line: Any,
) -> None:  # fmt: skip
    """Counts of differing bits to keys: whole numbers, the smaller the nearer.

    Of two vectors at an angle θ a share of θ/π of their bits differs (Goemans & Williamson 1995,
    lemma 3.2), so that with ``x = 1 - 2 × count / bits`` their cosine is sin(x π/2).
    """
    part = slice(start, start + rows)
    x = np.float32(1) - keys[line, :rows].astype(np.float32) * np.float32(2 / bits)
    square = x * x
    low, middle, high = (np.float32(each) for each in SINE)
    cosine = x * (low + square * (middle + square * high))
    scores = norms[part] * (cosine * np.float32(length)) + shifts[part]
    keys[line, :rows] = (scores * np.float32(-fine)).astype(np.int32)


def select(near: Any, count: Any, wanted: Any) -> None:
    """Bring the ``wanted`` smallest of ``count`` numbers to the front (Hoare's FIND)."""
    low, high, place = 0, count - 1, wanted - 1
    while low < high:
        pivot = near[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while near[i] < pivot:
                i += 1
            while pivot < near[j]:
                j -= 1
            if i <= j:
                near[i], near[j] = near[j], near[i]
                i += 1
                j -= 1
        if j < place:
            low = i
        if place < i:
            high = j


def below(keys: Any, line: Any, rows: Any, limit: Any, places: Any) -> None:
    """Where keys are smaller than a limit, into ``places`` from 1 on; how many, into the first."""
    found = np.flatnonzero(keys[line, :rows] < limit)
    places[0] = len(found)
    places[1 : len(found) + 1] = found


def collect(
    coded: Any, asked: Any, query: Any, start: Any, rows: Any, line: Any, work: Any
) -> None:
    """Note the rows whose keys are smaller than those of the best so far."""
    near = asked.near[query]
    many, limit = asked.found[query, 0], asked.found[query, 1]
    below(work.keys, line, rows, limit, work.places)
    masked = len(coded.usable) > 0
    for i in range(work.places[0]):
        place = work.places[i + 1]
        row, key = start + place, np.int64(work.keys[line, place])
        if key >= limit or (masked and not coded.usable[row]):
            continue
        near[many] = (key << _ROW) | row
        many += 1
        if many == len(near):
            select(near, many, asked.wanted)
            many = asked.wanted
            limit = near[many - 1] >> _ROW
    asked.found[query, 0], asked.found[query, 1] = many, limit


def compare(codes: Any, row: Any, numbers: Any, query: Any, total: Any) -> None:
    """The sum of those of a query's numbers that stand at the bits of a row, into ``total[0]``."""
    lanes = codes.shape[1] // (numbers.shape[1] // 64)
    words = codes[row // lanes].reshape(-1, lanes)[:, row % lanes]
    octets = np.ascontiguousarray(words, "<u8").view(np.uint8)
    total[0] = numbers[query][np.unpackbits(octets, bitorder="little").view(np.bool_)].sum()


def refine(coded: Any, asked: Any, query: Any, near: Any, many: Any, total: Any) -> Any:
    """Of ``many`` rows, in the low bits of ``near``, bring the best by the query's numbers forward.

    Returns how many are left, at most ``asked.best``.
    """
    if many <= asked.best:
        return many
    whole = np.float32(0)
    for number in asked.numbers[query]:
        whole += number
    for i in range(many):
        row = near[i] & _LAST
        compare(coded.codes, row, asked.numbers, query, total)
        score = (2 * total[0] - whole) * asked.scale
        if len(coded.norms):
            score = coded.norms[row] * score + coded.shifts[row]
        near[i] = (np.int64(-score * asked.fine[query]) << _ROW) | row
    select(near, many, asked.best)
    return asked.best


def scan(coded: Any, asked: Any, first: Any, last: Any, work: Any) -> None:
    """Find the rows nearest to the queries from ``first`` to ``last``: rows in ``near``'s low bits.

    Parameters
    ----------
    coded : Coded
    asked : Asked
        ``found`` starts with 0 and the largest key.
    first, last : int
    work : Work
        Scratch space.
    """
    groups = (coded.total + LANES - 1) // LANES
    for begin in range(0, groups, GROUPS):
        end = min(begin + GROUPS, groups)
        start, stop = LANES * begin, min(LANES * end, coded.total)
        for query in range(first, last, TOGETHER):
            queries = min(TOGETHER, last - query)
            differing(coded.codes, begin, end, asked.words, query, queries, work.keys)
            for line in range(queries):
                if len(coded.norms):
                    weigh(
                        coded.norms, coded.shifts, start, stop - start, asked.bits,
                        asked.lengths[query + line], asked.fine[query + line], work.keys, line,
                    )  # fmt: skip
                collect(coded, asked, query + line, start, stop - start, line, work)
    for query in range(first, last):
        many = asked.found[query, 0]
        if many > asked.wanted:
            select(asked.near[query], many, asked.wanted)
            many = asked.wanted
        asked.found[query, 0] = refine(coded, asked, query, asked.near[query], many, work.total)
