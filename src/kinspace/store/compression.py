"""A collection's vectors made smaller: a second set beside its own, filled from those there are.

Nothing is encoded: the vectors that are there are brought into fewer bytes. The rest is as with
another model (:mod:`kinspace.store.migration`): the collection can be read and written meanwhile, a
killed run goes on where it was, and the vectors as they were stay until they are let go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.encoder import CompressedEncoder
from kinspace.compress.float16 import Float16
from kinspace.compress.int8 import RowInt8
from kinspace.compress.quantizer import Quantizer
from kinspace.encoder import Progress
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.store.migration import BATCH, Migration
from kinspace.store.packing import Packing
from kinspace.store.vector_rows import VectorRows, active

if TYPE_CHECKING:
    from kinspace.store.collection import Collection

_ROWS = 8192


def check_kept(collection: Collection, quantizer: Quantizer) -> None:
    """Raise unless a collection can keep vectors that were compressed so.

    Raises
    ------
    InvalidInput
        If its vectors are not dense.
    InvalidParameter
        If it can keep such vectors in no fewer bytes than its own, or not at all.
    """
    if collection.space.form != "dense":
        raise InvalidInput(
            f"The vectors of {collection.path} are {collection.space.form}.",
            "Only dense ones are compressed.",
        )
    if dtype_of(quantizer) is None and not _leaves_numbers(quantizer):
        raise InvalidParameter(
            f"A collection keeps numbers, which {quantizer.name} does not leave.",
            "Choose float16, int8, truncate:N, pca:N or random:N; compress a file of vectors "
            "to anything.",
        )
    if dtype_of(quantizer) == collection.dtype:
        raise InvalidParameter(
            f"{collection.path} keeps its vectors as {collection.dtype} already.",
            "Choose a way that takes fewer bytes.",
        )


def dtype_of(quantizer: Quantizer) -> str | None:
    """How numbers are kept, where that is all that a quantizer changes."""
    if isinstance(quantizer, Float16):
        return "float16"
    return "int8" if isinstance(quantizer, RowInt8) else None


def kept_bytes(collection: Collection, quantizer: Quantizer) -> tuple[int, int]:
    """Bytes of a vector as the collection keeps it, and as it would."""
    before = Packing(collection.space, collection.dtype)
    if not _leaves_numbers(quantizer):
        return before.unit.itemsize, quantizer.bytes_per_vector
    after = Packing(quantizer.space(collection.space), collection.dtype)
    return before.unit.itemsize, after.unit.itemsize


def _leaves_numbers(quantizer: Quantizer) -> bool:
    return quantizer.moves_queries and quantizer.code_dtype == np.float32


def dense_vectors(
    collection: Collection, most: int | None = None, seed: int = 0
) -> tuple[list[str], NDArray[np.float32]]:
    """Ids and vectors of all records, float32, shape (n, dim); of about ``most`` of more.

    Raises
    ------
    InvalidInput
        If they are not dense.
    """
    if collection.space.form != "dense":
        raise InvalidInput(
            f"The vectors of {collection.path} are {collection.space.form}.",
            "Only dense ones are compressed.",
        )
    rows, names, parts, last = collection.vector_rows, list[str](), [], 0
    total, rng = len(collection), np.random.default_rng(seed)
    while True:
        found, vectors = rows.rows_after(last, _ROWS)
        if not len(found):
            break
        last = int(found[-1])
        if most is not None and total > most:
            kept = np.flatnonzero(rng.random(len(found)) < most / total)
            found, vectors = found[kept], vectors[kept]
        found_names = collection.database.names_of(found.tolist())
        parts.append(np.asarray(vectors, np.float32))
        names += [found_names[seq] for seq in found.tolist()]
    return names, np.concatenate(parts) if parts else np.empty(
        (0, collection.space.dim), np.float32
    )


def compress_collection(
    collection: Collection,
    quantizer: Quantizer,
    *,
    switch: bool = True,
    progress: Progress | None = None,
) -> int:
    """Keep a collection's vectors in fewer bytes, and search by those.

    Parameters
    ----------
    collection : Collection
        Open for writing.
    quantizer : Quantizer
        Fitted to its vectors: ``Float16``, ``RowInt8``, or one that leaves fewer numbers
        (``Truncation``, ``PCA``, ``RandomProjection``), which are kept as they were.
    switch : bool
        Whether to change over when all are there.
    progress : callable, optional
        Called with (done, total) after each batch.

    Returns
    -------
    int
        How many vectors were brought over by this call.

    Raises
    ------
    InvalidInput, InvalidParameter, StoreLocked, StoreFull, ReadOnlyStore
    """
    check_kept(collection, quantizer)
    model, dtype = collection.encoder, dtype_of(quantizer)
    given = model if dtype is not None else CompressedEncoder(model, quantizer)
    collection._require_writable()
    with collection._migrating() as migration:
        migration.begin(given, dtype, reads_texts=False)
        done = _fill(migration, given, progress)
        if switch:
            collection._change_over(migration)
    return done


def _fill(migration: Migration, given: Any, progress: Progress | None) -> int:
    database, guard = migration.database, migration.guard
    with guard:
        old = VectorRows(database, active(database))
        new = VectorRows(database, migration.need_other("Compress it again."))
        total = new.lacks()
    done = last = 0
    while True:
        with guard:
            found = database.fetch(
                f"SELECT a.seq, a.vector FROM {old.which.table} a "
                f"LEFT JOIN {new.which.table} b USING (seq) "
                "WHERE a.seq > ? AND b.seq IS NULL ORDER BY a.seq LIMIT ?",
                (last, BATCH),
            )
        if not found:
            return done
        rows = np.asarray(old.packing.unpack([blob for _, blob in found]), np.float32)
        if isinstance(given, CompressedEncoder):
            rows = given.moved(rows)
        last = int(found[-1][0])
        packed = new.packing.pack(rows, "a record")
        with guard, database.transaction():
            new.put(zip((seq for seq, _ in found), packed, strict=True))
        done += len(found)
        if progress is not None:
            progress(done, max(done, total))
