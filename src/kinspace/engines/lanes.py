"""Vector code for :mod:`.rows`: 16 columns at a time, through numba into LLVM.

Only :func:`teach` is for others: after it, compiled functions that call those of ``rows`` run this
code. Nothing here decides what is computed; see there for that, and for the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import overload

from kinspace.engines import rows as plain
from kinspace.engines import vector_code
from kinspace.engines.rows import EVEN, GROUP, LANES, LIMIT, ODD
from kinspace.engines.vector_code import INT, SINGLE, ZERO, Code, Value, long, native

FILES = (__file__, vector_code.__file__)
"""Where this code is written, for :func:`~kinspace.engines.compiled.compiled`."""


def _in_strips(c: Code, width: Value, run: Callable[[list[Value]], None]) -> None:
    """All columns, 128 at a time, then those that are left; ``run`` is given where 16 begin."""
    strip = LANES * GROUP
    even = c.b.mul(c.b.udiv(width, long(strip)), long(strip))

    def some(first: Value, blocks: int) -> None:
        run([c.b.add(first, long(LANES * n)) for n in range(blocks)])

    c.loop(long(0), even, strip, [], lambda first: some(first, GROUP))
    rest = c.b.udiv(c.b.sub(width, even), long(LANES))
    c.for_each_size(rest, GROUP, lambda blocks: some(even, blocks))


def _take(
    c: Code, source: Value, rows: Value, first: Value, last: Value, scale: Value, out: Value,
    again: Value, place: Value,
) -> None:  # fmt: skip
    to, too, factor = c.row(out, place), c.row(again, place), c.spread(scale)

    def strip(offsets: list[Value]) -> None:
        def add(i: Value, *totals: Value) -> list[Value]:
            row = c.listed(source, rows, i)
            return [
                c.b.fadd(total, c.load(row, j)) for total, j in zip(totals, offsets, strict=True)
            ]

        totals = c.loop(first, last, 1, [ZERO] * len(offsets), add)
        for total, j in zip(totals, offsets, strict=True):
            scaled = c.b.fmul(total, factor)
            c.store(scaled, to, j)
            c.store(scaled, too, j)

    _in_strips(c, c.width(source), strip)


def _give(
    c: Code, target: Value, rows: Value, first: Value, last: Value, scale: Value, now: Value,
    before: Value, place: Value,
) -> None:  # fmt: skip
    new, old, factor = c.row(now, place), c.row(before, place), c.spread(scale)

    def strip(offsets: list[Value]) -> None:
        moves = [c.b.fsub(c.load(new, j), c.load(old, j)) for j in offsets]

        def add(i: Value) -> None:
            to = c.listed(target, rows, i)
            for moved, j in zip(moves, offsets, strict=True):
                c.store(c.fma(factor, moved, c.load(to, j)), to, j)

        c.loop(first, last, 1, [], add)

    _in_strips(c, c.width(target), strip)


def _products(
    c: Code, left: Value, near: Value, m: Value, right: Value, onto: Value, start: Value,
    k: Value, out: Value,
) -> None:  # fmt: skip
    def tile(i: Value, many: int, targets: list[Value]) -> None:
        mine = [c.listed(left, near, c.b.add(i, long(n))) for n in range(many)]

        def columns(j: Value, *sums: Value) -> list[Value]:
            xs, ys = [c.load(x, j) for x in mine], [c.load(y, j) for y in targets]
            return [c.fma(x, y, s) for (x, y), s in zip(product(xs, ys), sums, strict=True)]

        sums = c.loop(long(0), c.width(left), LANES, [ZERO] * (many * len(targets)), columns)
        full: list[Value] = []
        for n in range(many):
            own = sums[n * len(targets) : (n + 1) * len(targets)]
            full += [*own, *[ZERO] * (GROUP - len(targets))]
        for folded in c.fold(full):
            c.store(folded, out.data, c.b.mul(i, long(GROUP)))

    def run(size: int) -> None:
        targets = [c.listed(right, onto, c.b.add(start, long(n))) for n in range(size)]
        even = c.b.and_(m, long(-2))
        c.loop(long(0), even, 2, [], lambda i: tile(i, 2, targets))
        c.loop(even, m, 1, [], lambda i: tile(i, 1, targets))

    c.for_each_size(k, GROUP, run)


def _errors(c: Code, scores: Value, m: Value, labels: Value, weights: Value, start: Value) -> None:
    def constant(x: Any) -> Value:
        return ir.Constant(_HALF, [float(x)] * GROUP)

    def clip(x: Value, limit: Any, sign: str) -> Value:
        return c.b.select(c.b.fcmp_ordered(sign, x, constant(limit)), constant(limit), x)

    label, weight = c.load(labels.data, start, GROUP), c.load(weights.data, start, GROUP)

    def each(i: Value) -> None:
        place = c.b.mul(i, long(GROUP))
        x = c.b.fmul(c.load(scores.data, place, GROUP), constant(0.5))
        x = clip(clip(x, -LIMIT, "<"), LIMIT, ">")
        square = c.b.fmul(x, x)
        odd, even = constant(ODD[0]), constant(EVEN[0])
        for term in ODD[1:]:
            odd = c.fma(odd, square, constant(term))
        for term in EVEN[1:]:
            even = c.fma(even, square, constant(term))
        ratio = c.b.fdiv(c.b.fmul(odd, x), even)
        sigmoid = c.fma(ratio, constant(0.5), constant(0.5))
        c.store(c.b.fmul(c.b.fsub(label, sigmoid), weight), scores.data, place)

    c.loop(long(0), m, 1, [], each)


_HALF = ir.VectorType(SINGLE, GROUP)


def _exchange(
    c: Code, left: Value, near: Value, m: Value, change: Value, right: Value, onto: Value,
    start: Value, k: Value, weights: Value,
) -> None:  # fmt: skip
    def weight(i: Value, n: int) -> Value:
        place = c.b.add(c.b.mul(i, long(GROUP)), long(n))
        return c.spread(c.b.load(c.b.gep(weights.data, [place])))

    def run(size: int) -> None:
        targets = [c.listed(right, onto, c.b.add(start, long(n))) for n in range(size)]

        def some(first: Value, blocks: int) -> None:
            offsets = [c.b.add(first, long(LANES * n)) for n in range(blocks)]
            old = [[c.load(y, j) for j in offsets] for y in targets]

            def each(i: Value, *new: Value) -> list[Value]:
                x, to = c.listed(left, near, i), c.listed(change, near, i)
                xs, totals = [c.load(x, j) for j in offsets], [c.load(to, j) for j in offsets]
                results = []
                for n in range(size):
                    w = weight(i, n)
                    for j in range(blocks):
                        totals[j] = c.fma(w, old[n][j], totals[j])
                        results.append(c.fma(w, xs[j], new[n * blocks + j]))
                for total, j in zip(totals, offsets, strict=True):
                    c.store(total, to, j)
                return results

            new = c.loop(long(0), m, 1, [y for ys in old for y in ys], each)
            for (y, j), value in zip(product(targets, offsets), new, strict=True):
                c.store(value, y, j)

        width = c.width(left)
        blocks = 2 if size <= 6 else 1  # what the 32 registers hold
        even = c.b.and_(width, long(-LANES * blocks))
        c.loop(long(0), even, LANES * blocks, [], lambda first: some(first, blocks))
        c.loop(even, width, LANES, [], lambda first: some(first, 1))

    c.for_each_size(k, GROUP, run)


def _fetch(c: Code, source: Value, row: Value) -> None:
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, INT, INT, INT])
    prefetch = cgutils.get_or_insert_function(c.b.module, kind, "llvm.prefetch.p0")
    start = c.row(source, row)

    def line(j: Value) -> None:
        place = c.b.bitcast(c.b.gep(start, [j]), byte)
        c.b.call(prefetch, [place, *(ir.Constant(INT, n) for n in (1, 3, 1))])  # write, keep, data

    c.loop(long(0), c.width(source), LANES, [], line)


@cache
def teach() -> None:
    """Let numba take this code for the functions of ``rows``; once per process."""
    take, give, products = native(_take), native(_give), native(_products)
    errors, exchange, fetch = native(_errors), native(_exchange), native(_fetch)

    @overload(plain.take)
    def _(source, rows, first, last, scale, out, again, place):  # type: ignore[no-untyped-def]
        return lambda source, rows, first, last, scale, out, again, place: take(
            (source, rows, first, last, scale, out, again, place)
        )

    @overload(plain.give)
    def _(target, rows, first, last, scale, now, before, place):  # type: ignore[no-untyped-def]
        return lambda target, rows, first, last, scale, now, before, place: give(
            (target, rows, first, last, scale, now, before, place)
        )

    @overload(plain.products)
    def _(left, near, m, right, onto, start, k, out):  # type: ignore[no-untyped-def]
        return lambda left, near, m, right, onto, start, k, out: products(
            (left, near, m, right, onto, start, k, out)
        )

    @overload(plain.errors)
    def _(scores, m, labels, weights, start):  # type: ignore[no-untyped-def]
        return lambda scores, m, labels, weights, start: errors((scores, m, labels, weights, start))

    @overload(plain.exchange)
    def _(left, near, m, change, right, onto, start, k, weights):  # type: ignore[no-untyped-def]
        return lambda left, near, m, change, right, onto, start, k, weights: exchange(
            (left, near, m, change, right, onto, start, k, weights)
        )

    @overload(plain.fetch)
    def _(source, row):  # type: ignore[no-untyped-def]
        return lambda source, row: fetch((source, row))
