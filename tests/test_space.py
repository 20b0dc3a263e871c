"""A space is its fingerprint, dimension, metric and form; its name is for people."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from kinspace.errors import InvalidParameter, SpaceMismatch
from kinspace.space import Space, fingerprint_of

SPACE = Space("tiny", fingerprint_of("tiny", 1), dim=8)


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SPACE.dim = 9  # type: ignore[misc]


def test_the_name_does_not_count() -> None:
    assert SPACE.agrees(dataclasses.replace(SPACE, model="other name"))
    SPACE.require(dataclasses.replace(SPACE, model="other name"), "compared")


@pytest.mark.parametrize(
    "change",
    [{"fingerprint": "0"}, {"dim": 4}, {"metric": "dot"}, {"form": "binary"}],
)
def test_everything_else_counts(change: dict[str, object]) -> None:
    other = dataclasses.replace(SPACE, model="other", **change)  # type: ignore[arg-type]
    assert not SPACE.agrees(other)
    with pytest.raises(SpaceMismatch) as raised:
        SPACE.require(other, "stored together")
    message = str(raised.value)
    assert "tiny [" in message and "other [" in message and "stored together" in message
    assert raised.value.remedy


@pytest.mark.parametrize("change", [{"dim": 0}, {"metric": "angular"}, {"form": "round"}])
def test_impossible_spaces(change: dict[str, object]) -> None:
    with pytest.raises(InvalidParameter) as raised:
        dataclasses.replace(SPACE, **change)  # type: ignore[arg-type]
    assert raised.value.remedy


def test_deriving_gives_a_new_named_space() -> None:
    small = SPACE.derive("truncate 4", dim=4)
    assert (small.model, small.dim, small.form) == ("tiny (truncate 4)", 4, "dense")
    assert not small.agrees(SPACE)
    assert small.agrees(SPACE.derive("truncate 4", dim=4))
    assert not SPACE.derive("int8").agrees(SPACE)
    bits = SPACE.derive("sign", form="binary")
    assert (bits.dim, bits.form) == (8, "binary")


def test_goes_through_json() -> None:
    assert Space.from_dict(json.loads(json.dumps(SPACE.to_dict()))) == SPACE


def test_fingerprints_differ_where_anything_differs() -> None:
    parts: list[tuple[object, ...]] = [
        (),
        ("a",),
        ("a", "b"),
        ("ab",),
        (["a", "b"],),
        ({"a": 1},),
        ({"a": 2},),
        (b"a",),
        (b"", b"a"),
        (1,),
        ("1",),
        (None,),
        (True,),
    ]
    assert len({fingerprint_of(*part) for part in parts}) == len(parts)
    assert fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})


def test_fingerprint_is_the_same_in_every_process() -> None:
    code = "from kinspace.space import fingerprint_of as f; print(f({'b': 1, 'a': [2]}, b'w'))"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert other == fingerprint_of({"b": 1, "a": [2]}, b"w")
