"""Whether near copies are put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from kinspace.datasets.content import Document
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.evaluate.systems import as_system
from kinspace.evaluate.unlabelled import NearDuplicateTask
from tests.evaluate.unlabelled.test_stability import Touchy
from tests.toys import HashEncoder


def test_a_fair_encoder_finds_copies_and_a_touchy_one_does_not(documents: list[Document]) -> None:
    task = NearDuplicateTask(documents, n=50)
    fair = task.run(as_system(HashEncoder(256)))
    touchy = task.run(as_system(Touchy(256)))
    assert fair.samples["recall_at_1"].value() > 0.95
    assert touchy.samples["recall_at_1"].value() < 0.3
    assert fair.samples["average_precision"].value() > touchy.samples["average_precision"].value()


def test_precision_is_that_of_scikit_learn(documents: list[Document]) -> None:
    sample = (
        NearDuplicateTask(documents, n=50)
        .run(as_system(HashEncoder(16)))
        .samples["average_precision"]
    )
    scores, labels = sample.columns["scores"], sample.columns["labels"]
    assert labels.sum() * 2 == len(labels) == 100
    assert sample.value() == pytest.approx(average_precision_score(labels, scores))


def test_every_way_of_copying_is_told(documents: list[Document]) -> None:
    task = NearDuplicateTask(documents, n=50)
    outcome = task.run(as_system("bm25"))
    ways = {way for _, way, _ in task.copies}
    assert {f"recall_{way}" for way in ways} <= outcome.samples.keys()
    assert sum(len(outcome.samples[f"recall_{way}"]) for way in ways) == 50
    assert len(outcome.items) == len(outcome.samples["average_precision"])


def test_near_duplicates_of_the_texts_own_are_no_mistakes(documents: list[Document]) -> None:
    texts = [replace(one, id=f"again {one.id}", text=one.text + " Bye.") for one in documents[:20]]
    both = [*documents[:60], *texts]
    outcome = NearDuplicateTask(both, n=80).run(as_system(HashEncoder(256)))
    assert outcome.samples["found_at_1"].value() == 1.0
    assert len(outcome.samples["found_at_1"]) == 40
    assert outcome.samples["recall_at_1"].value() > 0.9
    assert "20 pairs of near-duplicates" in outcome.notes[-1]
    assert "found_at_1" not in NearDuplicateTask(documents, n=50).run(as_system("bm25")).samples


def test_fingerprints(documents: list[Document]) -> None:
    made = [
        NearDuplicateTask(documents, n=20),
        NearDuplicateTask(documents, n=20, seed=1),
        NearDuplicateTask(documents, n=21),
        NearDuplicateTask(documents, n=20, changes=("half",)),
    ]
    assert len({task.fingerprint for task in made}) == 4


def test_bad_input(documents: list[Document]) -> None:
    with pytest.raises(InvalidInput, match="too few"):
        NearDuplicateTask(documents[:5])
    with pytest.raises(InvalidParameter):
        NearDuplicateTask(documents, n=0)
    with pytest.raises(InvalidInput, match="can be changed"):
        NearDuplicateTask([Document(str(n), "x") for n in range(20)], changes=("sentence",))


def test_scores_are_finite_where_little_is_found(documents: list[Document]) -> None:
    odd = [*documents[:20], Document("odd", "zzz"), Document("sign", "?!")]
    outcome = NearDuplicateTask(odd, n=22).run(as_system("bm25"))
    assert np.isfinite(outcome.samples["average_precision"].columns["scores"]).all()
