"""Vector code for :mod:`.rescoring`: 16 numbers of a row at a time, of float32 or float16."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from kinspace.engines import rescoring as plain
from kinspace.engines import scanning, vector_code
from kinspace.engines.compiled import compiled
from kinspace.engines.vector_code import (
    BYTE,
    INT,
    SINGLE,
    WIDE,
    WIDTH,
    ZERO,
    Code,
    Value,
    long,
    native,
    vector,
)

FILES = (__file__, plain.__file__, scanning.__file__, vector_code.__file__)
_HALF = ir.HalfType()
_LANES = ir.Constant(vector(INT), list(range(WIDTH)))
_AHEAD = 4
"""Rows that the processor is told of before they are needed."""
_STRIP = 4 * WIDTH


def _score_rows(
    kind: Any, c: Code, table: Value, rows: Value, many: Value, queries: Value, query: Value,
    by_distance: Value, values: Value,
) -> None:  # fmt: skip
    b = c.b
    dim, asked = c.width(queries), c.row(queries, query)
    strips = b.mul(b.udiv(dim, long(_STRIP)), long(_STRIP))
    whole = b.mul(b.udiv(dim, long(WIDTH)), long(WIDTH))
    last = b.sub(many, long(1))

    def place_of(n: Value) -> Value:
        return c.row(table, b.load(b.gep(rows.data, [n])))

    def numbers(row: Value, j: Value) -> Value:
        got = c.take(b.gep(row, [j]), vector(kind))
        return got if kind == SINGLE else b.fpext(got, WIDE)

    def some(row: Value, j: Value, total: Value, *, apart: bool) -> Value:
        mine, other = numbers(row, j), c.load(asked, j)
        if not apart:
            return c.fma(mine, other, total)
        between = b.fsub(mine, other)
        return c.fma(b.fneg(between), between, total)

    def rest(row: Value, total: Value, *, apart: bool) -> Value:
        """The numbers after the last whole vector, one by one."""

        def each(j: Value, held: Value) -> list[Value]:
            mine = b.load(b.bitcast(b.gep(row, [j]), kind.as_pointer()))
            other = b.load(b.gep(asked, [j]))
            mine = mine if kind == SINGLE else b.fpext(mine, SINGLE)
            if apart:
                between = b.fsub(mine, other)
                return [b.fsub(held, b.fmul(between, between))]
            return [b.fadd(held, b.fmul(mine, other))]

        (found,) = c.loop(whole, dim, 1, [total], each)
        return found

    def run(apart: bool) -> None:
        def each(n: Value) -> None:
            later = b.add(n, long(_AHEAD))
            ahead = b.select(b.icmp_signed("<", later, many), later, last)
            target = b.bitcast(place_of(ahead), BYTE.as_pointer())
            for line in range(4):
                where = b.gep(target, [long(64 * line)])
                flags = [ir.Constant(INT, flag) for flag in (0, 3, 1)]
                kinds = [where.type, INT, INT, INT]
                c.ask("llvm.prefetch.p0", kinds, ir.VoidType(), where, *flags)
            row = place_of(n)

            def strip(j: Value, *sums: Value) -> list[Value]:
                return [
                    some(row, b.add(j, long(WIDTH * i)), total, apart=apart)
                    for i, total in enumerate(sums)
                ]

            sums = c.loop(long(0), strips, _STRIP, [ZERO] * 4, strip)
            total = b.fadd(b.fadd(sums[0], sums[1]), b.fadd(sums[2], sums[3]))
            (total,) = c.loop(
                strips, whole, WIDTH, [total], lambda j, held: [some(row, j, held, apart=apart)]
            )
            one = b.extract_element(c.across(total, b.fadd), ir.Constant(INT, 0))
            b.store(rest(row, one, apart=apart), b.gep(values.data, [n]))

        c.loop(long(0), many, 1, [], each)

    with b.if_else(b.icmp_signed("!=", by_distance, long(0))) as (yes, no):
        with yes:
            run(True)
        with no:
            run(False)


@cache
def _teach() -> None:
    """Let numba take this code for :func:`~kinspace.engines.rescoring.score_rows`."""
    single = native(partial(_score_rows, SINGLE))
    half = native(partial(_score_rows, _HALF))

    @overload(plain.score_rows)
    def _(table, *others):  # type: ignore[no-untyped-def]
        code = single if table.dtype == types.float32 else half
        return lambda table, *others: code((table, *others))


@cache
def fast_rescore() -> Callable[..., None]:
    """:func:`~kinspace.engines.rescoring.rescore`, compiled."""
    _teach()
    code: Callable[..., None] = compiled(plain.rescore, scanning.halve, beside=FILES)
    return code


@cache
def fast_score_all() -> Callable[..., None]:
    """:func:`~kinspace.engines.rescoring.score_all`, compiled."""
    _teach()
    code: Callable[..., None] = compiled(plain.score_all, beside=FILES)
    return code
