"""What encoding would cost, before the first request: tokens from characters, and the record."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kinspace.pretrained.providers.records import ModelRecord

_LETTERS_OF_TOKEN = 4.0
"""ASCII characters of a token, in English; code has fewer."""

_TOKENS_OF_OTHER = 0.7
"""Tokens of a character that is no ASCII: about 0.4 in Cyrillic, 1 in Chinese."""

_TOKENS_OF_PICTURE = 1_600
"""Of a picture of 512 × 512 pixels, as Cohere counts."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What encoding would cost.

    Parameters
    ----------
    items : int
    tokens : int
        About so many, within a third for English; nothing is encoded to find out.
    dollars : float or None
        US dollars, by the price on record; None if there is none.
    seen : date or None
        When that price was seen.
    source : str
        Where.
    """

    items: int
    tokens: int
    dollars: float | None = None
    seen: datetime.date | None = None
    source: str = ""


def about_tokens(item: Any) -> int:
    """About how many tokens an item has: a text by its characters, a picture by experience.

    Examples
    --------
    >>> about_tokens("the quick brown fox jumps over the lazy dog")
    11
    """
    if not isinstance(item, str):
        return _TOKENS_OF_PICTURE
    if item.isascii():
        return round(len(item) / _LETTERS_OF_TOKEN)
    ascii_ = sum(map(str.isascii, item))
    return round(ascii_ / _LETTERS_OF_TOKEN + (len(item) - ascii_) * _TOKENS_OF_OTHER)


def estimate(encoder: Any, items: Iterable[Any]) -> Cost | None:
    """What a service would charge for encoding items, without asking it.

    Parameters
    ----------
    encoder : Encoder
        Behind an API, or one that wraps such a one as its ``encoder``.
    items : iterable
        Texts, or pictures; a stream need not fit in memory.

    Returns
    -------
    Cost or None
        None if the encoder is behind no API.

    Examples
    --------
    >>> from kinspace.pretrained.providers import OpenAIEncoder
    >>> model = OpenAIEncoder("text-embedding-3-small")
    >>> cost = estimate(model, ["a text of six tokens"] * 1_000_000)
    >>> cost.tokens, round(cost.dollars, 2)
    (5000000, 0.1)
    """
    from kinspace.pretrained.providers.base import ProviderEncoder

    while not isinstance(encoder, ProviderEncoder) and hasattr(encoder, "encoder"):
        encoder = encoder.encoder
    if not isinstance(encoder, ProviderEncoder):
        return None
    count = tokens = 0
    for item in items:
        count += 1
        tokens += about_tokens(item)
    record: ModelRecord | None = encoder.record
    if record is None:
        return Cost(count, tokens)
    return Cost(count, tokens, record.cost(tokens), record.seen, record.source)
