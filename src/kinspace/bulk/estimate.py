"""What encoding would take, before it begins: texts, tokens, seconds, money."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from kinspace.bulk.counting import longest_of, tokens_of
from kinspace.bulk.job import always_compiled, windows
from kinspace.encoder import Encoder, Side

_SAMPLE: Final = 1024
_CLIPPED: Final = 1 << 16
"""Characters of a text in the sample, whose memory is bounded so."""
_WRITTEN: Final = 2e8
"""Bytes a second that an ordinary disk takes; each vector is written twice."""
_SECONDS: Final = 5.0
"""What the sample may take, about."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What encoding would take.

    Attributes
    ----------
    texts : int
    to_encode : int
        Without those that come again in the same window, and those that are in the cache.
    cached : int
        Those that are in the cache.
    characters : int
    tokens : int or None
        Of the texts that are to be encoded, special tokens included, as far as the model reads
        them; None if the encoder has no tokens.
    cut_texts, cut_tokens : int or None
        Texts that are longer than the model reads, and how many tokens of them it leaves out (or,
        with ``long="mean"``, reads apart).
    seconds : float or None
        By the time of a sample; None for a service, which would be paid for it.
    texts_per_second : float or None
        Of the sample, which is encoded without reading and writing.
    dollars : float or None
        What a service asks for so many tokens; None for what is not paid for, or has no known
        price.
    price : str
        Where that price is from, and of when.
    """

    texts: int
    to_encode: int
    cached: int
    characters: int
    tokens: int | None
    cut_texts: int | None
    cut_tokens: int | None
    seconds: float | None
    texts_per_second: float | None
    dollars: float | None
    price: str


def estimate(
    encoder: Encoder[Any],
    items: Iterable[Any],
    *,
    side: Side = "document",
    progress: Callable[[int], None] | None = None,
) -> Estimate:
    """Read all items once, count them, and time a sample of them; nothing is written.

    Parameters
    ----------
    encoder : Encoder
    items : iterable
        As for :func:`encode_to_file`.
    side : {"document", "query"}
    progress : callable, optional
        Called with how many items were counted so far.
    """
    from kinspace.pretrained.providers import estimate as cost_of

    count, longest = tokens_of(encoder, side), longest_of(encoder)
    service = cost_of(encoder, [])
    known = getattr(encoder, "known", None)
    sample = _Sample()
    reading, began = 0.0, time.perf_counter()
    texts = cached = to_encode = characters = tokens = cut_texts = cut_tokens = 0
    for window in windows(items):
        reading += time.perf_counter() - began
        listed = [entry.item for entry in window]
        texts += len(listed)
        characters += sum(len(item) for item in listed if isinstance(item, str))
        new = _distinct(listed)
        if known is not None:
            there = known(new, side)
            cached += int(np.count_nonzero(there))
            new = [item for item, is_there in zip(new, there, strict=True) if not is_there]
        to_encode += len(new)
        sample.add(new)
        if service is not None:
            tokens += getattr(cost_of(encoder, new), "tokens", 0)
        elif count is not None and new and all(isinstance(item, str) for item in new):
            counted = count(new)
            over = np.maximum(counted - longest, 0) if longest is not None else counted * 0
            tokens += int((counted - over).sum())
            cut_texts += int(np.count_nonzero(over))
            cut_tokens += int(over.sum())
        if progress is not None:
            progress(texts)
        began = time.perf_counter()
    speed = None if service or not to_encode else _speed(encoder, sample.items, side)
    knows_cut = count is not None and longest is not None
    dollars, price = _price(encoder, tokens) if service else (None, "")
    return Estimate(
        texts, to_encode, cached, characters,
        tokens if service or count is not None else None,
        cut_texts if knows_cut else None,
        cut_tokens if knows_cut else None,
        None if speed is None else reading + to_encode / speed + _writing(encoder, texts),
        speed, dollars, price,
    )  # fmt: skip


class _Sample:
    """Some of many items, each as likely as any other (Vitter's algorithm R, 1985)."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._seen = 0
        self._random = random.Random(0)

    def add(self, items: Sequence[Any]) -> None:
        for item in items:
            self._seen += 1
            kept = item[:_CLIPPED] if isinstance(item, str) else item
            if len(self.items) < _SAMPLE:
                self.items.append(kept)
            elif (place := self._random.randrange(self._seen)) < _SAMPLE:
                self.items[place] = kept


def _speed(encoder: Any, items: list[Any], side: Side) -> float:
    """Items a second, of as many of the sample as a few seconds allow."""
    inner = encoder.encoder if hasattr(encoder, "known") else encoder  # not what lies in a cache
    always_compiled(inner)
    encode = inner.encode_query if side == "query" else inner.encode
    encode(items[:8])  # loads the model, and compiles
    done, count, took = 0, min(32, len(items)), 0.0
    while True:  # twice as many each time, until it is enough to go by
        began = time.perf_counter()
        encode(items[:count])
        took = time.perf_counter() - began
        done = count
        if count == len(items) or took * 2 > _SECONDS:
            return done / max(took, 1e-9)
        count = min(len(items), count * 2 if took > _SECONDS / 8 else count * 8)


def _writing(encoder: Any, rows: int) -> float:
    return rows * encoder.space.dim * 8 / _WRITTEN if encoder.space.form == "dense" else 0.0


def _price(encoder: Any, tokens: int) -> tuple[float | None, str]:
    """What so many tokens cost, and by which price."""
    record = getattr(encoder, "record", None)
    if record is None:
        return None, ""
    price = f"{record.dollars} $ for a million tokens ({record.source}, {record.seen})"
    return record.cost(tokens), price


def _distinct(items: list[Any]) -> list[Any]:
    try:
        return list(dict.fromkeys(items))
    except TypeError:
        return items
