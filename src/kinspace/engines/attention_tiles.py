"""Attention by the processor's tiles of bfloat16 (AMX): the code of what :mod:`.attention` calls.

Needs AMX-BF16 and AVX512-BF16, and the system's leave to use tiles, which torch asks for. A tile
holds 16 rows of 64 bytes; ``tdpbf16ps`` adds the products of 16 rows with 16 columns, 32 numbers
each, to a tile of 16 × 16 float32. The functions must stay next to each other in one compiled
function, since what the tiles hold is state of the processor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba.extending import overload

from kinspace.engines import attention as plain
from kinspace.engines import tile_code, vector_code
from kinspace.engines.attention import LARGEST, TILE
from kinspace.engines.compiled import compiled
from kinspace.engines.tile_code import clear, load, multiply, row_bytes, store
from kinspace.engines.vector_code import (
    INT,
    SHORT,
    SINGLE,
    ZERO,
    Code,
    Value,
    long,
    native,
    single,
    vector,
)

_ROW = 32
"""Numbers of bfloat16 in a row of a tile."""
_CELLS = TILE * _ROW
_MOST = LARGEST // _ROW
_LANES = ir.Constant(vector(INT), list(range(TILE)))
_LOWEST = single(-3e38)

_MAGIC = single(1.5 * 2**23)
"""Added to a number, it rounds it to a whole one, which then stands in the lowest
bits. Compiled exactly: sums that may be reordered would cancel it."""
_POWER = (0.05517177, 0.24261137, 0.69326097, 0.99992803)
"""2^x for |x| ≤ 1/2, highest first: nowhere further off than .000075 of it, a fiftieth of what
rounding to bfloat16 may take."""


def _token(
    c: Code, qkv: Value, row: Value, n: int, count: Value, column: Value, kind: Any
) -> Value:
    """Numbers of the token that is ``n`` after a row; zeros from ``count`` on."""
    b = c.b
    inside = b.icmp_signed("<", long(n), count)
    near = b.select(inside, long(n), b.sub(count, long(1)))  # nothing beyond the text is read
    return b.select(
        inside, c.take(c.at(qkv, b.add(row, near), column), kind), ir.Constant(kind, None)
    )


def _pack_keys(
    c: Code, qkv: Value, row: Value, count: Value, column: Value, size: Value, keys: Value,
    block: Value,
) -> None:  # fmt: skip
    b = c.b

    def some(j: Value) -> None:
        start = b.add(column, j)
        rows = [_token(c, qkv, row, n, count, start, vector(INT)) for n in range(TILE)]
        rows = tile_code.transposed(c, rows)  # 16 × 16 pairs of numbers
        base = b.mul(b.add(b.mul(block, size), j), long(TILE))
        for n in range(TILE):
            c.put(rows[n], b.gep(keys.data, [b.add(base, long(n * _ROW))]))

    c.loop(long(0), size, _ROW, [], some)


def _pack_values(
    c: Code, qkv: Value, row: Value, count: Value, column: Value, size: Value, values: Value,
    block: Value,
) -> None:  # fmt: skip
    b = c.b
    by_turns = [place for n in range(TILE) for place in (n, TILE + n)]

    def some(j: Value) -> None:
        start = b.add(column, j)
        base = b.mul(b.add(b.mul(block, size), j), long(_ROW))
        for n in range(TILE):
            even = _token(c, qkv, row, 2 * n, count, start, vector(SHORT))
            odd = _token(c, qkv, row, 2 * n + 1, count, start, vector(SHORT))
            both = c.pick(even, odd, by_turns)
            c.put(both, b.gep(values.data, [b.add(base, long(n * _ROW))]))

    c.loop(long(0), size, TILE, [], some)


def _score(
    c: Code, source: Value, row: Value, column: Value, size: Value, keys: Value, blocks: Value,
    scores: Value,
) -> None:  # fmt: skip
    b = c.b

    def run(parts: int) -> None:
        for n in range(parts):
            place = c.at(source, row, b.add(column, long(_ROW * n)))
            load(c, 4 + n, place, row_bytes(c, source, 2))

        def each(block: Value) -> None:
            clear(c, 0)
            for n in range(parts):
                cell = b.mul(b.add(b.mul(block, long(parts)), long(n)), long(_CELLS))
                load(c, 1, b.gep(keys.data, [cell]), long(64))
                multiply(c, "dpbf16ps", 0, 4 + n, 1)
            place = b.gep(scores.data, [b.mul(block, long(TILE))])
            store(c, 0, place, row_bytes(c, scores, 4))

        c.loop(long(0), blocks, 1, [], each)

    c.for_each_size(b.udiv(size, long(_ROW)), _MOST, run)


def _power(c: Code, x: Value) -> Value:
    """2^x, for x ≤ 0."""
    b = c.b
    x = c.most(x, single(-126.0))
    shifted = b.fadd(x, _MAGIC)
    rest = b.fsub(x, b.fsub(shifted, _MAGIC))
    value = single(_POWER[0])
    for term in _POWER[1:]:
        value = c.fma(value, rest, single(term))
    exponent = b.shl(b.bitcast(shifted, vector(INT)), ir.Constant(vector(INT), [23] * TILE))
    return b.bitcast(b.add(b.bitcast(value, vector(INT)), exponent), vector(SINGLE))


def _soften(
    c: Code, scores: Value, count: Value, length: Value, blocks: Value, scale: Value,
    weights: Value, sums: Value,
) -> None:  # fmt: skip
    b = c.b
    whole, end = b.and_(length, long(-TILE)), b.mul(blocks, long(TILE))
    factor = c.spread(scale)

    def inside(j: Value) -> Value:
        """Which of 16 places still belong to the text."""
        left = c.spread(b.sitofp(b.sub(length, j), SINGLE))
        return b.fcmp_ordered("<", b.sitofp(_LANES, vector(SINGLE)), left)

    def each(i: Value) -> None:
        row, to = c.row(scores, i), c.row(weights, i)

        def higher(j: Value, top: Value) -> list[Value]:
            return [c.most(top, c.load(row, j))]

        def higher_inside(j: Value, top: Value) -> list[Value]:
            return [c.most(top, b.select(inside(j), c.load(row, j), _LOWEST))]

        def weight(j: Value) -> Value:
            return _power(c, c.fma(c.load(row, j), factor, shift))

        def keep(j: Value, total: Value) -> list[Value]:
            power = weight(j)
            c.put(c.narrowed(power), b.gep(to, [j]))
            return [b.fadd(total, power)]

        def keep_inside(j: Value, total: Value) -> list[Value]:
            power = b.select(inside(j), weight(j), ZERO)
            c.put(c.narrowed(power), b.gep(to, [j]))
            return [b.fadd(total, power)]

        (top,) = c.loop(long(0), whole, TILE, [_LOWEST], higher)
        (top,) = c.loop(whole, length, TILE, [top], higher_inside)
        shift = b.fsub(ZERO, b.fmul(c.across(top, c.most), factor))
        (total,) = c.loop(long(0), whole, TILE, [ZERO], keep)
        (total,) = c.loop(whole, end, TILE, [total], keep_inside)
        total = b.extract_element(c.across(total, b.fadd), ir.Constant(INT, 0))
        b.store(total, b.gep(sums.data, [i]))

    c.loop(long(0), count, 1, [], each)


def _weigh(
    c: Code, weights: Value, blocks: Value, size: Value, values: Value, mixed: Value
) -> None:
    b = c.b

    def columns(first: int, last: int, all_: int) -> None:
        """Tiles of 16 columns each, as many as there is room for beside weights and values."""
        for n in range(first, last):
            clear(c, n - first)

        def each(block: Value) -> None:
            place = b.gep(weights.data, [b.mul(block, long(_ROW))])
            load(c, 4, place, row_bytes(c, weights, 2))
            for n in range(first, last):
                cell = b.mul(b.add(b.mul(block, long(all_)), long(n)), long(_CELLS))
                load(c, 5, b.gep(values.data, [cell]), long(64))
                multiply(c, "dpbf16ps", n - first, 4, 5)

        c.loop(long(0), blocks, 1, [], each)
        for n in range(first, last):
            place = b.gep(mixed.data, [long(TILE * n)])
            store(c, n - first, place, row_bytes(c, mixed, 4))

    def run(parts: int) -> None:
        for first in range(0, 2 * parts, 4):
            columns(first, min(first + 4, 2 * parts), 2 * parts)

    c.for_each_size(b.udiv(size, long(_ROW)), _MOST, run)


def _give(
    c: Code, mixed: Value, sums: Value, count: Value, out: Value, row: Value, column: Value,
    size: Value,
) -> None:  # fmt: skip
    b = c.b

    def each(i: Value) -> None:
        total = b.load(b.gep(sums.data, [i]))
        share = c.spread(b.fdiv(ir.Constant(SINGLE, 1.0), total))
        source, to = c.row(mixed, i), c.at(out, b.add(row, i), column)

        def some(j: Value) -> None:
            c.put(c.narrowed(b.fmul(c.load(source, j), share)), b.gep(to, [j]))

        c.loop(long(0), size, TILE, [], some)

    c.loop(long(0), count, 1, [], each)


@cache
def fast_attention() -> Callable[..., None]:
    """:func:`~kinspace.engines.attention.attend`, compiled, on the processor's tiles."""
    _teach()
    files = (__file__, plain.__file__, tile_code.__file__, vector_code.__file__)
    code: Callable[..., None] = compiled(plain.attend, exact=True, beside=files)
    return code


