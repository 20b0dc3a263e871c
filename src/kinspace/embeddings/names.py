"""The names of the rows: which row a name means, and what to say of one that is not there."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Final

import numpy as np

from kinspace.errors import DuplicateId, IdNotFound, InvalidInput

_SCANS: Final = 4
"""So many names are looked for one by one before a dictionary of all names is made."""


class Names:
    """Ids of the rows of a table, or none, so that rows count from 0.

    Parameters
    ----------
    ids : iterable of hashable, optional
    count : int
        How many rows there are.
    model : str
        Whose rows they are, for messages.
    is_checked : bool
        Whether the ids are known to differ, as those of a saved table are: the dictionary is then
        made when it pays, so that a command that asks for one word does not wait for it.

    Raises
    ------
    InvalidInput
        If there are more or fewer ids than rows, or one cannot be hashed.
    DuplicateId
    """

    __slots__ = ("_places", "_scans", "count", "ids", "model")

    def __init__(
        self, ids: Iterable[Hashable] | None, count: int, model: str, *, is_checked: bool = False
    ) -> None:
        self.ids = None if ids is None else list(ids)
        self.count = count
        self.model = model
        self._scans = _SCANS if is_checked else 0
        self._places: dict[Hashable, int] | None = None
        if self.ids is not None and not is_checked:
            self._places = self._placed(self.ids)

    @property
    def places(self) -> dict[Hashable, int]:
        """The row of each name; empty where there are no names."""
        if self._places is None:
            self._places = {} if self.ids is None else self._placed(self.ids)
        return self._places

    def _placed(self, ids: list[Hashable]) -> dict[Hashable, int]:
        if len(ids) != self.count:
            raise InvalidInput(
                f"There are {len(ids)} ids for {self.count} vectors.", "Give one id a row."
            )
        try:
            places = {name: row for row, name in enumerate(ids)}
        except TypeError:
            for name in ids:
                _require_hashable(name)
            raise
        if len(places) != len(ids):
            twice = next(name for row, name in enumerate(ids) if places[name] != row)
            raise DuplicateId(f"The id {twice!r} comes twice.", "Give every row an id of its own.")
        return places

    def find(self, name: Hashable) -> int | None:
        """The row of a name, None where it is not known."""
        if self._places is None and self.ids is not None and self._scans:
            self._scans -= 1
            try:
                return self.ids.index(name)
            except ValueError:
                return None
        return self.places.get(name)

    def row(self, name: Any) -> int:
        """The row of a name, or of a position where there are no names.

        Raises
        ------
        IdNotFound
            With the names that are spelled most like it.
        InvalidInput
            If it cannot be a name.
        """
        _require_hashable(name)
        if self.ids is not None:
            found = self.find(name)
            if found is None:
                raise self._unknown(name)
            return found
        if isinstance(name, int | np.integer) and -self.count <= name < self.count:
            return int(name) % self.count
        raise IdNotFound(f"There is no row {name!r} among {self.count}.", "Rows count from 0.")

    def of(self, rows: Iterable[int]) -> list[Any]:
        """The names of some rows; the rows themselves where there are no names."""
        return list(rows) if self.ids is None else [self.ids[row] for row in rows]

    def _unknown(self, name: Hashable) -> IdNotFound:
        from kinspace.embeddings.spelling import closest  # which only mistakes need

        like = " or ".join(map(repr, closest(name, self.places)))
        return IdNotFound(
            f"{name!r} is not among the {self.count:,} ids of {self.model}.",
            f"Did you mean {like}?" if like else "Ask `name in embeddings` first.",
        )


def _require_hashable(name: Any) -> None:
    try:
        hash(name)
    except TypeError as error:
        raise InvalidInput(
            f"{name!r} cannot be an id.", "Use strings, numbers or tuples of them."
        ) from error
