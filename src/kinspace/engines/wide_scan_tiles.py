"""The code of what :mod:`.wide_scan` calls, for processors with tiles of bfloat16 (AMX-BF16)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir

from kinspace.engines import scanning, scanning_tiles
from kinspace.engines import wide_scan as plain
from kinspace.engines.compiled import compiled
from kinspace.engines.scanning import GROUP
from kinspace.engines.scanning_tiles import listed, whole
from kinspace.engines.tile_code import TILE, clear, load, multiply, row_bytes, store
from kinspace.engines.vector_code import (
    INT,
    LONG,
    SHORT,
    SINGLE,
    WIDE,
    WIDTH,
    Code,
    Value,
    long,
    replace,
    vector,
)
from kinspace.engines.wide_scan import STEP

FILES = (__file__, plain.__file__, scanning.__file__, *scanning_tiles.FILES)
_CELLS = TILE * STEP
_HALF = ir.HalfType()
_LANES = ir.Constant(vector(INT), list(range(TILE)))


def _narrow(
    c: Code, table: Value, rows_of: Value, start: Value, many: Value, mean: Value, rows: Value
) -> None:
    b = c.b
    dim = c.b.extract_value(mean.shape, 0)
    vectors = b.mul(b.udiv(dim, long(WIDTH)), long(WIDTH))
    is_half = table.data.type.pointee == SHORT
    kind = _HALF if is_half else SINGLE
    is_listed = b.icmp_signed(">", b.extract_value(rows_of.shape, 0), long(0))

    def numbers(row: Value, j: Value) -> Value:
        got = c.take(b.gep(row, [j]), vector(kind))
        return b.fpext(got, WIDE) if is_half else got

    def one(row: Value, j: Value) -> Value:
        got = b.load(b.bitcast(b.gep(row, [j]), kind.as_pointer()))
        return b.fpext(got, SINGLE) if is_half else got

    def each(i: Value) -> None:
        place = b.add(start, i)
        holder = b.alloca(LONG)
        b.store(place, holder)
        with b.if_then(is_listed):
            b.store(b.load(b.gep(rows_of.data, [place])), holder)
        row, to = c.row(table, b.load(holder)), c.row(rows, i)

        def some(j: Value) -> None:
            moved = b.fsub(numbers(row, j), c.load(mean.data, j))
            c.put(c.narrowed(moved), b.gep(to, [j]))

        def rest(j: Value) -> None:
            moved = b.fsub(one(row, j), b.load(b.gep(mean.data, [j])))
            bits = c.narrowed(c.spread(moved))
            b.store(b.extract_element(bits, ir.Constant(INT, 0)), b.gep(to, [j]))

        c.loop(long(0), vectors, WIDTH, [], some)
        c.loop(vectors, dim, 1, [], rest)

    c.loop(long(0), many, 1, [], each)


def _multiply_wide(
    c: Code, rows: Value, packed: Value, group: Value, groups: Value, products: Value
) -> None:
    b = c.b
    steps, stride = b.udiv(c.width(rows), long(STEP)), row_bytes(c, rows, 2)

    def run(many: int) -> None:
        for tile in range(2 * many):
            clear(c, tile)

        def each(step: Value) -> None:
            column = b.mul(step, long(STEP))
            for half in range(2):
                load(c, 4 + half, c.at(rows, long(half * TILE), column), stride)
            for g in range(many):
                cell = b.mul(b.add(b.mul(b.add(group, long(g)), steps), step), long(_CELLS))
                load(c, 6 + g, b.gep(packed.data, [cell]), long(2 * STEP))
                for half in range(2):
                    multiply(c, "dpbf16ps", 2 * g + half, 4 + half, 6 + g)

        c.loop(long(0), steps, 1, [], each)
        for g in range(many):
            for half in range(2):
                place = c.at(products, long(half * TILE), long(g * TILE))
                store(c, 2 * g + half, place, long(4 * GROUP))

    c.for_each_size(groups, 2, run)


def _sift_wide(
    c: Code, products: Value, biases: Value, start: Value, many: Value, groups: Value,
    factor: Value, limit: Value, columns: Value, hits: Value, scores: Value, count: Value,
) -> None:  # fmt: skip
    b = c.b
    b.store(long(0), count.data)
    by = c.spread(factor)

    def run(sides: int) -> None:
        limits = [c.load(limit.data, long(g * TILE)) for g in range(sides)]

        def each(i: Value) -> None:
            bias = c.spread(b.load(b.gep(biases.data, [b.add(start, i)])))
            for g, least in enumerate(limits):
                value = c.fma(c.load(c.row(products, i), long(g * TILE)), by, bias)
                wanted = b.fcmp_ordered(">", value, least)
                here = b.add(_LANES, whole(c, ir.Constant(INT, g * TILE)))
                found: list[tuple[Any, Any]] = [
                    (here, columns), (whole(c, b.trunc(i, INT)), hits), (value, scores)
                ]  # fmt: skip
                listed(c, wanted, count, found)

        c.loop(long(0), many, 1, [], each)

    c.for_each_size(groups, 2, run)


@cache
def fast_scan_wide() -> Callable[..., None]:
    """:func:`~kinspace.engines.wide_scan.scan_wide`, compiled, on the processor's tiles."""
    scanning_tiles.teach()
    replace(plain.narrow, _narrow)
    replace(plain.multiply_wide, _multiply_wide)
    replace(plain.sift_wide, _sift_wide)
    code: Callable[..., None] = compiled(plain.scan_wide, scanning.halve, exact=True, beside=FILES)
    return code


@cache
def fast_pack_wide() -> Callable[..., None]:
    """:func:`~kinspace.engines.wide_scan.pack_wide`, compiled."""
    code: Callable[..., None] = compiled(plain.pack_wide, plain.rounded, exact=True)
    return code
