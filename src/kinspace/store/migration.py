"""From one model to another: the vectors of the new one are made beside those of the old.

A second table is filled while the collection is read and written as before. The vector of a
record belongs to its row number, which never gets another content, so a killed run goes on where
its last batch ended, and what is written meanwhile is simply what is still lacking. Changing over
is one transaction that says which table counts; the other stays, to go back to.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidInput, InvalidParameter, NotFound, SpaceMismatch
from kinspace.space import Space
from kinspace.store.base import with_title
from kinspace.store.database import DERIVED, Database
from kinspace.store.lock import MIGRATION, WriterLock
from kinspace.store.packing import check_form
from kinspace.store.recipe import made_from, recipe_of
from kinspace.store.vector_rows import Lacking, VectorRows, VectorSet, active
from kinspace.store.view import View
from kinspace.store.writer import Writer, text_hash

BATCH: Final = 1024
"""Texts that are encoded and committed together: what a killed run loses."""


@dataclass(frozen=True, slots=True)
class Other:
    """The second set of vectors of a collection.

    Parameters
    ----------
    space : Space
    dtype : str
    is_new : bool
        Whether the collection is changing to it; otherwise it was changed from it.
    lacking : int
        Records that have no vector in it yet.
    """

    space: Space
    dtype: str
    is_new: bool
    lacking: int

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {**asdict(self), "space": self.space.to_dict()}


def other_set(database: Database) -> VectorSet | None:
    """The set beside the active one, if there is one."""
    values = database.meta("other")
    return None if values is None else VectorSet.read(database, values)


def other_of(database: Database) -> Other | None:
    """What there is of the set beside the active one."""
    which = other_set(database)
    if which is None:
        return None
    lacking = VectorRows(database, which).lacks()
    is_new = bool(database.meta("other")["is_new"])
    return Other(which.space, which.dtype, is_new, lacking)


@contextmanager
def migrating(
    path: Path,
    database: Database,
    guard: AbstractContextManager[Any],
    timeout: float,
    left: Encoder[Any] | None,
) -> Iterator[Migration]:
    """The right to change the second set, which one process has at a time.

    ``left`` is the model that was changed from here, which need not be loaded to go back.

    Raises
    ------
    StoreLocked
    """
    lock = WriterLock(path, timeout, MIGRATION)
    lock.acquire()
    try:
        which = other_set(database)
        is_mine = left is not None and which is not None and which.space.agrees(left.space)
        yield Migration(path, database, guard, lock, left if is_mine else None)
    finally:
        lock.release()


class Migration:
    """Fills, changes over to, and drops the second set.

    Parameters
    ----------
    path : Path
    database : Database
    guard : context manager
        Held whenever the database is used, never while texts are encoded.
    lock : WriterLock
        That of migrations, held.
    made : Encoder, optional
        The model of the second set, if it is at hand.
    """

    def __init__(
        self,
        path: Path,
        database: Database,
        guard: AbstractContextManager[Any],
        lock: WriterLock,
        made: Encoder[Any] | None = None,
    ) -> None:
        self.path = path
        self.database = database
        self.guard = guard
        self.lock = lock
        self.made = made

    # -- beginning -------------------------------------------------------------------------------

    def begin(
        self,
        given: Encoder[Any] | str | Path | None,
        dtype: str | None,
        *,
        reads_texts: bool = True,
    ) -> None:
        """Make the second table, or find the one that an earlier run began.

        Where it is filled from vectors, records need no text: ``reads_texts`` is false.

        Raises
        ------
        InvalidParameter, InvalidInput, ModelNotFound, SpaceMismatch
        """
        if given is None:
            begun = self.need_other("Name the model to change to: kinspace migrate … --model NAME")
            self._require_same(begun, None, dtype)
            return
        name = None if isinstance(given, Encoder) else given
        encoder = given if isinstance(given, Encoder) else made_from({"name": given, "options": {}})
        space = encoder.space
        check_form(space)
        with self.guard:
            held, other = active(self.database), other_set(self.database)
            if held.space.agrees(space) and (dtype or held.dtype) == held.dtype:
                raise InvalidParameter(
                    f"{self.path} holds vectors of {space} already.",
                    "Name another model, or keep its vectors in another dtype.",
                )
            if other is None:
                if reads_texts:
                    self._require_texts(space)
                self._create(space, dtype or held.dtype, recipe_of(encoder, name))
            else:
                self._require_same(other, space, dtype)
        self.made = encoder

    def _require_same(self, other: VectorSet, space: Space | None, dtype: str | None) -> None:
        """Raise unless the set that an earlier run began is the one that is wanted now."""
        if space is not None and not other.space.agrees(space):
            what = f"vectors of {other.space}"
        elif dtype is not None and dtype != other.dtype:
            what = f"vectors in {other.dtype}"
        else:
            return
        raise InvalidParameter(
            f"{self.path} holds {what} beside its own.",
            f"Let go of them first: kinspace migrate {self.path} {_flag(self.database)}",
        )

    def _require_texts(self, space: Space) -> None:
        """Say now, and not after hours, that a record has nothing to encode."""
        for found in self.database.fetch(
            "SELECT seq, id, text, fields, 1 FROM records WHERE text = '' AND length(hash) > 16"
        ):
            self._text(Lacking(*found), space)

    def _create(self, space: Space, dtype: str, recipe: dict[str, Any]) -> None:
        database = self.database
        number = int(database.meta("sets") or 1) + 1
        which = VectorSet(number, space, dtype, recipe)
        sweep(self.path / DERIVED, {active(database).number})
        rows = VectorRows(database, which)
        with database.transaction():
            database.need_format(2)
            database.set_meta("sets", number)  # never again, whatever becomes of it
            rows.create()
            database.set_meta("other", {**which.to_dict(), "is_new": True})

    def _text(self, one: Lacking, space: Space) -> str:
        """What the encoder gets of a record; one that was given a vector may have nothing."""
        title = json.loads(one.fields).get("title") if "title" in one.fields else None
        text = with_title(title, one.text)
        if one.was_given and not text:
            raise InvalidInput(
                f"Record {one.id!r} in {self.path} has a vector of its own and no text, which "
                f"{space.model} cannot encode.",
                "Give such records a text, delete them, or make a new collection.",
            )
        return text

    # -- filling ---------------------------------------------------------------------------------

    def need_other(self, remedy: str) -> VectorSet:
        """The second set; NotFound if there is none."""
        with self.guard:
            other = other_set(self.database)
        if other is None:
            raise NotFound(f"{self.path} holds vectors of one model only.", remedy)
        return other

    @property
    def encoder(self) -> Encoder[Any]:
        """The model of the second set, loaded as it is remembered if it was not given.

        Raises
        ------
        ModelNotFound, SpaceMismatch
        """
        if self.made is None:
            which = self.need_other("Name a model.")
            made = made_from(which.encoder or {"name": which.space.model, "options": {}})
            if not which.space.agrees(made.space):
                raise SpaceMismatch(
                    f"The model {made.space} is not the one that the vectors beside those of "
                    f"{self.path} were made with: {which.space}.",
                    f"Let go of them: kinspace migrate {self.path} {_flag(self.database)}",
                )
            self.made = made
        return self.made

    def fill(self, progress: Progress | None = None) -> int:
        """Encode what the second set lacks; returns how many records that were.

        A batch is committed as a whole. Records that are written or deleted meanwhile are taken
        as they are found.
        """
        rows = VectorRows(self.database, self.need_other("Name a model."))
        writer = Writer(rows, lambda: self.encoder)
        with self.guard:
            total = rows.lacks()
        done = last = 0
        while True:
            with self.guard:
                found = {o.seq: self._text(o, rows.space) for o in rows.lacking(last, BATCH)}
                texts = {text_hash(text): text for text in found.values()}
                known = rows.by_hash(list(texts))
            if not found:
                return done
            known |= writer.encoded({key: t for key, t in texts.items() if key not in known})
            last = max(found)
            with self.guard, self.database.transaction():
                rows.put((seq, known[text_hash(text)]) for seq, text in found.items())
            done += len(found)
            if progress is not None:
                progress(done, max(done, total))

    def bring_up(self) -> None:
        """Make what is derived from the second set, so that changing over takes no time."""
        which = self.need_other("Name a model.")
        with self.guard:
            view = View(self.path, VectorRows(self.database, which), self.lock, is_beside=True)
            view.open()
            try:
                view.flush()
            finally:
                view.close()

    # -- ending ----------------------------------------------------------------------------------

    def switch(self) -> VectorSet:
        """Let the second set be the one that counts, and keep the first; for the writer.

        Returns
        -------
        VectorSet
            The one that counts now.
        """
        with self.guard:
            other = self.need_other("Name a model.")
            held = active(self.database)
            was_new = bool(self.database.meta("other")["is_new"])
            with self.database.transaction():
                for key, value in other.to_dict().items():
                    self.database.set_meta("set" if key == "number" else key, value)
                # Going back leaves the model that was tried as one to change to.
                self.database.set_meta("other", {**held.to_dict(), "is_new": not was_new})
        return other

    def drop(self) -> None:
        """Delete the second set."""
        other = self.need_other("There is nothing to let go of.")
        with self.guard:
            with self.database.transaction():
                VectorRows(self.database, other).drop()
                self.database.set_meta("other", None)
            sweep(self.path / DERIVED, {active(self.database).number})


def sweep(root: Path, numbers: set[int]) -> None:
    """Delete what is derived from sets that are no more."""
    for path in root.glob("*"):
        kind, _, rest = path.name.partition(".")[0].partition("-")[0].partition("_")
        number = 1 if not rest else int(rest) if rest.isdigit() else 0
        if kind in ("vectors", "neighbours") and number and number not in numbers:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _flag(database: Database) -> str:
    """What lets go of the second set on the command line."""
    return "--drop" if database.meta("other")["is_new"] else "--finish"
