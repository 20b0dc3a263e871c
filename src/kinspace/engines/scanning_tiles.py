"""The code of what :mod:`.scanning` calls, for processors with tiles of bytes (AMX-INT8)."""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir

from kinspace.engines import scanning as plain
from kinspace.engines import tile_code, vector_code
from kinspace.engines.scanning import GROUP, STEP
from kinspace.engines.tile_code import (
    NOTHING,
    TILE,
    clear,
    load,
    multiply,
    row_bytes,
    store,
)
from kinspace.engines.vector_code import (
    INT,
    LONG,
    SHORT,
    SINGLE,
    Code,
    Value,
    long,
    replace,
    vector,
)

FILES = (__file__, plain.__file__, tile_code.__file__, vector_code.__file__)
_CELLS = TILE * STEP
_BIT = ir.IntType(1)
_BYTES = ir.VectorType(ir.IntType(8), STEP)
_LANES = ir.Constant(vector(INT), list(range(TILE)))
_NONE = ir.Constant(vector(INT), None)


def _steps(c: Code, table: Value) -> Value:
    return c.b.udiv(c.width(table), long(STEP))


def whole(c: Code, value: Value) -> Value:
    """A whole number in every place of a vector."""
    empty = ir.Constant(vector(INT), ir.Undefined)
    return c.pick(c.b.insert_element(empty, value, ir.Constant(INT, 0)), empty, [0] * TILE)


def _pack(c: Code, queries: Value, pairs: Value, start: Value, many: Value, packed: Value) -> None:
    b = c.b
    steps = _steps(c, queries)
    groups = b.udiv(b.add(many, long(TILE - 1)), long(TILE))

    def group(g: Value) -> None:
        ahead = b.mul(g, long(TILE))
        last = b.sub(many, long(1))
        rows = []
        for n in range(TILE):
            place = b.add(ahead, long(n))
            near = b.select(b.icmp_signed("<", place, many), place, last)
            rows.append(c.listed(queries, pairs, b.add(start, near)))

        def some(step: Value) -> None:
            place = b.mul(step, long(STEP))
            lines = [c.take(b.gep(row, [place]), vector(INT)) for row in rows]
            cell = b.mul(b.add(b.mul(g, steps), step), long(_CELLS))
            for n, line in enumerate(tile_code.transposed(c, lines)):
                c.put(line, b.gep(packed.data, [b.add(cell, long(n * STEP))]))

        c.loop(long(0), steps, 1, [], some)

    c.loop(long(0), groups, 1, [], group)


def _multiply(
    c: Code, table: Value, row: Value, packed: Value, groups: Value, products: Value
) -> None:
    b = c.b
    steps, stride = _steps(c, table), row_bytes(c, table, 1)

    def run(many: int) -> None:
        for tile in range(2 * many):
            clear(c, tile)

        def each(step: Value) -> None:
            column = b.mul(step, long(STEP))
            for half in range(2):
                place = c.at(table, b.add(row, long(half * TILE)), column)
                load(c, 4 + half, place, stride)
            for g in range(many):
                cell = b.mul(b.add(b.mul(long(g), steps), step), long(_CELLS))
                load(c, 6 + g, b.gep(packed.data, [cell]), long(STEP))
                for half in range(2):
                    multiply(c, "dpbusd", 2 * g + half, 4 + half, 6 + g)

        c.loop(long(0), steps, 1, [], each)
        for g in range(many):
            for half in range(2):
                place = c.at(products, long(half * TILE), long(g * TILE))
                store(c, 2 * g + half, place, long(4 * GROUP))

    c.for_each_size(groups, 2, run)


def listed(c: Code, wanted: Value, count: Value, lists: list[tuple[Value, Value]]) -> None:
    """Write those lanes of some vectors that a mask wants to the ends of their lists."""
    b = c.b
    bits = b.bitcast(wanted, SHORT)
    with b.if_then(b.icmp_unsigned("!=", bits, ir.Constant(SHORT, 0)), likely=False):
        end = b.load(count.data)
        for values, to in lists:
            kind = "f32" if values.type.element == SINGLE else "i32"
            place = b.gep(to.data, [end])
            c.ask(
                f"llvm.masked.compressstore.v16{kind}",
                [values.type, place.type, wanted.type], NOTHING, values, place, wanted,
            )  # fmt: skip
        many = c.ask("llvm.ctpop.i16", [SHORT], SHORT, bits)
        b.store(b.add(end, b.zext(many, LONG)), count.data)


