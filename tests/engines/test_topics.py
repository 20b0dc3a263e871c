"""Topics: the plain and the compiled steps, scikit-learn's bound, and planted topics."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import psi

from kinspace.engines import topics as engine

PLAN = engine.Plan(
    alpha=0.1, eta=0.2, epochs=5, batch_size=32, decay=0.7, offset=10, iterations=200,
    tolerance=1e-5, seed=0,
)  # fmt: skip
TERMS, TOPICS = 30, 3


def planted(rng: np.random.Generator, texts: int = 120) -> tuple[engine.Counts, NDArray[Any]]:
    """Texts of three topics that share no term, mixed; and the true topics."""
    true = np.zeros((TOPICS, TERMS))
    for topic, row in enumerate(true):
        row[topic * 10 : topic * 10 + 10] = rng.dirichlet(np.full(10, 2.0))
    mixtures = rng.dirichlet(np.full(TOPICS, 0.3), texts)
    rows = csr_array(np.array([rng.multinomial(60, mix @ true) for mix in mixtures], np.float32))
    rows = csr_array(np.concatenate([rows.toarray(), np.zeros((1, TERMS), np.float32)]))
    return counts(rows), true


def counts(rows: csr_array) -> engine.Counts:
    return engine.Counts(
        rows.indices.astype(np.int32), rows.data.astype(np.float32), rows.indptr.astype(np.int64)
    )


def test_digamma() -> None:
    for x in np.logspace(-3, 4, 50):
        np.testing.assert_allclose(engine.digamma(x), psi(x), atol=1e-9, rtol=1e-9)
        np.testing.assert_allclose(engine.exp_digamma(x), np.exp(psi(x)), atol=1e-9, rtol=1e-9)


def test_a_step_is_the_formula(rng: np.random.Generator) -> None:
    many, rows = rng.integers(1, 5, 7).astype(np.float32), rng.random((7, TOPICS), np.float32)
    mixture = (rng.random(TOPICS) * 4).astype(np.float32)
    likely = np.exp(psi(mixture))[None, :] * rows
    wanted = 0.1 + (many[:, None] * likely / likely.sum(axis=1, keepdims=True)).sum(axis=0)
    stepped, scratch = mixture.copy(), np.empty((2, TOPICS), np.float32)
    change = engine.step(many, rows, np.float32(0.1), stepped, *scratch)
    np.testing.assert_allclose(stepped, wanted, rtol=1e-5)
    np.testing.assert_allclose(change, np.abs(wanted - mixture).sum(), rtol=1e-4)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_plain_and_compiled_agree(rng: np.random.Generator, workers: int) -> None:
    texts, _ = planted(rng)
    table = rng.gamma(100, 0.01, (TERMS, TOPICS)).astype(np.float32)
    weights, greatest = engine.expected(table)
    logs = psi(table) - psi(table.sum(axis=0))
    np.testing.assert_allclose(greatest, logs.max(axis=1), rtol=1e-6)
    np.testing.assert_allclose(weights, np.exp(logs - greatest[:, None]), rtol=1e-5)

    size = len(texts.starts) - 1
    plain = engine.started(texts, TOPICS, PLAN.alpha)
    found, fits = np.zeros((TERMS, TOPICS), np.float32), np.zeros(size)
    engine.infer(
        texts.ids, texts.counts, texts.starts, 0, size, weights, np.float32(PLAN.alpha),
        PLAN.iterations, np.float32(PLAN.tolerance), plain, found, fits,
        np.empty((TERMS + 2, TOPICS), np.float32),
    )  # fmt: skip
    mixtures, _ = engine.mix(texts, engine.expected(table), PLAN, workers=workers)
    np.testing.assert_allclose(mixtures, plain, rtol=2e-3, atol=2e-3)
    by_topic = np.bincount(texts.ids, texts.counts, TERMS)
    np.testing.assert_allclose(found.sum(axis=1), by_topic, rtol=1e-4)  # each term is shared out
    np.testing.assert_allclose(plain.sum(axis=1)[:-1], 60 + TOPICS * PLAN.alpha, rtol=1e-4)
    np.testing.assert_allclose(plain[-1], PLAN.alpha)  # an empty text


def test_the_bound_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    from sklearn.decomposition import LatentDirichletAllocation

    texts, _ = planted(rng)
    rows = csr_array((texts.counts, texts.ids, texts.starts), shape=(121, TERMS))
    peer = LatentDirichletAllocation(
        TOPICS, doc_topic_prior=PLAN.alpha, topic_word_prior=PLAN.eta, random_state=0,
        mean_change_tol=1e-6, max_doc_update_iter=1000,
    ).fit(rows)  # fmt: skip
    table = np.ascontiguousarray(peer.components_.T, np.float32)
    exact = replace(PLAN, tolerance=1e-6, iterations=1000)
    _, bounds = engine.mix(texts, engine.expected(table), exact)
    found = np.exp(-(bounds.sum() + engine.topic_bound(table, PLAN.eta)) / texts.counts.sum())
    np.testing.assert_allclose(found, peer.perplexity(rows), rtol=1e-4)


def test_learning_finds_planted_topics_and_raises_the_bound(rng: np.random.Generator) -> None:
    texts, true = planted(rng, 600)
    told: list[tuple[int, int]] = []
    found = engine.learn(
        texts, TERMS, TOPICS, PLAN, progress=lambda done, of: told.append((done, of))
    )
    shares = (found / found.sum(axis=0)).T
    order = [int(np.argmax(shares @ row)) for row in true]
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(shares[order], true, atol=0.04)
    assert told[-1] == (5 * 601, 5 * 601)

    def bound(epochs: int) -> float:
        table = engine.learn(texts, TERMS, TOPICS, replace(PLAN, epochs=epochs, batch_size=601))
        return float(
            engine.mix(texts, engine.expected(table), PLAN)[1].sum()
            + engine.topic_bound(table, PLAN.eta)
        )

    assert bound(1) < bound(8) < bound(40)


def test_threads_and_seeds(rng: np.random.Generator) -> None:
    texts, _ = planted(rng)
    one = engine.learn(texts, TERMS, TOPICS, PLAN)
    np.testing.assert_array_equal(one, engine.learn(texts, TERMS, TOPICS, PLAN))
    assert (one != engine.learn(texts, TERMS, TOPICS, replace(PLAN, seed=1))).any()
    three = engine.learn(texts, TERMS, TOPICS, PLAN, workers=3)
    np.testing.assert_allclose(three, one, rtol=0.05, atol=0.5)
