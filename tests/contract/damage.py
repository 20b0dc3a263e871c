"""Five hundred ways to damage a file, tried in a process of their own: a crash ends only that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from kinspace.errors import ReadError

COUNT = 500


def damaged(good: bytes, other: bytes, number: int) -> bytes:
    """A file that differs from ``good``, the same one for the same number.

    Parameters
    ----------
    good, other : bytes
        Two files of one kind with other content.
    number : int
    """
    rng = np.random.default_rng(number)
    content = bytearray(good)
    head = 8 + int.from_bytes(good[:8], "little")
    # Every other time it is the header that is struck, and now and then the length before it.
    end = (len(good), head, len(good), 8)[number % 4]
    start = int(rng.integers(0, end))
    stop = min(len(good), start + int(rng.integers(1, 200)))
    way = number % 11
    if way == 0:
        content[start] ^= 1 << int(rng.integers(0, 8))
    elif way == 1:
        content[start:stop] = rng.bytes(stop - start)
    elif way == 2:
        del content[start:]
    elif way == 3:
        del content[start:stop]
    elif way == 4:
        content[start:start] = rng.bytes(stop - start)
    elif way == 5:
        content[start:stop] = bytes(stop - start)
    elif way == 6:
        content[start:start] = content[start:stop]
    elif way == 7:
        content += rng.bytes(stop - start)
    elif way == 8:
        content[start:] = other[start:]
    elif way == 9:
        content[:start] = other[:start]
    else:  # pages that the disk gave back in another order
        page = max(1, len(good) // 8)
        pages = [content[i : i + page] for i in range(0, len(good), page)]
        content = bytearray(b"".join(pages[i] for i in rng.permutation(len(pages))))
    if bytes(content) in (good, other):
        content[start] ^= 0xFF
    return bytes(content)


def attempt(kind: Any, good: Path, other: Path, folder: Path) -> None:
    """Load each damaged file, and write down those that were not refused as they should be."""
    wrong, path = [], folder / "damaged"
    contents = good.read_bytes(), other.read_bytes()
    for number in range(COUNT):
        path.write_bytes(damaged(*contents, number))
        try:
            kind.load(path)
        except ReadError as error:
            if not error.remedy or str(path) not in error.message:
                wrong.append(f"{number}: says only {error}")
        except BaseException as error:  # noqa: BLE001 - all of it is to be told
            wrong.append(f"{number}: {type(error).__name__}: {error}")
        else:
            wrong.append(f"{number}: was loaded")
    (folder / "wrong.json").write_text(json.dumps(wrong))


def save_for_ever(indexes: list[Any], path: Path) -> None:
    """Save one after the other in the same place, until killed."""
    while True:
        for index in indexes:
            index.save(path)


def save_for_ever_from(files: list[Path], kind: Any, path: Path) -> None:
    """Load some indexes, and save them in one place, until killed."""
    save_for_ever([kind.load(file) for file in files], path)
