"""Late interaction: the vectors of sentence-transformers' own class, for every layout."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidInput, InvalidParameter, ReadError
from kinspace.multi import MultiVectors
from kinspace.pretrained.neural.late.encoder import MultiVectorEncoder
from tests.pretrained.neural import late_models
from tests.pretrained.neural.tiny import TEXTS, bert, made, sentence_model

pytest.importorskip("sentence_transformers")

each_layout = pytest.mark.parametrize("layout", late_models.ALL, ids=lambda make: make.__name__)


@functools.cache
def ours(make: Any, **options: Any) -> MultiVectorEncoder:
    return MultiVectorEncoder(made(make), precision="float32", **options)


@functools.cache
def theirs(make: Any) -> Any:
    from sentence_transformers import MultiVectorEncoder as Theirs

    return Theirs(str(made(make)), device="cpu")


@each_layout
@pytest.mark.parametrize("side", ["document", "query"])
def test_same_vectors_as_sentence_transformers(layout: Any, side: str) -> None:
    encoder, rival = ours(layout), theirs(layout)
    found = (encoder.encode if side == "document" else encoder.encode_query)(TEXTS).vectors
    expected = getattr(rival, f"encode_{side}")(TEXTS, convert_to_numpy=True)
    assert type(found) is MultiVectors
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        assert ((one * other).sum(axis=1) / lengths).min() >= 0.99999
        np.testing.assert_allclose(one, other, atol=2e-6)
    assert encoder.space.form == "multi" and encoder.space.dim == late_models.DIM


@each_layout
def test_same_scores_as_sentence_transformers(layout: Any) -> None:
    encoder, rival = ours(layout), theirs(layout)
    found = encoder.encode_query(TEXTS[:3]).similarity(encoder.encode(TEXTS))
    expected = rival.similarity(rival.encode_query(TEXTS[:3]), rival.encode_document(TEXTS))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-5)


@each_layout
def test_a_token_for_every_vector(layout: Any) -> None:
    encoder = ours(layout)
    if layout is late_models.colbert_pooled:
        pytest.skip("its vectors stand for several tokens")
    for side, encode in (("document", encoder.encode), ("query", encoder.encode_query)):
        tokens = encoder.tokens(TEXTS, side=side)
        assert list(map(len, tokens)) == encode(TEXTS).vectors.lengths.tolist()


def test_what_is_kept_of_a_text() -> None:
    encoder = ours(late_models.colbert)
    document, query = (
        encoder.tokens("The cat, the dog.", side=side)[0] for side in ("document", "query")
    )
    assert document == ["[CLS]", "[unused1]", "the", "cat", "the", "dog", "[SEP]"]
    assert query == (
        ["[CLS]", "[unused0]", "the", "cat", ",", "the", "dog", ".", "[SEP]"] + ["[MASK]"] * 7
    )


def test_batches_do_not_matter() -> None:
    small = MultiVectorEncoder(made(late_models.colbert), precision="float32", batch_tokens=30)
    for ask in ("encode", "encode_query"):
        encoders = (small, ours(late_models.colbert))
        one, other = (getattr(encoder, ask)(TEXTS * 2).vectors for encoder in encoders)
        np.testing.assert_array_equal(one.starts, other.starts)
        np.testing.assert_allclose(one.values, other.values, atol=1e-6)


def test_bfloat16_is_near() -> None:
    fast = MultiVectorEncoder(made(late_models.colbert), precision="bfloat16")
    exact = ours(late_models.colbert)
    for ask in ("encode", "encode_query"):
        one, other = (getattr(encoder, ask)(TEXTS).vectors.values for encoder in (fast, exact))
        assert (one * other).sum(axis=1).min() > 0.99
    assert fast.space == exact.space


def test_pooling_tokens_is_that_of_sentence_transformers() -> None:
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling

    for factor in (1.5, 2, 4):
        pooled = ours(late_models.colbert_seen, pool_factor=factor)
        expected = theirs(late_models.colbert_seen).encode_document(
            TEXTS, token_pooling=HierarchicalTokenPooling(factor), convert_to_numpy=True
        )
        for one, other in zip(pooled.encode(TEXTS).vectors, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
        plain = ours(late_models.colbert_seen)
        assert not pooled.space.agrees(plain.space)
        np.testing.assert_array_equal(  # queries are left alone
            pooled.encode_query(TEXTS).vectors.values, plain.encode_query(TEXTS).vectors.values
        )


def test_long_texts() -> None:
    text = "the cat sat on the mat " * 40
    cut = MultiVectorEncoder(made(late_models.colbert), precision="float32")
    found = cut.encode([text, "a cat"]).vectors
    assert found.lengths[0] == 40
    assert cut.truncated_["texts"] == 1
    assert cut.truncated_["tokens"] > 200
    whole = ours(late_models.colbert, long="pieces")
    kept = whole.encode([text, "a cat"]).vectors
    assert kept.lengths[0] > 240 and kept.lengths[1] == found.lengths[1]
    np.testing.assert_allclose(kept[0][:30], found[0][:30], atol=1e-5)
    assert whole.tokens([text])[0].count("cat") == 40
    assert not whole.space.agrees(cut.space)
    with pytest.raises(InvalidInput, match="tokens; the model reads 40"):
        ours(late_models.colbert, long="error").encode([text])


def test_lower_case_first() -> None:
    plain = ours(late_models.xtr_published)
    lowered = ours(late_models.xtr_published, lowercase=True)
    one, other = lowered.encode(["A CAT"]).vectors, plain.encode(["a cat"]).vectors
    np.testing.assert_array_equal(one.values, other.values)
    assert not lowered.space.agrees(plain.space)


@pytest.mark.parametrize("make", [sentence_model, bert])
def test_a_dense_model_gives_the_vectors_of_its_last_layer(make: Any) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    encoder, folder = ours(make), made(bert)
    assert encoder.space.dim == 32
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        states = model(**tokenizer(TEXTS[0], return_tensors="pt")).last_hidden_state[0].numpy()
    expected = states / np.linalg.norm(states, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode(TEXTS[:1]).vectors[0], expected, atol=1e-5)


def test_what_gives_no_vectors_of_tokens() -> None:
    folder = made(bert, "SequenceClassification")
    with pytest.raises(ReadError, match="it is reranker") as raised:
        MultiVectorEncoder(folder).encode(["a"])
    assert raised.value.remedy


@pytest.mark.parametrize(
    "options", [{"pool_factor": 0.5}, {"long": "mean"}, {"batch_tokens": 0}, {"precision": "no"}]
)
def test_parameters_outside_their_range(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as raised:
        MultiVectorEncoder(made(late_models.colbert), **options).encode(["a"])
    assert raised.value.remedy
    with pytest.raises(InvalidParameter, match="several tokens"):
        ours(late_models.colbert_seen, pool_factor=2).tokens(["a"])


def test_constructors_only_store(tmp_path: Path) -> None:
    assert repr(MultiVectorEncoder("nowhere")) == "MultiVectorEncoder(name='nowhere')"
