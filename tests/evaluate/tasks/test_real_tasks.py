"""The default model and BM25 on real sets: figures that were measured before this code was."""

from __future__ import annotations

import pytest

from kinspace import datasets
from kinspace.evaluate.systems import as_system
from kinspace.evaluate.tasks import (
    BitextTask,
    ClassificationTask,
    DuplicateTask,
    PairClassificationTask,
    RetrievalTask,
    SimilarityTask,
    Training,
)
from tests.evaluate.tasks.known import value


@pytest.mark.usefixtures("data")
def test_scifact() -> None:
    """0.5545 and 0.6925 are those of bench/results/quality.json."""
    task = RetrievalTask(datasets.load("scifact", "test"))
    assert value(task.run(as_system("default")), "ndcg_at_10") == pytest.approx(0.5545, abs=2e-4)
    assert value(task.run(as_system("bm25")), "ndcg_at_10") == pytest.approx(0.6925, abs=2e-4)


@pytest.mark.usefixtures("data")
def test_pairs() -> None:
    sts = SimilarityTask(datasets.load("stsb", "test"))
    assert value(sts.run(as_system("default")), "spearman") == pytest.approx(0.7845, abs=2e-4)
    msrp = PairClassificationTask(datasets.load("msrp", "test"))
    assert value(msrp.run(as_system("default")), "average_precision") == pytest.approx(
        0.8544, abs=1e-3
    )


@pytest.mark.usefixtures("data")
def test_labels() -> None:
    train, test = (datasets.load("trec", split) for split in ("train", "test"))
    task = ClassificationTask(train, test, training=Training(whole=False))
    assert value(task.run(as_system("default")), "accuracy") == pytest.approx(0.400, abs=0.005)


@pytest.mark.usefixtures("data")
def test_captions() -> None:
    """The model knows English only; captions of two languages share names and some roots."""
    bitext = BitextTask(datasets.load("multi30k-en-fr", "test"))
    assert value(bitext.run(as_system("default")), "accuracy") == pytest.approx(0.249, abs=0.01)
    groups = DuplicateTask(datasets.load("multi30k-captions", "test"))
    found = value(groups.run(as_system("default")), "average_precision")
    assert found == pytest.approx(0.2375, abs=0.005)
