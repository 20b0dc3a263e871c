"""What cuts a text into words."""

from __future__ import annotations

import re
from typing import Any, Protocol, runtime_checkable

from kinspace.errors import InvalidParameter

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@runtime_checkable
class Tokenizer(Protocol):
    """Cuts a text into words, and can be written down."""

    def words(self, text: str) -> list[str]:
        """The words of a text, in order."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which :func:`as_tokenizer` makes the same tokenizer."""
        ...


class Words:
    """Runs of letters and digits, in lower case; an apostrophe inside a word belongs to it."""

    def words(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "words"}


class Whitespace:
    """What stands between spaces, as it is: for texts that are cut into words already."""

    def words(self, text: str) -> list[str]:
        return text.split()

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "whitespace"}


_KINDS: dict[str, type[Words] | type[Whitespace]] = {"words": Words, "whitespace": Whitespace}


def as_tokenizer(tokenizer: Any) -> Tokenizer:
    """The tokenizer that is meant.

    Parameters
    ----------
    tokenizer : str, dict or Tokenizer
        ``"words"``, ``"whitespace"``, what :meth:`Tokenizer.to_dict` gave, or one made elsewhere.

    Raises
    ------
    InvalidParameter
        If it is none of these.
    """
    if isinstance(tokenizer, dict):
        tokenizer = tokenizer.get("kind")
    if isinstance(tokenizer, str) and tokenizer in _KINDS:
        return _KINDS[tokenizer]()
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    raise InvalidParameter(
        f"Unknown tokenizer {tokenizer!r:.80}.", f"Choose one of: {', '.join(_KINDS)}."
    )
