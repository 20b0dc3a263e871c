"""The ids of an index: what the caller calls the rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.errors import DuplicateId, IdNotFound, InvalidInput

_FIRST_ROOM = 1024


class Ids:
    """The ids of an index, in the order of its rows: unique, int64, with rows looked up by id.

    A row whose id was let go keeps its place, and the id may be given to another row. As long as
    ids are positions (0, 1, 2 …), nothing is kept to look them up.
    """

    def __init__(self) -> None:
        self._room: NDArray[np.int64] = np.empty(0, np.int64)
        self._alive_room: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._count = 0
        self._removed = 0
        self._place: dict[int, int] | None = None  # None: each id is its position
        self._next = 0

    def __len__(self) -> int:
        """How many rows there are, those without an id too."""
        return self._count

    @property
    def rows(self) -> NDArray[np.int64]:
        """The id of each row, shape (rows,)."""
        return self._room[: self._count]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which rows still have their id, shape (rows,)."""
        return self._alive_room[: self._count]

    @property
    def removed(self) -> int:
        """How many rows were let go."""
        return self._removed

    @property
    def nbytes(self) -> int:
        """Bytes of ids and marks; the table to look them up comes on top."""
        return self.rows.nbytes + self.alive.nbytes

    def extend(self, count: int, ids: ArrayLike | None) -> NDArray[np.int64]:
        """Append ids for ``count`` new rows and return them; all or none.

        Raises
        ------
        InvalidInput, DuplicateId
        """
        new = self._checked(count, ids)
        if not count:
            return new
        start = self._count
        if self._place is None and not np.array_equal(new, np.arange(start, start + count)):
            self._place = self._listed()
        if self._place is not None:
            listed = new.tolist()
            if len(set(listed)) != count or any(name in self._place for name in listed):
                seen: set[int] = set(self._place)
                twice = next(i for i in listed if i in seen or seen.add(i))  # type: ignore[func-returns-value]
                raise DuplicateId(f"The id {twice} is in use already.", "Remove it first.")
            self._place.update(zip(listed, range(start, start + count), strict=True))
        self._grow(start + count)
        self._room[start : start + count] = new
        self._alive_room[start : start + count] = True
        self._count += count
        self._next = max(self._next, int(new.max()) + 1)
        return new

    def _checked(self, count: int, ids: ArrayLike | None) -> NDArray[np.int64]:
        if ids is None:
            return np.arange(self._next, self._next + count, dtype=np.int64)
        given = np.asarray(ids)
        if given.shape != (count,) or (count and given.dtype.kind not in "iu"):
            raise InvalidInput(
                f"Ids of shape {given.shape} and type {given.dtype} for {count} vectors.",
                "Give one whole number a vector.",
            )
        new = given.astype(np.int64)
        if (new < 0).any():
            raise InvalidInput(
                f"The id {new.min()} is negative; -1 says that there is no neighbour.",
                "Give ids from 0 to 2⁶³ - 1.",
            )
        return new

    def _listed(self) -> dict[int, int]:
        rows = np.flatnonzero(self.alive)
        return dict(zip(self.rows[rows].tolist(), rows.tolist(), strict=True))

    def _grow(self, needed: int) -> None:
        if needed > len(self._room):
            size = max(needed, 2 * len(self._room), _FIRST_ROOM)
            room, alive = np.zeros(size, np.int64), np.zeros(size, np.bool_)
            room[: self._count], alive[: self._count] = self.rows, self.alive
            self._room, self._alive_room = room, alive

    def positions(self, ids: ArrayLike) -> NDArray[np.int64]:
        """Row positions of those ids that are known, ascending, each once."""
        wanted = _whole_numbers(ids)
        if self._place is None:
            places = np.unique(wanted[(wanted >= 0) & (wanted < self._count)])
            return places[self.alive[places]]
        found = {self._place[i] for i in wanted.tolist() if i in self._place}
        return np.array(sorted(found), np.int64)

    def named(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids of rows; -1 stays what it is."""
        if self._place is None:
            return rows
        return np.where(rows < 0, -1, self.rows[rows])

    def places(self, ids: ArrayLike) -> NDArray[np.int64]:
        """The row of each id, in the order of the ids.

        Raises
        ------
        IdNotFound
            If one of them is unknown.
        """
        wanted = _whole_numbers(ids)
        known = self._place
        if known is None:
            inside = (wanted >= 0) & (wanted < self._count)
            rows = np.where(inside, wanted, -1)
            inside[inside] = self.alive[rows[inside]]
            rows[~inside] = -1
        else:
            rows = np.array([known.get(i, -1) for i in wanted.tolist()], np.int64)
        if (rows < 0).any():
            missing = int(wanted[np.argmin(rows >= 0)])
            raise IdNotFound(f"There is no vector with the id {missing}.", "Add it instead.")
        return rows

    def usable(self, allowed: ArrayLike | None) -> NDArray[np.bool_] | None:
        """Which rows a search may find, shape (rows,); None where it may find all.

        Parameters
        ----------
        allowed : array_like of int, or of bool, optional
            Ids, or a mask with a place for each id: ``allowed[id]`` says whether it may be found.
        """
        if allowed is None:
            return self.alive if self._removed else None
        given = np.asarray(allowed)
        if given.dtype == np.bool_:
            if given.ndim != 1:
                raise InvalidInput(
                    f"A mask of shape {given.shape}.", "Give one of one axis: mask[id]."
                )
            if self._place is None and len(given) >= self._count:
                mask: NDArray[np.bool_] = given[: self._count] & self.alive
                return mask
            given = np.flatnonzero(given)
        usable = np.zeros(self._count, np.bool_)
        usable[self.positions(given)] = True
        return usable

    def forget(self, rows: NDArray[np.int64]) -> None:
        """Let the ids of some rows, which have them still, be used again."""
        if not len(rows):
            return
        if self._place is None:
            self._place = self._listed()
        for name in self.rows[rows].tolist():
            del self._place[name]
        self._alive_room[rows] = False
        self._removed += len(rows)

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Leave only the rows of a mask, all of which have their ids, in new places."""
        kept = self.rows[rows]
        self._room, self._alive_room = kept.copy(), np.ones(len(kept), np.bool_)
        self._count, self._removed = len(kept), 0
        is_plain = np.array_equal(kept, np.arange(len(kept)))
        self._place = None if is_plain else self._listed()

    def compacted(self) -> Ids:
        """The ids that are left, in new places; a number that was given is not given again."""
        made = Ids()
        made.extend(self._count - self._removed, self.rows[self.alive])
        made._next = self._next
        return made

    @classmethod
    def of(cls, ids: NDArray[np.int64], alive: NDArray[np.bool_] | None = None) -> Self:
        """Ids that were saved."""
        made = cls()
        if alive is None or alive.all():
            made.extend(len(ids), ids)
            return made
        if len(alive) != len(ids):
            raise InvalidInput("Not one mark an id.", "Build the index again.")
        made._room, made._alive_room = np.array(ids, np.int64), np.array(alive, np.bool_)
        made._count, made._removed = len(ids), int((~alive).sum())
        made._next = int(ids.max(initial=-1)) + 1
        made._place = made._listed()
        if len(made._place) + made._removed != made._count or (ids < 0).any():
            raise DuplicateId("An id is there twice.", "Build the index again.")
        return made


def check_one_each(ids: ArrayLike, count: int) -> NDArray[np.int64]:
    """Ids, one for each of so many vectors, none twice.

    Raises
    ------
    InvalidInput, DuplicateId
    """
    return Ids().extend(count, ids)


def _whole_numbers(ids: Any) -> NDArray[np.int64]:
    given = np.asarray(ids)
    if given.size and given.dtype.kind not in "iu":
        raise InvalidInput(f"Ids of type {given.dtype}.", "Give whole numbers.")
    return given.astype(np.int64).ravel()
