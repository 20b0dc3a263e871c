"""Vectors in a byte for every few numbers, or for each: brought back, and scored as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled


def brought_back(codes: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The numbers that bytes stand for.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n, bytes)
    values : ndarray of float32, shape (bytes, 256, numbers)
        What each byte stands for, at each place.

    Returns
    -------
    ndarray of float32, shape (n, bytes · numbers)
    """
    out = np.empty((len(codes), values.shape[0] * values.shape[2]), np.float32)
    compiled(_bring_back)(codes, values, out)
    return out


def sums(
    codes: NDArray[np.uint8], tables: NDArray[np.float32], squares: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Dot products of a query with codes, and the squared lengths of what the codes stand for.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n, bytes)
    tables : ndarray of float32, shape (bytes, 256)
        What each byte adds to the dot product, at each place.
    squares : ndarray of float32, shape (bytes, 256)
        What it adds to the squared length.

    Returns
    -------
    dots, lengths : ndarray of float32, shape (n,)
    """
    dots, lengths = np.empty(len(codes), np.float32), np.empty(len(codes), np.float32)
    compiled(_sum)(codes, tables, squares, dots, lengths)
    return dots, lengths


def affine_sums(
    codes: NDArray[np.int8],
    query: NDArray[np.float32],
    steps: NDArray[np.float32],
    middles: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The same for vectors ``middles + steps · codes``, a byte a number.

    Parameters
    ----------
    codes : ndarray of int8, shape (n, dim)
    query, steps, middles : ndarray of float32, shape (dim,)

    Returns
    -------
    dots, lengths : ndarray of float32, shape (n,)
    """
    dots, lengths = np.empty(len(codes), np.float32), np.empty(len(codes), np.float32)
    compiled(_affine_sum)(codes, query * steps, steps, middles, dots, lengths)
    dots += np.float32(query @ middles)
    return dots, lengths


def widened(codes: NDArray[np.float16]) -> NDArray[np.float32]:
    """Finite float16 as float32, some times faster than numpy does it.

    The bits of the exponent and of the fraction are the same ones, 13 places further up, and the
    exponent counts from 127 instead of 15: that is a factor, by which tiny ones come right too.
    """
    out = np.empty(codes.shape, np.float32)
    flat = out.reshape(-1)
    compiled(_move_bits)(
        np.ascontiguousarray(codes).reshape(-1).view(np.uint16), flat.view(np.uint32)
    )
    flat *= np.float32(2.0**112)
    return out


def _move_bits(codes: Any, out: Any) -> None:
    for place in range(len(codes)):
        code = np.uint32(codes[place])
        out[place] = ((code & np.uint32(0x8000)) << np.uint32(16)) | (
            (code & np.uint32(0x7FFF)) << np.uint32(13)
        )


def _bring_back(codes: Any, values: Any, out: Any) -> None:
    numbers = values.shape[2]
    for row in range(codes.shape[0]):
        for place in range(codes.shape[1]):
            code = codes[row, place]
            for number in range(numbers):
                out[row, place * numbers + number] = values[place, code, number]


def _sum(codes: Any, tables: Any, squares: Any, dots: Any, lengths: Any) -> None:
    for row in range(codes.shape[0]):
        dot = np.float32(0)
        length = np.float32(0)
        for place in range(codes.shape[1]):
            code = codes[row, place]
            dot += tables[place, code]
            length += squares[place, code]
        dots[row] = dot
        lengths[row] = length


def _affine_sum(
    codes: Any, weights: Any, steps: Any, middles: Any, dots: Any, lengths: Any
) -> None:
    for row in range(codes.shape[0]):
        dot = np.float32(0)
        length = np.float32(0)
        for place in range(codes.shape[1]):
            code = np.float32(codes[row, place])
            number = middles[place] + steps[place] * code
            dot += weights[place] * code
            length += number * number
        dots[row] = dot
        lengths[row] = length
