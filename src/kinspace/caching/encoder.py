"""`CachedEncoder`: any encoder, with what it once encoded kept on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from kinspace.caching import rows as packed
from kinspace.caching.items import digest_of
from kinspace.caching.storage import VectorCache
from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Side
from kinspace.errors import InvalidParameter
from kinspace.places import cache_folder
from kinspace.space import Space, fingerprint_of

Parts = Callable[[Sequence[Any], Side], Iterator[tuple[NDArray[np.int64], Any]]]
"""From items to (positions, vectors), as answers come in: what a paid service has given so far."""


def default_folder() -> Path:
    """Where vectors are kept if nothing else is said: ``vectors`` in the user's cache folder."""
    return cache_folder() / "vectors"


class CachedEncoder(Encoder[Any]):
    """Encodes each item once, in this process or any other, and keeps its vector on the disk.

    Vectors are found again by the fingerprint of the model, the side (document or query) and the
    item's content, so that no other model, prompt or setting of a model gets them. Precision is no
    part of a fingerprint: what bfloat16 gave is handed out where float32 is asked for, too.

    What a model asks of its callers, such as ``tokenizer``, is the wrapped one's.

    Parameters
    ----------
    encoder : Encoder
        Dense, sparse or of several vectors an item. If it has a method
        ``parts(items, side)`` that gives (positions, vectors) as they come, each part is
        kept at once, and a failure loses none of those before it.
    folder : path, optional
        By default ``vectors`` in the user's cache folder.
    max_bytes : int, optional
        The most that the vectors of this model take on the disk; those not used for longest make
        room. Without it nothing is thrown away.

    Attributes
    ----------
    hits_, misses_ : int
        How many items were found, and how many had to be encoded, since this object was made.

    Raises
    ------
    StoreFull, StoreError
        If the cache's folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from kinspace import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = CachedEncoder(load(), folder)
    ...     _ = model.encode(["a cat", "a car"])
    ...     _ = model.encode(["a cat", "a kitten"])
    ...     model.hits_, model.misses_
    (1, 3)
    """

    batch_cost: ClassVar[int] = 1 << 22
    """Characters: so much is looked up, encoded and kept at once."""

    def __init__(
        self,
        encoder: Encoder[Any],
        folder: str | Path | None = None,
        *,
        max_bytes: int | None = None,
    ) -> None:
        self.encoder = encoder
        self.folder = folder
        self.max_bytes = max_bytes
        self.hits_ = 0
        self.misses_ = 0

    @property
    def space(self) -> Space:
        """The space of the wrapped encoder."""
        return self.encoder.space

    @property
    def keyword_share(self) -> float:  # type: ignore[override]
        """How much words count beside it in a hybrid search: as for the wrapped encoder."""
        return self.encoder.keyword_share

    @property
    def cache(self) -> VectorCache:
        """Where the vectors lie; ``count``, ``nbytes`` and ``clear`` them there."""
        if self.max_bytes is not None and self.max_bytes < 1:
            raise InvalidParameter(f"{self.max_bytes} bytes hold nothing.", "Give 1 or more.")
        folder = default_folder() if self.folder is None else Path(self.folder)
        return VectorCache.of(folder, self.space, self.max_bytes)

    def known(self, items: Sequence[Any], side: Side = "document") -> NDArray[np.bool_]:
        """Which items need not be encoded any more, shape (n,)."""
        keys = self._keys(items, side)
        found = self.cache.get([key for key in keys if key is not None])
        return np.array([key in found for key in keys], bool)

    def _encode_batch(self, items: Sequence[Any], side: Side) -> Any:
        space, cache = self.space, self.cache
        keys = self._keys(items, side)
        found = cache.get([key for key in keys if key is not None])
        values = [found.get(key) if key is not None else None for key in keys]
        values = [v if v is not None and packed.fits(v, space) else None for v in values]
        missing = [place for place, value in enumerate(values) if value is None]
        self.hits_ += len(items) - len(missing)
        self.misses_ += len(missing)
        if missing:
            for places, vectors in self._made([items[place] for place in missing], side):
                new: dict[bytes, bytes] = {}
                for place, value in zip(places, packed.to_bytes(vectors, space), strict=True):
                    values[missing[place]] = value
                    key = keys[missing[place]]
                    if key is not None:
                        new[key] = value
                cache.put(new)
        return packed.from_bytes(cast("list[bytes]", values), space)

    def _made(self, items: list[Any], side: Side) -> Iterator[tuple[NDArray[np.int64], Any]]:
        in_parts: Parts | None = getattr(self.encoder, "parts", None)
        if in_parts is not None:
            for places, vectors in in_parts(items, side):
                yield places, Embeddings(vectors, self.space).vectors  # nothing broken is kept
            return
        encode = self.encoder.encode_query if side == "query" else self.encoder.encode
        yield np.arange(len(items)), encode(items).vectors

    def _keys(self, items: Sequence[Any], side: Side) -> list[bytes | None]:
        """A key for each item: 16 bytes of what it is, and 8 of what is made of it."""
        made = bytes.fromhex(fingerprint_of(self.space.fingerprint, self.space.dim, side))
        digests = map(digest_of, items)
        return [None if digest is None else digest + made for digest in digests]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "encoder":
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return getattr(self.encoder, name)
