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
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from kinspace.engines import rows as plain
from kinspace.engines.rows import EVEN, GROUP, LANES, LIMIT, ODD

Value = Any
_SINGLE, _LONG, _INT = ir.FloatType(), ir.IntType(64), ir.IntType(32)
_WIDE = ir.VectorType(_SINGLE, LANES)
_ZERO = ir.Constant(_WIDE, None)


def _long(n: int) -> Value:
    return ir.Constant(_LONG, n)


class _Code:
    """Writes the code of one call."""

    def __init__(self, context: Any, builder: Any, kinds: Any, packed: Value) -> None:
        self.b = builder
        self.values: list[Value] = []
        for kind, value in zip(kinds, cgutils.unpack_tuple(builder, packed), strict=True):
            if isinstance(kind, types.Array):
                self.values.append(context.make_array(kind)(context, builder, value))
            else:
                to = types.int64 if isinstance(kind, types.Integer) else types.float32
                self.values.append(context.cast(builder, value, kind, to))

    def width(self, table: Value) -> Value:
        return cgutils.unpack_tuple(self.b, table.shape, 2)[1]

    def row(self, table: Value, place: Value) -> Value:
        return self.b.gep(table.data, [self.b.mul(place, self.width(table))])

    def listed(self, table: Value, rows: Value, i: Value) -> Value:
        """Where the row begins that is named at place ``i`` of a list of rows."""
        return self.row(table, self.b.sext(self.b.load(self.b.gep(rows.data, [i])), _LONG))

    def load(self, start: Value, j: Value, lanes: int = LANES) -> Value:
        kind = ir.VectorType(_SINGLE, lanes).as_pointer()
        return self.b.load(self.b.bitcast(self.b.gep(start, [j]), kind), align=4)

    def store(self, value: Value, start: Value, j: Value) -> None:
        place = self.b.bitcast(self.b.gep(start, [j]), value.type.as_pointer())
        self.b.store(value, place, align=4)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        kind = ir.FunctionType(a.type, [a.type] * 3)
        name = f"llvm.fma.v{a.type.count}f32"
        return self.b.call(cgutils.get_or_insert_function(self.b.module, kind, name), [a, b, c])

    def pick(self, a: Value, b: Value, places: list[int]) -> Value:
        mask = ir.Constant(ir.VectorType(_INT, len(places)), places)
        return self.b.shuffle_vector(a, b, mask)

    def spread(self, value: Value) -> Value:
        none = ir.Constant(_WIDE, ir.Undefined)
        return self.pick(
            self.b.insert_element(none, value, ir.Constant(_INT, 0)), none, [0] * LANES
        )

    def fold(self, sums: list[Value]) -> list[Value]:
        """Add up the lanes of each of 8 or 16 vectors: half to half, four times, together."""
        for half in (8, 4, 2, 1):
            pairs = [sums] if len(sums) == 1 else list(zip(sums[::2], sums[1::2], strict=True))
            folded = []
            for pair in pairs:
                a, b = pair[0], pair[-1]
                starts = range(0, a.type.count * len(pair), 2 * half)
                low = [s + i for s, i in product(starts, range(half))]
                high = [place + half for place in low]
                folded.append(self.b.fadd(self.pick(a, b, low), self.pick(a, b, high)))
            sums = folded
        return sums

    def loop(
        self, first: Value, end: Value, by: int, held: list[Value], body: Callable[..., Any]
    ) -> list[Value]:
        """``for i in range(first, end, by)``, with values carried from turn to turn."""
        b = self.b
        before = b.block
        head, inside, after = (b.append_basic_block(name) for name in ("head", "inside", "after"))
        b.branch(head)
        b.position_at_end(head)
        i = b.phi(_LONG)
        carried = [b.phi(value.type) for value in held]
        b.cbranch(b.icmp_signed("<", i, end), inside, after)
        b.position_at_end(inside)
        results = body(i, *carried) or []
        following = b.add(i, _long(by))
        last = b.block
        b.branch(head)
        for phi, start, result in zip(
            [i, *carried], [first, *held], [following, *results], strict=True
        ):
            phi.add_incoming(start, before)
            phi.add_incoming(result, last)
        b.position_at_end(after)
        return carried

    def in_strips(self, width: Value, run: Callable[[list[Value]], None]) -> None:
        """All columns, 128 at a time, then those that are left; ``run`` is given where 16 begin."""
        strip = LANES * GROUP
        even = self.b.mul(self.b.udiv(width, _long(strip)), _long(strip))

        def some(first: Value, blocks: int) -> None:
            run([self.b.add(first, _long(LANES * n)) for n in range(blocks)])

        self.loop(_long(0), even, strip, [], lambda first: some(first, GROUP))
        rest = self.b.udiv(self.b.sub(width, even), _long(LANES))
        self.for_each_size(rest, lambda blocks: some(even, blocks))

    def for_each_size(self, size: Value, run: Callable[[int], None]) -> None:
        """Code of its own for each of the sizes 1 to 8; nothing for others."""
        b = self.b
        after = b.append_basic_block("after")
        choice = b.switch(size, after)
        for n in range(1, GROUP + 1):
            here = b.append_basic_block(f"size{n}")
            choice.add_case(_long(n), here)
            b.position_at_end(here)
            run(n)
            b.branch(after)
        b.position_at_end(after)


