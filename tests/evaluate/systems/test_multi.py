"""Late-interaction models are judged on retrieval and reranking, and on nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from kinspace.datasets.content import Document, RetrievalSet
from kinspace.errors import InvalidVectors, NotApplicable
from kinspace.evaluate.system import Meter, System
from kinspace.evaluate.systems.dense import Dense
from kinspace.evaluate.tasks.reranking import RerankingTask
from kinspace.evaluate.tasks.retrieval import RetrievalTask
from tests.toys import MultiHashEncoder

DOCUMENTS = [
    Document("1", "a cat sleeps on the mat"),
    Document("2", "stocks fell"),
    Document("3", "the cat saw stocks"),
]


def content() -> RetrievalSet:
    return RetrievalSet(
        "pets",
        documents={one.id: one for one in DOCUMENTS},
        queries={"q1": "cat sleeps", "q2": "stocks fell"},
        qrels={"q1": {"1": 1}, "q2": {"2": 1}},
    )


def system() -> System:
    meter = Meter(MultiHashEncoder())
    dense = Dense(meter)
    return System("multi-hash", dense.fingerprint, meter, dense)


def test_documents_by_max_sim() -> None:
    dense = Dense(MultiHashEncoder())
    dense.index(DOCUMENTS)
    found = dense.search(["cat sleeps", "stocks"], k=3)
    assert found[0].ids[0] == "1" and set(found[1].ids[:2]) == {"2", "3"}
    assert found[0].scores[0] == pytest.approx(2, abs=1e-5)  # two words, each found
    assert dense.index_bytes > 4 * 16 * 12
    with pytest.raises(InvalidVectors, match="several vectors each"):
        Dense(MultiHashEncoder(), "ivf").index(DOCUMENTS)


def test_retrieval_and_reranking() -> None:
    for task in (RetrievalTask(content()), RerankingTask(content())):
        outcome = task.run(system())
        assert outcome.samples["map"].value() == 1


def test_what_needs_one_vector_a_text_is_skipped_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("a cat\tthe cat\t9\na cat\ta dog\t4\na cat\tno idea\t1\n")
    report = ks.evaluate(models=MultiHashEncoder(), tasks=tmp_path / "pairs.tsv", cache=False)
    assert not report.results and "several vectors a text" in str(report.skipped)
    with pytest.raises(NotApplicable, match="several vectors a text"):
        system().need_encoder("clustering")


def test_bytes_of_a_text_are_those_of_its_vectors() -> None:
    meter = Meter(MultiHashEncoder())
    meter.remember()
    for _ in range(2):
        found = meter.encode(["one", "two words"])
    assert meter.vector_bytes == 1.5 * 16 * 4
    np.testing.assert_array_equal(
        found.vectors.values, MultiHashEncoder().encode(["one", "two words"]).vectors.values
    )
