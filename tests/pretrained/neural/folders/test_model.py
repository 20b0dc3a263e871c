"""What models of a folder share: other parameters make them as if made with those."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.pretrained.neural.dense.encoder import TransformerEncoder
from kinspace.pretrained.neural.late.encoder import MultiVectorEncoder
from kinspace.pretrained.neural.sparse.splade import SpladeEncoder
from kinspace.pretrained.neural.vision.clip import ClipEncoder
from kinspace.pretrained.neural.vision.images import ImageEncoder
from tests.pretrained.neural import late_models, sparse_models, tiny, tiny_images
from tests.pretrained.neural.tiny import made

pytest.importorskip("sentence_transformers")

CASES: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "dense": (TransformerEncoder, (tiny.bert,), {"pooling": "cls"}),
    "sparse": (SpladeEncoder, (sparse_models.splade,), {"max_active_dims": 2}),
    "multi": (MultiVectorEncoder, (late_models.colbert_plain,), {"pool_factor": 2}),
    "clip": (ClipEncoder, (tiny_images.clip,), {"long": "mean"}),
    "image": (ImageEncoder, (tiny_images.network, "ViTModel"), {"pooling": "mean"}),
}
each_kind = pytest.mark.parametrize("kind", CASES)


@each_kind
def test_what_was_made_of_other_parameters_is_forgotten(kind: str) -> None:
    encoder_type, folder, change = CASES[kind]
    items: Any = tiny_images.pictures() if kind == "image" else ["a cat " * 20, "a dog"]
    encoder = encoder_type(made(*folder), precision="float32")
    before = encoder.encode(items)
    changed = encoder.set_params(**change).encode(items)
    anew = encoder_type(made(*folder), precision="float32", **change).encode(items)
    assert changed.space == anew.space
    assert changed.space != before.space
    np.testing.assert_array_equal(values(changed.vectors), values(anew.vectors))


def test_another_precision_is_another_setting_of_the_same_space() -> None:
    encoder = TransformerEncoder(made(tiny.bert), precision="float32")
    space = encoder.space
    assert encoder.setting.precision == "float32"
    assert encoder.set_params(precision="bfloat16").setting.precision == "bfloat16"
    assert encoder.space == space


def test_what_was_cut_stays_counted() -> None:
    encoder = TransformerEncoder(made(tiny.bert), precision="float32")
    encoder.encode(["cat " * 100])
    counted = dict(encoder.truncated_)
    assert counted["texts"] == 1
    assert encoder.set_params(batch_tokens=99).truncated_ == counted


def values(vectors: Any) -> Any:
    """The numbers of vectors of any form."""
    if hasattr(vectors, "toarray"):
        return vectors.toarray()
    return getattr(vectors, "values", vectors)
