"""How many tokens texts have, and how many of them a model leaves out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side

_SAMPLED: Final = 128
"""Texts whose tokens are counted for each window; the others are judged by their characters."""


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens that were encoded, and what was cut; None for what an encoder does not tell."""

    tokens: int | None = None
    cut_texts: int | None = None
    cut_tokens: int | None = None

    def __add__(self, other: Count) -> Count:
        return Count(
            _sum(self.tokens, other.tokens),
            _sum(self.cut_texts, other.cut_texts),
            _sum(self.cut_tokens, other.cut_tokens),
        )

    def to_dict(self) -> dict[str, int]:
        """What is known."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Count:
        """What :meth:`to_dict` gave."""
        return cls(**counts)


class Counter:
    """Counts beside an encoder that works.

    Parameters
    ----------
    encoder : Encoder
        Its ``truncated_`` says how many texts were cut, and how many tokens were left out.
    """

    def __init__(self, encoder: Any, side: Side) -> None:
        self._encoder = encoder
        self._tokens = tokens_of(encoder, side)
        self._longest = longest_of(encoder)
        self._before = cut_of(encoder)

    def of(self, items: Sequence[Any]) -> Count:
        """What the items are that were just encoded: about so many tokens, and exactly what cut."""
        now, before = cut_of(self._encoder), self._before
        self._before = now
        cut = [None if a is None or b is None else a - b for a, b in zip(now, before, strict=True)]
        return Count(self._about(items), cut[0], cut[1])

    def _about(self, items: Sequence[Any]) -> int | None:
        if self._tokens is None or not all(isinstance(item, str) for item in items):
            return None
        step = -(-len(items) // _SAMPLED)
        seen = items[::step]
        counted = self._tokens(seen)
        if self._longest is not None:
            counted = np.minimum(counted, self._longest)
        return round(int(counted.sum()) * len(items) / len(seen))


def cut_of(encoder: Any) -> tuple[int | None, int | None]:
    """How many texts an encoder has cut so far, and the tokens they lost, where it says so."""
    found = getattr(encoder, "truncated_", None)
    if isinstance(found, Mapping):
        return found.get("texts"), found.get("tokens")
    return (found, None) if isinstance(found, int) else (None, None)


def tokens_of(
    encoder: Any, side: Side = "document"
) -> Callable[[Sequence[str]], NDArray[np.int64]] | None:
    """A function that counts the tokens of each text, special ones and the prompt included.

    However long a text is, all its tokens count. None for an encoder that has no tokens.
    """
    given = getattr(encoder, "tokenizer", None)
    text = given if isinstance(given, str) else getattr(given, "to_str", lambda: None)()
    if text is None:
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(text)  # a copy: the encoder's own keeps its settings
    tokenizer.no_padding()
    tokenizer.no_truncation()
    prompts: Any = getattr(encoder, "prompts", None)
    prompt = prompts.of(side) if hasattr(prompts, "of") else ""

    def count(texts: Sequence[str]) -> NDArray[np.int64]:
        found = tokenizer.encode_batch_fast([prompt + text for text in texts])
        return np.fromiter((len(one.ids) for one in found), np.int64, len(found))

    return count


def longest_of(encoder: Any) -> int | None:
    """The most tokens of a text that a model reads; None if there is no bound, or none known."""
    for name in ("longest", "max_length"):
        found = getattr(encoder, name, None)
        if isinstance(found, int):
            return found
    return None


def _sum(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b