def _sift(
    c: Code, products: Value, scales: Value, biases: Value, first: Value, many: Value,
    groups: Value, factor: Value, shift: Value, base: Value, limit: Value, columns: Value,
    rows: Value, scores: Value, count: Value,
) -> None:  # fmt: skip
    b = c.b
    b.store(long(0), count.data)

    def run(sides: int) -> None:
        own = [
            [c.load(each.data, long(g * TILE)) for each in (factor, shift, base, limit)]
            for g in range(sides)
        ]

        def each(i: Value) -> None:
            place = b.add(first, i)
            scale = c.spread(b.load(b.gep(scales.data, [place])))
            bias = c.spread(b.load(b.gep(biases.data, [place])))
            for g, (factors, shifts, bases, limits) in enumerate(own):
                product = c.take(c.at(products, i, long(g * TILE)), vector(INT))
                value = b.fmul(b.fsub(b.sitofp(product, vector(SINGLE)), shifts), factors)
                value = c.fma(value, scale, b.fadd(bases, bias))
                wanted = b.fcmp_ordered(">", value, limits)
                here = b.add(_LANES, whole(c, ir.Constant(INT, g * TILE)))
                row = whole(c, b.trunc(i, INT))
                listed(c, wanted, count, [(here, columns), (row, rows), (value, scores)])

        c.loop(long(0), many, 1, [], each)

    c.for_each_size(groups, 2, run)


def _sift_one(
    c: Code, table: Value, row: Value, many: Value, query: Value, scales: Value, biases: Value,
    factor: Value, shift: Value, base: Value, limit: Value, rows: Value, scores: Value,
    count: Value,
) -> None:  # fmt: skip
    b = c.b
    b.store(long(0), count.data)
    last = b.sub(many, long(1))
    starts = []
    for n in range(TILE):
        near = b.select(b.icmp_signed("<", long(n), many), long(n), last)
        starts.append(c.row(table, b.add(row, near)))
    product = b.fsub(_sums_of_products(c, c.width(table), starts, query), c.spread(shift))
    scale = b.fmul(c.load(scales.data, row), c.spread(factor))
    value = c.fma(product, scale, b.fadd(c.load(biases.data, row), c.spread(base)))
    inside = b.icmp_signed("<", _LANES, whole(c, b.trunc(many, INT)))
    wanted = b.and_(b.fcmp_ordered(">", value, c.spread(limit)), inside)
    listed(c, wanted, count, [(_LANES, rows), (value, scores)])


def _score_listed(
    c: Code, table: Value, places: Value, first: Value, many: Value, query: Value, scales: Value,
    biases: Value, factor: Value, shift: Value, scores: Value,
) -> None:  # fmt: skip
    b = c.b
    last = b.sub(many, long(1))
    rows = []
    for n in range(TILE):
        near = b.select(b.icmp_signed("<", long(n), many), long(n), last)
        rows.append(b.load(b.gep(places.data, [b.add(first, near)])))
    products = _sums_of_products(c, c.width(table), [c.row(table, row) for row in rows], query)
    scale = bias = ir.Constant(vector(SINGLE), None)
    for n, row in enumerate(rows):
        lane = ir.Constant(INT, n)
        scale = b.insert_element(scale, b.load(b.gep(scales.data, [row])), lane)
        bias = b.insert_element(bias, b.load(b.gep(biases.data, [row])), lane)
    value = b.fmul(b.fsub(products, c.spread(shift)), c.spread(factor))
    c.put(c.fma(value, scale, bias), b.gep(scores.data, [first]))


def _sums_of_products(c: Code, width: Value, starts: list[Any], query: Value) -> Value:
    """The products of 16 rows with a query, as float32."""
    b = c.b

    def each(column: Value, *sums: Value) -> list[Value]:
        asked = c.take(b.gep(query.data, [column]), _BYTES)
        return [
            _products(c, total, c.take(b.gep(start, [column]), _BYTES), asked)
            for total, start in zip(sums, starts, strict=True)
        ]

    sums = c.loop(long(0), width, STEP, [_NONE] * TILE, each)
    return b.sitofp(_folded(c, sums), vector(SINGLE))


def _products(c: Code, total: Value, codes: Value, asked: Value) -> Value:
    """Products of unsigned bytes with signed ones, four and four added (AVX512-VNNI)."""
    name = "llvm.x86.avx512.vpdpbusd.512"
    kinds = [total.type, codes.type, asked.type]
    return c.ask(name, kinds, total.type, total, codes, asked)


def _folded(c: Code, sums: list[Value]) -> Value:
    """The sums of 16 vectors of whole numbers, in one vector."""
    rows = tile_code.transposed(c, sums)
    while len(rows) > 1:
        rows = [c.b.add(x, y) for x, y in zip(rows[::2], rows[1::2], strict=True)]
    return rows[0]


@cache
def teach() -> None:
    """Let numba take this code for the functions of ``scanning``."""
    replace(plain.configure, tile_code.configure)
    replace(plain.restore, tile_code.restore)
    replace(plain.pack, _pack)
    replace(plain.multiply, _multiply)
    replace(plain.sift, _sift)
    replace(plain.sift_one, _sift_one)
    replace(plain.score_listed, _score_listed)
