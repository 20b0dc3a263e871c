"""Words as an array of bytes, for files that hold arrays."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray


def written_words(words: list[str]) -> NDArray[np.uint8]:
    """Words as the bytes of a JSON list.

    Examples
    --------
    >>> read_words(written_words(["cat", "naïve"]))
    ['cat', 'naïve']
    """
    return np.frombuffer(json.dumps(words, ensure_ascii=False).encode(), np.uint8)


def read_words(written: NDArray[np.uint8]) -> list[str]:
    """The words that :func:`written_words` wrote."""
    words: list[str] = json.loads(written.tobytes())
    return words
