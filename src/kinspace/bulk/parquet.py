"""Vectors as a Parquet table: an id, the text if it is kept, and the vector, row by row."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from kinspace.bulk.work import Work
from kinspace.errors import MissingExtra

_GROUP: Final = 1 << 24
"""Bytes of vectors in a row group, about: what a reader, and this writer, holds at once."""


def require_pyarrow() -> Any:
    """The pyarrow package.

    Raises
    ------
    MissingExtra
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("A Parquet file", "parquet") from error
    return pyarrow


def write_parquet(path: Path, work: Work) -> None:
    """Write all that was committed.

    The column ``vector`` is a fixed-size list of float32; of a sparse space, a list of structs
    ``(index, value)``; of a multi space, a list of such fixed-size lists. The space is in the
    table's metadata, under ``kinspace.space``, as JSON.
    """
    pa = require_pyarrow()
    import pyarrow.parquet as pq

    schema = _schema(pa, work)
    plain = [name for name in ("id", "text") if name in schema.names]
    with pq.ParquetWriter(
        path,
        schema,
        compression={"vector": "none", **dict.fromkeys(plain, "zstd")},  # numbers hardly shrink
        use_dictionary=False,
        write_statistics=plain,
        store_schema=True,
    ) as writer:
        for columns in _groups(pa, work, schema):
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _schema(pa: Any, work: Work) -> Any:
    space = work.space
    row = pa.list_(pa.float32(), space.dim)
    if space.form == "sparse":
        kind = pa.list_(pa.struct([("index", pa.int32()), ("value", pa.float32())]))
    else:
        kind = pa.list_(row) if space.form == "multi" else row
    fields = [("id", pa.int64() if _numbered(work) else pa.string())]
    if work.with_items:
        fields.append(("text", pa.string()))
    meta = {"kinspace.space": json.dumps(space.to_dict())}
    return pa.schema([*fields, ("vector", kind)], metadata=meta)


def _numbered(work: Work) -> bool:
    """Whether all ids are numbers."""
    with work.open("ids") as file:
        return not any(line.startswith(b'"') for line in file)


def _groups(pa: Any, work: Work, schema: Any) -> Iterator[list[Any]]:
    """Columns of some rows at a time."""
    form, dim = work.space.form, work.space.dim
    per_row = sum(work.mark.sizes.values()) // max(1, work.mark.rows)
    step = max(1, _GROUP // max(1, per_row))
    files = {name: work.open(name) for name in work.names}
    try:
        for first in range(0, work.mark.rows, step):
            count = min(step, work.mark.rows - first)
            ids = [json.loads(files["ids"].readline()) for _ in range(count)]
            if pa.types.is_string(schema.field("id").type):
                ids = [str(one) for one in ids]
            columns = [pa.array(ids, schema.field("id").type)]
            if work.with_items:
                texts = [json.loads(files["items"].readline()) for _ in range(count)]
                columns.append(pa.array([_whole(text) for text in texts], pa.string()))
            yield [*columns, _vectors(pa, files, form, count, dim)]
    finally:
        for file in files.values():
            file.close()


def _vectors(pa: Any, files: dict[str, IO[bytes]], form: str, count: int, dim: int) -> Any:
    if form in ("dense", "binary"):
        return _rows(pa, _taken(files["vectors"], "<f4", count * dim), dim)
    lengths = _taken(files["lengths"], "<i8", count)
    starts = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    total = int(lengths.sum())
    if form == "multi":
        rows = _rows(pa, _taken(files["values"], "<f4", total * dim), dim)
        return pa.ListArray.from_arrays(starts, rows)
    index = pa.array(_taken(files["indices"], "<i8", total), pa.int32())
    value = pa.array(_taken(files["data"], "<f4", total), pa.float32())
    entries = pa.StructArray.from_arrays([index, value], ["index", "value"])
    return pa.ListArray.from_arrays(starts, entries)


def _rows(pa: Any, flat: Any, dim: int) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), dim)


def _taken(file: IO[bytes], kind: str, count: int) -> Any:
    dtype = np.dtype(kind)
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _whole(text: str) -> str:
    """The text with U+FFFD for halves of characters, which Parquet cannot hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
