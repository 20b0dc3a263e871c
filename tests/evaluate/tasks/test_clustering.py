"""Clustering by MTEB's protocol, and duplicate detection."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import (
    adjusted_rand_score,
    average_precision_score,
    normalized_mutual_info_score,
    v_measure_score,
)

from kinspace.datasets.content import LabelledSet
from kinspace.errors import InvalidJudgements, InvalidParameter
from kinspace.evaluate.statistics import interval
from kinspace.evaluate.tasks import Clusterings, ClusteringTask, DuplicateTask
from tests.evaluate.tasks.known import encoder_of, known, value


def blobs(n: int, classes: int, spread: float, seed: int = 0) -> tuple[LabelledSet, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = np.arange(n) % classes
    vectors = rng.standard_normal((classes, 5))[gold] + spread * rng.standard_normal((n, 5))
    texts = [f"text {i}" for i in range(n)]
    return LabelledSet("blobs", texts, [f"class {c}" for c in gold]), vectors.astype(np.float32)


SMALL = Clusterings(size=600, experiments=4)


@pytest.mark.parametrize("documents", [None, 120, 1000])
def test_figures_are_those_of_mteb(documents: int | None) -> None:
    """As mteb/abstasks/clustering.py computes them."""
    content, vectors = blobs(200, 5, 0.8)
    outcome = ClusteringTask(
        content, clusterings=Clusterings(documents=documents, size=600, experiments=4)
    ).run(known(content.texts, vectors))
    rng = random.Random(42)
    rows = np.arange(200)
    if documents is not None:
        rows = np.array(rng.sample(range(200), k=min(200, documents)))
    x, gold = vectors[rows], np.array(content.labels)[rows]
    found = []
    model = MiniBatchKMeans(
        n_clusters=5, batch_size=512, init="k-means++", n_init=1, random_state=42
    )
    for _ in range(4):
        drawn = rng.choices(range(len(rows)), k=600)
        assigned = model.fit_predict(x[drawn])
        found.append(
            [
                figure(gold[drawn], assigned)
                for figure in (v_measure_score, normalized_mutual_info_score, adjusted_rand_score)
            ]
        )
    means = np.mean(found, axis=0)
    assert 0.2 < means[0] < 0.95
    for name, mean in zip(("v_measure", "nmi", "ari"), means, strict=True):
        assert value(outcome, name) == pytest.approx(mean, abs=1e-9)
    assert len(outcome.items) == len(rows)
    assert ("120 texts of 200 were drawn" in outcome.notes) == (documents == 120)


def test_the_interval_is_that_of_other_texts() -> None:
    """About as wide as figures of other texts of the same kind are far apart."""
    found = []
    for seed in range(30):
        content, vectors = blobs(150, 3, 0.6, seed=0)
        noise = np.random.default_rng(100 + seed).standard_normal(vectors.shape)
        middles = np.array([vectors[i::3].mean(0) for i in range(3)])
        moved = (middles[np.arange(150) % 3] + 0.9 * noise).astype(np.float32)
        task = ClusteringTask(content, clusterings=SMALL)
        found.append(interval(task.run(known(content.texts, moved)).samples["v_measure"]))
    apart = np.std([one.value for one in found])
    width = np.mean([(one.high - one.low) / 3.92 for one in found])
    assert 0.5 < width / apart < 1.7


def test_scale_changes_nothing() -> None:
    content, vectors = blobs(90, 3, 0.8)
    task = ClusteringTask(content, clusterings=SMALL)
    first = task.run(known(content.texts, vectors))
    assert value(task.run(known(content.texts, 4 * vectors)), "ari") == value(first, "ari")


def test_clusters_that_are_classes() -> None:
    content, vectors = blobs(60, 3, 0.001)
    outcome = ClusteringTask(content, clusterings=SMALL).run(known(content.texts, vectors))
    assert value(outcome, "v_measure") == pytest.approx(1)
    assert value(outcome, "ari") == pytest.approx(1)
    kinds = {name: sample.statistic for name, sample in outcome.samples.items()}
    assert kinds == {"v_measure": "influence", "nmi": "influence", "ari": "adjusted_influence"}


def test_a_system_that_tells_nothing_apart() -> None:
    content, vectors = blobs(60, 3, 1)
    outcome = ClusteringTask(content, clusterings=SMALL).run(
        known(content.texts, np.ones_like(vectors))
    )
    assert value(outcome, "v_measure") == pytest.approx(0, abs=1e-12)
    assert value(outcome, "ari") == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("task", [ClusteringTask, DuplicateTask])
@pytest.mark.parametrize("labels", [["x", "x", "x"], ["x", "y", "z"]])
def test_labels_that_say_nothing(task: type[ClusteringTask], labels: list[str]) -> None:
    with pytest.raises(InvalidJudgements):
        task(LabelledSet("mine", ["a", "b", "c"], labels))


@pytest.mark.parametrize("setting", ["documents", "size", "experiments", "batch_size"])
def test_settings_that_mean_nothing(setting: str) -> None:
    with pytest.raises(InvalidParameter, match=f"{setting} is 0"):
        Clusterings(**{setting: 0})


def test_the_fingerprint_is_of_what_is_asked() -> None:
    content, _ = blobs(60, 3, 1)
    other, _ = blobs(60, 4, 1)
    tasks = [
        ClusteringTask(content),
        ClusteringTask(other),
        ClusteringTask(content, clusterings=SMALL),
        DuplicateTask(content),
        DuplicateTask(content, neighbours=30),
    ]
    assert len({task.fingerprint for task in tasks}) == len(tasks)


# -- duplicates --------------------------------------------------------------------------------


def pairs_of(content: LabelledSet, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of all pairs, and whether each is of one group."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(len(vectors), 1)
    labels = np.array(content.labels)
    return (unit @ unit.T)[first, second], labels[first] == labels[second]


def test_with_all_as_candidates_it_is_the_precision_over_all_pairs() -> None:
    content, vectors = blobs(60, 20, 0.7)
    outcome = DuplicateTask(content, neighbours=60).run(known(content.texts, vectors))
    near, same = pairs_of(content, vectors)
    assert value(outcome, "average_precision") == pytest.approx(
        average_precision_score(same, near), abs=1e-6
    )
    cuts = [near >= cut for cut in near]
    best = max(2 * (cut & same).sum() / (cut.sum() + same.sum()) for cut in cuts)
    assert value(outcome, "best_f1") == pytest.approx(best)
    assert len(outcome.items) == 20  # groups


def test_with_few_candidates_what_is_not_among_them_is_not_found() -> None:
    content, vectors = blobs(300, 10, 1.0)
    outcome = DuplicateTask(content, neighbours=10).run(known(content.texts, vectors))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2)
    listed = {
        (min(row, int(column)), max(row, int(column)))
        for row, line in enumerate(cosine)
        for column in np.argsort(-line)[:10]
    }
    labels = content.labels
    ranked = sorted(listed, key=lambda pair: -cosine[pair])
    hits, total = 0, 0.0
    for rank, (left, right) in enumerate(ranked, 1):
        if labels[left] == labels[right]:
            hits += 1
            total += hits / rank
    every = 10 * 30 * 29 / 2
    assert value(outcome, "average_precision") == pytest.approx(total / every, abs=1e-6)
    assert f"{int(every) - hits} of them in nobody's 10 nearest" in outcome.notes[1]


def test_recall_of_mates() -> None:
    content = LabelledSet("mine", list("abcde"), ["x", "x", "x", "y", "z"])
    vectors = [[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0.1, 1.1]]
    outcome = DuplicateTask(content).run(known("abcde", vectors))
    # a and b find each other first, c finds neither among its first.
    assert value(outcome, "recall_at_1") == pytest.approx(np.mean([1 / 2, 1 / 2, 0]))
    assert value(outcome, "recall_at_5") == 1


def test_many_equal_texts() -> None:
    texts = [f"text {i}" for i in range(60)]
    content = LabelledSet("mine", texts, ["same"] * 40 + [str(i) for i in range(20)])
    vectors = np.concatenate([np.ones((40, 3)), np.random.default_rng(1).random((20, 3)) - 2])
    outcome = DuplicateTask(content).run(known(texts, vectors))
    assert value(outcome, "recall_at_1") == pytest.approx(1 / 39)
    assert value(outcome, "average_precision") <= 1


def test_each_duplicate_is_encoded_once() -> None:
    content = LabelledSet("mine", ["a", "a", "b"], ["x", "x", "y"])
    system = known("ab", np.eye(2))
    outcome = DuplicateTask(content).run(system)
    assert encoder_of(system).calls == [("document", ["a", "b"])]
    assert value(outcome, "average_precision") == 1


def test_too_few_candidates() -> None:
    with pytest.raises(InvalidParameter):
        DuplicateTask(LabelledSet("mine", ["a", "b", "c"], ["x", "x", "y"]), neighbours=5)
