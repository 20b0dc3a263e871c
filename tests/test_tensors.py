"""Arrays in a file, mapped: the same as the safetensors package reads and writes, and damage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from kinspace import tensors
from kinspace.errors import ReadError

ARRAYS = {
    "counts": np.arange(7, dtype=np.int64),
    "flags": np.array([True, False, True]),
    "bytes": np.frombuffer(b"odd", np.uint8),
    "halves": np.linspace(0, 1, 5, dtype=np.float16),
    "table": np.arange(12, dtype=np.float32).reshape(3, 4),
    "wide": np.array([[1e300]]),
    "nothing": np.empty((0, 4), np.float32),
    "one": np.array(3, np.int32),
}


def test_safetensors_reads_what_is_written(tmp_path: Path) -> None:
    tensors.write(tmp_path / "t", ARRAYS, {"format": "näme"})
    found = load_file(tmp_path / "t")
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    with safe_open(tmp_path / "t", framework="numpy") as file:
        assert file.metadata() == {"format": "näme"}


def test_what_safetensors_writes_is_read(tmp_path: Path) -> None:
    save_file(ARRAYS, tmp_path / "t", {"a": "b"})
    found, meta = tensors.read(tmp_path / "t")
    assert meta == {"a": "b"}
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype and found[name].shape == array.shape


def test_arrays_in_any_order_of_memory(tmp_path: Path) -> None:
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    tensors.write(tmp_path / "t", {"turned": table.T, "every": table[:, ::2]}, {})
    found, _ = tensors.read(tmp_path / "t")
    np.testing.assert_array_equal(found["turned"], table.T)
    np.testing.assert_array_equal(found["every"], table[:, ::2])


def test_writing_into_an_array_leaves_the_file_alone(tmp_path: Path) -> None:
    tensors.write(tmp_path / "t", ARRAYS, {})
    before = (tmp_path / "t").read_bytes()
    found, _ = tensors.read(tmp_path / "t")
    found["table"][:] = 7
    assert (tmp_path / "t").read_bytes() == before


def test_replacing_the_file_leaves_the_arrays_alone(tmp_path: Path) -> None:
    tensors.write(tmp_path / "t", ARRAYS, {})
    found, _ = tensors.read(tmp_path / "t")
    tensors.write(tmp_path / "t", {"table": np.zeros((3, 4), np.float32)}, {})
    np.testing.assert_array_equal(found["table"], ARRAYS["table"])


def header(file: bytes) -> tuple[dict[str, dict[str, object]], bytes]:
    end = 8 + int.from_bytes(file[:8], "little")
    return json.loads(file[8:end]), file[end:]


def joined(head: object, rest: bytes) -> bytes:
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + rest


def test_an_array_that_lies_askew_is_copied(tmp_path: Path) -> None:
    tensors.write(tmp_path / "t", {"table": ARRAYS["table"]}, {})
    head, rest = header((tmp_path / "t").read_bytes())
    for spaces in range(4):
        name = "table" + " " * spaces
        (tmp_path / "t").write_bytes(joined({name: head["table"]}, rest))
        found = tensors.read(tmp_path / "t")[0][name]
        assert found.flags.aligned
        np.testing.assert_array_equal(found, ARRAYS["table"])


def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "t"
    tensors.write(path, {"table": ARRAYS["table"]}, {})
    whole = path.read_bytes()
    head, rest = header(whole)
    one = head["table"]
    damaged = [
        b"", b"hello", whole[:20], whole[:-1], whole + b"\0", b"\xff" * 100,
        joined([], rest), joined({"table": 7}, rest), joined({"table": {}}, rest),
        joined({"table": one | {"shape": [3, 5]}}, rest),
        joined({"table": one | {"shape": [-3, -4]}}, rest),
        joined({"table": one | {"dtype": "F8_E4M3"}}, rest),
        joined({"table": one | {"data_offsets": [-8, 40]}}, rest),
        joined({"table": one | {"data_offsets": [0, 1 << 60]}}, rest),
        joined({"table": one | {"shape": ["a"]}}, rest),
    ]  # fmt: skip
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ReadError) as raised:
            tensors.read(path)
        assert raised.value.remedy
