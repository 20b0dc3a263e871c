"""Metrics of rankings: known answers, and trec_eval's on 10,000 random runs."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from kinspace.datasets.judgements import Qrels
from kinspace.errors import InvalidJudgements, InvalidParameter
from kinspace.evaluate.metrics.ranking import CUTOFFS, MEASURES, per_query
from kinspace.evaluate.runs import Run

# Our names and those of ir-measures; RR and AP over the whole ranking.
THEIRS = {
    "map": "AP",
    "mrr": "RR",
    "ndcg": "nDCG",
    "r_precision": "Rprec",
    "recall_at_1000": "R@1000",
    "map_at_7": "AP@7",
    **{f"ndcg_at_{k}": f"nDCG@{k}" for k in CUTOFFS},
    **{f"precision_at_{k}": f"P@{k}" for k in CUTOFFS},
    **{f"recall_at_{k}": f"R@{k}" for k in CUTOFFS},
    **{f"success_at_{k}": f"Success@{k}" for k in CUTOFFS},
}


def one(
    scores: dict[str, float], grades: dict[str, int], *measures: str
) -> float | tuple[float, ...]:
    found = per_query(Run("test", {"q": scores}), {"q": grades}, measures=measures)
    values = tuple(float(found[measure][0]) for measure in measures)
    return values[0] if len(values) == 1 else values


RANKED = {"a": 5.0, "b": 4.0, "c": 3.0, "d": 2.0, "e": 1.0}


def test_known_answers() -> None:
    grades = {"b": 1, "d": 1, "x": 1, "a": 0}
    assert one(RANKED, grades, "precision_at_1", "precision_at_5") == (0, 0.4)
    assert one(RANKED, grades, "precision_at_10") == 0.2  # of ten, also where five were found
    assert one(RANKED, grades, "recall_at_3") == pytest.approx(1 / 3)
    assert one(RANKED, grades, "recall_at_1000") == pytest.approx(2 / 3)
    assert one(RANKED, grades, "success_at_1", "success_at_3") == (0, 1)
    assert one(RANKED, grades, "mrr", "mrr_at_1") == (0.5, 0)
    assert one(RANKED, grades, "map") == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert one(RANKED, grades, "r_precision") == pytest.approx(1 / 3)  # b is among the first three
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert one(RANKED, grades, "ndcg_at_10") == pytest.approx(
        (1 / math.log2(3) + 1 / math.log2(5)) / ideal
    )


def test_the_gain_is_the_grade() -> None:
    grades = {"a": 1, "c": 3}
    ideal = 3 + 1 / math.log2(3)
    assert one(RANKED, grades, "ndcg_at_10") == pytest.approx((1 + 3 / 2) / ideal)
    assert one(RANKED, grades, "ndcg_at_1") == pytest.approx(1 / 3)


def test_a_negative_grade_is_not_relevant() -> None:
    measures = ("map", "ndcg_at_10", "precision_at_1", "r_precision")
    assert one(RANKED, {"a": -2, "b": 1}, *measures) == one(RANKED, {"a": 0, "b": 1}, *measures)


def test_ties_go_to_the_greater_id() -> None:
    tied = {"10": 1.0, "9": 1.0, "é": 1.0, "z": 1.0}
    ranks = [1 / float(one(tied, {name: 1}, "mrr")) for name in ("é", "z", "9", "10")]  # type: ignore[arg-type]
    assert ranks == pytest.approx([1, 2, 3, 4])


def test_scores_are_compared_in_single_precision() -> None:
    assert one({"a": 1 + 1e-9, "b": 1.0}, {"a": 1}, "mrr") == 0.5
    assert one({"a": 1e300, "b": 1e200}, {"a": 1}, "mrr") == 0.5  # both are infinite there
    assert one({"a": 1 + 1e-6, "b": 1.0}, {"a": 1}, "mrr") == 1


def test_judged_queries_are_the_rows() -> None:
    run = Run("test", {"q2": {"a": 1.0}, "never judged": {"a": 1.0}, "q3": {}})
    qrels: Qrels = {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}, "q4": {"a": 0}}
    assert per_query(run, qrels, measures=["map"])["map"].tolist() == [0, 1, 0, 0]
    assert per_query(run, qrels, measures=["map"], judged=["q2", "q1"])["map"].tolist() == [1, 0]


def test_all_measures_by_default() -> None:
    found = per_query(Run("test", {"q": RANKED}), {"q": {"a": 1}})
    assert tuple(found) == MEASURES
    assert all(values.shape == (1,) and values.dtype == np.float64 for values in found.values())


@pytest.mark.parametrize("name", ["ndcg@10", "precision", "ndcg_at_0", "ndcg_at_", "recall_at_-1"])
def test_unknown_measures(name: str) -> None:
    with pytest.raises(InvalidParameter, match="no measure"):
        one(RANKED, {"a": 1}, name)


def test_no_judged_queries() -> None:
    with pytest.raises(InvalidJudgements, match="No query is judged"):
        per_query(Run("test", {"q": RANKED}), {})
    with pytest.raises(InvalidJudgements, match="'other' has no judgements"):
        per_query(Run("test", {"q": RANKED}), {"q": {"a": 1}}, judged=["q", "other"])


def random_runs(
    seed: int, queries: int
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, int]]]:
    """Runs with ties, unjudged documents, missing queries and graded judgements.

    Ids sort differently as text, as numbers and by case; scores come in several scales.
    """
    draw = random.Random(seed)
    kinds = (str, "doc{}".format, "{:03}".format, "Ä{}".format, "d-{}".format)
    scores, qrels = {}, {}
    for number in range(queries):
        query = f"q{number}"
        name, documents = draw.choice(kinds), draw.choice((3, 10, 40))
        distinct = draw.choice((1, 2, 5, 1000))  # scores
        scale = draw.choice((1e-6, 0.1, 1.0, -1.0, 1e6))
        everything = range(documents * 2)
        judged = draw.sample(everything, draw.randint(1, documents))
        grades = draw.choice(((0, 1), (1,), (0, 1, 2, 3), (-1, 0, 1, 2), (0,)))
        qrels[query] = {name(i): draw.choice(grades) for i in judged}
        if draw.random() < 0.9:
            found = draw.sample(everything, draw.randint(0, documents))
            scores[query] = {name(i): draw.randrange(distinct) * scale for i in found}
    for number in range(20):
        scores[f"not judged {number}"] = {"1": 1.0}
    return scores, qrels


def test_agrees_with_trec_eval_on_10_000_random_runs() -> None:
    import ir_measures

    scores, qrels = random_runs(seed=6, queries=10_000)
    ours = per_query(Run("test", scores), qrels, measures=list(THEIRS))
    row = {query: number for number, query in enumerate(qrels)}
    theirs = {name: np.zeros(len(row)) for name in THEIRS}
    names = {str(ir_measures.parse_measure(there)): here for here, there in THEIRS.items()}
    provider = ir_measures.providers.registry["pytrec_eval"]
    measures = [ir_measures.parse_measure(name) for name in names]
    for value in provider.evaluator(measures, qrels).iter_calc(scores):
        theirs[names[str(value.measure)]][row[value.query_id]] = value.value
    for name in THEIRS:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-9, err_msg=name)
        assert theirs[name].std() > 0


def test_mrr_with_a_cutoff_agrees_with_its_definition() -> None:
    scores, qrels = random_runs(seed=7, queries=500)
    found = per_query(Run("test", scores), qrels, measures=["mrr", "mrr_at_3"])
    expected = np.where(found["mrr"] >= 1 / 3, found["mrr"], 0)
    np.testing.assert_array_equal(found["mrr_at_3"], expected)


def test_the_ranking_is_that_of_the_run() -> None:
    scores, qrels = random_runs(seed=8, queries=300)
    run = Run("test", scores)
    first = per_query(run, qrels, measures=["precision_at_1"])["precision_at_1"]
    for query, value in zip(qrels, first, strict=True):
        ranked = run.ranked(query)
        assert value == bool(ranked and qrels[query].get(ranked[0], 0) > 0)
