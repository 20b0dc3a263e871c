"""Rows of a table: each column by an encoder of its own, side by side in one vector."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Learner, Progress, Side, learned
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter
from kinspace.learn import saved as files
from kinspace.learn.categories.guessing import guess
from kinspace.learn.categories.known import Known, label
from kinspace.learn.categories.learner import ValueLearner, tidy
from kinspace.learn.methods import method, methods
from kinspace.space import Space, fingerprint_of

_LOG: Final = logging.getLogger("kinspace")
SKIP: Final = "skip"
"""Given in place of an encoder, leaves a column out."""
_TAKES_COLUMN: Final = ("categories", "numbers")


@dataclass(frozen=True)
class Column:
    """A column, and what becomes of it.

    Attributes
    ----------
    name : str
    encoder : Encoder
        Fitted to the column.
    why : str
        Why this encoder: what was given, or what was found in the column.
    scale : float
        What its vectors are multiplied by, so that all columns weigh the same.
    first, last : int
        Its dimensions in the vector of a row.
    """

    name: str
    encoder: Encoder[Any]
    why: str
    scale: float
    first: int
    last: int

    @property
    def names(self) -> list[str]:
        """What each of its dimensions stands for."""
        if isinstance(self.encoder, ValueLearner):
            return [f"{self.name}: {name}" for name in self.encoder.names]
        return [f"{self.name}: {place}" for place in range(self.last - self.first)]


class TableEncoder(Learner[Any]):
    """Encodes the rows of a table, mixing numbers, categories and texts.

    Columns that are not named get an encoder by what is in them: numbers are standardised, with a
    dimension that says where they are missing; few categories become one-hot, many are hashed;
    texts go through the default model. :attr:`columns_` tells which, and why.

    Parameters
    ----------
    columns : mapping of column to encoder, optional
        An encoder or learner, the name of a method (``"one-hot"``, ``"binary"``, ``"label"``,
        ``"hashing"``, ``"standard"``, ``"min-max"``, ``"robust"``), or ``"skip"``.
    balance : bool
        Whether columns are scaled so that each adds the same to the mean squared distance of two
        rows, however many dimensions it has.
    max_categories : int
        With more than so many, categories that were not named are hashed.
    missing : sequence of str
        What stands for a missing value, beside None and NaN.

    Examples
    --------
    >>> rows = [{"age": 20, "town": "Ulm"}, {"age": 60, "town": "Bonn"}, {"age": 25, "town": "Ulm"}]
    >>> table = TableEncoder().fit(rows)
    >>> table.names
    ['age: number 0', 'town: Bonn', 'town: Ulm']
    >>> table.encode(rows).nearest(0, k=1).ids
    [2]
    >>> table.unseen([{"age": 20, "town": "Paris"}])
    {'town': Counter({'Paris': 1})}
    """

    method: ClassVar[str] = "table"

    def __init__(
        self,
        columns: Mapping[str, Encoder[Any] | str] | None = None,
        *,
        balance: bool = True,
        max_categories: int = 100,
        missing: Sequence[str] = ("", "?"),
    ) -> None:
        self.columns = columns
        self.balance = balance
        self.max_categories = max_categories
        self.missing = missing

    # -- learning ------------------------------------------------------------------------------

    def fit(self, items: Iterable[Any]) -> Self:
        """Choose an encoder for each column, and let it learn.

        Parameters
        ----------
        items : iterable of mappings or sequences, or a data frame
            The rows: values by the names of their columns, or in the same order each; columns
            without a name are called ``"0"``, ``"1"`` …

        Raises
        ------
        EmptyInput
            If there are no rows, or no columns.
        InvalidInput
            If a row lacks a column, or a value cannot be used.
        InvalidParameter
            If ``columns`` names one that is not there, or an unknown encoder.
        """
        rows = list(_rows(items))
        if not rows:
            raise EmptyInput("The table has no rows.", "Give at least one.")
        found = list(_named(rows[0], 0))
        chosen = dict(self.columns or {})
        strange = [name for name in chosen if name not in found]
        if strange:
            raise InvalidParameter(
                f"The table has no column {strange[0]!r}.", f"It has: {', '.join(found)}."
            )
        columns: list[Column] = []
        for name in found:
            if chosen.get(name) != SKIP:
                first = columns[-1].last if columns else 0
                columns.append(self._column(name, self._values(rows, name), chosen, first))
        if not columns:
            raise EmptyInput("All columns are left out.", "Keep at least one.")
        self.columns_ = columns
        return self

    def _column(
        self, name: str, values: list[Any], chosen: dict[str, Encoder[Any] | str], first: int
    ) -> Column:
        if name in chosen:
            encoder, why = _given(chosen[name]), "as given"
        else:
            encoder, why = guess(values, self.max_categories)
        try:
            if isinstance(encoder, Learner):
                encoder = encoder.clone().fit(values)
            vectors = encoder.encode(values).vectors
        except InvalidInput as error:
            raise type(error)(f"Column {name!r}: {error.message}", error.remedy) from error
        spread = float(vectors.astype(np.float64).var(0).sum())
        scale = spread**-0.5 if self.balance and spread > 0 else 1.0
        return Column(name, encoder, why, scale, first, first + vectors.shape[1])

    def _values(self, rows: Sequence[Any], name: str) -> list[Any]:
        """The values of a column, those that stand for missing ones as None."""
        values = []
        for place, row in enumerate(rows):
            named = _named(row, place)
            if name not in named:
                raise InvalidInput(f"Row {place} has no column {name!r}.", "Give all columns.")
            values.append(named[name])
        gone = set(self.missing)
        return [None if type(v) is str and v in gone else v for v in tidy(values)]

    # -- using ---------------------------------------------------------------------------------

    @property
    def space(self) -> Space:
        """The space of rows."""
        columns = self._fitted()
        known = [(c.name, c.scale, c.encoder.space.fingerprint) for c in columns]
        gone = sorted(self.missing)
        fingerprint = fingerprint_of(self.method, known, gone)
        return Space(self.method, fingerprint, dim=columns[-1].last, metric="euclidean")

    @property
    def names(self) -> list[str]:
        """What each dimension stands for: a column, and what of it."""
        return [name for column in self._fitted() for name in column.names]

    def unseen(self, items: Iterable[Any]) -> dict[str, Counter[str]]:
        """The categories that were not seen when learning, by column, and how often they come.

        Columns of numbers and texts, and hashed ones, know all there is.
        """
        rows, found = list(_rows(items)), {}
        for column in self._fitted():
            strange = self._strange(column, self._values(rows, column.name))
            if strange:
                found[column.name] = strange
        return found

    def _strange(self, column: Column, values: list[Any]) -> Counter[str]:
        encoder = column.encoder
        known = encoder.facts.get("categories") if isinstance(encoder, ValueLearner) else None
        if known is None:
            return Counter()
        places = Known(known).places
        return Counter(label(value) for value in values if value not in places)

    def _encode(self, items: Iterable[Any], side: Side, progress: Progress | None) -> Embeddings:
        return super()._encode(_rows(items), side, progress)

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        blocks = []
        for column in self._fitted():
            values = self._values(items, column.name)
            strange = self._strange(column, values)
            if strange:
                _LOG.warning(
                    "column %r: %d values were not seen when learning, such as %r",
                    column.name, strange.total(), next(iter(strange)),
                )  # fmt: skip
            encode = column.encoder.encode_query if side == "query" else column.encoder.encode
            try:
                blocks.append(encode(values).vectors * np.float32(column.scale))
            except InvalidInput as error:
                raise type(error)(
                    f"Column {column.name!r}: {error.message}", error.remedy
                ) from error
        return np.concatenate(blocks, axis=1)

    def _fitted(self) -> list[Column]:
        columns: list[Column] = learned(self, "columns_", "rows")
        return columns

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write what was learned to a folder, each column's encoder in a folder within.

        Raises
        ------
        NotFitted
        InvalidInput
            If an encoder cannot be saved, or the path is something else.
        """
        columns = self._fitted()
        for column in columns:
            if not hasattr(column.encoder, "save"):
                raise InvalidInput(
                    f"The encoder of column {column.name!r}, {column.encoder!r}, cannot be saved.",
                    "Use one that has a method save.",
                )
        given = {"balance": self.balance, "max_categories": self.max_categories}
        facts = [
            {"name": c.name, "why": c.why, "scale": c.scale, "first": c.first, "last": c.last}
            for c in columns
        ]
        params = {**given, "missing": list(self.missing)}
        parts = {str(place): column.encoder for place, column in enumerate(columns)}
        files.write(folder, files.Saved(self.method, params, {"columns": facts}, parts=parts))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelNotFound, ReadError
        """
        from kinspace.pretrained import load

        found = files.read(folder, cls.method)
        table = cls(**found.params)
        table.columns_ = []
        for place, record in enumerate(found.facts["columns"]):
            inner = found.parts.get(str(place), Path(folder, "parts", str(place)))
            encoder = files.load(inner) if files.is_learned(inner) else load(inner)
            table.columns_.append(Column(encoder=encoder, **record))
        return table


def _given(encoder: Encoder[Any] | str) -> Encoder[Any]:
    if isinstance(encoder, Encoder):
        return encoder
    known = [name for name, record in methods().items() if record.thing in _TAKES_COLUMN]
    if encoder not in known:
        raise InvalidParameter(
            f"Unknown encoder {encoder!r:.80} for a column.",
            f"Give an encoder, or one of: {', '.join([*known, SKIP])}.",
        )
    made: Encoder[Any] = method(encoder).learner()()
    return made


def _rows(items: Iterable[Any]) -> Iterable[Any]:
    """Rows; a data frame is turned into them, and a single mapping is one."""
    if isinstance(items, Mapping):
        return [items]
    if hasattr(items, "columns") and hasattr(items, "to_dict"):
        rows: list[Any] = items.to_dict("records")
        return rows
    return items


def _named(row: Any, place: int) -> Mapping[str, Any]:
    """The values of a row by column."""
    if isinstance(row, Mapping):
        return row
    if isinstance(row, Sequence | np.ndarray) and not isinstance(row, str):
        return {str(i): value for i, value in enumerate(row)}
    raise InvalidInput(
        f"Row {place} is {row!r:.60}, not a row.", "Give mappings or lists of values."
    )
