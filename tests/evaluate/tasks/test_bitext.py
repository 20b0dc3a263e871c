"""Bitext mining, against scikit-learn's weighted figures, which MTEB reports."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from kinspace.datasets.content import BitextSet
from kinspace.errors import InvalidParameter
from kinspace.evaluate.tasks import BitextTask
from tests.evaluate.tasks.known import encoder_of, known, value


def random_bitext(n: int, noise: float) -> tuple[BitextSet, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    left = rng.standard_normal((n, 16)).astype(np.float32)
    right = (left + noise * rng.standard_normal((n, 16))).astype(np.float32)
    content = BitextSet("random", [f"l{i}" for i in range(n)], [f"r{i}" for i in range(n)])
    return content, left, right


def test_figures_are_those_of_mteb() -> None:
    content, left, right = random_bitext(300, 1.5)
    system = known([*content.left, *content.right], np.concatenate([left, right]))
    outcome = BitextTask(content).run(system)
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (left, right)]
    gold = np.arange(300)
    for name, chosen in (
        ("", (unit[0] @ unit[1].T).argmax(1)),
        ("_back", (unit[1] @ unit[0].T).argmax(1)),
    ):
        options = {"zero_division": 0, "average": "weighted"}
        assert 0.2 < accuracy_score(gold, chosen) < 0.9
        assert value(outcome, f"f1{name}") == pytest.approx(f1_score(gold, chosen, **options))
        assert value(outcome, f"accuracy{name}") == pytest.approx(accuracy_score(gold, chosen))
        if not name:
            assert value(outcome, "precision") == pytest.approx(
                precision_score(gold, chosen, **options)
            )
            assert value(outcome, "recall") == pytest.approx(recall_score(gold, chosen, **options))


def test_the_margin_is_that_of_the_paper() -> None:
    content, left, right = random_bitext(60, 1.5)
    system = known([*content.left, *content.right], np.concatenate([left, right]))
    outcome = BitextTask(content, neighbours=60).run(system)
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (left, right)]
    cosine = unit[0] @ unit[1].T + 0.0
    # All 60 are neighbours, so the denominator is the mean of a row's and a column's mean.
    around = (cosine.mean(1)[:, None] + cosine.mean(0)[None, :]) / 2
    ratio = cosine / np.maximum(around, 1e-6)
    assert value(outcome, "margin_accuracy") == pytest.approx(
        (ratio.argmax(1) == np.arange(60)).mean()
    )


def test_the_margin_holds_back_a_sentence_that_is_near_to_all() -> None:
    """All on the left lean on the last axis, as one on the right does: it is nearest to all."""
    content = BitextSet("hub", ["a", "b", "c", "d"], ["A", "B", "C", "hub"])
    own = np.eye(5)
    left = own[:4] + 1.5 * own[4]
    right = np.array([*own[:3], own[4] + 0.9 * own[3]])
    outcome = BitextTask(content).run(
        known([*content.left, *content.right], np.concatenate([left, right]))
    )
    assert value(outcome, "accuracy") == 0.25
    assert value(outcome, "f1") == pytest.approx((2 / 5) / 4)
    assert value(outcome, "precision") == pytest.approx((1 / 4) / 4)
    assert value(outcome, "margin_accuracy") == value(outcome, "margin_f1") == 1
    assert outcome.items == ["A", "B", "C", "hub"]


def test_both_sides_are_encoded_in_one_call_as_documents() -> None:
    content = BitextSet("same", ["a", "b"], ["b", "a"])
    system = known("ab", np.eye(2))
    outcome = BitextTask(content).run(system)
    assert encoder_of(system).calls == [("document", ["a", "b"])]
    assert value(outcome, "accuracy") == 0


def test_sentences_that_come_twice_are_counted() -> None:
    content = BitextSet("twice", ["a", "a", "b"], ["A", "B", "C"])
    outcome = BitextTask(content).run(known("abABC", np.eye(5)))
    assert outcome.notes == ["1 sentences on the left occur more than once"]


def test_without_cosine_there_is_no_margin() -> None:
    content = BitextSet("far", ["a", "b"], ["A", "B"])
    vectors = [[0, 0], [9, 9], [1, 0], [8, 9]]
    outcome = BitextTask(content).run(known("abAB", vectors, metric="euclidean"))
    assert value(outcome, "f1") == value(outcome, "f1_back") == 1
    assert "margin_f1" not in outcome.samples
    assert "euclidean" in outcome.notes[-1]


def test_no_neighbours() -> None:
    with pytest.raises(InvalidParameter):
        BitextTask(BitextSet("mine", ["a"], ["b"]), neighbours=0)
