"""What all code for the processor's tiles (AMX) shares: how they are set up, filled and multiplied.

A tile holds 16 rows of 64 bytes. What the tiles hold is state of the processor, so functions that
work on the same tiles must stay next to each other in one compiled function.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from kinspace.engines.vector_code import BYTE, LONG, Code, Value, long

TILE = 16
POINTER, NOTHING = BYTE.as_pointer(), ir.VoidType()


def _tile(n: int) -> Value:
    return ir.Constant(BYTE, n)


def load(c: Code, tile: int, place: Value, stride: Value) -> None:
    """Fill a tile with rows that lie ``stride`` bytes apart."""
    where = c.b.bitcast(place, POINTER)
    c.ask("llvm.x86.tileloadd64", [BYTE, POINTER, LONG], NOTHING, _tile(tile), where, stride)


def store(c: Code, tile: int, place: Value, stride: Value) -> None:
    """Write the rows of a tile ``stride`` bytes apart."""
    where = c.b.bitcast(place, POINTER)
    c.ask("llvm.x86.tilestored64", [BYTE, POINTER, LONG], NOTHING, _tile(tile), where, stride)


def clear(c: Code, tile: int) -> None:
    """Fill a tile with zeros."""
    c.ask("llvm.x86.tilezero", [BYTE], NOTHING, _tile(tile))


def multiply(c: Code, how: str, onto: int, left: int, right: int) -> None:
    """Add products of two tiles to a third: ``dpbf16ps`` of bfloat16, ``dpbusd`` of bytes."""
    tiles = [_tile(n) for n in (onto, left, right)]
    c.ask(f"llvm.x86.t{how}", [BYTE] * 3, NOTHING, *tiles)


def row_bytes(c: Code, table: Value, each: int) -> Value:
    """From one row of a table to the next."""
    return c.b.mul(c.width(table), long(each))


def configure(c: Code, tiles: Value) -> None:
    """Make all eight tiles 16 rows of 64 bytes; how they were is kept in the first row."""
    b = c.b
    before, now = c.row(tiles, long(0)), c.row(tiles, long(1))
    c.ask("llvm.x86.sttilecfg", [POINTER], NOTHING, before)
    rows = {0: 1}  # the only palette there is
    rows |= {16 + 2 * n: 64 for n in range(8)}  # bytes of a row
    rows |= {48 + n: TILE for n in range(8)}  # rows
    for place in range(64):
        b.store(_tile(rows.get(place, 0)), b.gep(now, [long(place)]))
    c.ask("llvm.x86.ldtilecfg", [POINTER], NOTHING, now)


def restore(c: Code, tiles: Value) -> None:
    """Set the tiles up as :func:`configure` found them."""
    c.ask("llvm.x86.ldtilecfg", [POINTER], NOTHING, c.row(tiles, long(0)))


def transposed(c: Code, rows: list[Any]) -> list[Any]:
    """Columns of 16 vectors of 16 numbers of 32 bits."""
    rows = list(rows)
    for step in (8, 4, 2, 1):
        low = [TILE + k - step if k & step else k for k in range(TILE)]
        high = [TILE + k if k & step else k + step for k in range(TILE)]
        for i in (n for n in range(TILE) if not n & step):
            a, d = rows[i], rows[i | step]
            rows[i], rows[i | step] = c.pick(a, d, low), c.pick(a, d, high)
    return rows
