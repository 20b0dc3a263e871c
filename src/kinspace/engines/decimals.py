"""Rows of decimal numbers: from text to float32 and back, exactly.

A line is a name, then ``dim`` numbers, with blanks between them. Names may hold blanks
themselves (GloVe's largest table has such), so that lines are taken apart from their ends.

Reading: a number of at most 2**53 as an integer and a power of ten of at most 22 are both exact
as float64, so that one multiplication or division rounds as the C library does (Clinger 1990,
"How to read floating point numbers accurately"). Anything else (NaN, long numbers, what is no
number) is odd: its place is written down, and it is left to the caller.

Writing: the fewest of 7 to 9 digits (less the zeros at their end) that read back as the same
float32; nine always do.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled

POWERS: Final = 10.0 ** np.arange(23)
"""Powers of ten that float64 holds exactly."""

LONGEST: Final = 16
"""The most bytes that a number is written in: -1.23456789e-38 and the blank before it."""

_SMALL = 1 << 15
"""Bytes for which compiling would take longer than the plain functions do."""
_LARGEST: Final = 1 << 53
_BLANK, _TAB, _NEWLINE, _RETURN = 32, 9, 10, 13
_PLUS, _MINUS, _POINT, _ZERO, _E = 43, 45, 46, 48, 69
_TOO_FEW = -1


def _blank(byte: int) -> bool:
    return byte in (_BLANK, _TAB)


def _numbers_start(data: NDArray[np.uint8], start: int, stop: int, dim: int) -> int:
    """Where the last ``dim`` numbers of a line begin; -1 if no name stands before them."""
    at = stop
    for _ in range(dim):
        while at > start and _blank(data[at - 1]):
            at -= 1
        if at == start:
            return _TOO_FEW
        while at > start and not _blank(data[at - 1]):
            at -= 1
    if at == start:
        return _TOO_FEW
    return at


def _number(
    data: NDArray[np.uint8], at: int, stop: int, powers: NDArray[np.float64]
) -> tuple[float, int, bool]:
    """The number that starts here, where it ends, and whether all up to a blank was read."""
    negative = data[at] == _MINUS
    if negative or data[at] == _PLUS:
        at += 1
    whole, digits, power = 0, 0, 0
    seen_point = False
    while at < stop:
        digit = int(data[at]) - _ZERO
        if 0 <= digit <= 9:
            if whole > _LARGEST:
                return 0.0, at, False
            whole = 10 * whole + digit
            digits += 1
            power -= seen_point
        elif data[at] == _POINT and not seen_point:
            seen_point = True
        else:
            break
        at += 1
    if at < stop and digits and (data[at] | 32) == (_E | 32):
        at += 1
        down = at < stop and data[at] == _MINUS
        if at < stop and (down or data[at] == _PLUS):
            at += 1
        first, exponent = at, 0
        while at < stop and _ZERO <= data[at] <= _ZERO + 9 and exponent < 100:
            exponent = 10 * exponent + int(data[at]) - _ZERO
            at += 1
        if at == first:
            return 0.0, at, False
        power += -exponent if down else exponent
    ended = at == stop or _blank(data[at])
    if not ended or not digits or whole > _LARGEST or not -22 <= power <= 22:
        return 0.0, at, False
    value = whole / powers[-power] if power < 0 else whole * powers[power]
    return (-value if negative else value), at, True


def _read_rows(
    data: NDArray[np.uint8],
    begin: int,
    vectors: NDArray[np.float32],
    names: NDArray[np.int64],
    odd: NDArray[np.int64],
    powers: NDArray[np.float64],
) -> tuple[int, int, int, int]:
    """Take whole lines apart: see :func:`read_rows`."""
    dim = vectors.shape[1]
    at, row, odds = begin, 0, 0
    while at < len(data) and row < len(vectors) and odds + dim <= len(odd):
        stop = at
        while data[stop] != _NEWLINE:
            stop += 1
        following = stop + 1
        while stop > at and (_blank(data[stop - 1]) or data[stop - 1] == _RETURN):
            stop -= 1
        if stop == at:  # a blank line
            at = following
            continue
        first = _numbers_start(data, at, stop, dim)
        if first < 0:
            return row, at, odds, 1
        names[row, 0], names[row, 1] = at, first - 1
        begin = first
        for column in range(dim):
            while _blank(data[begin]):
                begin += 1
            value, end, read = _number(data, begin, stop, powers)
            vectors[row, column] = value
            if not read:
                while end < stop and not _blank(data[end]):
                    end += 1
                odd[odds, 0], odd[odds, 1] = row, column
                odd[odds, 2], odd[odds, 3] = begin, end
                odds += 1
            begin = end
        row += 1
        at = following
    return row, at, odds, 0


def read_rows(
    data: NDArray[np.uint8],
    begin: int,
    vectors: NDArray[np.float32],
    names: NDArray[np.int64],
    odd: NDArray[np.int64],
) -> tuple[int, int, int, bool]:
    r"""Read lines of a name and numbers, until lines, rows or places for odd numbers run out.

    Parameters
    ----------
    data : ndarray of uint8
        Whole lines: the last byte ends one.
    begin : int
        Where the first of them starts.
    vectors : ndarray of float32, shape (rows, dim)
        Filled.
    names : ndarray of int64, shape (rows, 2)
        Filled with where each name starts and ends.
    odd : ndarray of int64, shape (at least dim, 4)
        Filled with row, column, start and end of each number that has to be looked at.

    Returns
    -------
    rows : int
        How many were filled.
    at : int
        Where the line after them starts.
    odds : int
        How many numbers are odd; their vectors hold 0.
    short : bool
        Whether the line at ``at`` holds fewer than a name and ``dim`` numbers.

    Examples
    --------
    >>> data = np.frombuffer(b"cat 1 -0.5\n", np.uint8)
    >>> vectors, names = np.empty((1, 2), np.float32), np.empty((1, 2), np.int64)
    >>> read_rows(data, 0, vectors, names, np.empty((2, 4), np.int64))
    (1, 11, 0, False)
    >>> vectors, names
    (array([[ 1. , -0.5]], dtype=float32), array([[0, 3]]))
    """
    work: Any = _read_rows
    if len(data) > _SMALL:
        work = compiled(_read_rows, _blank, _numbers_start, _number, exact=True)
    rows, at, odds, short = work(data, begin, vectors, names, odd, POWERS)
    return rows, at, odds, bool(short)


def _digits(size: float, powers: NDArray[np.float64]) -> tuple[int, int, bool]:
    """The fewest digits of a positive float32, the power of ten that they count, and success."""
    top = int(np.floor(np.log10(size)))
    for digits in range(7, 10):
        power = top + 1 - digits
        if not -22 <= power <= 22:
            return 0, 0, False
        if power < 0:
            whole = int(np.rint(size * powers[-power]))
            back = whole / powers[-power]
        else:
            whole = int(np.rint(size / powers[power]))
            back = whole * powers[power]
        if np.float32(back) == np.float32(size):
            while whole % 10 == 0:
                whole //= 10
                power += 1
            return whole, power, True
    return 0, 0, False


def _put(out: NDArray[np.uint8], at: int, whole: int, power: int) -> int:
    """Write ``whole`` × 10**``power``; where it ends."""
    count, rest = 0, whole
    while rest:
        count += 1
        rest //= 10
    top = count + power - 1  # the power of ten of the first digit
    plain = -5 <= top < 9
    point = 1  # digits before the point
    if plain and top < 0:
        out[at], out[at + 1] = _ZERO, _POINT
        at += 2
        for _ in range(-top - 1):
            out[at] = _ZERO
            at += 1
        point = 0
    elif plain:
        point = top + 1
    length = max(count, point) if plain else count
    inside = 0 < point < length
    for place in range(length - 1, -1, -1):
        digit = 0
        if place < count:
            digit = whole % 10
            whole //= 10
        out[at + place + (1 if inside and place >= point else 0)] = _ZERO + digit
    if inside:
        out[at + point] = _POINT
        at += 1
    at += length
    if not plain:
        out[at], out[at + 1] = _E + 32, _MINUS if top < 0 else _PLUS
        top = abs(top)
        out[at + 2], out[at + 3] = _ZERO + top // 10, _ZERO + top % 10
        at += 4
    return at


def _write_rows(
    vectors: NDArray[np.float32],
    out: NDArray[np.uint8],
    ends: NDArray[np.int64],
    odd: NDArray[np.int64],
    powers: NDArray[np.float64],
) -> int:
    """Write rows of numbers: see :func:`write_rows`."""
    at, odds = 0, 0
    for row in range(len(vectors)):
        for column in range(vectors.shape[1]):
            value = float(vectors[row, column])
            out[at] = _BLANK
            at += 1
            if value < 0:
                out[at] = _MINUS
                at += 1
            if value == 0:
                out[at] = _ZERO
                at += 1
                continue
            whole, power, done = _digits(abs(value), powers)
            if not done:
                odd[odds, 0], odd[odds, 1], odd[odds, 2] = row, column, at
                odds += 1
                out[at : at + LONGEST - 2] = _BLANK
                at += LONGEST - 2
                continue
            at = _put(out, at, whole, power)
        ends[row] = at
    return odds


def write_rows(vectors: NDArray[np.float32]) -> list[bytes]:
    """Write each row as numbers with a blank before each; they read back as the same float32.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        Finite.

    Examples
    --------
    >>> write_rows(np.array([[0.1, -2], [1e-30, 16777216]], np.float32))
    [b' 0.1 -2', b' 1e-30 16777216']
    """
    out = np.empty(vectors.size * LONGEST + LONGEST, np.uint8)
    ends = np.empty(len(vectors), np.int64)
    odd = np.empty((vectors.size, 3), np.int64)
    work: Any = _write_rows
    if vectors.size > _SMALL >> 3:
        work = compiled(_write_rows, _digits, _put, exact=True)
    odds = work(vectors, out, ends, odd, POWERS)
    for row, column, place in odd[:odds].tolist():
        text = np.format_float_scientific(abs(vectors[row, column]), trim="-").encode()
        out[place : place + len(text)] = np.frombuffer(text, np.uint8)
    whole, starts = out.tobytes(), [0, *ends.tolist()]
    lines = [whole[a:b] for a, b in zip(starts, ends.tolist(), strict=False)]
    return [b" " + b" ".join(line.split()) for line in lines] if odds else lines
