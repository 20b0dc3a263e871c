"""Sparse encoders: the vectors of sentence-transformers' own class, and words to read."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from kinspace.embeddings import Embeddings
from kinspace.errors import (
    DimensionMismatch,
    InvalidInput,
    InvalidParameter,
    KinspaceError,
    ReadError,
    SpaceMismatch,
)
from kinspace.pretrained.neural.running.tokens import Tokenizer
from kinspace.pretrained.neural.sparse.model import _without_special
from kinspace.pretrained.neural.sparse.splade import SpladeEncoder
from kinspace.pretrained.neural.sparse.word_logits import strongest
from tests.pretrained.neural import cross_encoders, sparse_models
from tests.pretrained.neural.tiny import TEXTS, bert, made, sentence_model

pytest.importorskip("sentence_transformers")

LAYOUTS = {
    "plain masked language model": (sparse_models.masked_bert,),
    "DistilBERT": (sparse_models.masked_distilbert,),
    "max, relu": (sparse_models.splade,),
    "max, log1p_relu": (sparse_models.splade, "max", "log1p_relu"),
    "sum, relu": (sparse_models.splade, "sum", "relu"),
    "sum, log1p_relu": (sparse_models.splade, "sum", "log1p_relu"),
    "RoBERTa": (sparse_models.splade, "max", "relu", sparse_models.masked_roberta),
    "prompts": (sparse_models.prompted,),
    "inference-free": (sparse_models.inference_free,),
    "autoencoder": (sparse_models.coded,),
}
each_layout = pytest.mark.parametrize("layout", LAYOUTS)
MORE = [*TEXTS, "the king reads. " * 30]


@functools.cache
def ours(layout: str, precision: Any = "float32", **options: Any) -> SpladeEncoder:
    return SpladeEncoder(made(*LAYOUTS[layout]), precision=precision, **options)


def theirs(layout: str, side: str, **options: Any) -> Any:
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(made(*LAYOUTS[layout])), device="cpu", **options)
    return getattr(model, f"encode_{side}")(MORE).to_dense().numpy()


def rows(encoder: SpladeEncoder, side: str, texts: list[str] = MORE) -> Any:
    found = encoder.encode(texts) if side == "document" else encoder.encode_query(texts)
    return found.vectors


def encoded(encoder: SpladeEncoder, side: str, texts: list[str] = MORE) -> Any:
    return rows(encoder, side, texts).toarray()


@each_layout
@pytest.mark.parametrize("side", ["document", "query"])
def test_the_vectors_of_sentence_transformers(layout: str, side: str) -> None:
    found, expected = encoded(ours(layout), side), theirs(layout, side)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(np.unique(expected, axis=0)) >= len(MORE) - 1  # the models tell texts apart


@each_layout
def test_the_heaviest_dimensions_alone(layout: str) -> None:
    few = ours(layout, max_active_dims=3)
    np.testing.assert_allclose(
        encoded(few, "document"), theirs(layout, "document", max_active_dims=3), atol=1e-5
    )
    assert np.diff(rows(few, "document").indptr).max() == 3
    assert not few.space.agrees(ours(layout).space)


@pytest.mark.parametrize("layout", ["max, relu", "sum, log1p_relu", "DistilBERT", "RoBERTa"])
def test_bfloat16_is_near(layout: str) -> None:
    exact, near = encoded(ours(layout), "document"), encoded(ours(layout, "bfloat16"), "document")
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(near, axis=1)
    assert ((exact * near).sum(1) / lengths).min() > 0.998
    assert ours(layout, "bfloat16").space == ours(layout).space


def test_texts_longer_than_what_is_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from kinspace.pretrained.neural.sparse import lexical

    whole = {layout: encoded(ours(layout), "document") for layout in ("max, relu", "sum, relu")}
    monkeypatch.setattr(lexical, "_LOGITS", 1000)  # six tokens at a time
    for layout, expected in whole.items():
        np.testing.assert_allclose(encoded(ours(layout), "document"), expected, atol=1e-5)


def test_a_text_without_tokens_has_no_words() -> None:
    encoder = SpladeEncoder(made(sparse_models.splade), precision="float32")
    way: Any = encoder._model.ways["document"]
    way.tokenizer = Tokenizer(_without_special(encoder._model.tokenizer), 64)
    found = rows(encoder, "document", ["", "a cat", ""])
    assert np.diff(found.indptr)[[0, 2]].tolist() == [0, 0]
    assert found.nnz


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_the_strongest_logits(kind: str) -> None:
    import torch

    logits = torch.randn(9, 50, generator=torch.manual_seed(1)).to(getattr(torch, kind))
    logits[:, 7] = -1
    torch.testing.assert_close(strongest(logits), logits.float().amax(0).clamp_min(0))


# -- words -------------------------------------------------------------------------------------


def test_the_words_of_sentence_transformers() -> None:
    from sentence_transformers import SparseEncoder

    encoder = ours("max, relu")
    model = SparseEncoder(str(made(*LAYOUTS["max, relu"])), device="cpu")
    expected = model.decode(model.encode_document(MORE), top_k=4)
    found = encoder.words(encoder.encode(MORE), 4)
    assert [[word for word, _ in one] for one in found] == [[w for w, _ in one] for one in expected]
    np.testing.assert_allclose(
        [[weight for _, weight in one] for one in found],
        [[weight for _, weight in one] for one in expected],
        rtol=1e-4,
    )


def test_words_are_readable_where_tokens_are_bytes() -> None:
    encoder = ours("RoBERTa")
    vocabulary = encoder.tokenizer.get_vocab()
    row = np.zeros((1, encoder.space.dim), np.float32)
    row[0, vocabulary["Ġthe"]] = 1
    row[0, vocabulary["Ċ"]] = 0.5  # a new line, which would not be seen
    assert encoder.words(csr_array(row)) == [[("the", 1.0), ("Ċ", 0.5)]]


def test_a_query_without_inference_is_its_own_words() -> None:
    encoder = ours("inference-free")
    found = encoder.words(encoder.encode_query(["cat dog cat"]))[0]
    assert {word for word, _ in found} == {"cat", "dog"}


def test_contributions_add_up_to_the_similarity() -> None:
    for layout in ("max, relu", "inference-free"):
        encoder = ours(layout)
        shares = encoder.contributions("the cat", "a dog")
        expected = encoder.encode_query(["the cat"]).similarity(encoder.encode(["a dog"]))[0, 0]
        assert sum(share for _, share in shares) == pytest.approx(expected, rel=1e-5)


def test_words_of_what_has_none() -> None:
    encoder = ours("autoencoder")
    with pytest.raises(InvalidInput, match="units of an autoencoder"):
        encoder.words(encoder.encode(["a"]))
    sparse = ours("max, relu")
    with pytest.raises(SpaceMismatch):
        sparse.words(encoder.encode(["a"]))
    with pytest.raises(DimensionMismatch):
        sparse.words(encoder.encode(["a"]).vectors)
    with pytest.raises(InvalidParameter, match="k is 0"):
        sparse.words(sparse.encode(["a"]), 0)


# -- as an encoder -----------------------------------------------------------------------------


def test_a_space_is_known_by_its_files_and_settings() -> None:
    encoder = ours("max, relu")
    assert (encoder.space.form, encoder.space.metric) == ("sparse", "dot")
    assert encoder.space.dim == len(encoder.tokenizer.get_vocab())
    assert encoder.space.agrees(SpladeEncoder(encoder.folder, batch_tokens=64).space)
    others = [ours("sum, relu"), ours("prompts"), SpladeEncoder(encoder.folder, long="mean")]
    assert len({one.space.fingerprint for one in [encoder, *others]}) == 4


def test_search_finds_the_same_words() -> None:
    encoder = ours("inference-free")
    table = encoder.encode(MORE)
    found = table.nearest(encoder.encode_query(["the sun"]), k=3)
    expected = theirs("inference-free", "document") @ encoded(encoder, "query", ["the sun"]).ravel()
    assert found.ids == np.argsort(-expected, kind="stable")[:3].tolist()


def test_long_texts(tmp_path: Any) -> None:
    long = "the king reads . " * 30
    for layout in ("max, relu", "inference-free"):
        cutting = SpladeEncoder(made(*LAYOUTS[layout]), precision="float32")
        cutting.encode([long, "a cat"])
        assert cutting.truncated_["texts"] == 1
        assert cutting.truncated_["tokens"] > 50
        with pytest.raises(InvalidInput, match="tokens"):
            ours(layout, long="error").encode([long])
        mean = ours(layout, long="mean")
        mean.encode([long])
        assert not mean.truncated_["tokens"]
        np.testing.assert_allclose(
            encoded(mean, "document", ["a cat"]), encoded(cutting, "document", ["a cat"])
        )


def test_pieces_of_a_long_query_are_averaged() -> None:
    words = ("cat dog " * 32 + "sun moon " * 16).split()  # 64 tokens, then 32
    mean = encoded(ours("inference-free", long="mean"), "query", [" ".join(words)])
    first, second = encoded(ours("inference-free"), "query", ["cat dog", "sun moon"])
    np.testing.assert_allclose(mean[0], (64 * first + 32 * second) / 96, rtol=1e-6)


def test_very_long_text_and_many_texts() -> None:
    encoder = ours("max, relu")
    assert rows(encoder, "document", ["cat " * 300_000]).nnz
    many = [f"{a} {b}" for a in TEXTS for b in MORE] * 3
    np.testing.assert_allclose(
        encoded(ours("max, relu", batch_tokens=100), "document", many),
        encoded(encoder, "document", many),
        atol=1e-5,
    )


def test_parameters_are_checked() -> None:
    folder = made(*LAYOUTS["max, relu"])
    for wrong in ({"batch_tokens": 0}, {"max_active_dims": 0}, {"long": "cut"}, {"device": "abc"}):
        with pytest.raises(InvalidParameter):
            SpladeEncoder(folder, **wrong).encode(["a"])
    with pytest.raises(InvalidInput, match="not a text"):
        ours("max, relu").encode(["a", 3])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="surrogate"):
        ours("max, relu").encode(["a\ud800"])


def test_what_is_no_sparse_encoder() -> None:
    for folder in (made(bert), made(sentence_model), made(cross_encoders.classifier)):
        with pytest.raises(ReadError, match="no sparse encoder"):
            SpladeEncoder(folder).encode(["a"])


def test_a_broken_model_is_reported(tmp_path: Any) -> None:
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    source = made(sparse_models.masked_bert)
    model = AutoModelForMaskedLM.from_pretrained(source)
    with torch.no_grad():
        model.bert.encoder.layer[1].output.dense.weight[0, 0] = torch.nan
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(source).save_pretrained(tmp_path)
    for precision in ("float32", "bfloat16"):
        with pytest.raises(KinspaceError, match="NaN"):
            SpladeEncoder(tmp_path, precision=precision).encode(["a cat"])


def test_set_params_forgets_what_was_opened() -> None:
    encoder = SpladeEncoder(made(*LAYOUTS["max, relu"]), precision="float32")
    before = encoder.space
    assert rows(encoder.set_params(max_active_dims=2), "document", ["a cat"]).nnz == 2
    assert not encoder.space.agrees(before)
    assert encoder.clone().space == encoder.space
    assert isinstance(encoder.encode(["a"]), Embeddings)
