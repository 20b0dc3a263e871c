"""The second set of a collection that changes its model, searched as the collection is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from kinspace.encoder import Encoder
from kinspace.errors import NotFound
from kinspace.store.database import Database
from kinspace.store.lock import MIGRATION, WriterLock
from kinspace.store.migration import other_set
from kinspace.store.opened import Opened
from kinspace.store.vector_rows import VectorRows, VectorSet
from kinspace.store.view import View


class Beside(Opened):
    """The same records by the other model, for comparing the two; nothing can be written.

    Records that the other model has not encoded yet are found by words only.
    """

    @classmethod
    def of(cls, path: Path, encoder: Encoder[Any] | None = None) -> Self:
        """Open it.

        Raises
        ------
        NotFound
            If the collection holds vectors of one model only.
        """
        database = Database(path)
        try:
            which = other_set(database)
            if which is None:
                raise NotFound(
                    f"{path} holds vectors of one model only.",
                    f"Make those of another: kinspace migrate {path} --model NAME",
                )
            opened = cls(path, database, WriterLock(path, 0.0, MIGRATION), encoder, which)
            opened._view.open()
        except BaseException:
            database.close()
            raise
        return opened

    def _look_at(self, which: VectorSet) -> None:
        super()._look_at(which)
        rows = VectorRows(self._database, which)
        self._view = View(self.path, rows, self._lock, is_beside=True)

    def _follow(self) -> None:
        """It shows one set, whatever becomes of the collection."""
