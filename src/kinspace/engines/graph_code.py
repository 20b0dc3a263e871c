"""Vector code for :mod:`.graph`: inner products of listed rows, with those that follow fetched.

After :func:`teach`, compiled functions that call those of ``graph`` run this code.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import overload

from kinspace.engines import graph as plain
from kinspace.engines import vector_code
from kinspace.engines.processor import has
from kinspace.engines.vector_code import BYTE, INT, SINGLE, WIDTH, Code, Value, long, native

FILES = (__file__, vector_code.__file__)
"""Where this code is written, for :func:`~kinspace.engines.compiled.compiled`."""
LINE: Final = 64
"""Bytes that the machine fetches at once, and 8-bit numbers that it multiplies at once."""
_AHEAD: Final = 3
"""How many rows before its turn a row is fetched."""
_BYTES: Final = ir.VectorType(BYTE, LINE)
_SUMS: Final = ir.VectorType(INT, WIDTH)


def _bring(c: Code, start: Value, size: Value) -> None:
    """Ask for ``size`` bytes, to be read soon."""
    byte = BYTE.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, INT, INT, INT])
    prefetch = cgutils.get_or_insert_function(c.b.module, kind, "llvm.prefetch.p0")
    first = c.b.bitcast(start, byte)

    def line(j: Value) -> None:
        read_keep_data = (ir.Constant(INT, n) for n in (0, 3, 1))
        c.b.call(prefetch, [c.b.gep(first, [j]), *read_keep_data])

    c.loop(long(0), size, LINE, [], line)


def _bytes_of_a_row(c: Code, table: Value) -> Value:
    return c.b.mul(c.width(table), table.itemsize)


def _fetch(c: Code, table: Value, row: Value) -> None:
    _bring(c, c.row(table, row), _bytes_of_a_row(c, table))


def _bring_later(c: Code, codes: Value, rows: Value, i: Value, count: Value) -> None:
    later = c.b.add(i, long(_AHEAD))
    with c.b.if_then(c.b.icmp_signed("<", later, count)):
        _bring(c, c.listed(codes, rows, later), _bytes_of_a_row(c, codes))


def _dot(c: Code, sums: Value, unsigned: Value, signed: Value) -> Value:
    kinds = [_SUMS, _SUMS, _SUMS]
    parts = (c.b.bitcast(x, _SUMS) for x in (unsigned, signed))
    return c.ask("llvm.x86.avx512.vpdpbusd.512", kinds, _SUMS, sums, *parts)


def _byte_products(
    c: Code, codes: Value, rows: Value, count: Value, others: Value, at: Value, sums: Value
) -> None:
    """The machine multiplies unsigned by signed bytes: 128 more on one side, taken off again."""
    other, width = c.row(others, at), c.width(codes)
    top, none = ir.Constant(_BYTES, [-128] * LINE), ir.Constant(_SUMS, None)

    def excess(j: Value, so_far: Value) -> list[Value]:
        return [_dot(c, so_far, top, c.take(c.b.gep(other, [j]), _BYTES))]

    extra = c.loop(long(0), width, LINE, [none], excess)[0]
    begin = c.b.sub(none, extra)

    def each(i: Value) -> None:
        _bring_later(c, codes, rows, i, count)
        row = c.listed(codes, rows, i)

        def columns(j: Value, so_far: Value) -> list[Value]:
            mine = c.b.xor(c.take(c.b.gep(row, [j]), _BYTES), top)
            return [_dot(c, so_far, mine, c.take(c.b.gep(other, [j]), _BYTES))]

        total = c.loop(long(0), width, LINE, [begin], columns)[0]
        summed = c.ask("llvm.vector.reduce.add.v16i32", [_SUMS], INT, total)
        c.b.store(c.b.sitofp(summed, SINGLE), c.b.gep(sums.data, [i]))

    c.loop(long(0), count, 1, [], each)


def _signed_products(codes, rows, count, others, at, by_distance, sums):  # type: ignore[no-untyped-def]
    for i in range(count):
        row = rows[i]
        total = np.int32(0)
        for j in range(codes.shape[1]):
            total = np.int32(total + np.int32(codes[row, j]) * np.int32(others[at, j]))
        sums[i] = total


@cache
def teach() -> None:
    """Let numba take this code for the functions of ``graph``; once per process."""
    byte_products, bring = native(_byte_products), native(_fetch)

    def products_of_bytes(codes, rows, count, others, at, by_distance, sums):  # type: ignore[no-untyped-def]
        byte_products((codes, rows, count, others, at, sums))

    def products_of_floats(codes, rows, count, others, at, by_distance, sums):  # type: ignore[no-untyped-def]
        for i in range(count):
            if i + _AHEAD < count:
                bring((codes, rows[i + _AHEAD]))
            row = rows[i]
            total = np.float32(0)
            if by_distance:
                for j in range(codes.shape[1]):
                    apart = codes[row, j] - others[at, j]
                    total += apart * apart
                total *= np.float32(-0.5)
            else:
                for j in range(codes.shape[1]):
                    total += codes[row, j] * others[at, j]
            sums[i] = total

    @overload(plain.products)
    def _(codes, rows, count, others, at, by_distance, sums):  # type: ignore[no-untyped-def]
        if not isinstance(codes.dtype, types.Integer):
            return products_of_floats
        return products_of_bytes if has("avx512vnni") else _signed_products

    @overload(plain.fetch)
    def _(table, row):  # type: ignore[no-untyped-def]
        return lambda table, row: bring((table, row))
