"""Bits: compiled code against plain Python, counts against numpy, estimates against truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines import bits
from kinspace.engines.bits_code import fast_scan
from kinspace.index.bit_codes import BitCodes, with_room
from kinspace.metric import scores


def scanned(
    codes: BitCodes,
    queries: np.ndarray,
    wanted: int,
    best: int,
    usable: Any = None,
    run: Any = None,
) -> list[list[int]]:
    asked = with_room(codes.asked(queries, wanted, best), 0, len(queries))
    (run or fast_scan())(codes.coded(usable), asked, 0, len(queries), bits.work())
    return [
        sorted((near[:count] & 0x7FFFFFFF).tolist())
        for near, count in zip(asked.near, asked.found[:, 0], strict=True)
    ]


def test_bits_in_words_and_rows_in_groups(rng: np.random.Generator) -> None:
    signs = rng.random((21, 70)) < 0.5
    words = bits.packed(signs)
    assert words.shape == (21, 2)
    assert [[bool(int(w) >> j & 1) for w in line for j in range(64)][:70] for line in words] == (
        signs.tolist()
    )
    codes = np.zeros((4, 16), np.uint64)
    bits.put(codes, words[:5], 0)
    bits.put(codes, words[5:], 5)
    for row in range(21):
        np.testing.assert_array_equal(codes[row // 8, row % 8 :: 8], words[row])


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "hamming"])
@pytest.mark.parametrize("best", [30, 12])
def test_compiled_code_finds_what_plain_python_finds(
    metric: Any, best: int, rng: np.random.Generator
) -> None:
    rows = rng.standard_normal((1100, 7)).astype(np.float32)
    codes = BitCodes.learned(rows, metric, rng)
    codes.add(rows[:600])
    codes.add(rows[600:])
    queries = rows[:9] + np.float32(0.1)
    usable = rng.random(1100) < 0.6
    for mask in (None, usable):
        compiled = scanned(codes, queries, 30, best, mask)
        plain = scanned(codes, queries, 30, best, mask, run=bits.scan)
        assert all(len(line) == best for line in compiled)
        # Rounding may swap the last rows, where two are as near.
        shared = [len(set(a) & set(b)) for a, b in zip(compiled, plain, strict=True)]
        assert min(shared) >= best - 1
    assert all(usable[line].all() for line in compiled)


def test_by_hamming_the_fewest_differing_bits_win(rng: np.random.Generator) -> None:
    rows = (rng.random((3000, 64)) < 0.5).astype(np.float32)
    codes = BitCodes.learned(rows, "hamming", rng, bits=64)
    codes.add(rows)
    apart = -scores(rows[:5], rows, "hamming")
    for line, distances in zip(scanned(codes, rows[:5], 20, 20), apart, strict=True):
        assert sorted(distances[line]) == sorted(distances)[:20]


def test_a_sine_and_numbers_estimate_the_product(rng: np.random.Generator) -> None:
    x = np.linspace(-1, 1, 2001)
    sine = x * np.polyval(np.array(bits.SINE[::-1], float), x * x)
    np.testing.assert_allclose(sine, np.sin(x * np.pi / 2), atol=2.5e-4)
    rows = rng.standard_normal((50, 64)).astype(np.float32)
    codes = BitCodes.learned(rows, "dot", rng, bits=64 * 256)
    signs, numbers = codes._coder.asked(rows)
    lengths = np.linalg.norm(numbers, axis=1)
    sums = numbers @ np.where(signs, 1, -1).T.astype(np.float32)
    estimated = sums * codes._coder.scale * lengths
    np.testing.assert_allclose(estimated, numbers @ numbers.T, atol=0.06 * lengths.max() ** 2)


@pytest.mark.parametrize("count", [1, 2, 3, 50, 500])
def test_the_smallest_come_first(count: int, rng: np.random.Generator) -> None:
    for wanted in {1, count // 2 or 1, count}:
        numbers = rng.integers(0, 40, count)
        near = numbers.copy()
        bits.select(near, count, wanted)
        assert sorted(near[:wanted]) == sorted(numbers)[:wanted]
        assert sorted(near) == sorted(numbers)
