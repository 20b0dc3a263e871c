"""Where the texts come from: a collection, a list of documents, or files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinspace.datasets.content import Document
from kinspace.errors import DuplicateId, EmptyInput, InvalidInput

if TYPE_CHECKING:
    from kinspace.store import Collection

MOST = 20_000
"""Texts that are judged on; of larger collections, a sample."""


def documents_of(source: Collection | Sequence[Document] | str | Path) -> list[Document]:
    """The texts of a source as documents, each with an id of its own.

    Parameters
    ----------
    source : Collection, sequence of Document, str or Path
        A path is a collection's folder, or files and folders to read.

    Returns
    -------
    list of Document
        Without those that have neither title nor text.

    Raises
    ------
    EmptyInput
        If there is no text.
    DuplicateId
        If two documents of a list have the same id.
    PathNotFound, ReadError, CorruptStore
        As reading raises them.

    Examples
    --------
    >>> documents_of([Document("1", "A cat sleeps."), Document("2", "")])
    [Document(id='1', text='A cat sleeps.', title='')]
    """
    found = [document for document in _stream(source) if document.whole]
    if not found:
        raise EmptyInput("There are no texts to judge on.", "Give a collection that holds some.")
    twice = [name for name, count in Counter(one.id for one in found).items() if count > 1]
    if twice:
        raise DuplicateId(
            f"The id {twice[0]!r} stands for several documents.", "Give every one its own."
        )
    return found


def _stream(source: Collection | Sequence[Document] | str | Path) -> Iterator[Document]:
    if isinstance(source, str | Path):
        yield from _from_path(Path(source))
    elif hasattr(source, "records"):
        yield from _from_records(source.records())
    else:
        for one in source:
            if not isinstance(one, Document):
                raise InvalidInput(
                    f"{one!r:.80} is not a document.", "Give kinspace.datasets.content.Document."
                )
            yield one


def _from_path(path: Path) -> Iterator[Document]:
    from kinspace import read
    from kinspace.store import Collection
    from kinspace.store.database import FILE

    if (path / FILE).exists():
        with Collection.open(path, create=False, read_only=True) as collection:
            yield from _from_records(collection.records())
        return
    for number, passage in enumerate(read.passages(path)):
        yield Document(f"{passage.document}:{number}", passage.text, passage.context)


def _from_records(records: Iterable[dict[str, object]]) -> Iterator[Document]:
    for record in records:
        title = record.get("title")
        yield Document(
            str(record["id"]), str(record["text"]), title if isinstance(title, str) else ""
        )


def sample_of(documents: Sequence[Document], most: int, seed: int) -> list[Document]:
    """At most so many documents, drawn without regard to their order, in their order."""
    if len(documents) <= most:
        return list(documents)
    rows = np.random.default_rng([seed, most]).choice(len(documents), most, replace=False)
    return [documents[row] for row in np.sort(rows)]
