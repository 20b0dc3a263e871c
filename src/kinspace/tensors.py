"""Arrays in one file, in the safetensors format, mapped into memory instead of read.

A file is a length (8 bytes), a header (JSON: name → type, shape, place) and the arrays.
:func:`read` looks at the header and the file's size alone, so that it takes as long for gigabytes
as for a line; the system brings in what is used, when it is used.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.durable import replace_file
from kinspace.errors import ReadError

_TYPES: Final = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES: Final = {np.dtype(code): name for name, code in _TYPES.items()}
_LONGEST_HEADER: Final = 100_000_000


def write(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    meta: Mapping[str, str],
    *,
    sign: Callable[[bytes], bytes] = bytes,
) -> None:
    """Write arrays and texts about them; the file is complete or absent.

    Parameters
    ----------
    path : Path
    arrays : mapping of str to ndarray
        Numbers or booleans.
    meta : mapping of str to str
    sign : callable
        Given what the file begins with; gives it back, as long, with a checksum filled in.
    """
    # The widest numbers come first, so that every array lies where the processor wants it.
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0]))
    little = [np.ascontiguousarray(a, a.dtype.newbyteorder("<")) for _, a in ordered]
    parts = [array.reshape(-1).view(np.uint8).data for array in little]
    begin = sign(head({name: (a.dtype, a.shape) for name, a in ordered}, meta))
    replace_file(path, begin, *parts)


def head(
    shapes: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]], meta: Mapping[str, str]
) -> bytes:
    """What a file begins with; the arrays follow it one after the other, without gaps.

    Parameters
    ----------
    shapes : mapping of str to (dtype, shape)
        In the order of the arrays, which are little-endian.
    meta : mapping of str to str
    """
    header: dict[str, Any] = {"__metadata__": dict(meta)}
    end = 0
    for name, (dtype, shape) in shapes.items():
        start, end = end, end + dtype.itemsize * math.prod(shape)
        place = {"shape": list(shape), "data_offsets": [start, end]}
        header[name] = {"dtype": _NAMES[dtype.newbyteorder("<")], **place}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Map what :func:`write`, or any other writer of safetensors, wrote.

    Returns
    -------
    arrays : dict of str to ndarray
        Writing into them changes a copy in memory, never the file.
    meta : dict of str to str

    Raises
    ------
    ReadError
        If the file is not as long as its header says, or the header cannot be understood.
    """
    entries, meta, begin = header(path)
    with path.open("rb") as file:
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    try:
        arrays = {name: _mapped(held, begin, one) for name, one in entries.items()}
        end = begin + max((one["data_offsets"][1] for one in entries.values()), default=0)
        if end != len(held):
            raise ValueError(f"it has {len(held):,} bytes and should have {end:,}")
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _damaged(path, error) from error
    return arrays, meta


def header(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str], int]:
    """What a file says that it holds, without a look at the arrays.

    Returns
    -------
    entries : dict of str to dict
        For each array its ``dtype``, ``shape`` and ``data_offsets``.
    meta : dict of str to str
    begin : int
        Where the arrays begin; offsets count from there.

    Raises
    ------
    ReadError
        If the header is cut off or cannot be understood.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > min(size - 8, _LONGEST_HEADER):
                raise ValueError("its header is cut off")
            entries = json.loads(file.read(length))
        if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
            raise ValueError("its header is not a table of arrays")
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    return entries, entries.pop("__metadata__", {}), 8 + length


def _damaged(path: Path, error: Exception) -> ReadError:
    return ReadError(f"{path} is damaged: {error}.", "Make or copy it again.")


def _mapped(held: mmap.mmap, begin: int, one: dict[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(_TYPES[one["dtype"]]), tuple(one["shape"])
    start, end = one["data_offsets"]
    if end - start != dtype.itemsize * math.prod(shape) or min(start, *shape, 0) < 0:
        raise ValueError("an array has another size than its header says")
    array: NDArray[Any] = np.ndarray(shape, dtype, held, begin + start)
    return array if array.flags.aligned else array.copy()
