"""Encoders behind an API in the rest of Kinspace: loading, the cache, collections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.errors import ProviderError, SpaceMismatch
from kinspace.pretrained.providers import Calls, OpenAIEncoder
from tests.pretrained.providers.server import Server, serving, status

TEXTS = [f"text number {i}" for i in range(12)]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KINSPACE_API_KEY", raising=False)
    with serving() as running:
        yield running


def test_a_name_loads_and_nothing_is_paid_twice(server: Server) -> None:
    name = f"{server.url}#m"
    first = ks.load(name).encode(TEXTS)
    asked = [item for item in server.items if item != "dimension"]
    assert sorted(asked) == sorted(TEXTS)
    again = ks.load(name).encode([*TEXTS, "another"])
    np.testing.assert_array_equal(np.asarray(again)[:12], np.asarray(first))
    assert server.asked[-1].items == ["another"]
    assert len([item for item in server.items if item != "dimension"]) == len(TEXTS) + 1


def test_what_was_paid_for_before_a_failure_is_kept(server: Server) -> None:
    one = Calls(concurrency=1, items=4, attempts=1, wait=0)
    model = ks.load(f"{server.url}#m", dim=8, calls=one)
    server.moods = [lambda answer: answer] * 2 + [status(500)]
    with pytest.raises(ProviderError):
        model.encode(TEXTS)
    server.asked.clear()
    found = model.encode(TEXTS)
    assert server.items == TEXTS[8:]
    np.testing.assert_allclose(np.asarray(found), [server.vector(text) for text in TEXTS])


def test_sides_and_models_do_not_share(server: Server) -> None:
    options = {"dim": 8, "query_prompt": "query: "}
    model = ks.load(f"{server.url}#m", **options)
    document, query = model.encode(["a"]), model.encode_query(["a"])
    assert not np.array_equal(np.asarray(document), np.asarray(query))
    ks.load(f"{server.url}#n", **options).encode(["a"])
    assert [asked.body["model"] for asked in server.asked] == ["m", "m", "n"]


def test_a_collection_remembers_its_service(server: Server, tmp_path: Path) -> None:
    model = OpenAIEncoder("m", base_url=server.url, prompt="document: ", dim=8)
    path = tmp_path / "c.kin"
    with ks.Collection.open(path, encoder=model) as collection:
        collection.add([{"id": str(i), "text": text} for i, text in enumerate(TEXTS)])
    with ks.Collection.open(path) as collection:
        hits = collection.search("document: text number 7", k=1, mode="dense")
        assert hits[0].id == "7"
    with pytest.raises(SpaceMismatch):
        ks.Collection.open(path, encoder=OpenAIEncoder("n", base_url=server.url, dim=8))
