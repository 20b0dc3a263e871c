"""Classification by MTEB's protocol, by cross-validation, and by neighbours."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from kinspace.datasets.content import LabelledSet
from kinspace.errors import InvalidJudgements, InvalidParameter
from kinspace.evaluate.system import System
from kinspace.evaluate.tasks import ClassificationTask, Training
from kinspace.evaluate.tasks.sampling import class_codes, first_of_each, shuffles
from tests.evaluate.tasks.known import encoder_of, known, value

CLASSES = 12


def blobs(n: int, seed: int, spread: float = 1.2) -> tuple[LabelledSet, np.ndarray]:
    """Texts of classes "0" to "11", and their vectors about the class's middle."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(0).standard_normal((CLASSES, 6))
    classes = np.concatenate([np.repeat(np.arange(CLASSES), 12), rng.integers(0, CLASSES, n)])
    vectors = middles[classes] + spread * rng.standard_normal((len(classes), 6))
    texts = [f"{seed}-{i}" for i in range(len(classes))]
    return LabelledSet("blobs", texts, [str(c) for c in classes]), vectors.astype(np.float32)


def split() -> tuple[LabelledSet, LabelledSet, np.ndarray, np.ndarray, System]:
    train, x = blobs(150, 1)
    test, y = blobs(100, 2)
    system = known([*train.texts, *test.texts], np.concatenate([x, y]))
    return train, test, x, y, system


def mteb_scores(
    x: np.ndarray, labels: list[int], y: np.ndarray, gold: list[int], k: int
) -> tuple[float, float]:
    """Accuracy and F1 as mteb/abstasks/classification.py computes them."""
    accuracy, f1 = [], []
    order = list(range(len(labels)))
    for _ in range(10):
        np.random.RandomState(42).shuffle(order)
        counts: dict[int, int] = {}
        chosen = []
        for row in order:
            if counts.get(labels[row], 0) < k:
                chosen.append(row)
                counts[labels[row]] = counts.get(labels[row], 0) + 1
        model = LogisticRegression(max_iter=100, random_state=42)
        told = model.fit(x[chosen], [labels[row] for row in chosen]).predict(y)
        accuracy.append(accuracy_score(gold, told))
        f1.append(f1_score(gold, told, average="macro"))
    return float(np.mean(accuracy)), float(np.mean(f1))


def test_figures_are_those_of_mteb() -> None:
    train, test, x, y, system = split()
    outcome = ClassificationTask(train, test).run(system)
    labels, gold = [int(one) for one in train.labels], [int(one) for one in test.labels]
    accuracy, f1 = mteb_scores(x, labels, y, gold, 8)
    assert 0.3 < accuracy < 0.9
    assert value(outcome, "accuracy") == pytest.approx(accuracy, abs=1e-12)
    assert value(outcome, "f1_macro") == pytest.approx(f1, abs=1e-12)
    for k in (1, 4):
        few, _ = mteb_scores(x, labels, y, gold, k)
        assert value(outcome, f"shots_{k}") == pytest.approx(few, abs=1e-12)
    assert len(outcome.items) == len(test)


def test_the_whole_training_set() -> None:
    train, test, x, y, system = split()
    outcome = ClassificationTask(train, test).run(system)
    model = LogisticRegression(max_iter=100, random_state=42).fit(x, train.labels)
    assert value(outcome, "full_accuracy") == pytest.approx(model.score(y, test.labels))
    rival = KNeighborsClassifier(1, metric="cosine").fit(x, train.labels)
    one = ClassificationTask(train, test, training=Training(neighbours=1)).run(system)
    assert value(one, "knn_accuracy") == pytest.approx(rival.score(y, test.labels))
    assert value(outcome, "knn_accuracy") > value(one, "knn_accuracy")


def test_of_equal_votes_the_nearest_wins() -> None:
    train = LabelledSet("two", ["a", "b", "c", "d"], ["x", "y", "y", "x"])
    test = LabelledSet("two", ["e"], ["y"])
    vectors = [[0.0], [1.1], [2.0], [9.0], [1.2]]
    system = known("abcde", vectors, metric="euclidean")
    for k, right in ((2, 1.0), (3, 1.0), (4, 1.0)):
        outcome = ClassificationTask(train, test, training=Training(neighbours=k)).run(system)
        assert value(outcome, "knn_accuracy") == right, k


def test_only_what_is_needed_is_encoded_and_only_once() -> None:
    train, test, _, _, system = split()
    ClassificationTask(
        train, test, training=Training(examples=2, experiments=2, shots=[1], whole=False)
    ).run(system)
    (call,) = encoder_of(system).calls
    assert call[0] == "document"
    drawn = set(call[1]) - set(test.texts)
    assert 2 * CLASSES <= len(drawn) <= 4 * CLASSES
    assert set(test.texts) <= set(call[1])


