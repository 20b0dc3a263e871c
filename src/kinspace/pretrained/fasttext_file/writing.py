"""Write ``.bin`` and ``.ftz`` files that Facebook's fastText and gensim read."""

from __future__ import annotations

import os
import struct
from dataclasses import astuple
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.product import ProductTable
from kinspace.durable import sync_folder
from kinspace.errors import PathNotFound
from kinspace.pretrained.fasttext_file.content import (
    KINDS,
    LOSSES,
    MAGIC,
    VERSION,
    Content,
)

_PART = 1 << 16
"""Rows that are written at a time."""


def write(path: str | Path, content: Content, *, rows: NDArray[np.int32] | None = None) -> None:
    """Write a model file; it is the old or the new one, whenever the machine stops.

    Parameters
    ----------
    path : str or Path
    content : Content
    rows : ndarray of int32, optional
        The file's input table is ``content.inputs[rows]``: where many rows are the same.

    Raises
    ------
    PathNotFound
        If the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise PathNotFound(f"There is no folder {path.parent}.", "Make it first.")
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        _head(file, content)
        for table, chosen in ((content.inputs, rows), (content.outputs, None)):
            file.write(struct.pack("<?", isinstance(table, ProductTable)))
            if isinstance(table, ProductTable):
                _quantised(file, table)
                continue
            places = np.arange(len(table)) if chosen is None else chosen.astype(np.int64)
            file.write(struct.pack("<qq", len(places), table.shape[1]))
            for start in range(0, len(places), _PART):
                part = table[places[start : start + _PART]]
                np.ascontiguousarray(part, "<f4").tofile(file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def _head(file: BinaryIO, content: Content) -> None:
    numbers = {name: i + 1 for names in (LOSSES, KINDS) for i, name in enumerate(names)}
    values = [numbers.get(value, value) for value in astuple(content.options)]
    file.write(struct.pack("<ii12id", MAGIC, VERSION, *values))
    names = [*content.words, *content.labels]
    counts = [*content.counts.tolist(), *content.label_counts.tolist()]
    kept = -1 if content.kept is None else len(content.kept)
    sizes = (len(names), len(content.words), len(content.labels), content.tokens, kept)
    file.write(struct.pack("<iiiqq", *sizes))
    for i, (name, count) in enumerate(zip(names, counts, strict=True)):
        kind = int(i >= len(content.words))
        file.write(name.encode("utf-8", "surrogatepass") + b"\0" + struct.pack("<qb", count, kind))
    if content.kept is not None:
        np.ascontiguousarray(content.kept, "<i4").tofile(file)


def _quantised(file: BinaryIO, table: ProductTable) -> None:
    has_norms = table.norm_codes is not None
    sizes = (len(table), table.dim, table.codes.size)
    file.write(struct.pack("<?qqi", has_norms, *sizes))
    np.ascontiguousarray(table.codes).tofile(file)
    _centroids(file, table.dim, table.width, table.centroids)
    if table.norm_codes is not None and table.norms is not None:
        table.norm_codes.tofile(file)
        _centroids(file, 1, 1, table.norms)


def _centroids(file: BinaryIO, dim: int, width: int, values: NDArray[np.float32]) -> None:
    last = dim % width or width
    file.write(struct.pack("<4i", dim, -(-dim // width), width, last))
    np.ascontiguousarray(values, "<f4").tofile(file)
