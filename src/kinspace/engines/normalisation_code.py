"""Vector code for :mod:`.normalisation`, 16 columns at a time; needs AVX512-BF16."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from llvmlite import ir
from numba.extending import overload

from kinspace.engines import normalisation as plain
from kinspace.engines import vector_code
from kinspace.engines.compiled import compiled
from kinspace.engines.vector_code import (
    INT,
    SHORT,
    SINGLE,
    WIDTH,
    ZERO,
    Code,
    Value,
    long,
    native,
    vector,
)


def _add_two(c: Code, rows: Value, others: Value, i: Value, total: Value) -> None:
    one, other = c.row(rows, i), c.row(others, i)

    def some(j: Value) -> None:
        a, b = (c.widened(c.take(c.b.gep(x, [j]), vector(SHORT))) for x in (one, other))
        c.store(c.b.fadd(a, b), total.data, j)

    c.loop(long(0), c.width(total), WIDTH, [], some)


def _add_three(
    code: Code, words: Value, a: Value, positions: Value, b: Value, types: Value, c: Value,
    total: Value,
) -> None:  # fmt: skip
    rows = [code.row(table, place) for table, place in ((words, a), (positions, b), (types, c))]

    def some(j: Value) -> None:
        word, position, type_ = (code.load(row, j) for row in rows)
        code.store(code.b.fadd(code.b.fadd(word, position), type_), total.data, j)

    code.loop(long(0), code.width(total), WIDTH, [], some)


def _finish(
    c: Code, total: Value, weight: Value, bias: Value, epsilon: Value, out: Value, i: Value
) -> None:
    b = c.b
    width, to = c.width(total), c.row(out, i)
    count = b.sitofp(width, SINGLE)

    def mean(sums: Value) -> Value:
        whole = b.extract_element(c.across(sums, b.fadd), ir.Constant(INT, 0))
        return b.fdiv(whole, count)

    def add(j: Value, sums: Value) -> list[Value]:
        return [b.fadd(sums, c.load(total.data, j))]

    def square(j: Value, sums: Value) -> list[Value]:
        away = b.fsub(c.load(total.data, j), middle)
        return [c.fma(away, away, sums)]

    def write(j: Value) -> None:
        away = b.fmul(b.fsub(c.load(total.data, j), middle), scale)
        value = c.fma(away, c.load(weight.data, j), c.load(bias.data, j))
        c.put(c.narrowed(value), b.gep(to, [j]))

    (sums,) = c.loop(long(0), width, WIDTH, [ZERO], add)
    middle = c.spread(mean(sums))
    (squares,) = c.loop(long(0), width, WIDTH, [ZERO], square)
    root = c.ask("llvm.sqrt.f32", [SINGLE], SINGLE, b.fadd(mean(squares), epsilon))
    scale = c.spread(b.fdiv(ir.Constant(SINGLE, 1.0), root))
    c.loop(long(0), width, WIDTH, [], write)


_FILES = (__file__, plain.__file__, vector_code.__file__)


@cache
def fast_sums() -> Callable[..., None]:
    """:func:`~kinspace.engines.normalisation.normalise_sums`, compiled."""
    _teach()
    code: Callable[..., None] = compiled(plain.normalise_sums, exact=True, beside=_FILES)
    return code


@cache
def fast_embeddings() -> Callable[..., None]:
    """:func:`~kinspace.engines.normalisation.normalise_embeddings`, compiled."""
    _teach()
    code: Callable[..., None] = compiled(plain.normalise_embeddings, exact=True, beside=_FILES)
    return code


@cache
def _teach() -> None:
    """Let numba take this code for the functions of ``normalisation``."""
    add_two, add_three, finish = native(_add_two), native(_add_three), native(_finish)

    @overload(plain.add_two)
    def _(rows, others, i, total):  # type: ignore[no-untyped-def]
        return lambda rows, others, i, total: add_two((rows, others, i, total))

    @overload(plain.add_three)
    def _(words, a, positions, b, types, c, total):  # type: ignore[no-untyped-def]
        return lambda words, a, positions, b, types, c, total: add_three(
            (words, a, positions, b, types, c, total)
        )

    @overload(plain.finish)
    def _(total, weight, bias, epsilon, out, i):  # type: ignore[no-untyped-def]
        return lambda total, weight, bias, epsilon, out, i: finish(
            (total, weight, bias, epsilon, out, i)
        )
