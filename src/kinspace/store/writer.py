"""Writing records: what is unchanged is left alone, what is known is not encoded again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kinspace.encoder import Encoder
from kinspace.errors import DuplicateId
from kinspace.store.base import Checked
from kinspace.store.database import Database, NewRow
from kinspace.store.packing import content
from kinspace.store.vector_rows import VectorRows


@dataclass(frozen=True, slots=True)
class _Old:
    """What is stored of a record that somebody writes again."""

    seq: int
    hash: bytes
    fields: str
    source: str | None


class Writer:
    """Puts batches of records into the truth, each batch in one transaction.

    Parameters
    ----------
    rows : VectorRows
        The set of vectors that is written.
    encoder : callable
        Gives the encoder when a text must be encoded.
    """

    def __init__(self, rows: VectorRows, encoder: Callable[[], Encoder[Any]]) -> None:
        self.rows = rows
        self.database = rows.database
        self._encoder = encoder

    def write(
        self,
        batch: Sequence[Checked],
        *,
        replace: bool,
        also: Callable[[Database], None] | None,
        without: Sequence[str],
    ) -> int:
        """See :meth:`kinspace.store.collection.Collection.write`."""
        if not replace:
            self._check_new_ids(batch)
        latest = {one.id: one for one in batch}
        old = {name: _Old(*row) for name, row in self.database.hashes_of(list(latest)).items()}
        hashes = {name: content_hash(one) for name, one in latest.items()}
        changed = [
            one for name, one in latest.items()
            if name not in old
            or (old[name].hash, old[name].fields, old[name].source)
            != (hashes[name], one.fields, one.source)
        ]  # fmt: skip
        vectors = self._vectors_for(changed, hashes)
        rows = [
            NewRow(o.id, o.text, o.fields, hashes[o.id], o.source, vectors[hashes[o.id]])
            for o in changed
        ]
        gone = [old[one.id].seq for one in changed if one.id in old]
        with self.database.transaction():
            gone += self.database.seqs_of([n for n in without if n not in latest]).values()
            self.database.bury(gone)
            self.database.insert(rows, self.rows.which.table)
            if also is not None:
                also(self.database)
        return len(rows)

    def _check_new_ids(self, batch: Sequence[Checked]) -> None:
        names = [one.id for one in batch]
        seen = set(self.database.seqs_of(names))
        for name in names:
            if name in seen:
                raise DuplicateId(
                    f"The id {name!r} is in use already.", "Use upsert to replace records."
                )
            seen.add(name)

    def _vectors_for(
        self, records: Sequence[Checked], hashes: dict[str, bytes]
    ) -> dict[bytes, bytes]:
        """Vectors by content hash: given, known from an equal text, or encoded now."""
        vectors: dict[bytes, bytes] = {}
        texts: dict[bytes, str] = {}
        for one in records:
            if one.vector is not None:
                vectors[hashes[one.id]] = self.rows.packing.pack(one.vector, one.id)[0]
            else:
                texts[hashes[one.id]] = one.encoded_text
        vectors |= self.rows.by_hash(list(texts))
        return vectors | self.encoded({d: text for d, text in texts.items() if d not in vectors})

    def encoded(self, texts: dict[bytes, str]) -> dict[bytes, bytes]:
        """Vectors of texts, by whatever tells them apart."""
        if not texts:
            return {}
        found = self._encoder().encode(list(texts.values()))
        self.rows.space.require(found.space, "kept together")
        return dict(zip(texts, self.rows.packing.pack(found.vectors, "a text"), strict=True))


def content_hash(record: Checked) -> bytes:
    """What decides whether a record's vector is still right: its text, and the vector if given."""
    digest = text_hash(record.encoded_text)
    if record.vector is None:
        return digest
    return digest + hashlib.blake2b(content(record.vector), digest_size=16).digest()


def text_hash(text: str) -> bytes:
    """The first 16 bytes of :func:`content_hash`, and all of it where no vector was given."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
