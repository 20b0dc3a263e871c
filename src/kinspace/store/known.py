"""An encoder that looks up what a collection holds, and encodes only what it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kinspace.encoder import Encoder, Side, require_texts
from kinspace.space import Space
from kinspace.store.opened import Opened
from kinspace.store.writer import Writer, text_hash


class Known(Encoder[str]):
    """The model of a collection, for which its records cost nothing.

    Parameters
    ----------
    opened : Opened
        The collection, or its other side.
    written : mapping of str to str, optional
        How a text is written in the collection, where that differs: a record with a title is
        encoded with the title on a line of its own.
    """

    def __init__(self, opened: Opened, written: Mapping[str, str] | None = None) -> None:
        self.opened = opened
        self.written = written

    @property
    def space(self) -> Space:
        return self.opened.space

    def _encode_batch(self, items: Sequence[str], side: Side) -> Any:
        require_texts(items)
        encoder = self.opened.encoder
        if side == "query":
            return encoder.encode_query(items).vectors
        rows = self.opened.vector_rows
        texts = [(self.written or {}).get(item, item) for item in items]
        keys = [text_hash(text) for text in texts]
        known = rows.by_hash(keys)
        late = {key: t for key, t in zip(keys, texts, strict=True) if key not in known}
        known |= Writer(rows, lambda: encoder).encoded(late)
        found = rows.packing.unpack([known[key] for key in keys])
        return found.astype("float32") if rows.packing.is_even else found
