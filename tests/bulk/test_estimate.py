"""What an encoding would take: counts are exact, times are of a sample, money is by the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import kinspace as ks
from kinspace.bulk import estimate
from kinspace.bulk.counting import cut_of, longest_of, tokens_of
from kinspace.caching import CachedEncoder
from kinspace.encoder import Side
from tests.toys import HashEncoder

TEXTS = ["a cat sat", "a dog", "a cat sat", "a much longer text than that one is"]


def test_counts_of_a_model_without_tokens() -> None:
    found = estimate(HashEncoder(), TEXTS)
    assert (found.texts, found.to_encode, found.cached) == (4, 3, 0)
    assert found.characters == sum(map(len, TEXTS))
    assert (found.tokens, found.cut_texts, found.cut_tokens, found.dollars) == (None,) * 4
    assert found.seconds is not None
    assert found.seconds > 0
    nothing = estimate(HashEncoder(), [])
    assert (nothing.texts, nothing.seconds) == (0, None)


def test_what_is_in_the_cache_is_not_to_be_encoded(tmp_path: Path) -> None:
    cached = CachedEncoder(HashEncoder(), tmp_path)
    cached.encode(TEXTS[:2])
    found = estimate(cached, TEXTS)
    assert (found.texts, found.to_encode, found.cached) == (4, 1, 2)
    assert not cached.known(TEXTS[3:]).any(), "an estimate leaves nothing behind"


def test_tokens_of_a_transformer_are_exact() -> None:
    pytest.importorskip("torch")
    model = ks.TransformerEncoder("all-MiniLM-L6-v2", max_length=6)
    found = estimate(model, TEXTS)
    count = tokens_of(model)
    assert count is not None
    assert count(TEXTS).tolist() == [5, 4, 5, 10], "[CLS] and [SEP] count"
    assert longest_of(model) == 6
    assert (found.tokens, found.cut_texts, found.cut_tokens) == (5 + 4 + 6, 1, 4)
    before = cut_of(model)
    model.encode(TEXTS)
    after = cut_of(model)
    assert (after[0] or 0) - (before[0] or 0) == found.cut_texts
    assert (after[1] or 0) - (before[1] or 0) == found.cut_tokens


def test_the_prompt_counts() -> None:
    pytest.importorskip("torch")
    model = ks.TransformerEncoder("all-MiniLM-L6-v2", prompt={"query": "find this: "})
    document, query = tokens_of(model), tokens_of(model, "query")
    assert document is not None
    assert query is not None
    assert (query(["cat"]) - document(["cat"])).tolist() == [3]


def test_a_service_is_not_asked() -> None:
    from kinspace.pretrained.providers import OpenAIEncoder

    model = OpenAIEncoder("text-embedding-3-small")
    found = estimate(model, ["a text of six tokens"] * 3 + ["another of eight tokens, or so"])
    assert (found.texts, found.to_encode) == (4, 2)
    assert found.seconds is None
    assert found.tokens == 13
    assert found.dollars == pytest.approx(13 * 0.02 / 1e6)
    assert "0.02 $" in found.price


def test_a_text_is_encoded_only_as_far_as_the_sample_goes() -> None:
    class Longest(HashEncoder):
        seen = 0

        def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
            type(self).seen = max(self.seen, *map(len, items))
            return super()._encode_batch(items, side)

    estimate(Longest(), ["x" * 10_000_000, "y"])
    assert 0 < Longest.seen < 100_000


def test_many_texts_are_counted_all_and_sampled() -> None:
    told: list[int] = []
    texts: Any = (f"text number {i}" for i in range(10_000))
    found = estimate(HashEncoder(), texts, progress=told.append)
    assert found.to_encode == 10_000
    assert told[-1] == 10_000
    assert told == sorted(told)