def _teach() -> None:
    """Let numba take this code for the functions of ``attention``."""
    configure, restore, score = (
        native(tile_code.configure),
        native(tile_code.restore),
        native(_score),
    )
    pack_keys, pack_values, soften = native(_pack_keys), native(_pack_values), native(_soften)
    weigh, give = native(_weigh), native(_give)

    @overload(plain.configure)
    def _(tiles):  # type: ignore[no-untyped-def]
        return lambda tiles: configure((tiles,))

    @overload(plain.restore)
    def _(tiles):  # type: ignore[no-untyped-def]
        return lambda tiles: restore((tiles,))

    @overload(plain.pack_keys)
    def _(qkv, row, count, column, size, keys, block):  # type: ignore[no-untyped-def]
        return lambda qkv, row, count, column, size, keys, block: pack_keys(
            (qkv, row, count, column, size, keys, block)
        )

    @overload(plain.pack_values)
    def _(qkv, row, count, column, size, values, block):  # type: ignore[no-untyped-def]
        return lambda qkv, row, count, column, size, values, block: pack_values(
            (qkv, row, count, column, size, values, block)
        )

    @overload(plain.score)
    def _(source, row, column, size, keys, blocks, scores):  # type: ignore[no-untyped-def]
        return lambda source, row, column, size, keys, blocks, scores: score(
            (source, row, column, size, keys, blocks, scores)
        )

    @overload(plain.soften)
    def _(scores, count, length, blocks, scale, weights, sums):  # type: ignore[no-untyped-def]
        return lambda scores, count, length, blocks, scale, weights, sums: soften(
            (scores, count, length, blocks, scale, weights, sums)
        )

    @overload(plain.weigh)
    def _(weights, blocks, size, values, mixed):  # type: ignore[no-untyped-def]
        return lambda weights, blocks, size, values, mixed: weigh(
            (weights, blocks, size, values, mixed)
        )

    @overload(plain.give)
    def _(mixed, sums, count, out, row, column, size):  # type: ignore[no-untyped-def]
        return lambda mixed, sums, count, out, row, column, size: give(
            (mixed, sums, count, out, row, column, size)
        )
