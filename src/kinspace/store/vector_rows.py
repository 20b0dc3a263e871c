"""The vectors of all records by one model: a table of the database.

A collection has one. While it changes from one model to another it has two, side by side, and
since the row number of a record belongs to one content for ever, so does a vector that was
written beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter
from kinspace.space import Space
from kinspace.store.database import VECTORS, Database
from kinspace.store.packing import DTYPES, Packing, Rows
from kinspace.store.sqlite_errors import damaged


@dataclass(frozen=True, slots=True)
class VectorSet:
    """Which vectors a table holds.

    Parameters
    ----------
    number : int
        1 for those that the collection was made with; a number is never used again.
    space : Space
    dtype : {"float16", "float32"}
    encoder : dict or None
        How the model is loaded (:mod:`kinspace.store.recipe`); None if nobody said.
    """

    number: int
    space: Space
    dtype: str
    encoder: dict[str, Any] | None = None

    @property
    def table(self) -> str:
        """The name of its table."""
        return beside(VECTORS, self.number)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "number": self.number,
            "space": self.space.to_dict(),
            "dtype": self.dtype,
            "encoder": self.encoder,
        }

    @classmethod
    def read(cls, database: Database, values: dict[str, Any]) -> VectorSet:
        """What :meth:`to_dict` wrote.

        Raises
        ------
        CorruptStore
        """
        try:
            space = Space.from_dict(values["space"])
        except (TypeError, KeyError, InvalidParameter) as error:
            raise damaged(database.path, "what its vectors are of cannot be read") from error
        dtype, encoder, number = (values.get(key) for key in ("dtype", "encoder", "number"))
        if dtype not in DTYPES:
            raise damaged(database.path, f"its vectors are of the unknown type {dtype!r}")
        recipe = {"name": encoder, "options": {}} if isinstance(encoder, str) else encoder
        return cls(int(number or 1), space, str(dtype), recipe)


class Lacking(NamedTuple):
    """A record that a set has no vector of; ``fields`` is JSON."""

    seq: int
    id: str
    text: str
    fields: str
    was_given: bool
    """Whether it brought its own vector to the other set."""


def beside(name: str, number: int) -> str:
    """The name of what belongs to a set of vectors: that of the first set is plain."""
    return name if number == 1 else f"{name}_{number}"


def active(database: Database) -> VectorSet:
    """The set that a collection searches in.

    Raises
    ------
    CorruptStore
    """
    keys = ("space", "dtype", "encoder")
    values = {key: database.meta(key) for key in keys}
    return VectorSet.read(database, {**values, "number": database.meta("set")})


class VectorRows:
    """Reads and writes one set.

    Parameters
    ----------
    database : Database
    which : VectorSet
    """

    def __init__(self, database: Database, which: VectorSet) -> None:
        self.database = database
        self.which = which
        self.space = which.space
        self.packing = Packing(which.space, which.dtype)

    def _unpacked(self, blobs: Sequence[bytes]) -> Rows:
        try:
            return self.packing.unpack(blobs)
        except ValueError as error:
            raise damaged(self.database.path, str(error)) from error

    def after(self, seq: int, limit: int) -> tuple[NDArray[np.int64], list[bytes]]:
        """Up to ``limit`` vectors beyond a row number: numbers (n,) and bytes of each."""
        found = self.database.fetch(
            f"SELECT seq, vector FROM {self.which.table} WHERE seq > ? ORDER BY seq LIMIT ?",
            (seq, limit),
        )
        return np.fromiter((row[0] for row in found), np.int64, len(found)), [
            row[1] for row in found
        ]

    def rows_after(self, seq: int, limit: int) -> tuple[NDArray[np.int64], Rows]:
        """The same as vectors in the form of the space."""
        seqs, blobs = self.after(seq, limit)
        return seqs, self._unpacked(blobs)

    def of(self, seqs: Sequence[int]) -> Rows:
        """The vectors of row numbers, in their order, float32.

        Raises
        ------
        CorruptStore
            If one is missing or of another length.
        """
        found = dict(
            self.database.fetch_in(
                f"SELECT seq, vector FROM {self.which.table} WHERE seq IN ({{}})", seqs
            )
        )
        if any(seq not in found for seq in seqs):
            raise damaged(self.database.path, "a vector is missing or of another length")
        return self._unpacked([found[seq] for seq in seqs])

    def by_hash(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Vectors of records with the same content, so that nothing is encoded twice."""
        return dict(
            self.database.fetch_in(
                f"SELECT r.hash, v.vector FROM records r JOIN {self.which.table} v USING (seq) "
                "WHERE r.hash IN ({})",
                hashes,
            )
        )

    # -- a set that is being filled --------------------------------------------------------------

    def create(self) -> None:
        """Make an empty table; inside a transaction."""
        self.database.fetch(
            f"CREATE TABLE {self.which.table} (seq INTEGER PRIMARY KEY, vector BLOB NOT NULL)"
        )

    def drop(self) -> None:
        """Delete the table; inside a transaction."""
        self.database.fetch(f"DROP TABLE IF EXISTS {self.which.table}")

    def lacking(self, after: int, limit: int) -> list[Lacking]:
        """Up to ``limit`` records beyond a row number that have no vector here."""
        return [
            Lacking(*row)
            for row in self.database.fetch(
                "SELECT r.seq, r.id, r.text, r.fields, length(r.hash) > 16 FROM records r "
                f"LEFT JOIN {self.which.table} v USING (seq) "
                "WHERE r.seq > ? AND v.seq IS NULL ORDER BY r.seq LIMIT ?",
                (after, limit),
            )
        ]

    def lacks(self) -> int:
        """How many records have no vector in the set."""
        return int(
            self.database.fetch_one(
                f"SELECT count(*) FROM records r LEFT JOIN {self.which.table} v USING (seq) "
                "WHERE v.seq IS NULL"
            )
        )

    def put(self, vectors: Iterable[tuple[int, bytes]]) -> None:
        """Add vectors to records that still are; inside a transaction."""
        for seq, vector in vectors:
            self.database.fetch(
                f"INSERT OR REPLACE INTO {self.which.table} (seq, vector) "
                "SELECT seq, ? FROM records WHERE seq = ?",
                (vector, seq),
            )
