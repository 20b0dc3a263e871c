"""Counting pairs: exact against a plain dictionary, whatever memory, tiles and workers."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from kinspace.engines import cooccurrence
from kinspace.engines.compiled import compiled
from kinspace.engines.cooccurrence import UNIT, Cooccurrences, cooccurrences
from kinspace.engines.tiles import rounds
from kinspace.errors import InvalidParameter

SIZE = 50
HARMONIC = 1 / np.arange(1, 8)


def text(rng: np.random.Generator, n: int = 6000) -> tuple[Any, Any]:
    """Words of uneven frequency, in sentences of which some are empty or one word."""
    cuts = np.sort(rng.integers(0, n, n // 20))
    starts = np.concatenate([[0], cuts, cuts[-3:], [n]])
    return (rng.integers(0, SIZE, n) * rng.random(n)).astype(np.uint32), np.sort(starts)


def plain(ids: Any, starts: Any, weights: Any) -> Counter[tuple[int, int]]:
    """Units of each pair, by looking at every two places of every sentence."""
    units = [0, *(round(float(w) * UNIT) for w in weights)]
    found: Counter[tuple[int, int]] = Counter()
    for first, last in pairwise(starts.tolist()):
        for i in range(first, last):
            for j in range(i + 1, min(last, i + len(units))):
                a, b = int(ids[i]), int(ids[j])
                found[a, b] += units[j - i]
                found[b, a] += units[j - i]
    return found


def as_dictionary(counted: Cooccurrences) -> dict[tuple[int, int], float]:
    first, second, counts = counted.pairs()
    both = zip(first.tolist(), second.tolist(), counts.tolist(), strict=True)
    return {pair: count for a, b, count in both for pair in ((a, b), (b, a))}


@pytest.mark.parametrize("bits", [1, 3, 10])
@pytest.mark.parametrize(("memory", "workers"), [(512, 1), (0, 1), (0, 3)])
def test_counts_are_those_of_a_dictionary(
    rng: np.random.Generator, bits: int, memory: int, workers: int
) -> None:
    ids, starts = text(rng)
    counted = cooccurrences(
        ids, starts, SIZE, weights=HARMONIC, bits=bits, memory=memory, workers=workers
    )
    wanted = plain(ids, starts, HARMONIC)
    found = as_dictionary(counted)
    assert found == {pair: float(np.float32(units / UNIT)) for pair, units in wanted.items()}
    assert len(counted.counts) == sum(a <= b for a, b in wanted)  # each pair once
    totals = np.zeros(SIZE)
    for (a, _), units in wanted.items():
        totals[a] += units / UNIT
    np.testing.assert_allclose(counted.totals, totals, rtol=1e-12)


def test_many_runs_are_merged_in_turns(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cooccurrence, "_AT_ONCE", 3)
    monkeypatch.setattr(cooccurrence, "_MOST_FILES", 5)
    monkeypatch.setattr(cooccurrence, "_PIECE", 16)
    ids, starts = text(rng)
    counted = cooccurrences(ids, starts, SIZE, weights=HARMONIC, memory=0)
    wanted = {p: float(np.float32(u / UNIT)) for p, u in plain(ids, starts, HARMONIC).items()}
    assert as_dictionary(counted) == wanted


def test_a_tile_holds_what_belongs_to_its_bands(rng: np.random.Generator) -> None:
    ids, starts = text(rng)
    counted = cooccurrences(ids, starts, SIZE, weights=np.ones(2), bits=3)
    wanted = plain(ids, starts, np.ones(2))
    assert counted.bands == 7
    seen = 0
    for a in range(7):
        assert counted.words(a).tolist() == list(range(a, SIZE, 7))
        for b in range(a, 7):
            rows, columns, counts = counted.tile(a, b)
            words = counted.words(a)[rows], counted.words(b)[columns]
            for i, j, count in zip(*words, counts.tolist(), strict=True):
                assert wanted[int(i), int(j)] == count * UNIT
            seen += len(counts)
    assert seen == len(counted.counts)


def test_the_plain_and_the_compiled_functions_agree(rng: np.random.Generator) -> None:
    ids, starts = text(rng, 400)
    words = np.arange(SIZE, dtype=np.uint64)
    codes = words % np.uint64(5) << np.uint64(4) | words // np.uint64(5)
    units = np.rint(np.append(0, HARMONIC) * UNIT).astype(np.uint64)
    found = []
    for change in (lambda f: f, lambda f: compiled(f, exact=True)):
        keys, sums = np.zeros(4000, np.uint64), np.zeros(4000, np.uint64)
        n = change(cooccurrence.list_pairs)(ids, starts, 0, len(starts) - 1, 7, codes, 4, keys)
        keys = np.sort(keys[:n])
        k = change(cooccurrence.add_up)(keys, units, 4, sums)
        found.append((n, k, keys[:k].copy(), sums[:k].copy()))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_progress_is_told_to_the_end(rng: np.random.Generator) -> None:
    ids, starts = text(rng)
    told: list[tuple[int, int]] = []
    cooccurrences(ids, starts, SIZE, weights=HARMONIC, memory=0, progress=lambda *x: told.append(x))
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == (len(ids), len(ids))


def test_a_text_without_pairs() -> None:
    counted = cooccurrences(np.zeros(2, np.uint32), np.array([0, 1, 2]), 3, weights=np.ones(5))
    assert len(counted.counts) == 0
    assert counted.tile(0, 0)[0].shape == (0,)


@pytest.mark.parametrize(
    ("size", "window", "bits"), [(5, 0, 10), (5, 256, 10), (5, 5, 0), (5, 5, 17), (2**29, 5, 10)]
)
def test_what_does_not_fit_into_a_number_is_refused(size: int, window: int, bits: int) -> None:
    with pytest.raises(InvalidParameter):
        cooccurrences(
            np.zeros(0, np.uint32), np.zeros(1, np.int64), size, weights=np.ones(window), bits=bits
        )


@pytest.mark.parametrize("bands", [1, 2, 3, 6, 7])
def test_rounds_reach_each_tile_once_and_share_no_band(
    rng: np.random.Generator, bands: int
) -> None:
    found = list(rounds(bands, rng))
    for tiles in found:
        used = [band for tile in tiles for band in set(tile)]
        assert len(used) == len(set(used))
    wanted = [(a, b) for a in range(bands) for b in range(a, bands)]
    assert sorted(tile for tiles in found for tile in tiles) == wanted
