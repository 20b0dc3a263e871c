"""Cross-encoders: the scores of sentence-transformers' own class, for every layout."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidInput, InvalidParameter, ModelNotFound, ReadError
from kinspace.pretrained.neural.reranking.reranker import Reranker
from tests.pretrained.neural import cross_encoders as models
from tests.pretrained.neural.tiny import TEXTS, bert, made, sentence_model

pytest.importorskip("sentence_transformers")

LAYOUTS = {
    "BERT": (models.classifier,),
    "three labels": (models.entailment,),
    "activation and prompt": (models.activated,),
    "DistilBERT": (models.classifier, "DistilBert"),
    "RoBERTa": (models.roberta,),
    "ModernBERT, first token": (models.modern, "cls"),
    "ModernBERT, mean": (models.modern, "mean"),
    "DeBERTa": (models.deberta,),
    "ELECTRA": (models.electra,),
    "decoder that classifies": (models.qwen,),
    "decoder that answers": (models.answering,),
    "decoder with a chat template": (models.answering, models.TEMPLATE),
    "pooling and a dense layer": (models.pooled,),
}
OPTIONS: list[dict[str, Any]] = [
    {"activation": "tanh"}, {"batch_tokens": 0}, {"max_length": 1}, {"device": "x"},
]  # fmt: skip
"""Parameters that are refused."""
each_layout = pytest.mark.parametrize("layout", LAYOUTS)
PAIRS = [
    *((one, other) for one in TEXTS for other in TEXTS[:4] if one or other),
    ("cat dog " * 30, "sun " * 50),  # both are cut
    ("a", "sun moon " * 300),
    ("the king " * 40, "a"),
]


@functools.cache
def ours(layout: str, **options: Any) -> Reranker:
    return Reranker(made(*LAYOUTS[layout]), **{"precision": "float32", **options})


def theirs(layout: str, *, softmax: bool = False, **options: Any) -> Any:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(made(*LAYOUTS[layout])), device="cpu", **options)
    return model.predict(PAIRS, apply_softmax=softmax)


@each_layout
def test_the_scores_of_sentence_transformers(layout: str) -> None:
    found, expected = ours(layout).score_pairs(PAIRS), theirs(layout)
    assert found.dtype == np.float32 and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert expected.std() > 0.005  # the models tell pairs apart


@pytest.mark.parametrize("longest", [8, 20])
def test_a_limit_of_the_callers(longest: int) -> None:
    for layout in ("BERT", "RoBERTa", "decoder that answers"):
        found = ours(layout, max_length=longest).score_pairs(PAIRS)
        np.testing.assert_allclose(found, theirs(layout, max_length=longest), atol=2e-5)


def test_activations() -> None:
    import torch

    plain = theirs("three labels", activation_fn=torch.nn.Identity())
    given = {name: ours("three labels", activation=name) for name in ("none", "sigmoid", "softmax")}
    scores = {name: reranker.score_pairs(PAIRS) for name, reranker in given.items()}
    np.testing.assert_allclose(scores["none"], plain, atol=2e-5)
    np.testing.assert_allclose(scores["sigmoid"], 1 / (1 + np.exp(-plain)), atol=2e-5)
    expected = theirs("three labels", softmax=True)
    np.testing.assert_allclose(scores["softmax"], expected, atol=2e-5)
    assert len({reranker.fingerprint for reranker in given.values()}) == 3


def test_batches_do_not_matter() -> None:
    for layout in ("BERT", "decoder that classifies", "pooling and a dense layer"):
        small = ours(layout, batch_tokens=70).score_pairs(PAIRS)
        np.testing.assert_allclose(small, ours(layout).score_pairs(PAIRS), atol=2e-5)
        alone = [ours(layout).score_pairs([pair])[0] for pair in PAIRS[:6]]
        np.testing.assert_allclose(small[:6], alone, atol=2e-5)


@pytest.mark.parametrize("layout", ["BERT", "DistilBERT", "decoder that answers"])
def test_bfloat16_is_near(layout: str) -> None:
    near, exact = ours(layout, precision="bfloat16"), ours(layout)
    a, b = near.score_pairs(PAIRS), exact.score_pairs(PAIRS)
    assert np.corrcoef(a, b)[0, 1] > 0.99
    assert near.fingerprint == exact.fingerprint


# -- scores of a query -------------------------------------------------------------------------


def test_one_label_of_several() -> None:
    every = ours("three labels")
    assert every.labels == ("contradiction", "entailment", "neutral")
    chosen = ours("three labels", label="entailment")
    expected = every.score_pairs([("the cat", text) for text in TEXTS])[:, 1]
    np.testing.assert_array_equal(chosen.score("the cat", TEXTS), expected)
    assert chosen.fingerprint != every.fingerprint
    with pytest.raises(InvalidInput, match="several scores: contradiction"):
        every.score("the cat", TEXTS)
    with pytest.raises(InvalidParameter, match="no label 'maybe'"):
        ours("three labels", label="maybe").labels  # noqa: B018 - opens the model


def test_reranking_sorts_by_score() -> None:
    reranker = ours("BERT")
    scores = reranker.score("the cat", TEXTS)
    found = reranker.rerank("the cat", TEXTS, k=4)
    assert found.ids == np.argsort(-scores, kind="stable")[:4].tolist()
    np.testing.assert_array_equal(found.scores, scores[found.ids])
    assert len(reranker.rerank("the cat", TEXTS)) == len(TEXTS)
    assert reranker.rerank("a", ["sun", "sun"]).ids == [0, 1]


def test_equal_pairs_are_run_once() -> None:
    reranker = Reranker(made(models.classifier), precision="float32")
    long = "the sun " * 100
    scores = reranker.score("a cat", [long, "sun", long, long])
    assert reranker.truncated_["pairs"] == 1
    assert scores[0] == scores[2] == scores[3]


def test_nothing_and_odd_texts() -> None:
    reranker = ours("BERT")
    assert reranker.score("a", []).shape == (0,)
    assert reranker.score_pairs([]).shape == (0,)
    assert len(reranker.rerank("a", [])) == 0
    odd = ["", " \n\t", "\0", "字" * 2000, "x" * 100_000, "cat " * 600_000]
    assert np.isfinite(reranker.score("", odd)).all()
    assert np.isfinite(ours("decoder that answers").score("", ["", "a"])).all()


def test_a_text_of_megabytes_is_cut_like_any_other() -> None:
    for layout in ("BERT", "RoBERTa"):
        reranker = Reranker(made(*LAYOUTS[layout]), precision="float32")
        long, longer = "the sun " * 100, "the sun " * 30_000
        np.testing.assert_allclose(
            reranker.score_pairs([("a cat", longer), (longer, longer), (longer, "a")]),
            reranker.score_pairs([("a cat", long), (long, long), (long, "a")]),
            atol=1e-6,
        )
        assert reranker.truncated_["pairs"] == 6
        assert reranker.truncated_["tokens"] > 4 * 50_000


def test_what_is_refused(tmp_path: Any) -> None:
    reranker = ours("BERT")
    for wrong in (["a"], [("a", "b", "c")], [("a", 3)], ["ab"], [3]):
        with pytest.raises(InvalidInput):
            reranker.score_pairs(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="surrogate"):
        reranker.score("a", ["\ud800"])
    with pytest.raises(InvalidInput, match="one string"):
        reranker.score("a", "b")
    with pytest.raises(InvalidParameter, match="k is 0"):
        reranker.rerank("a", ["b"], k=0)
    for options in OPTIONS:
        with pytest.raises(InvalidParameter):
            Reranker(made(models.classifier), **options).score("a", ["b"])
    for folder in (made(bert), made(sentence_model)):
        with pytest.raises(ReadError, match="no cross-encoder"):
            Reranker(folder).score("a", ["b"])
    with pytest.raises(ModelNotFound):
        Reranker("nobody/nothing").score("a", ["b"])


def test_parameters() -> None:
    reranker = Reranker(made(models.classifier), precision="float32", max_length=10)
    first = reranker.score("the cat", TEXTS)
    np.testing.assert_array_equal(reranker.clone().score("the cat", TEXTS), first)
    reranker.set_params(max_length=60)
    assert not np.allclose(reranker.score("the cat", TEXTS), first, atol=1e-7)
    assert "max_length=60" in repr(reranker)
