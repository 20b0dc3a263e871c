"""Collections of models whose files alone do not say how they are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinspace import Collection
from kinspace.pretrained.registry import kind_of, load

pytest.importorskip("sentence_transformers")


def test_a_masked_language_model_as_a_sparse_encoder_is_opened_as_one(tmp_path: Path) -> None:
    from tests.pretrained.neural.sparse_models import masked_bert, splade
    from tests.pretrained.neural.tiny import made

    encoder = load(made(masked_bert), kind="sparse", max_active_dims=20)
    assert kind_of(encoder) == "sparse"
    assert kind_of(load(made(splade))) is None
    with Collection.open(tmp_path / "c.kin", encoder=encoder) as collection:
        collection.add([{"id": "1", "text": "the cat sat"}, {"id": "2", "text": "a dog"}])
        first = collection.search("the cat sat", 1, mode="dense")
    with Collection.open(tmp_path / "c.kin") as collection:
        assert collection.space == encoder.space
        assert collection.search("the cat sat", 1, mode="dense") == first
