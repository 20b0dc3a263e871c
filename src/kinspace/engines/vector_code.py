"""Writes vector code, 16 numbers at a time, through numba into LLVM.

What :mod:`.lanes`, :mod:`.attention_tiles` and :mod:`.activation_code` share. A function that is
written so takes one tuple of arrays and numbers, and gives nothing back.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

Value = Any
WIDTH = 16
"""Numbers of a vector."""
SINGLE, LONG, INT = ir.FloatType(), ir.IntType(64), ir.IntType(32)
SHORT, BYTE = ir.IntType(16), ir.IntType(8)
WIDE = ir.VectorType(SINGLE, WIDTH)
ZERO = ir.Constant(WIDE, None)


def long(n: int) -> Value:
    """A constant of 64 bits."""
    return ir.Constant(LONG, n)


def single(x: float) -> Value:
    """A vector of one number."""
    return ir.Constant(WIDE, [float(x)] * WIDTH)


def vector(kind: Any) -> Any:
    """The type of a vector of 16 numbers."""
    return ir.VectorType(kind, WIDTH)


class _Brain(ir.Type):  # type: ignore[misc]
    """The type bfloat16, which llvmlite does not know."""

    def __str__(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Brain)

    def __hash__(self) -> int:
        return hash(_Brain)


class Code:
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
        return self.row(table, self.b.sext(self.b.load(self.b.gep(rows.data, [i])), LONG))

    def load(self, start: Value, j: Value, lanes: int = WIDTH) -> Value:
        kind = ir.VectorType(SINGLE, lanes).as_pointer()
        return self.b.load(self.b.bitcast(self.b.gep(start, [j]), kind), align=4)

    def store(self, value: Value, start: Value, j: Value) -> None:
        place = self.b.bitcast(self.b.gep(start, [j]), value.type.as_pointer())
        self.b.store(value, place, align=4)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        kind = ir.FunctionType(a.type, [a.type] * 3)
        name = f"llvm.fma.v{a.type.count}f32"
        return self.b.call(cgutils.get_or_insert_function(self.b.module, kind, name), [a, b, c])

    def pick(self, a: Value, b: Value, places: list[int]) -> Value:
        mask = ir.Constant(ir.VectorType(INT, len(places)), places)
        return self.b.shuffle_vector(a, b, mask)

    def spread(self, value: Value) -> Value:
        none = ir.Constant(WIDE, ir.Undefined)
        return self.pick(self.b.insert_element(none, value, ir.Constant(INT, 0)), none, [0] * WIDTH)

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
        i = b.phi(LONG)
        carried = [b.phi(value.type) for value in held]
        b.cbranch(b.icmp_signed("<", i, end), inside, after)
        b.position_at_end(inside)
        results = body(i, *carried) or []
        following = b.add(i, long(by))
        last = b.block
        b.branch(head)
        for phi, start, result in zip(
            [i, *carried], [first, *held], [following, *results], strict=True
        ):
            phi.add_incoming(start, before)
            phi.add_incoming(result, last)
        b.position_at_end(after)
        return carried

    def for_each_size(self, size: Value, most: int, run: Callable[[int], None]) -> None:
        """Code of its own for each of the sizes 1 to ``most``; nothing for others."""
        b = self.b
        after = b.append_basic_block("after")
        choice = b.switch(size, after)
        for n in range(1, most + 1):
            here = b.append_basic_block(f"size{n}")
            choice.add_case(long(n), here)
            b.position_at_end(here)
            run(n)
            b.branch(after)
        b.position_at_end(after)

    def height(self, table: Value) -> Value:
        """How many rows a table has."""
        return cgutils.unpack_tuple(self.b, table.shape, 2)[0]

    def at(self, table: Value, row: Value, column: Value) -> Value:
        """Where a number of a table lies."""
        return self.b.gep(self.row(table, row), [column])

    def ask(self, name: str, kinds: list[Any], result: Any, *arguments: Value) -> Value:
        """Call a function that LLVM knows by its name."""
        kind = ir.FunctionType(result, kinds)
        return self.b.call(cgutils.get_or_insert_function(self.b.module, kind, name), arguments)

    def take(self, place: Value, kind: Any) -> Value:
        """A vector of any type, from anywhere."""
        return self.b.load(self.b.bitcast(place, kind.as_pointer()), align=2)

    def put(self, value: Value, place: Value) -> None:
        """Store a vector of any type, anywhere."""
        self.b.store(value, self.b.bitcast(place, value.type.as_pointer()), align=2)

    def most(self, a: Value, b: Value) -> Value:
        """The greater of each two numbers."""
        return self.b.select(self.b.fcmp_ordered(">", a, b), a, b)

    def least(self, a: Value, b: Value) -> Value:
        """The lesser of each two numbers."""
        return self.b.select(self.b.fcmp_ordered("<", a, b), a, b)

    def across(self, a: Value, join: Callable[[Value, Value], Value]) -> Value:
        """All numbers of a vector joined to one, which stands in every place."""
        for half in (8, 4, 2, 1):
            a = join(a, self.pick(a, a, [place ^ half for place in range(WIDTH)]))
        return a

    def widened(self, numbers: Value) -> Value:
        """bfloat16, as 16 bits each, to float32."""
        shift = ir.Constant(vector(INT), [16] * WIDTH)
        return self.b.bitcast(self.b.shl(self.b.zext(numbers, vector(INT)), shift), WIDE)

    def narrowed(self, numbers: Value) -> Value:
        """float32 to the nearest bfloat16, as 16 bits each; needs AVX512-BF16."""
        name = "llvm.x86.avx512bf16.cvtneps2bf16.512"
        return self.b.bitcast(self.ask(name, [WIDE], vector(_Brain()), numbers), vector(SHORT))


def native(write: Callable[..., None]) -> Any:
    """A function for compiled code, which takes a tuple: ``write(code, *its values)`` writes it."""

    @intrinsic
    def function(typing_context, arguments):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
            code = Code(context, builder, signature.args[0], values[0])
            write(code, *code.values)
            return context.get_dummy_value()

        return types.void(arguments), generate

    return function


def replace(function: Callable[..., None], write: Callable[..., None]) -> None:
    """Let compiled code that calls a plain function run what ``write`` writes in its place."""
    code = native(write)

    @overload(function)
    def _(*arguments):  # type: ignore[no-untyped-def]
        return lambda *arguments: code(arguments)
