"""The file of an index: its arrays as they were, its header and every array under a checksum."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace import tensors
from kinspace.errors import DuplicateId, PathNotFound, ReadError
from kinspace.index.files import kind_of, read_arrays, write_arrays
from kinspace.sealed import Seal

ARRAYS: dict[str, Any] = {
    "rows": np.arange(12, dtype=np.float32).reshape(3, 4),
    "codes": np.arange(5, dtype=np.uint8),
    "marks": np.array([True, False]),
    "none": np.empty((0, 7), np.int64),
    "half": np.ones((2, 3), np.float16)[:, ::-1],
    "columns": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
}
OPTIONS = {"dim": 4, "metric": "cosine", "seed": None, "name": '"checksum": "00000000"', "ü": [1]}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_arrays(tmp_path / "i", "Kind", ARRAYS, OPTIONS)
    assert kind_of(tmp_path / "i") == "Kind"
    with read_arrays(tmp_path / "i", "Kind") as (arrays, options):
        assert options == OPTIONS
        assert arrays.keys() == ARRAYS.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, ARRAYS[name])
            assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
            assert array.flags.aligned


def test_arrays_are_mapped_not_read(tmp_path: Path) -> None:
    write_arrays(tmp_path / "i", "Kind", ARRAYS, OPTIONS)
    before = (tmp_path / "i").read_bytes()
    with read_arrays(tmp_path / "i", "Kind") as (arrays, _):
        base: Any = arrays["rows"]
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, memoryview):
            base = base.obj
        assert isinstance(base, mmap.mmap)
        arrays["rows"][:] = 0  # and may be written into, without a change to the file
    assert (tmp_path / "i").read_bytes() == before


def test_it_is_plain_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    write_arrays(tmp_path / "i", "Kind", ARRAYS, OPTIONS)
    found = load_file(tmp_path / "i")
    for name, array in found.items():
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_the_same_content_is_the_same_file(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", "Kind", ARRAYS, OPTIONS)
    backwards = dict(reversed(ARRAYS.items())), dict(reversed(OPTIONS.items()))
    write_arrays(tmp_path / "b", "Kind", *backwards)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("number", range(8))
def test_every_single_byte_is_under_a_checksum(number: int, tmp_path: Path) -> None:
    write_arrays(tmp_path / "i", "Kind", ARRAYS, OPTIONS)
    good = (tmp_path / "i").read_bytes()
    for place in range(number, len(good), 8):
        content = bytearray(good)
        content[place] ^= 1 << (place * 5 + number) % 8
        (tmp_path / "i").write_bytes(content)
        with (
            pytest.raises(ReadError) as raised,
            read_arrays(tmp_path / "i", "Kind"),
        ):
            pass
        assert raised.value.remedy


def test_every_length_but_one_is_refused(tmp_path: Path) -> None:
    write_arrays(tmp_path / "i", "Kind", ARRAYS, OPTIONS)
    good = (tmp_path / "i").read_bytes()
    for length in range(0, len(good), 3):
        (tmp_path / "i").write_bytes(good[:length])
        with pytest.raises(ReadError), read_arrays(tmp_path / "i", "Kind"):
            pass
    (tmp_path / "i").write_bytes(good + b"\0")
    with pytest.raises(ReadError), read_arrays(tmp_path / "i", "Kind"):
        pass


def test_arrays_under_each_others_names(tmp_path: Path) -> None:
    """Whole arrays, each with a right checksum of its own, in the wrong places."""
    same = {"a": np.arange(8), "b": np.arange(8)[::-1].copy()}
    write_arrays(tmp_path / "i", "Kind", same, {})
    content = (tmp_path / "i").read_bytes()
    begin = len(content) - 128
    (tmp_path / "i").write_bytes(content[:begin] + content[-64:] + content[begin:-64])
    with (
        pytest.raises(ReadError, match="checksum of"),
        read_arrays(tmp_path / "i", "Kind"),
    ):
        pass


def test_another_kind_or_another_version(tmp_path: Path) -> None:
    path = tmp_path / "i"
    write_arrays(path, "Kind", ARRAYS, OPTIONS)
    with pytest.raises(ReadError, match="holds a Kind, not a Other"), read_arrays(path, "Other"):
        pass
    Seal("kinspace-index-99", "an index", "").write(path, "Kind", ARRAYS, OPTIONS)
    with pytest.raises(ReadError, match="version"), read_arrays(path, "Kind"):
        pass
    with pytest.raises(ReadError):
        kind_of(path)
    tensors.write(path, ARRAYS, {})
    with pytest.raises(ReadError), read_arrays(path, "Kind"):
        pass
    with pytest.raises(PathNotFound):
        kind_of(tmp_path / "none")


@pytest.mark.parametrize(
    "error", [KeyError("a"), ValueError("b"), TypeError("c"), DuplicateId("d", "e"), OSError("f")]
)
def test_what_goes_wrong_with_the_content_is_damage_too(error: Exception, tmp_path: Path) -> None:
    write_arrays(tmp_path / "i", "Kind", ARRAYS, OPTIONS)
    with (
        pytest.raises(ReadError, match=r"not a whole index") as raised,
        read_arrays(tmp_path / "i", "Kind"),
    ):
        raise error
    assert raised.value.__cause__ is error
    assert "Build it again" in raised.value.remedy
