"""What a task is known by: a hash of its set and of all its settings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from kinspace.space import fingerprint_of


def identity(kind: str, contents: Sequence[Any], settings: Mapping[str, Any]) -> str:
    """A hash of what is judged on and how, by which results are cached.

    Parameters
    ----------
    kind : str
        The task's kind, with a number that grows whenever its protocol changes.
    contents : sequence
        Sets of :mod:`kinspace.datasets.content`; None where a set is left out. Their names do not
        count, only what is in them.
    settings : mapping
        Values that JSON can hold.

    Examples
    --------
    >>> from kinspace.datasets.content import LabelledSet
    >>> here, there = LabelledSet("a", ["x"], ["1"]), LabelledSet("b", ["x"], ["1"])
    >>> identity("clustering", [here], {}) == identity("clustering", [there], {})
    True
    >>> identity("clustering", [here], {}) == identity("clustering", [here], {"seed": 1})
    False
    """
    digest = hashlib.sha256()
    for content in contents:
        _feed(digest, content)
    return fingerprint_of(kind, digest.digest(), dict(settings))


def _feed(digest: Any, value: Any) -> None:
    """Hash a value so that nothing else gives the same bytes: a mark, a length, what is inside."""
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        digest.update(b"s%d:" % len(raw))
        digest.update(raw)
    elif is_dataclass(value) and not isinstance(value, type):
        parts = [field.name for field in fields(value) if field.name != "name"]
        digest.update(b"c%d:" % len(parts))
        for part in parts:
            _feed(digest, getattr(value, part))
    elif isinstance(value, Mapping):
        digest.update(b"m%d:" % len(value))
        for key, inner in value.items():
            _feed(digest, key)
            _feed(digest, inner)
    elif isinstance(value, np.ndarray):
        digest.update(f"a{value.dtype}{value.shape}:".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Sequence):
        digest.update(b"l%d:" % len(value))
        for inner in value:
            _feed(digest, inner)
    else:
        digest.update(f"v{value!r}:".encode())
