"""The neighbour index of a collection: made when exact search would be slow."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.ivf import METRICS, Ivf
from kinspace.metric import Metric
from kinspace.space import Space
from kinspace.store.database import Database
from kinspace.store.derived import Damaged, Manifest
from kinspace.store.parts import Part
from kinspace.store.vectors import VectorTable

SMALLEST: Final = 20_000
"""Vectors from which on the index pays; exact search over fewer takes a few milliseconds."""
GROWTH: Final = 0.3
"""Share of new vectors at which the index is made anew; until then they are searched exactly."""


class NeighbourIndex(Part):
    """Inverted lists over the first rows of the vector table.

    Rows that came later are left to exact search, until there are so many that the index is
    made anew. Its ids are positions in the table.
    """

    name = "neighbours"

    def __init__(self, root: Path, table: VectorTable) -> None:
        super().__init__(root, table.identity)
        self.table = table
        self.index: Ivf | None = None
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

    def is_due(self) -> bool:
        """Whether the index should be made, or made anew."""
        count = len(self.table.seqs)
        if count < SMALLEST or self.space.metric not in METRICS:
            return False
        return count - self.covered > GROWTH * self.covered

    @property
    def _metric(self) -> Metric:
        # The table's rows have length 1 for cosine, so nothing is left to normalise.
        return "dot" if self.space.metric == "cosine" else self.space.metric

    def _create(self) -> None:
        self.index = None

    def _append(self, database: Database) -> None:
        rows = self.table.rows
        index = Ivf(self.space.dim, self._metric)
        index.add(rows)
        path = self.root / f"{self.name}-{self.generation}.faiss"
        index.save(path)
        self.manifest.note(self.root, path.name)
        self.manifest.last_seq = self.table.manifest.last_seq
        signature = _signature(self.table, len(rows))
        self.manifest.values |= {"covered": len(rows), "table": signature}
        self._known = (None, None, 0)

    def _check_state(self, manifest: Manifest, database: Database) -> None:
        """Whose table it is for is asked by :attr:`covered`."""

    def _open(self) -> None:
        self.index = None  # read when it is first asked: FAISS takes a moment to import

    def _forget(self) -> None:
        self.index = None

    def search(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> NDArray[np.int64]:
        """Positions in the table of about the ``k`` nearest among the rows that are covered.

        Raises
        ------
        Damaged
            If the file cannot be read.
        """
        if self.index is None:
            path = self.root / f"{self.name}-{self.generation}.faiss"
            try:
                self.index = Ivf.load(path, self._metric)
            except Exception as error:
                raise Damaged(f"{path.name} cannot be read ({error})") from error
        ids: NDArray[Any] = self.index.search(query, k, allowed=allowed).ids[0]
        return ids[ids >= 0]


def _signature(table: VectorTable, count: int) -> int:
    """Which rows the first ``count`` of a table are; -1 if it has fewer."""
    return zlib.crc32(table.seqs[:count].tobytes()) if count <= len(table.seqs) else -1
