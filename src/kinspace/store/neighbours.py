"""The neighbour index of a collection: made when exact search would be slow."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import KinspaceError
from kinspace.index.files import kind_of
from kinspace.index.tuning.families import EXACT, FAMILIES
from kinspace.index.vector_index import VectorIndex
from kinspace.space import Space
from kinspace.store.database import Database
from kinspace.store.derived import Damaged, Manifest
from kinspace.store.packing import Rows
from kinspace.store.parts import Part
from kinspace.store.promise import Kept, held_to, measured, promised, trial
from kinspace.store.vector_rows import beside
from kinspace.store.vectors import VectorTable

SMALLEST: Final = {"dense": 20_000, "sparse": 5_000, "multi": 2_000}
"""Records from which on the index pays; exact search over fewer takes a few milliseconds."""
GROWTH: Final = 0.1
"""Share of new vectors at which the index takes them in; until then they are searched exactly."""
OUTGROWN: Final = 2.0
"""The index is made anew when there are so many times the vectors that it was learned from."""

_FAMILIES: Final = {form: (*FAMILIES[form], EXACT[form]) for form in SMALLEST}
_KINDS: Final = {one.name: one for some in _FAMILIES.values() for one in some}

log = logging.getLogger("kinspace")


class NeighbourIndex(Part):
    """An index over the first rows of the vector table, which finds what the collection promises.

    Which one it is, and with which options, is found out on the vectors themselves
    (:mod:`kinspace.store.promise`). Rows that came later are left to exact search, until there are
    so many that the index takes them in. Its ids are positions in the table, in which the vectors
    stay.
    """

    name = "neighbours"

    def __init__(self, root: Path, table: VectorTable) -> None:
        super().__init__(root, table.identity)
        self.name = beside("neighbours", table.source.which.number)
        self.table = table
        self.index: VectorIndex | None = None
        self._known: tuple[Any, Any, int] = (None, None, 0)
        self._base: VectorIndex | None = None
        self._recent: list[Any] = []

    @property
    def space(self) -> Space:
        """The space of the vectors."""
        return self.table.space

    @property
    def recall(self) -> float:
        """The share of the nearest that the collection promises to find."""
        return promised(self.table.source.database)

    @property
    def covered(self) -> int:
        """How many rows of the table the index covers: none of a table that is not its own."""
        if self._known[0] is not self.table.seqs or self._known[1] is not self.manifest:
            covered = int(self.manifest.values.get("covered", 0))
            mine = self.manifest.values.get("table") == _signature(self.table, covered)
            self._known = (self.table.seqs, self.manifest, covered if mine else 0)
        return self._known[2]

    def is_needed(self) -> bool:
        """Whether there are so many vectors that comparing all would be slow."""
        form = self.space.form
        is_possible = form in FAMILIES and self.space.metric in FAMILIES[form][0].metrics
        may_miss = self.recall < 1 or form == "sparse"  # whose index misses nothing
        return is_possible and may_miss and len(self.table.seqs) >= SMALLEST[form]

    def is_due(self) -> bool:
        """Whether the index should be made, take in new vectors, or be set to another recall."""
        return self.is_needed() and (
            not self.covered
            or len(self.table.seqs) - self.covered > GROWTH * self.covered
            or self.manifest.values.get("recall") != self.recall
        )

    def description(self) -> str:
        """How vectors are searched, in words."""
        if not self.covered:
            return "exact"
        kind = self.manifest.values["kind"]
        return "exact" if kind == "Exact" else f"{kind} over {self.covered:,}"

    def kept(self) -> list[Kept]:
        """What the index was measured to find when it was made, for each number of neighbours."""
        return [Kept(**one) for one in self.manifest.values.get("kept", ()) if self.covered]

    def measured(self, recent: list[Any]) -> list[Kept]:
        """What it finds now, by its vectors and by recent queries; nothing where it is not used."""
        try:
            index = (self.index or self._read()) if self.covered else None
        except Damaged:
            index = None
        if index is None:
            return []
        rows = self.table.rows[: self.covered]
        return measured(index, trial(rows, self.table.metric, recent), self.recall)

    # -- making --------------------------------------------------------------------------------

    def prepare(self, database: Database) -> None:
        """Write a new index: the one there is with the new rows in it, where that will do."""
        values = self.manifest.values
        grown = len(self.table.seqs) > OUTGROWN * values.get("learned", 0)
        self._base = self._read() if self.covered and not grown else None
        learned = values.get("learned", 0) if self._base is not None else len(self.table.seqs)
        super().prepare(database)
        self.manifest.values["learned"] = learned
        self._base = None

    def asked(self, queries: list[Any]) -> None:
        """Queries that were asked lately, by which the next index is measured."""
        self._recent = queries

    def _create(self) -> None:
        self.index = None

    def _append(self, database: Database) -> None:
        rows = self.table.rows
        index, kept = held_to(self.recall, rows, self.table.metric, self._base, self._recent)
        for one in kept:
            if one.is_broken:
                log.warning("%s: %s", self.root.parent, one)
        path = self._file()
        index.save(path, vectors=False)
        self.manifest.note(self.root, path.name)
        self.manifest.last_seq = self.table.manifest.last_seq
        self.manifest.values |= {
            "covered": len(rows),
            "table": _signature(self.table, len(rows)),
            "kind": type(index).__name__,
            "recall": self.recall,
            "kept": [one.to_dict() for one in kept],
        }
        self._known = (None, None, 0)

    def _file(self) -> Path:
        return self.root / f"{self.name}-{self.generation}.index"

    # -- searching -----------------------------------------------------------------------------

    def _check_state(self, manifest: Manifest, database: Database) -> None:
        """Whose table it is for is asked by :attr:`covered`."""
        if "kept" not in manifest.values:
            raise Damaged(f"{self.name} is of an earlier version")

    def _open(self) -> None:
        self.index = None  # read when it is first asked: its checksums take a moment

    def _forget(self) -> None:
        self.index = None

    def _read(self) -> VectorIndex:
        path = self._file()
        try:
            family = _KINDS.get(kind_of(path))
            if family is None:
                raise Damaged(f"{path.name} is of a later version")
            index: VectorIndex = family.kind().load(path, self.table.rows)
            self.table.let_go()
        except KinspaceError as error:
            raise Damaged(f"{path.name} cannot be read ({error})") from error
        return index

    def search(
        self, query: Rows, k: int, usable: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Positions of the ``k`` nearest among the rows that are covered, and their scores.

        Parameters
        ----------
        query : a single vector, in the form of the space
        k : int
        usable : ndarray of bool, shape (rows of the table,), optional
            Which may be found.

        Raises
        ------
        Damaged
            If the file cannot be read.
        """
        if self.index is None:
            self.index = self._read()
        mask = None if usable is None else usable[: self.covered]
        found = self.index.search(query, min(k, self.covered), allowed=mask)
        there = found.ids[0] >= 0
        return found.ids[0][there], found.scores[0][there]


def _signature(table: VectorTable, count: int) -> int:
    """Which rows the first ``count`` of a table are; -1 if it has fewer."""
    return zlib.crc32(table.seqs[:count].tobytes()) if count <= len(table.seqs) else -1
