"""From the arrays of finished work to one file: npy, safetensors or Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from kinspace import tensors
from kinspace.bulk.work import STREAMS, Work
from kinspace.durable import sync_folder, write_file
from kinspace.embeddings.files import FORMAT
from kinspace.errors import DuplicateId, InvalidParameter
from kinspace.space import Space

_BLOCK: Final = 1 << 22
"""Bytes that are copied at once."""


def check_target(target: Path, space: Space) -> str:
    """The ending of a file of vectors, if this space can be written to such a file.

    Raises
    ------
    InvalidParameter
        If it is none of ours, or an .npy is meant to hold sparse or multiple vectors.
    MissingExtra
        If Parquet is asked for and pyarrow is not installed.
    """
    ending = target.suffix.lower()
    if ending not in _WRITERS:
        raise InvalidParameter(
            f"{target} is none of {', '.join(_WRITERS)}.", "Give it one of these endings."
        )
    if ending == ".npy" and space.form in ("sparse", "multi"):
        raise InvalidParameter(
            f"An .npy file holds one row of numbers an item, and {space} is {space.form}.",
            "Write .parquet or .safetensors.",
        )
    if ending == ".parquet":
        from kinspace.bulk.parquet import require_pyarrow

        require_pyarrow()
    return ending


def write_target(target: Path, work: Work) -> None:
    """Turn all that was committed into one file, which is complete or absent.

    Raises
    ------
    DuplicateId
        If a .safetensors file, whose rows are found by id, would have an id twice.
    """
    whole = work.folder / "whole"
    _WRITERS[target.suffix.lower()](whole, work)
    whole.replace(target)
    sync_folder(target.parent)


def _write_npy(path: Path, work: Work) -> None:
    head = io.BytesIO()
    about = {"descr": "<f4", "fortran_order": False, "shape": (work.mark.rows, work.space.dim)}
    np.lib.format.write_array_header_1_0(head, about)
    write_file(path, _chain([head.getvalue()], _copied(work, "vectors")))


def _write_safetensors(path: Path, work: Work) -> None:
    """What :meth:`Embeddings.save` would write."""
    rows, form = work.mark.rows, work.space.form
    types = STREAMS[form]
    shapes: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
    if form in ("sparse", "multi"):
        starts = "indptr" if form == "sparse" else "starts"
        shapes[starts] = (types["lengths"], (rows + 1,))
    for name, dtype in types.items():
        if name != "lengths":
            count = work.mark.sizes.get(name, 0) // dtype.itemsize
            flat = form == "sparse"
            shapes[name] = (dtype, (count,) if flat else (count // work.space.dim, work.space.dim))
    # The widest first, as `tensors.write` has them.
    shapes = dict(sorted(shapes.items(), key=lambda one: (-one[1][0].itemsize, one[0])))
    starting = ("indptr", "starts")
    parts = [_starts(work) if name in starting else _copied(work, name) for name in shapes]
    if has_names(work):
        _require_unique(work)
        size = work.mark.sizes["ids"] + rows  # each line's end becomes ", ", and [ ] come around
        shapes["ids"] = (np.dtype(np.uint8), (size,))
        parts.append(_listed(work))
    meta = {"format": FORMAT, "space": json.dumps(work.space.to_dict())}
    write_file(path, _chain([tensors.head(shapes, meta)], *parts))


def _write_parquet(path: Path, work: Work) -> None:
    from kinspace.bulk.parquet import write_parquet

    write_parquet(path, work)


_WRITERS: Final[dict[str, Callable[[Path, Work], None]]] = {
    ".parquet": _write_parquet,
    ".safetensors": _write_safetensors,
    ".npy": _write_npy,
}


def has_names(work: Work) -> bool:
    """Whether ids are more than the rows' own numbers."""
    with work.open("ids") as file:
        return any(int(line) != row if line[:1] != b'"' else True for row, line in enumerate(file))


def _copied(work: Work, name: str) -> Iterator[bytes]:
    with work.open(name) as file:
        yield from _blocks(file, work.mark.sizes.get(name, 0))


def _blocks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (block := file.read(min(_BLOCK, size))):
        size -= len(block)
        yield block


def _starts(work: Work) -> Iterator[bytes]:
    """Where each row begins, from how long each is."""
    end = np.zeros(1, np.int64)
    yield end.astype("<i8").tobytes()
    for block in _copied(work, "lengths"):
        ends = end + np.cumsum(np.frombuffer(block, "<i8"))
        end = ends[-1:]
        yield ends.astype("<i8").tobytes()


def _listed(work: Work) -> Iterator[bytes]:
    """All ids as one list of JSON, spaced as `json.dumps` does it."""
    yield b"["
    with work.open("ids") as file:
        for row, line in enumerate(file):
            yield (b", " if row else b"") + line.rstrip(b"\n")
    yield b"]"


def _require_unique(work: Work) -> None:
    from hashlib import blake2b

    with work.open("ids") as file:
        digests = np.fromiter(
            (int.from_bytes(blake2b(line, digest_size=8).digest(), "little") for line in file),
            np.uint64, work.mark.rows,
        )  # fmt: skip
    order = np.argsort(digests, kind="stable")
    twice = np.flatnonzero(digests[order][1:] == digests[order][:-1])
    if len(twice):
        first, second = (int(order[twice[0]]), int(order[twice[0] + 1]))
        with work.open("ids") as file:
            line = next(line for row, line in enumerate(file) if row == first)
        raise DuplicateId(
            f"Rows {first} and {second} have the same id, {json.loads(line)!r}.",
            "Write .parquet, where ids may repeat; nothing is encoded again if you first rename "
            f"{work.folder.name} to NAME.parquet.unfinished.",
        )


def _chain(*parts: Any) -> Iterator[bytes]:
    for part in parts:
        yield from part
