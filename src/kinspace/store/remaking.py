"""Derived parts made anew beside those that are searched, while searches and writes go on.

What is made has other names and a connection to the records of its own, and counts for nobody
until it is published, which takes a moment. Killed before that, it is as if it had never been.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import Any

from kinspace.store.database import Database
from kinspace.store.derived import Damaged
from kinspace.store.keywords import KeywordIndex
from kinspace.store.parts import Part
from kinspace.store.vector_rows import VectorRows
from kinspace.store.vector_search import VectorSearch
from kinspace.store.view import View


class Remaking:
    """Makes the parts of one view anew, for the process that holds the lock.

    Parameters
    ----------
    view : View
    guard : context manager
        Held whenever the view is used, never while something is made.
    """

    def __init__(self, view: View, guard: AbstractContextManager[Any]) -> None:
        self.view = view
        self.guard = guard

    def neighbours(self) -> None:
        """Bring the neighbour index up to the vector table, where it is due."""
        with self.guard:
            if not self.view.neighbours.is_needed():
                self.view.neighbours.discard()
            if not self.view.neighbours.is_due():
                return
        with self._beside() as (database, meaning):
            meaning.table.load(database)
            fresh = meaning.neighbours
            with suppress(Damaged):
                fresh.load(database)
            if fresh.is_due():
                self._prepare([fresh], database)
                self._publish([(fresh, self.view.neighbours)])

    def everything(self) -> int:
        """All parts, without what was deleted; returns the last burial that they know."""
        with self.guard, self.view.space_needed():
            self.view.root.mkdir(exist_ok=True)
            _, buried = self.view.database.ever()
        with self._beside() as (database, meaning):
            words = KeywordIndex(self.view.root)
            self._prepare([meaning.table, words], database)
            pairs: list[tuple[Part, Part]] = [
                (meaning.table, self.view.vectors), (words, self.view.keywords)
            ]  # fmt: skip
            if meaning.neighbours.is_needed():
                self._prepare([meaning.neighbours], database)
                pairs.append((meaning.neighbours, self.view.neighbours))
            self._publish(pairs)
        with self.guard:
            if not self.view.neighbours.is_needed():
                self.view.neighbours.discard()
            if self.view.is_behind():
                self.view.flush(neighbours=False)
        return buried

    @contextmanager
    def _beside(self) -> Iterator[tuple[Database, VectorSearch]]:
        """Another connection to the records, and parts that nobody else sees."""
        with self.guard:
            which, folder = self.view.rows.which, self.view.root.parent
            database = Database(folder, read_only=True)
            meaning = VectorSearch(VectorRows(database, which), self.view.root)
            meaning.neighbours.asked(list(self.view.meaning.recent))
        with closing(database):
            try:
                yield database, meaning
            except BaseException:
                with self.guard:
                    for part in self.view.parts:
                        if part.generation:
                            part.tidy()  # what was made so far
                raise
            finally:
                meaning.neighbours.close()
                meaning.table.close()

    def _prepare(self, parts: list[Part], database: Database) -> None:
        with self.view.space_needed(beside=True):
            for part in parts:
                part.prepare(database)

    def _publish(self, pairs: list[tuple[Part, Part]]) -> None:
        """Let new parts be those that are searched, here and in every other process."""
        with self.guard, self.view.space_needed():
            for fresh, live in pairs:
                fresh.publish()
                fresh.close()
                live.load(self.view.database)
            self.view.refresh(force=True)
