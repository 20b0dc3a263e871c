"""Short codes at work: learned, written, and searched by one query at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.probing import code_rows, shift_rows
from kinspace.engines.processor import has_byte_tiles
from kinspace.engines.scanning import compiled_with, list_rows, room_for, scan_one, scan_room
from kinspace.engines.short_codes import (
    CENTROIDS,
    PART,
    announce,
    encode_short,
    make_tables,
    scan_short,
    search_short,
    sift_short,
)

_TRAINING: Final = 8192
_ITERATIONS: Final = 8


def learn_parts(rows: NDArray[np.float32], width: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Sixteen centroids for each four numbers of some rows, by k-means.

    Parameters
    ----------
    rows : array of float32, shape (n, dim)
    width : int
        The dimension, or a larger number that is a multiple of 64.
    seed : int

    Returns
    -------
    array of float32, shape (width / 4, 4, 16)
    """
    import faiss

    if len(rows) > _TRAINING:
        chosen = np.random.default_rng(seed).choice(len(rows), _TRAINING, replace=False)
        rows = rows[np.sort(chosen)]
    if len(rows) < CENTROIDS:
        rows = np.tile(rows, (CENTROIDS, 1))
    parts = -(-rows.shape[1] // PART)
    wide = np.zeros((len(rows), PART * parts), np.float32)
    wide[:, : rows.shape[1]] = rows
    quantizer = faiss.ProductQuantizer(PART * parts, parts, 4)
    quantizer.cp.niter = _ITERATIONS
    quantizer.cp.seed = seed + 1
    quantizer.cp.min_points_per_centroid = 1
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # so many small tasks, shared, wait for each other for seconds
    try:
        quantizer.train(wide)
    finally:
        faiss.omp_set_num_threads(threads)
    found = faiss.vector_to_array(quantizer.centroids).reshape(parts, CENTROIDS, PART)
    out = np.zeros((width // PART, PART, CENTROIDS), np.float32)
    out[:parts] = found.transpose(0, 2, 1)
    return out


def encode(
    rows: NDArray[np.float32], parts: NDArray[np.float32], width: int, threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Short codes of rows, shape (n, width / 8), and their stretches."""
    codes = np.zeros((len(rows), width // 8), np.uint8)
    stretches = np.empty(len(rows), np.float32)
    run = compiled(encode_short)

    def some(first: int, last: int) -> None:
        own = slice(first, last)
        run(rows[own], parts, codes[own], stretches[own])

    in_threads(some, np.linspace(0, len(rows), threads + 1).astype(int).tolist())
    return codes, stretches


@cache
def _compiled_search() -> Callable[..., None]:
    inner = (code_rows, shift_rows, make_tables, list_rows, scan_one, scan_short)
    if has_byte_tiles():
        from kinspace.engines import short_codes_code

        short_codes_code.teach()
        return compiled_with(search_short, *inner)
    return compiled_with(search_short, announce, sift_short, *inner)


class ShortSearch:
    """Searches for one query at a time, in arrays that are used again and again by a thread."""

    def __init__(self) -> None:
        self._rooms = threading.local()

    def __call__(
        self,
        coarse: tuple[Any, ...],
        cells: Any,
        query: NDArray[np.float32],
        parts: NDArray[np.float32],
        nprobe: int,
        rough: int,
        usable: NDArray[np.uint8],
        out: NDArray[np.int64],
    ) -> None:
        """Find the candidates of one query.

        Parameters
        ----------
        coarse : tuple of arrays
            The centroids as a table.
        cells : Cells
            Whose rows are searched.
        query : array of float32, shape (1, dim)
        parts : array of float32
            Of :func:`learn_parts`.
        nprobe : int
            How many cells are looked at.
        rough : int
            How many rows go on by their short codes.
        usable : array of uint8
        out : array of int64, shape (1, keep)
            Written to: rows, -1 where there are fewer.
        """
        shape = (nprobe, rough, len(cells.spans), len(parts), coarse[0].shape[1])
        if getattr(self._rooms, "shape", None) != shape:
            self._rooms.shape, self._rooms.room = shape, _room(*shape)
        _compiled_search()(
            coarse, (cells.codes, cells.scales, cells.biases), cells.short.blocks,
            cells.stretches, cells.spans, cells.row_of, parts, query, nprobe, rough, usable,
            *self._rooms.room, out,
        )  # fmt: skip


def _room(nprobe: int, rough: int, cells: int, parts: int, width: int) -> tuple[Any, ...]:
    """What :func:`~kinspace.engines.short_codes.search_short` works in."""
    asked = (
        np.zeros((1, width), np.int8),  # the query's code
        np.empty(1, np.float32),  # its factor
        np.empty(1, np.float32),  # its shift
        np.empty((parts, CENTROIDS), np.float32),
        np.empty((parts // 4, 2, 4, CENTROIDS), np.uint8),  # what codes add to its scores
        np.empty(2, np.float32),
    )
    spans = (
        np.empty((nprobe, 2), np.int64), np.zeros(nprobe, np.float32), np.array([[0, cells]])
    )  # fmt: skip
    return asked, scan_room(1, nprobe), scan_room(1, rough), spans, room_for(width)
