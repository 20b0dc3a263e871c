"""How often words come near each other, counted in bounded memory.

The pairs of a stretch of text are written down as one number each (both words and their
distance), sorted, and added up: sorting whole numbers is faster than looking them up in a table
that lies in slow memory. What does not fit into the memory that is allowed is kept on the disk as
sorted runs, which are merged as they are read.

A pair counts the reciprocal of its distance (Pennington et al. 2014, section 4.2), in whole units
of 2⁻²⁸, so that the sum does not depend on order, memory or workers.

The matrix is symmetric; one half is kept, cut into square *tiles* that fit a processor's cache
(Shazeer et al. 2016, "Swivel", call them shards). A tile takes words from the whole range of
frequencies: word ``w`` belongs to band ``w mod bands``, and is row ``w div bands`` of it.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, in_threads
from kinspace.errors import InvalidParameter

UNIT = 1 << 28
"""A pair at distance 1 counts so many units."""
FARTHEST = 255
"""The widest window."""
MOST = 1 << 28
"""The most words."""
_AT_ONCE = 32
"""Runs that are merged at once."""
_MOST_FILES = 200
"""Runs that are open at once; systems allow some 1,000 files."""
_PIECE = 1 << 15
"""Pairs of a run that are in memory while it is merged."""
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Run = tuple[Keys, Keys]
"""Pairs in rising order, each once, and how many units each counts."""


@dataclass(frozen=True)
class Cooccurrences:
    """The counts of pairs, tile by tile.

    Attributes
    ----------
    size : int
        Different words.
    bits : int
        A tile has ``2 ** bits`` rows and columns, fewer at the end.
    bands : int
        Tiles to a side.
    cells : ndarray of uint32, shape (pairs,)
        Where in its tile a pair lies: ``row · 2 ** bits + column``, rising within a tile.
    counts : ndarray of float32, shape (pairs,)
        Its count: Σ 1 / distance.
    starts : ndarray of int64, shape (bands² + 1,)
        The pairs of tile (a, b) are those from ``starts[a · bands + b]`` to the next; those with
        a > b are empty, and those with a = b have the cells with row ≤ column.
    totals : ndarray of float64, shape (size,)
        The sum of each row of the whole matrix.
    """

    size: int
    bits: int
    bands: int
    cells: NDArray[np.uint32]
    counts: NDArray[np.float32]
    starts: Ints
    totals: NDArray[np.float64]

    def words(self, band: int) -> Ints:
        """The words of a band, by row."""
        return np.arange(band, self.size, self.bands)

    def tile(self, a: int, b: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Any]:
        """Rows, columns and counts of the pairs of a tile, a ≤ b."""
        here = slice(*self.starts[a * self.bands + b : a * self.bands + b + 2].tolist())
        cells = np.array(self.cells[here])
        rows, columns = cells >> self.bits, cells & ((1 << self.bits) - 1)
        return rows.astype(np.int32), columns.astype(np.int32), np.array(self.counts[here])

    def pairs(self) -> tuple[Ints, Ints, NDArray[np.float32]]:
        """All at once, for what is small: words, words and counts, each pair once."""
        tiles = [(a, b) for a in range(self.bands) for b in range(a, self.bands)]
        found = [(self.words(a), self.words(b), *self.tile(a, b)) for a, b in tiles]
        first = np.concatenate([words[rows] for words, _, rows, _, _ in found])
        second = np.concatenate([words[columns] for _, words, _, columns, _ in found])
        return first, second, np.concatenate([counts for *_, counts in found])


def cooccurrences(
    ids: NDArray[np.uint32],
    starts: Ints,
    size: int,
    *,
    weights: NDArray[np.float64],
    bits: int = 10,
    memory: int = 512,
    workers: int = 1,
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Cooccurrences:
    """Count the pairs of words that are near each other in a sentence.

    Parameters
    ----------
    ids : ndarray of uint32, shape (words of text,)
        Mapped from a file, if it is long: it is gone through once.
    starts : ndarray of int64, shape (sentences + 1,)
    size : int
        Different words.
    weights : ndarray of float64, shape (window,)
        What a pair counts at distance 1, 2, …, as far as the window reaches; at most 255.
    bits : int
        Tiles of ``2 ** bits`` words a side, at most 16.
    memory : int
        MB for pairs that are not on the disk yet, of all workers together; at the least, the
        pairs of a sentence must fit.
    workers : int
        Threads. The counts do not depend on it.
    folder : str or Path, optional
        Where files are kept that nobody else sees, and that go when the counts go; by default,
        the system's folder for temporary files.
    progress : callable, optional
        Called with words seen, and words to see.

    Raises
    ------
    InvalidParameter
        If there are too many words, or the window is too wide.

    Examples
    --------
    >>> ids, starts = np.array([0, 1, 2, 1], np.uint32), np.array([0, 4])
    >>> counted = cooccurrences(ids, starts, 3, weights=np.array([1, 1 / 2]))
    >>> first, second, counts = counted.pairs()
    >>> list(zip(first.tolist(), second.tolist(), counts.tolist()))
    [(0, 1, 1.0), (0, 2, 0.5), (1, 1, 1.0), (1, 2, 2.0)]
    """
    _check(size, len(weights), bits)
    units = np.rint(np.array([0, *weights]) * UNIT).astype(np.uint64)
    shape = _Shape(size, bits, -(-size // (1 << bits)))
    spill = _Spill(folder)
    room = max(memory * 1_000_000 // (16 * (workers + 1)), 1024)  # one waits, each worker has one
    blocks = _blocks(starts, len(weights), room)
    _count(ids, starts, units, shape, spill, blocks, workers, progress)
    return _finish(shape, spill)


def _check(size: int, window: int, bits: int) -> None:
    if not 1 <= window <= FARTHEST:
        raise InvalidParameter(f"The window is {window}.", f"Give one from 1 to {FARTHEST}.")
    if not 1 <= bits <= 16:
        raise InvalidParameter(f"Tiles of 2^{bits} words.", "Give 1 to 16 bits.")
    if size > MOST:
        raise InvalidParameter(f"There are {size} different words.", f"Keep at most {MOST}.")


@dataclass(frozen=True)
class _Shape:
    """How pairs become numbers: band, band, row, column and, at first, distance, in bits."""

    size: int
    bits: int
    bands: int

    def codes(self) -> Keys:
        """The band and row of each word, as one number."""
        words = np.arange(self.size, dtype=np.uint64)
        return (words % self.bands) << np.uint64(self.bits) | words // np.uint64(self.bands)


class _Spill:
    """Sorted runs of pairs: the first in memory, and as soon as there is another, on the disk."""

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = folder
        self.alone: Run | None = None
        self.files: list[IO[bytes]] = []

    def add(self, run: Run) -> None:
        if not self.files and self.alone is None:
            self.alone = run
            return
        if self.alone is not None:
            self.files.append(self.write(_pieces(self.alone)))
            self.alone = None
        self.files.append(self.write(_pieces(run)))
        if len(self.files) >= _MOST_FILES:
            self._merge_some()

    def _merge_some(self) -> None:
        some, self.files = self.files[:_AT_ONCE], self.files[_AT_ONCE:]
        self.files.append(self.write(_merged(some)))

    def file(self) -> IO[bytes]:
        """A new file without a name."""
        return tempfile.TemporaryFile(prefix="kinspace-", dir=self.folder)

    def write(self, pieces: Iterator[Run]) -> IO[bytes]:
        """A file of pairs, each beside its units."""
        file = self.file()
        for keys, units in pieces:
            file.write(np.stack([keys, units], 1).data)
        file.seek(0)
        return file

    def read(self) -> Iterator[Run]:
        """All pairs in rising order, each once, in pieces."""
        if self.alone is not None:
            yield from _pieces(self.alone)
            return
        while len(self.files) > _AT_ONCE:
            self._merge_some()
        yield from _merged(self.files)


def _pieces(run: Run) -> Iterator[Run]:
    for first in range(0, len(run[0]), _PIECE):
        yield run[0][first : first + _PIECE], run[1][first : first + _PIECE]


def _blocks(starts: Ints, window: int, room: int) -> list[tuple[int, int, int]]:
    """Stretches of sentences, with the number of their pairs: at most ``room``, or one sentence."""
    lengths = np.diff(starts)
    reach = np.minimum(lengths, window + 1)
    pairs = lengths * (reach - 1) - reach * (reach - 1) // 2
    ends = np.concatenate([[0], np.cumsum(np.maximum(pairs, 0))])
    blocks, first = [], 0
    while first < len(lengths):
        last = int(np.searchsorted(ends, ends[first] + room, "right")) - 1
        last = max(last, first + 1)
        blocks.append((first, last, int(ends[last] - ends[first])))
        first = last
    return blocks


def _count(
    ids: Any, starts: Ints, units: Keys, shape: _Shape, spill: _Spill,
    blocks: list[tuple[int, int, int]], workers: int, progress: Any,
) -> None:  # fmt: skip
    """Write the sorted run of each block."""
    listing, adding = compiled(list_pairs, exact=True), compiled(add_up, exact=True)
    codes, waiting, lock = shape.codes(), iter(blocks), threading.Lock()
    seen, total = 0, int(starts[-1] - starts[0])

    def work(_: int, __: int) -> None:
        nonlocal seen
        while True:
            with lock:
                block = next(waiting, None)
            if block is None:
                return
            first, last, pairs = block
            keys, sums = np.empty(pairs, np.uint64), np.empty(pairs, np.uint64)
            listing(ids, starts, first, last, len(units) - 1, codes, shape.bits, keys)
            keys.sort()
            n = adding(keys, units, shape.bits, sums)
            with lock:
                if n:
                    spill.add((keys[:n], sums[:n]))
                seen += int(starts[last] - starts[first])
                if progress is not None:
                    progress(seen, total)

    in_threads(work, list(range(workers + 1)))


def list_pairs(
    ids: Any, starts: Any, first: Any, last: Any, window: Any, codes: Any, bits: Any, keys: Any
) -> Any:
    """Write down each pair of the sentences: bands, rows and distance, the lesser word first."""
    n = 0
    shift = np.uint64(bits)
    low = (np.uint64(1) << shift) - np.uint64(1)
    for s in range(first, last):
        for i in range(starts[s], starts[s + 1]):
            here = codes[ids[i]]
            for d in range(1, min(window, i - starts[s]) + 1):
                there = codes[ids[i - d]]
                a, b = min(here, there), max(here, there)
                bands = (a >> shift) << np.uint64(28 - bits) | b >> shift
                cell = (a & low) << shift | (b & low)
                keys[n] = (bands << (shift + shift) | cell) << np.uint64(8) | np.uint64(d)
                n += 1
    return n


def add_up(keys: Any, units: Any, bits: Any, sums: Any) -> Any:
    """Add up sorted pairs in place, and drop their distances; how many different ones there are.

    A word beside itself counts twice, once from each of the two.
    """
    n = -1
    shift, wide = np.uint64(bits), np.uint64(28)
    low, high = (
        (np.uint64(1) << shift) - np.uint64(1),
        (np.uint64(1) << (wide - shift)) - np.uint64(1),
    )
    for k in range(keys.size):
        key = keys[k] >> np.uint64(8)
        unit = units[keys[k] & np.uint64(255)]
        if n < 0 or keys[n] != key:
            n += 1
            keys[n], sums[n] = key, 0
        bands = key >> (shift + shift)
        same = ((key >> shift) & low) == (key & low) and (bands >> (wide - shift)) == bands & high
        sums[n] += unit + unit if same else unit
    return n + 1


def _merged(files: list[IO[bytes]]) -> Iterator[Run]:
    """The pairs of several files as one rising sequence, in pieces; the files are closed."""
    merge = compiled(merge_pieces, exact=True)
    k = len(files)
    waiting = np.zeros((k, _PIECE, 2), np.uint64)
    at, end, more = np.zeros(k, np.int64), np.zeros(k, np.int64), np.ones(k, np.bool_)
    keys, units = np.empty(_PIECE, np.uint64), np.empty(_PIECE, np.uint64)
    n = 0
    while (more | (at < end)).any():
        for r in np.flatnonzero(more & (at == end)).tolist():
            read = np.frombuffer(files[r].read(waiting[r].nbytes), np.uint64).reshape(-1, 2)
            waiting[r, : len(read)] = read
            at[r], end[r], more[r] = 0, len(read), len(read) == _PIECE
        n = merge(waiting, at, end, more, keys, units, n)
        if n == _PIECE:
            yield keys.copy(), units.copy()
            n = 0
    for file in files:
        file.close()
    yield keys[:n], units[:n]


def merge_pieces(waiting: Any, at: Any, end: Any, more: Any, keys: Any, units: Any, n: Any) -> Any:
    """Merge until the output is full or a run needs its next piece; how much there is."""
    runs = at.size
    while n < keys.size:
        found = False
        least = np.uint64(0)
        for r in range(runs):
            if at[r] == end[r]:
                if more[r]:
                    return n
            elif not found or waiting[r, at[r], 0] < least:
                least, found = waiting[r, at[r], 0], True
        if not found:
            return n
        total = np.uint64(0)
        for r in range(runs):
            if at[r] < end[r] and waiting[r, at[r], 0] == least:
                total += waiting[r, at[r], 1]
                at[r] += 1
        keys[n], units[n] = least, total
        n += 1
    return n


def _finish(shape: _Shape, spill: _Spill) -> Cooccurrences:
    """Write cells and counts, and find where tiles begin."""
    bits, bands = np.uint64(shape.bits), shape.bands
    low, wide = np.uint64((1 << shape.bits) - 1), np.uint64(28 - shape.bits)
    sizes, totals = np.zeros(bands * bands, np.int64), np.zeros(shape.size)
    cells, counts = spill.file(), spill.file()
    for keys, units in spill.read():
        both = keys >> (bits + bits)
        a, b = both >> wide, both & np.uint64((1 << int(wide)) - 1)
        row, column = (keys >> bits) & low, keys & low
        np.add.at(sizes, (a * np.uint64(bands) + b).astype(np.int64), 1)
        first = (row * np.uint64(bands) + a).astype(np.int64)
        second = (column * np.uint64(bands) + b).astype(np.int64)
        count = units / UNIT
        np.add.at(totals, first, count)
        np.add.at(totals, second, np.where(first == second, 0, count))
        cells.write((row << bits | column).astype(np.uint32).data)
        counts.write(count.astype(np.float32).data)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    whole = _mapped(cells, np.uint32), _mapped(counts, np.float32)
    return Cooccurrences(shape.size, shape.bits, bands, *whole, starts, totals)


def _mapped(file: IO[bytes], kind: Any) -> Any:
    """What was written to a file without a name, which goes when the array goes."""
    with file:
        return np.memmap(file, kind, "r") if file.tell() else np.zeros(0, kind)
