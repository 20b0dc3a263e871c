"""The contract of every store, embedded or external, and the shape of a record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np

from kinspace.errors import InvalidInput
from kinspace.results import Hit
from kinspace.space import Space
from kinspace.store.packing import Rows, checked

Mode = Literal["hybrid", "dense", "keyword"]
Record = Mapping[str, Any]


@runtime_checkable
class Store(Protocol):
    """What a collection on disk and each external database have in common.

    A record is a dict: ``id`` (text), ``text``, optionally ``vector``, and any other fields.
    A record is committed or it is not.
    """

    @property
    def space(self) -> Space:
        """The space of its vectors."""
        ...

    def add(self, records: Iterable[Record]) -> int:
        """Add records whose ids are not in use yet; returns how many."""
        ...

    def upsert(self, records: Iterable[Record]) -> int:
        """Add records, in the place of those that have the same id; returns how many changed."""
        ...

    def delete(self, ids: Iterable[str] | None = None, *, where: Any = None) -> int:
        """Delete by ids or by filter; returns how many there were."""
        ...

    def get(self, ids: Sequence[str]) -> list[dict[str, Any] | None]:
        """Records by id, None where there is none."""
        ...

    def search(
        self, query: Any, k: int = 10, where: Any = None, mode: Mode = "hybrid"
    ) -> list[Hit]:
        """The ``k`` best records that satisfy the filter."""
        ...

    def count(self, where: Any = None) -> int:
        """How many records there are, or how many satisfy a filter."""
        ...

    def compact(self) -> Any:
        """Give back the space of what was deleted."""
        ...

    def close(self) -> None:
        """Finish; committed records are safe without it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


RESERVED = ("id", "text", "vector")
"""Keys of a record that are not fields."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A record that can be written; ``fields`` is JSON, ``vector`` one row of the space's form."""

    id: str
    text: str
    title: str
    fields: str
    vector: Rows | None
    source: str | None = None

    @property
    def encoded_text(self) -> str:
        """What the encoder gets."""
        return with_title(self.title, self.text)


def with_title(title: Any, text: str) -> str:
    """A text as it is encoded and searched: its title, where there is one, before it."""
    return f"{title}\n{text}" if isinstance(title, str) and title else text


def check(record: Record, space: Space, place: int, source: str | None = None) -> Checked:
    """Check a record that somebody wants to write.

    Parameters
    ----------
    record : mapping
    space : Space
        What its vector must be of.
    place : int
        Which record of the call it is, for the message.
    source : str, optional
        The file it was read from.

    Raises
    ------
    InvalidInput, InvalidVectors, DimensionMismatch
    """
    if not isinstance(record, Mapping):
        raise InvalidInput(f"Record {place} is {record!r:.80}.", 'Give dicts with "id" and "text".')
    name = record.get("id")
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            f"Record {place} has the id {name!r}.", "Give each record an id that is a text."
        )
    text = record.get("text")
    vector = record.get("vector")
    if text is None and vector is not None:
        text = ""
    if not isinstance(text, str):
        raise InvalidInput(f"Record {name!r} has the text {text!r:.80}.", "Give it a text.")
    fields = {key: value for key, value in record.items() if key not in RESERVED}
    try:
        encoded = _JSON.encode(fields)
        for part in (name, text, encoded):
            part.encode()
        if fields and not all(isinstance(key, str) for key in fields):
            raise TypeError("the name of a field is not a text")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"Record {name!r} holds half a character (a lone surrogate): {error}.",
            "Clean it with: text.encode('utf-8', 'replace').decode().",
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"The fields of record {name!r} cannot be kept as JSON: {error}.",
            "Use texts, finite numbers, booleans, None, lists and dicts.",
        ) from error
    row = None
    if vector is not None:
        row = checked(vector, space)
        if row.shape[0] != 1:
            raise InvalidInput(f"Record {name!r} has {row.shape[0]} vectors.", "Give it one.")
    title = fields.get("title")
    return Checked(name, text, title if isinstance(title, str) else "", encoded, row, source)


def names_of(ids: Any) -> list[str]:
    """Ids that somebody asks for, as a list; whole numbers as texts, as :func:`check` does.

    Raises
    ------
    InvalidInput
    """
    listed = [ids] if isinstance(ids, str) or not isinstance(ids, Iterable) else list(ids)
    names = []
    for one in listed:
        name = str(one) if isinstance(one, int) and not isinstance(one, bool) else one
        if not isinstance(name, str) or _is_broken(name):
            raise InvalidInput(f"{one!r:.80} is not an id.", "Give ids that are texts.")
        names.append(name)
    return names


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _plain(value: Any) -> Any:
    """Numpy's numbers and dates as JSON knows them."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not known to JSON")


_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain)
