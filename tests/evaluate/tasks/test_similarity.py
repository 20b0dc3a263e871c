"""Semantic similarity and pair classification, against scipy, scikit-learn and MTEB's formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import average_precision_score
from sklearn.metrics.pairwise import (
    paired_cosine_distances,
    paired_euclidean_distances,
    paired_manhattan_distances,
)

from kinspace.datasets.content import PairSet
from kinspace.errors import InvalidJudgements, NotApplicable
from kinspace.evaluate.system import System
from kinspace.evaluate.systems import Keyword, as_system
from kinspace.evaluate.tasks import PairClassificationTask, SimilarityTask
from kinspace.metric import METRICS, Metric, paired_scores, scores
from tests.evaluate.tasks.known import encoder_of, known, value
from tests.toys import HashEncoder

N = 60


def random_pairs(
    rng: np.random.Generator, metric: Metric = "cosine", *, binary: bool = False, scale: float = 1
) -> tuple[PairSet, System, np.ndarray, np.ndarray]:
    """Pairs of random vectors whose gold scores lean on their cosine."""
    left = rng.standard_normal((N, 8)).astype(np.float32)
    right = (left + 1.5 * rng.standard_normal((N, 8))).astype(np.float32)
    gold = 1 - paired_cosine_distances(left, right) + 0.3 * rng.standard_normal(N)
    if binary:
        gold = (gold > np.median(gold)).astype(float)
    names = [f"left {i}" for i in range(N)], [f"right {i}" for i in range(N)]
    system = known([*names[0], *names[1]], scale * np.concatenate([left, right]), metric=metric)
    return PairSet("random", *names, gold), system, left, right


@pytest.mark.parametrize("metric", METRICS)
def test_paired_scores_are_the_diagonal(metric: Metric, rng: np.random.Generator) -> None:
    a, b = rng.integers(-2, 3, (2, 20, 4)).astype(np.float32)
    a[3] = 0
    np.testing.assert_allclose(
        paired_scores(a, b, metric), np.diag(scores(a, b, metric)), 1e-6, 1e-6
    )


def test_similarity_is_what_mteb_computes(rng: np.random.Generator) -> None:
    content, system, left, right = random_pairs(rng)
    outcome = SimilarityTask(content).run(system)
    for name, near in (
        ("", 1 - paired_cosine_distances(left, right)),
        ("euclidean_", -paired_euclidean_distances(left, right)),
        ("manhattan_", -paired_manhattan_distances(left, right)),
    ):
        assert value(outcome, f"{name}spearman") == pytest.approx(
            spearmanr(content.scores, near)[0], abs=1e-9
        )
        assert value(outcome, f"{name}pearson") == pytest.approx(
            pearsonr(content.scores, near)[0], abs=1e-6
        )
    assert len(outcome.items) == N


def test_the_space_says_how_vectors_are_compared(rng: np.random.Generator) -> None:
    content, system, left, right = random_pairs(rng, "dot")
    outcome = SimilarityTask(content).run(system)
    products = (left * right).sum(1)
    assert value(outcome, "spearman") == pytest.approx(spearmanr(products, content.scores)[0])
    cosine = SimilarityTask(content).run(known(*_table(system), metric="cosine"))
    assert value(outcome, "cosine_spearman") == value(cosine, "spearman")


def _table(system: System) -> tuple[list[str], np.ndarray]:
    table = encoder_of(system).table
    return list(table), np.array(list(table.values()))


@pytest.mark.parametrize("binary", [False, True])
def test_scale_and_order_change_nothing(binary: bool) -> None:
    task = PairClassificationTask if binary else SimilarityTask
    content, system, *_ = random_pairs(np.random.default_rng(1), binary=binary)
    _, scaled, *_ = random_pairs(np.random.default_rng(1), binary=binary, scale=7)
    order = np.random.default_rng(2).permutation(N)
    turned = PairSet(
        "turned",
        [content.left[i] for i in order],
        [content.right[i] for i in order],
        content.scores[order],
    )
    first = task(content).run(system)
    for other in (task(content).run(scaled), task(turned).run(system)):
        for name in first.samples:
            assert value(other, name) == pytest.approx(value(first, name), abs=1e-7), name


def test_each_text_is_encoded_once_and_none_as_a_query() -> None:
    content = PairSet("same", ["a", "a", "b"], ["b", "c", "c"], np.array([1.0, 2.0, 3.0]))
    system = known("abc", np.eye(3) + 0.1)
    SimilarityTask(content).run(system)
    assert encoder_of(system).calls == [("document", ["a", "b", "c"])]


def test_a_constant_system_correlates_with_nothing() -> None:
    content = PairSet("same", ["a", "b"], ["c", "d"], np.array([1.0, 2.0]))
    outcome = SimilarityTask(content).run(known("abcd", np.ones((4, 2))))
    assert value(outcome, "spearman") == 0
    assert "equally near" in outcome.notes[0]


def test_pair_classification_is_what_scikit_learn_computes(rng: np.random.Generator) -> None:
    content, system, left, right = random_pairs(rng, binary=True)
    outcome = PairClassificationTask(content).run(system)
    near = 1 - paired_cosine_distances(left, right)
    assert value(outcome, "average_precision") == pytest.approx(
        average_precision_score(content.scores, near)
    )
    assert value(outcome, "euclidean_average_precision") == pytest.approx(
        average_precision_score(content.scores, -paired_euclidean_distances(left, right))
    )
    cuts = [near >= cut for cut in near]
    gold = content.scores == 1
    f1 = max(2 * (cut & gold).sum() / (cut.sum() + gold.sum()) for cut in cuts)
    accuracy = max((cut == gold).mean() for cut in cuts)
    assert value(outcome, "best_f1") == pytest.approx(f1)
    assert value(outcome, "best_accuracy") == pytest.approx(accuracy)


def test_the_threshold_is_named() -> None:
    content = PairSet("two", ["a", "a"], ["b", "c"], np.array([1.0, 0.0]))
    outcome = PairClassificationTask(content).run(known("abc", [[1, 0], [1, 1], [0, 1]]))
    assert value(outcome, "best_f1") == 1
    assert outcome.notes[0] == "best F1 1.0000 at a similarity of at least 0.3536"


@pytest.mark.parametrize("gold", [[1.0, 1.0], [0.0, 0.0], [0.0, 3.5]])
def test_pairs_that_are_not_yes_and_no(gold: list[float]) -> None:
    with pytest.raises(InvalidJudgements, match="0 and 1 are needed"):
        PairClassificationTask(PairSet("mine", ["a", "a"], ["b", "c"], np.array(gold)))


def test_gold_scores_that_do_not_differ() -> None:
    with pytest.raises(InvalidJudgements, match="all 2 pairs have the score 3"):
        SimilarityTask(PairSet("mine", ["a", "a"], ["b", "c"], np.array([3.0, 3.0])))


def test_words_alone_have_no_similarity() -> None:
    content = PairSet("mine", ["a", "a"], ["b", "c"], np.array([1.0, 0.0]))
    with pytest.raises(NotApplicable, match="gives no vectors"):
        SimilarityTask(content).run(as_system(Keyword()))


def test_the_fingerprint_is_of_what_is_asked() -> None:
    def task(text: str, score: float, name: str = "mine") -> SimilarityTask:
        return SimilarityTask(PairSet(name, ["a", text], ["b", "c"], np.array([score, 0.0])))

    assert task("a", 1).fingerprint == task("a", 1, "other").fingerprint
    assert len({task("a", 1).fingerprint, task("d", 1).fingerprint, task("a", 2).fingerprint}) == 3
    content = PairSet("mine", ["a", "a"], ["b", "c"], np.array([1.0, 0.0]))
    assert SimilarityTask(content).fingerprint != PairClassificationTask(content).fingerprint


def test_progress_is_told(rng: np.random.Generator) -> None:
    told: list[tuple[int, int]] = []
    content = PairSet("mine", ["a b", "a"], ["b", "c"], np.array([1.0, 0.0]))
    SimilarityTask(content).run(
        as_system(HashEncoder()), progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (4, 4)