def _take(
    c: _Code, source: Value, rows: Value, first: Value, last: Value, scale: Value, out: Value,
    again: Value, place: Value,
) -> None:  # fmt: skip
    to, too, factor = c.row(out, place), c.row(again, place), c.spread(scale)

    def strip(offsets: list[Value]) -> None:
        def add(i: Value, *totals: Value) -> list[Value]:
            row = c.listed(source, rows, i)
            return [
                c.b.fadd(total, c.load(row, j)) for total, j in zip(totals, offsets, strict=True)
            ]

        totals = c.loop(first, last, 1, [_ZERO] * len(offsets), add)
        for total, j in zip(totals, offsets, strict=True):
            scaled = c.b.fmul(total, factor)
            c.store(scaled, to, j)
            c.store(scaled, too, j)

    c.in_strips(c.width(source), strip)


def _give(
    c: _Code, target: Value, rows: Value, first: Value, last: Value, scale: Value, now: Value,
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

    c.in_strips(c.width(target), strip)


def _products(
    c: _Code, left: Value, near: Value, m: Value, right: Value, onto: Value, start: Value,
    k: Value, out: Value,
) -> None:  # fmt: skip
    def tile(i: Value, many: int, targets: list[Value]) -> None:
        mine = [c.listed(left, near, c.b.add(i, _long(n))) for n in range(many)]

        def columns(j: Value, *sums: Value) -> list[Value]:
            xs, ys = [c.load(x, j) for x in mine], [c.load(y, j) for y in targets]
            return [c.fma(x, y, s) for (x, y), s in zip(product(xs, ys), sums, strict=True)]

        sums = c.loop(_long(0), c.width(left), LANES, [_ZERO] * (many * len(targets)), columns)
        full: list[Value] = []
        for n in range(many):
            own = sums[n * len(targets) : (n + 1) * len(targets)]
            full += [*own, *[_ZERO] * (GROUP - len(targets))]
        for folded in c.fold(full):
            c.store(folded, out.data, c.b.mul(i, _long(GROUP)))

    def run(size: int) -> None:
        targets = [c.listed(right, onto, c.b.add(start, _long(n))) for n in range(size)]
        even = c.b.and_(m, _long(-2))
        c.loop(_long(0), even, 2, [], lambda i: tile(i, 2, targets))
        c.loop(even, m, 1, [], lambda i: tile(i, 1, targets))

    c.for_each_size(k, run)


def _errors(c: _Code, scores: Value, m: Value, labels: Value, weights: Value, start: Value) -> None:
    def constant(x: Any) -> Value:
        return ir.Constant(_HALF, [float(x)] * GROUP)

    def clip(x: Value, limit: Any, sign: str) -> Value:
        return c.b.select(c.b.fcmp_ordered(sign, x, constant(limit)), constant(limit), x)

    label, weight = c.load(labels.data, start, GROUP), c.load(weights.data, start, GROUP)

    def each(i: Value) -> None:
        place = c.b.mul(i, _long(GROUP))
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

    c.loop(_long(0), m, 1, [], each)


_HALF = ir.VectorType(_SINGLE, GROUP)


def _exchange(
    c: _Code, left: Value, near: Value, m: Value, change: Value, right: Value, onto: Value,
    start: Value, k: Value, weights: Value,
) -> None:  # fmt: skip
    def weight(i: Value, n: int) -> Value:
        place = c.b.add(c.b.mul(i, _long(GROUP)), _long(n))
        return c.spread(c.b.load(c.b.gep(weights.data, [place])))

    def run(size: int) -> None:
        targets = [c.listed(right, onto, c.b.add(start, _long(n))) for n in range(size)]

        def some(first: Value, blocks: int) -> None:
            offsets = [c.b.add(first, _long(LANES * n)) for n in range(blocks)]
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

            new = c.loop(_long(0), m, 1, [y for ys in old for y in ys], each)
            for (y, j), value in zip(product(targets, offsets), new, strict=True):
                c.store(value, y, j)

        width = c.width(left)
        blocks = 2 if size <= 6 else 1  # what the 32 registers hold
        even = c.b.and_(width, _long(-LANES * blocks))
        c.loop(_long(0), even, LANES * blocks, [], lambda first: some(first, blocks))
        c.loop(even, width, LANES, [], lambda first: some(first, 1))

    c.for_each_size(k, run)


def _fetch(c: _Code, source: Value, row: Value) -> None:
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT])
    prefetch = cgutils.get_or_insert_function(c.b.module, kind, "llvm.prefetch.p0")
    start = c.row(source, row)

    def line(j: Value) -> None:
        place = c.b.bitcast(c.b.gep(start, [j]), byte)
        c.b.call(prefetch, [place, *(ir.Constant(_INT, n) for n in (1, 3, 1))])  # write, keep, data

    c.loop(_long(0), c.width(source), LANES, [], line)


def _native(write: Callable[..., None]) -> Any:
    @intrinsic
    def function(typing_context, arguments):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
            code = _Code(context, builder, signature.args[0], values[0])
            write(code, *code.values)
            return context.get_dummy_value()

        return types.void(arguments), generate

    return function


@cache
def teach() -> None:
    """Let numba take this code for the functions of ``rows``; once per process."""
    take, give, products = _native(_take), _native(_give), _native(_products)
    errors, exchange, fetch = _native(_errors), _native(_exchange), _native(_fetch)

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
