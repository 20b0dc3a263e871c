"""Sealed files: what was written comes back, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinspace.errors import PathNotFound, ReadError
from kinspace.sealed import Seal

SEAL = Seal("thing-1", "a thing", "Make it again.")
ARRAYS = {"a": np.arange(6).reshape(2, 3), "none": np.empty((0, 4), np.float32)}


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "one"
    SEAL.write(path, "Thing", ARRAYS, {"x": [1, None, "ü"]})
    assert SEAL.kind_of(path) == "Thing"
    with SEAL.read(path, "Thing") as (arrays, options):
        assert options == {"x": [1, None, "ü"]}
        assert arrays.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert np.array_equal(arrays[name], array)
            assert arrays[name].dtype == array.dtype


def test_what_is_no_such_file(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with pytest.raises(PathNotFound, match="no thing"), SEAL.read(path, "Thing"):
        pass
    with pytest.raises(PathNotFound, match="no folder"):
        SEAL.write(tmp_path / "no" / "one", "Thing", ARRAYS, {})
    SEAL.write(path, "Thing", ARRAYS, {})
    other = Seal("thing-2", "a thing", "Make it again.")
    with pytest.raises(ReadError, match="not a thing of Kinspace"):
        other.kind_of(path)
    with pytest.raises(ReadError, match="not a whole thing: it was written by another version"):
        other.read(path, "Thing").__enter__()
    with pytest.raises(ReadError, match="holds a Thing, not a Wing"):
        SEAL.read(path, "Wing").__enter__()


def test_every_single_byte_counts(tmp_path: Path) -> None:
    path = tmp_path / "one"
    SEAL.write(path, "Thing", ARRAYS, {"x": 1})
    whole = path.read_bytes()
    for at in range(len(whole)):
        bad = bytearray(whole)
        bad[at] ^= 0x10
        path.write_bytes(bytes(bad))
        with pytest.raises(ReadError), SEAL.read(path, "Thing"):
            pass
    path.write_bytes(whole)
    with pytest.raises(ReadError, match="a use that fails"), SEAL.read(path, "Thing"):
        raise ValueError("a use that fails")
