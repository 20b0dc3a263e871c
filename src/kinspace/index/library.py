"""What all indexes made by FAISS share: its threads, filters, training samples and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.metric import Metric


@contextmanager
def threads_for(rows: NDArray[Any], threads: int | None = None) -> Iterator[None]:
    """Run FAISS on so many threads; by default all for many rows, and one for a single row.

    To share one query among threads costs more than it gives. FAISS counts threads for each thread
    of Python by itself, so searches that run side by side do not change each other's.
    """
    import faiss

    before = faiss.omp_get_max_threads()
    wanted = 1 if len(rows) == 1 else threads or before
    if wanted == before:
        yield
        return
    faiss.omp_set_num_threads(wanted)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def metric_kind(metric: Metric) -> int:
    """FAISS's number of a metric; rows compared by cosine have length 1 already."""
    import faiss

    return int(faiss.METRIC_L2 if metric == "euclidean" else faiss.METRIC_INNER_PRODUCT)


def selector(usable: NDArray[np.bool_]) -> Any:
    """What tells FAISS which rows a search may find, by a bit for each."""
    import faiss

    return faiss.IDSelectorBitmap(np.packbits(usable, bitorder="little"))


def sample(rows: NDArray[Any], count: int, seed: int) -> NDArray[np.float32]:
    """Some of the rows, drawn at random, in their order, float32; all where there are no more."""
    if len(rows) <= count:
        return np.asarray(rows, np.float32)
    drawn = np.random.default_rng(seed).choice(len(rows), count, replace=False)
    return np.asarray(rows[np.sort(drawn)], np.float32)


def packed(index: Any) -> NDArray[np.uint8]:
    """A FAISS index in bytes, for a file under our checksums."""
    import faiss

    made: NDArray[np.uint8] = faiss.serialize_index(index)
    return made


def unpacked(array: NDArray[np.uint8], kind: str) -> Any:
    """The FAISS index that was packed, whose class is, or is made from, ``kind``.

    FAISS trusts what it reads: give it only bytes whose checksum was compared.

    Raises
    ------
    ValueError
        If it is something else.
    """
    import faiss

    try:
        read = faiss.deserialize_index(np.ascontiguousarray(array))
    except RuntimeError as error:
        raise ValueError(f"FAISS cannot read its part: {error}") from error
    if not isinstance(read, getattr(faiss, kind)):
        raise ValueError(f"it holds a {type(read).__name__} of FAISS, not {kind}")
    return read


def leave_cells(index: Any, rows: Any) -> None:
    """Take the rows of a selector out of an ``IndexIVF``.

    Codes that are compared in registers lie in blocks of 32. FAISS leaves what was removed behind
    the last one there and adds new codes to it bit by bit (seen in 1.15), so it is wiped out here.
    """
    import faiss

    index.remove_ids(rows)
    lists = faiss.downcast_InvertedLists(index.invlists)
    if not isinstance(lists, faiss.BlockInvertedLists):
        return
    together, size = lists.n_per_block, lists.block_size
    kept = np.zeros((together, size), np.uint8)  # the bits of the first 0, 1, 2 … codes
    ones = np.full(lists.packer.code_size, 255, np.uint8)
    for place in range(together - 1):
        kept[place + 1] = kept[place]
        lists.packer.pack_1(ones, place, kept[place + 1 : place + 2])
    for cell in range(index.nlist):
        blocks, filled = divmod(lists.list_size(cell), together)
        if filled:
            codes = faiss.rev_swig_ptr(lists.get_codes(cell), (blocks + 1) * size)
            codes[blocks * size :] &= kept[filled]
