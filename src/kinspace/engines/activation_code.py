"""Vector code for :mod:`.activation`, 16 numbers at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from numba.extending import overload

from kinspace.engines import activation as plain
from kinspace.engines import vector_code
from kinspace.engines.compiled import compiled
from kinspace.engines.vector_code import SHORT, Code, Value, long, native, single, vector


def _gelu(c: Code, numbers: Value) -> None:
    b = c.b
    count = b.mul(c.height(numbers), c.width(numbers))

    def some(j: Value) -> None:
        place = b.gep(numbers.data, [j])
        x = c.widened(c.take(place, vector(SHORT)))
        near = c.least(c.most(x, single(-plain.REACH)), single(plain.REACH))
        square, error = b.fmul(near, near), single(plain.ERF[0])
        for term in plain.ERF[1:]:
            error = c.fma(error, square, single(term))
        half = b.fmul(x, single(0.5))
        c.put(c.narrowed(c.fma(b.fmul(half, near), error, half)), place)

    c.loop(long(0), count, vector_code.WIDTH, [], some)


@cache
def fast_gelu() -> Callable[..., None]:
    """:func:`~kinspace.engines.activation.gelu`, compiled; for processors with AVX512-BF16."""
    gelu = native(_gelu)

    @overload(plain.bend)
    def _(numbers):  # type: ignore[no-untyped-def]
        return lambda numbers: gelu((numbers,))

    files = (__file__, plain.__file__, vector_code.__file__)
    code: Callable[..., None] = compiled(plain.gelu, exact=True, beside=files)
    return code
