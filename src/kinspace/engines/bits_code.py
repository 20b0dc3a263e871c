"""Vector code for :mod:`.bits`: the bits of eight rows counted at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from llvmlite import ir
from numba.extending import overload

from kinspace.engines import bits as plain
from kinspace.engines import vector_code
from kinspace.engines.bits import LANES, SINE, TOGETHER
from kinspace.engines.compiled import compiled
from kinspace.engines.vector_code import (
    INT,
    LONG,
    SHORT,
    SINGLE,
    WIDE,
    WIDTH,
    ZERO,
    Code,
    Value,
    long,
    native,
    single,
    vector,
)

_WORDS = ir.VectorType(LONG, LANES)


def _everywhere(c: Code, number: Value, kind: Value) -> Value:
    """A vector of one number."""
    anywhere = ir.Constant(kind, ir.Undefined)
    first = c.b.insert_element(anywhere, number, ir.Constant(INT, 0))
    return c.pick(first, anywhere, [0] * kind.count)


def _differing(
    c: Code, codes: Value, first: Value, last: Value, words: Value, query: Value, queries: Value,
    keys: Value,
) -> None:  # fmt: skip
    b, width = c.b, c.width(words)

    def run(many: int) -> None:
        asked = [c.row(words, b.add(query, long(n))) for n in range(many)]

        def group(at: Value) -> None:
            start = c.row(codes, at)

            def word(w: Value, *totals: Value) -> list[Value]:
                code = c.take(b.gep(start, [b.mul(w, long(LANES))]), _WORDS)
                results = []
                for mine, total in zip(asked, totals, strict=True):
                    apart = b.xor(code, _everywhere(c, b.load(b.gep(mine, [w])), _WORDS))
                    bits = c.ask(f"llvm.ctpop.v{LANES}i64", [_WORDS], _WORDS, apart)
                    results.append(b.add(total, bits))
                return results

            totals = c.loop(long(0), width, 1, [ir.Constant(_WORDS, None)] * many, word)
            place = b.mul(b.sub(at, first), long(LANES))
            for n, total in enumerate(totals):
                c.put(b.trunc(total, ir.VectorType(INT, LANES)), c.at(keys, long(n), place))

        c.loop(first, last, 1, [], group)

    c.for_each_size(queries, TOGETHER, run)


def _weigh(
    c: Code, norms: Value, shifts: Value, start: Value, rows: Value, bits: Value, length: Value,
    fine: Value, keys: Value, line: Value,
) -> None:  # fmt: skip
    b = c.b
    step = c.spread(b.fdiv(ir.Constant(SINGLE, -2.0), b.sitofp(bits, SINGLE)))
    long_as, finely = c.spread(length), c.spread(b.fneg(fine))

    def some(j: Value) -> None:
        place = c.at(keys, line, j)
        x = c.fma(b.sitofp(c.take(place, vector(INT)), WIDE), step, single(1))
        square = b.fmul(x, x)
        sine = c.fma(c.fma(single(SINE[2]), square, single(SINE[1])), square, single(SINE[0]))
        at = b.add(start, j)
        product = b.fmul(b.fmul(x, sine), long_as)
        score = c.fma(c.load(norms.data, at), product, c.load(shifts.data, at))
        c.put(b.fptosi(b.fmul(score, finely), vector(INT)), place)

    c.loop(long(0), rows, WIDTH, [], some)


def _below(c: Code, keys: Value, line: Value, rows: Value, limit: Value, places: Value) -> None:
    b = c.b
    limits = _everywhere(c, b.trunc(limit, INT), vector(INT))
    last = _everywhere(c, b.trunc(rows, INT), vector(INT))
    steps = ir.Constant(vector(INT), list(range(WIDTH)))

    def some(i: Value, many: Value) -> list[Value]:
        here = b.add(_everywhere(c, b.trunc(i, INT), vector(INT)), steps)
        smaller = b.icmp_signed("<", c.take(c.at(keys, line, i), vector(INT)), limits)
        hit = b.and_(b.icmp_signed("<", here, last), smaller)
        to = b.gep(places.data, [b.add(many, long(1))])
        kinds = [vector(INT), INT.as_pointer(), hit.type]
        c.ask("llvm.masked.compressstore.v16i32", kinds, ir.VoidType(), here, to, hit)
        bits = b.zext(b.bitcast(hit, SHORT), LONG)
        return [b.add(many, c.ask("llvm.ctpop.i64", [LONG], LONG, bits))]

    (many,) = c.loop(long(0), rows, WIDTH, [long(0)], some)
    b.store(b.trunc(many, INT), places.data)


def _compare(c: Code, codes: Value, row: Value, numbers: Value, query: Value, total: Value) -> None:
    b = c.b
    mine, width = c.row(numbers, query), c.width(numbers)
    words = b.lshr(width, long(6))
    in_groups = b.icmp_signed("!=", c.width(codes), words)
    lanes = b.select(in_groups, long(LANES), long(1))
    group = b.select(in_groups, b.lshr(row, long(3)), row)
    lane = b.select(in_groups, b.and_(row, long(LANES - 1)), long(0))
    start = b.gep(c.row(codes, group), [lane])

    def word(first: Value, *sums: Value) -> list[Value]:
        bits = b.load(b.gep(start, [b.mul(b.lshr(first, long(6)), lanes)]))
        results = []
        for n, old in enumerate(sums):
            some = b.trunc(b.lshr(bits, long(WIDTH * n)), SHORT)
            marked = b.bitcast(some, ir.VectorType(ir.IntType(1), WIDTH))
            each = c.load(mine, b.add(first, long(WIDTH * n)))
            results.append(b.fadd(old, b.select(marked, each, ZERO)))
        return results

    sums = c.loop(long(0), width, 64, [ZERO] * 4, word)
    whole = c.across(b.fadd(b.fadd(*sums[:2]), b.fadd(*sums[2:])), b.fadd)
    b.store(b.extract_element(whole, ir.Constant(INT, 0)), total.data)


@cache
def teach() -> None:
    """Let numba take this code for the functions of ``bits``; once per process."""
    differing = native(_differing)

    below, compare, weigh = native(_below), native(_compare), native(_weigh)

    @overload(plain.differing)
    def _(codes, first, last, words, query, queries, keys):  # type: ignore[no-untyped-def]
        return lambda codes, first, last, words, query, queries, keys: differing(
            (codes, first, last, words, query, queries, keys)
        )

    @overload(plain.weigh)
    def _(norms, shifts, start, rows, bits, length, fine, keys, line):  # type: ignore[no-untyped-def]
        return lambda norms, shifts, start, rows, bits, length, fine, keys, line: weigh(
            (norms, shifts, start, rows, bits, length, fine, keys, line)
        )

    @overload(plain.below)
    def _(keys, line, rows, limit, places):  # type: ignore[no-untyped-def]
        return lambda keys, line, rows, limit, places: below((keys, line, rows, limit, places))

    @overload(plain.compare)
    def _(codes, row, numbers, query, total):  # type: ignore[no-untyped-def]
        return lambda codes, row, numbers, query, total: compare(
            (codes, row, numbers, query, total)
        )


@cache
def fast_scan() -> Callable[..., None]:
    """:func:`~kinspace.engines.bits.scan`, compiled."""
    teach()
    inner = plain.select, plain.collect, plain.refine
    files = (__file__, plain.__file__, vector_code.__file__)
    code: Callable[..., None] = compiled(plain.scan, *inner, beside=files)
    return code
