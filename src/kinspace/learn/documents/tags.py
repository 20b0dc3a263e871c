"""Names of documents: what is learned a vector for, beside the words."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidInput
from kinspace.learn.text import Corpus, Tokenized

Words = str | Sequence[str]
"""A text, or its words."""
Named = tuple[str | int | list[str | int], Words]
"""An id, or a list of them, and a text."""


@dataclass(frozen=True)
class Tags:
    """Which documents' vectors each item takes part in.

    Attributes
    ----------
    ids : list, optional
        Names of the vectors, in the order in which they first came; None for 0, …, n − 1.
    rows : ndarray of int32
        The vectors of item ``i`` are ``rows[starts[i]:starts[i + 1]]``.
    starts : ndarray of int64, shape (items + 1,)
    """

    ids: list[Hashable] | None
    rows: NDArray[np.int32]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        """How many vectors there are."""
        return len(self.starts) - 1 if self.ids is None else len(self.ids)

    def of_sentences(self, corpus: Corpus) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The vectors of each sentence of a corpus: rows, and where each sentence's begin."""
        first = self.starts[corpus.documents]
        many = self.starts[corpus.documents + 1] - first
        starts = np.concatenate([[0], np.cumsum(many)])
        places = np.repeat(first - starts[:-1], many) + np.arange(starts[-1])
        return self.rows[places], starts


class TagReader:
    """Hands on texts, and keeps the ids that came with them."""

    def __init__(self) -> None:
        self._named: bool | None = None
        self._places: dict[Hashable, int] = {}
        self._rows = array("i")
        self._starts = array("q", [0])

    def texts(self, items: Iterable[Words | Named]) -> Iterable[Words]:
        """The texts of items; texts that are numbers already are handed on as they are."""
        if isinstance(items, Tokenized):
            return items
        return self._texts([items] if isinstance(items, str) else items)

    def tags(self, count: int) -> Tags:
        """What has been kept of so many items."""
        if self._named:
            rows, starts = np.array(self._rows, np.int32), np.array(self._starts, np.int64)
            return Tags(list(self._places), rows, starts)
        return Tags(None, np.arange(count, dtype=np.int32), np.arange(count + 1))

    def _texts(self, items: Iterable[Words | Named]) -> Iterator[Words]:
        """Read items as they come.

        Raises
        ------
        InvalidInput
            If some items have ids and others not, or one is neither a text nor a pair.
        """
        for number, item in enumerate(items):
            named, text = isinstance(item, tuple), item
            self._named = named if self._named is None else self._named
            if named is not self._named:
                raise InvalidInput(
                    f"Item {number} has {'an' if named else 'no'} id, unlike those before it.",
                    "Give all items an id or none: (id, text), or text.",
                )
            if isinstance(item, tuple):
                ids, text = _pair(number, item)
                self._rows.extend(self._places.setdefault(name, len(self._places)) for name in ids)
                self._starts.append(len(self._rows))
            if not isinstance(text, str | list):
                raise InvalidInput(
                    f"Item {number} is not a text: {text!r:.80}.",
                    "Give a string or a list of words; or a tuple of an id and one of these.",
                )
            yield text


def _pair(number: int, item: tuple[Any, ...]) -> tuple[list[Hashable], Any]:
    """The ids, each once, and the text of an item."""
    if len(item) != 2:
        raise InvalidInput(
            f"Item {number} is a tuple of {len(item)}: {item!r:.80}.",
            "Give (id, text) or ([id, id, …], text); words of a text go in a list.",
        )
    ids = item[0] if isinstance(item[0], list) else [item[0]]
    if not ids or not all(isinstance(name, str | int) for name in ids):
        raise InvalidInput(
            f"Item {number} has the id {item[0]!r:.80}.",
            "Give a string, a whole number, or a list of at least one of these.",
        )
    return list(dict.fromkeys(ids)), item[1]
