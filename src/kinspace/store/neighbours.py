"""The neighbour index of a collection: made when exact search would be slow."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.ivf import METRICS, Ivf
from kinspace.index.product import Product
from kinspace.space import Space
from kinspace.store.database import Database
from kinspace.store.derived import Damaged, Manifest
from kinspace.store.parts import Part
from kinspace.store.vector_rows import beside
from kinspace.store.vectors import VectorTable

SMALLEST: Final = 20_000
"""Vectors from which on the index pays; exact search over fewer takes a few milliseconds."""
LARGEST_WHOLE: Final = 500_000
"""Vectors up to which all codes are looked at; beyond, only those of the nearest cells."""
GROWTH: Final = 0.3
"""Share of new vectors at which the index is made anew; until then they are searched exactly."""


class NeighbourIndex(Part):
    """Codes of the first rows of the vector table, to find candidates that are then scored exactly.

    Looking at all codes of a hundred thousand vectors takes half a millisecond and misses nothing;
    cells would have to be opened by the dozen, since static vectors of short texts hardly
    cluster (bench/LOG.md). Rows that came later are left to exact search, until there are so
    many that the index is made anew. Its ids are positions in the table.
    """

    name = "neighbours"

    def __init__(self, root: Path, table: VectorTable) -> None:
        super().__init__(root, table.identity)
        self.name = beside("neighbours", table.source.which.number)
        self.table = table
        self.index: Ivf | Product | None = None
        self._known: tuple[Any, Any, int] = (None, None, 0)

    @property
    def space(self) -> Space:
        """The space of the vectors."""
        return self.table.space

    @property
    def covered(self) -> int:
        """How many rows of the table the index covers: none of a table that is not its own."""
        if self._known[0] is not self.table.seqs or self._known[1] is not self.manifest:
            covered = int(self.manifest.values.get("covered", 0))
            mine = self.manifest.values.get("table") == _signature(self.table, covered)
            self._known = (self.table.seqs, self.manifest, covered if mine else 0)
        return self._known[2]

    def is_needed(self) -> bool:
        """Whether there are so many vectors that exact search would be slow."""
        is_possible = self.space.form == "dense" and self.space.metric in METRICS
        return is_possible and len(self.table.seqs) >= SMALLEST

    def is_due(self) -> bool:
        """Whether the index should be made, or made anew."""
        return self.is_needed() and len(self.table.seqs) - self.covered > GROWTH * self.covered

    def description(self) -> str:
        """How vectors are searched, in words."""
        if not self.covered:
            return "exact"
        product = self.manifest.values.get("kind") == "product"
        return f"{'codes of' if product else 'cells over'} {self.covered:,}, then exact"

    def _create(self) -> None:
        self.index = None

    def _append(self, database: Database) -> None:
        rows = self.table.rows
        whole = len(rows) <= LARGEST_WHOLE and self.space.dim % 2 == 0
        index: Product | Ivf = (
            Product(self.space.dim, self.table.metric, copy=False)
            if whole
            else Ivf(self.space.dim, self.table.metric)
        )
        index.add(rows)
        path = self.root / f"{self.name}-{self.generation}.faiss"
        index.save(path)
        self.manifest.note(self.root, path.name)
        self.manifest.last_seq = self.table.manifest.last_seq
        signature = _signature(self.table, len(rows))
        kind = "product" if whole else "ivf"
        self.manifest.values |= {"covered": len(rows), "table": signature, "kind": kind}
        self._known = (None, None, 0)

    def _check_state(self, manifest: Manifest, database: Database) -> None:
        """Whose table it is for is asked by :attr:`covered`."""

    def _open(self) -> None:
        self.index = None  # read when it is first asked: FAISS takes a moment to import

    def _forget(self) -> None:
        self.index = None

    def candidates(self, query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Positions in the table of about the ``k`` nearest among the rows that are covered.

        Raises
        ------
        Damaged
            If the file cannot be read.
        """
        if self.index is None:
            path = self.root / f"{self.name}-{self.generation}.faiss"
            try:
                if self.manifest.values.get("kind") == "product":
                    self.index = Product.load(path, self.table.rows, self.table.metric)
                else:
                    self.index = Ivf.load(path, self.table.metric)
            except Exception as error:
                raise Damaged(f"{path.name} cannot be read ({error})") from error
        if isinstance(self.index, Product):
            ids: NDArray[Any] = self.index.candidates(query, k)[0]
        else:
            ids = self.index.search(query, k).ids[0]
        return ids[ids >= 0]


def _signature(table: VectorTable, count: int) -> int:
    """Which rows the first ``count`` of a table are; -1 if it has fewer."""
    return zlib.crc32(table.seqs[:count].tobytes()) if count <= len(table.seqs) else -1
