"""Which encoder suits a column of a table, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kinspace.encoder import Encoder
from kinspace.learn.categories.hashing import HashingEncoder
from kinspace.learn.categories.numbers import StandardScaler
from kinspace.learn.categories.one_hot import OneHotEncoder

HASHED = 64
"""Dimensions of a column with many categories."""
_SENTENCE = 4
"""Words, on average, from which strings are texts."""


def guess(values: Sequence[Any], max_categories: int) -> tuple[Encoder[Any], str]:
    """An encoder for the values of a column, and the reason in words.

    Parameters
    ----------
    values : sequence
        As :func:`.learner.tidy` gives them.
    max_categories : int
        With more than so many, categories are hashed.
    """
    there = [value for value in values if value is not None]
    distinct = len(set(there))
    if distinct > 2 and all(map(is_number, there)):
        return StandardScaler(missing="indicator"), f"numbers, {distinct:,} different ones"
    if distinct <= max_categories:
        return OneHotEncoder(), f"{distinct:,} categories"
    words = sum(len(str(value).split()) for value in there) / len(there)
    if words >= _SENTENCE and distinct > len(there) / 2:
        from kinspace.pretrained import load

        return load(), f"texts of {words:.0f} words"
    return HashingEncoder(HASHED), f"{distinct:,} categories, too many for a dimension each"


def is_number(value: Any) -> bool:
    """Whether a value is a number, or the digits of one; True and False are categories."""
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True