def test_cross_validation_is_that_of_scikit_learn() -> None:
    content, x = blobs(200, 3)
    outcome = ClassificationTask(content).run(known(content.texts, x))
    gold = np.array([int(one) for one in content.labels])
    told = np.empty_like(gold)
    for train, test in StratifiedKFold(10, shuffle=True, random_state=42).split(x, gold):
        model = LogisticRegression(max_iter=100, random_state=42).fit(x[train], gold[train])
        told[test] = model.predict(x[test])
    assert value(outcome, "accuracy") == pytest.approx(accuracy_score(gold, told))
    assert value(outcome, "f1_macro") == pytest.approx(f1_score(gold, told, average="macro"))
    assert value(outcome, "shots_1") < value(outcome, "shots_4") < value(outcome, "accuracy")
    few = LabelledSet("few", content.texts[:144], content.labels[:144])  # 12 of each class
    assert "shots_16" not in ClassificationTask(few).run(known(content.texts, x)).samples
    assert "10 folds" in outcome.notes[0]
    assert outcome.items == list(content.texts)


def test_scale_and_a_second_run_change_little() -> None:
    train, test, x, y, system = split()
    task = ClassificationTask(train, test)
    first, again = task.run(system), task.run(system)
    for name, sample in first.samples.items():
        assert value(again, name) == sample.value(), name
    scaled = known([*train.texts, *test.texts], 2 * np.concatenate([x, y]))
    assert value(task.run(scaled), "knn_accuracy") == value(first, "knn_accuracy")


def test_notes_say_how_much_depends_on_the_draw() -> None:
    train, test, *_, system = split()
    outcome = ClassificationTask(train, test).run(system)
    notes = " ".join(outcome.notes)
    assert "accuracy: mean of 10 draws of training texts, standard deviation 0.0" in notes
    small = LabelledSet("small", ["a", "b", "c"], ["x", "x", "y"])
    told = ClassificationTask(small, small).run(known("abc", np.eye(3)))
    assert any("smallest class has 1 training texts" in note for note in told.notes)


def test_what_does_not_converge_is_said() -> None:
    train, test, x, y, _ = split()
    far = known([*train.texts, *test.texts], 1000 * np.concatenate([x, y]))
    outcome = ClassificationTask(train, test).run(far)
    assert "did not converge in 100 steps" in outcome.notes[-1]


def test_labels_that_are_numbers_are_ordered_as_numbers() -> None:
    assert class_codes(["10", "9"])[0] == ["9", "10"]
    assert class_codes(["10", "9", "a"])[0] == ["10", "9", "a"]
    assert class_codes(["1.0", "07"])[0] == ["07", "1.0"]


def test_orders_are_those_of_mteb() -> None:
    order = list(range(50))
    for found in shuffles(50, 4, 42):
        np.random.RandomState(42).shuffle(order)
        assert found.tolist() == order


def test_the_first_of_each_class() -> None:
    order = np.array(random.Random(1).sample(range(60), 60))
    codes = np.random.default_rng(1).integers(0, 3, 60)
    found = first_of_each(order, codes, 4)
    for code in range(3):
        wanted = [row for row in order if codes[row] == code][:4]
        assert [row for row in found if codes[row] == code] == wanted


def test_one_class() -> None:
    with pytest.raises(InvalidJudgements, match="all texts have the label 'x'"):
        ClassificationTask(LabelledSet("mine", ["a", "b"], ["x", "x"]))


def test_a_class_that_cannot_be_learned() -> None:
    train = LabelledSet("mine", ["a", "b"], ["x", "y"])
    with pytest.raises(InvalidJudgements, match="has the label 'w', nor 1 others"):
        ClassificationTask(train, LabelledSet("mine", ["c", "d"], ["z", "w"]))


def test_a_class_that_is_only_learned() -> None:
    train = LabelledSet("mine", ["a", "b", "c"], ["x", "y", "z"])
    test = LabelledSet("mine", ["d", "e"], ["x", "y"])
    vectors = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0.1, 0], [0, 1, 0.1]]
    outcome = ClassificationTask(train, test).run(known("abcde", vectors))
    assert value(outcome, "accuracy") == value(outcome, "f1_macro") == 1


def test_more_shots_than_examples() -> None:
    train = LabelledSet("mine", ["a", "b", "c"], ["x", "x", "y"])
    with pytest.raises(InvalidParameter, match="2 examples of each class were asked for"):
        ClassificationTask(train, train, training=Training(shots=[2]))


def test_fewer_texts_than_folds() -> None:
    content = LabelledSet("mine", list("abcdef"), ["x", "x", "x", "y", "y", "y"])
    with pytest.raises(InvalidJudgements, match="3 texts, too few for 10 folds"):
        ClassificationTask(content)
    outcome = ClassificationTask(content, training=Training(folds=3)).run(
        known("abcdef", [[1, 0]] * 3 + [[0, 1]] * 3)
    )
    assert value(outcome, "accuracy") == value(outcome, "knn_accuracy") == 1


@pytest.mark.parametrize("setting", ["examples", "experiments", "neighbours", "folds"])
def test_settings_that_mean_nothing(setting: str) -> None:
    with pytest.raises(InvalidParameter, match=f"{setting} is 0"):
        Training(**{setting: 0})
    with pytest.raises(InvalidParameter, match="shots"):
        Training(shots=[0])


def test_the_fingerprint_is_of_what_is_asked() -> None:
    train, test, *_ = split()
    tasks = [
        ClassificationTask(train, test),
        ClassificationTask(test, train),
        ClassificationTask(train),
        ClassificationTask(train, test, training=Training(seed=1)),
        ClassificationTask(train, test, training=Training(shots=[2])),
    ]
    assert len({task.fingerprint for task in tasks}) == len(tasks)
