"""Vector code for :mod:`.short_codes`: 128 look-ups in two instructions (AVX-512)."""

from __future__ import annotations

from functools import cache

from llvmlite import ir
from numba.core import cgutils

from kinspace.engines import scanning_tiles
from kinspace.engines import short_codes as plain
from kinspace.engines.scanning_tiles import listed, whole
from kinspace.engines.short_codes import BLOCK
from kinspace.engines.tile_code import TILE
from kinspace.engines.vector_code import (
    BYTE,
    INT,
    SHORT,
    SINGLE,
    Code,
    Value,
    long,
    replace,
    vector,
)

FILES = (__file__, plain.__file__, *scanning_tiles.FILES)
_BYTES = ir.VectorType(BYTE, 64)
_PAIRS = ir.VectorType(SHORT, 32)
_LOW = ir.Constant(_BYTES, [15] * 64)
_EVEN = ir.Constant(_PAIRS, [255] * 32)
_FOUR, _EIGHT = ir.Constant(_PAIRS, [4] * 32), ir.Constant(_PAIRS, [8] * 32)
_NONE = ir.Constant(_PAIRS, None)
_LANES = ir.Constant(vector(INT), list(range(TILE)))


def _look_up(c: Code, table: Value, places: Value) -> Value:
    name = "llvm.x86.avx512.pshuf.b.512"
    return c.ask(name, [_BYTES, _BYTES], _BYTES, table, places)


def _sift_short(
    c: Code, short: Value, block: Value, first: Value, last: Value, stretches: Value,
    biases: Value, tables: Value, scaling: Value, base: Value, limit: Value, rows: Value,
    scores: Value, count: Value,
) -> None:  # fmt: skip
    b = c.b
    b.store(long(0), count.data)
    fours = cgutils.unpack_tuple(b, short.shape, 4)[1]
    codes = b.gep(short.data, [b.mul(block, b.mul(fours, long(64)))])

    def added(four: Value) -> Value:
        """What four parts of 32 rows add: 32 bytes for the first two parts, 32 for the others."""
        code = c.take(b.gep(codes, [b.mul(four, long(64))]), _BYTES)
        table = b.gep(tables.data, [b.mul(four, long(128))])
        upper = b.bitcast(b.lshr(b.bitcast(code, _PAIRS), _FOUR), _BYTES)
        low = _look_up(c, c.take(table, _BYTES), b.and_(code, _LOW))
        high = _look_up(c, c.take(b.gep(table, [long(64)]), _BYTES), b.and_(upper, _LOW))
        return b.add(low, high)

    def each(four: Value, even: Value, odd: Value) -> list[Value]:
        both = b.bitcast(b.add(added(four), added(b.add(four, long(1)))), _PAIRS)
        return [b.add(even, b.and_(both, _EVEN)), b.add(odd, b.lshr(both, _EIGHT))]

    even, odd = c.loop(long(0), fours, 2, [_NONE, _NONE], each)
    sums = []
    for half in (even, odd):
        low, high = c.pick(half, half, list(range(16))), c.pick(half, half, list(range(16, 32)))
        sums.append(b.add(low, high))
    step, offset = (c.spread(b.load(b.gep(scaling.data, [long(i)]))) for i in range(2))
    start = b.mul(block, long(BLOCK))
    for part in range(2):
        turns = [place for i in range(8) for place in (8 * part + i, TILE + 8 * part + i)]
        total = b.sitofp(b.zext(c.pick(sums[0], sums[1], turns), vector(INT)), vector(SINGLE))
        here = b.add(start, long(TILE * part))
        value = b.fmul(c.fma(total, step, offset), c.load(stretches.data, here))
        value = b.fadd(value, b.fadd(c.load(biases.data, here), c.spread(base)))
        row = b.add(_LANES, whole(c, ir.Constant(INT, TILE * part)))
        wanted = b.fcmp_ordered(">", value, c.spread(limit))
        for compare, edge in ((">=", first), ("<", last)):
            inside = b.icmp_signed(compare, row, whole(c, b.trunc(edge, INT)))
            wanted = b.and_(wanted, inside)
        listed(c, wanted, count, [(row, rows), (value, scores)])


def _announce(c: Code, short: Value, block: Value) -> None:
    b = c.b
    size = b.mul(cgutils.unpack_tuple(b, short.shape, 4)[1], long(64))
    start = b.bitcast(b.gep(short.data, [b.mul(block, size)]), BYTE.as_pointer())

    def each(byte: Value) -> None:
        where = b.gep(start, [byte])
        flags = [ir.Constant(INT, flag) for flag in (0, 3, 1)]
        c.ask("llvm.prefetch.p0", [where.type, INT, INT, INT], ir.VoidType(), where, *flags)

    c.loop(long(0), size, 64, [], each)


@cache
def teach() -> None:
    """Let numba take this code for the functions of ``short_codes``."""
    replace(plain.announce, _announce)
    replace(plain.sift_short, _sift_short)
