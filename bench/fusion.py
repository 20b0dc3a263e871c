"""Ways of joining words and meaning, compared on the sets on which the default is chosen.

    KINSPACE_DATA=../shared/data python bench/fusion.py

Only the SciFact training claims and CACM: never what results are reported on. Every way of
scaling, both kinds of candidates, three depths and seven weights are tried. nDCG@10, mean of both
sets. Candidates: "own" gives a document nothing for the side that did not find it; "both" also
scores by meaning what only words found, as `kinspace.search.fusion.hybrid` does. Writes
bench/results/fusion.json.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import machine, show, versions, write
from numpy.typing import NDArray
from quality import CHOICE

import kinspace as ks
from kinspace.datasets import RetrievalSet
from kinspace.evaluate.systems import Keyword
from kinspace.metric import normalise
from kinspace.pretrained.neural.dense.encoder import TransformerEncoder
from kinspace.pretrained.static import StaticEncoder
from kinspace.search.fusion import (
    Ranking,
    Scale,
    reciprocal,
    relative,
    share_of_best,
)

MODELS = {"default": "default", "minilm": "all-MiniLM-L6-v2"}
SETS = {name: name.partition("-")[::2] for name in CHOICE if not name.startswith("stsb")}
"""Sets for retrieval on which things are chosen: dataset and split."""
SHARES = {
    "default": StaticEncoder.keyword_share,
    "minilm": TransformerEncoder.keyword_share,
}
WEIGHTS = sorted({0.3, 0.4, 0.5, 0.6, 0.7, 0.8, *SHARES.values()})
DEPTHS = (100, 200, 1000)
CANDIDATES = ("own", "both")
NOW = ("share of best", "both", 100)
"""What Kinspace does, with each model's own weight of the words."""
K = 10

Way = tuple[str, str, int, float]
"""Scaling, candidates, depth, weight of the words."""


def z_scores(ranking: Ranking) -> NDArray[np.float64]:
    """Scores in standard deviations above the worst candidate, which is what the others get."""
    scores = ranking.scores.astype(np.float64)
    deviation = scores.std() if len(scores) else 0.0
    return np.asarray((scores - scores.min()) / deviation) if deviation else np.ones(len(scores))


def _as_they_are(ranking: Ranking) -> NDArray[np.float64]:
    return ranking.scores.astype(np.float64)


SCALES: dict[str, Scale] = {
    "reciprocal rank": reciprocal,
    "relative": relative,
    "share of best": share_of_best,
    "z-scores": z_scores,
}


@dataclass
class Judged:
    """The candidates of every query of a set, and what is relevant.

    Parameters
    ----------
    words : list of Ranking
        The best 1,000 by BM25, as positions of documents.
    meaning : ndarray of float32, shape (queries, documents)
        All cosines.
    gains : ndarray of float64, shape (queries, documents)
        What a relevant document adds at the first rank, as a share of the best possible DCG.
    """

    words: list[Ranking]
    meaning: NDArray[np.float32]
    gains: NDArray[np.float64]

    def ndcg(self, totals: NDArray[np.float64]) -> float:
        """Mean nDCG@10 of an order by total score."""
        best = np.argpartition(-totals, K, axis=1)[:, :K]
        ranked = np.take_along_axis(totals, best, 1).argsort(axis=1)[:, ::-1]
        gains = np.take_along_axis(self.gains, np.take_along_axis(best, ranked, 1), 1)
        return float((gains / np.log2(np.arange(K) + 2)).sum(axis=1).mean())


def candidates(found: RetrievalSet, model: str) -> Judged:
    """Look for everything once, as deep as it is needed."""
    encoder = ks.load(MODELS[model])
    documents = list(found.documents.values())
    places = {document.id: place for place, document in enumerate(documents)}
    queries = list(found.judged.values())
    by_words = Keyword()
    by_words.index(documents)
    words = [
        Ranking(np.array([places[name] for name in one.ids], np.int64), one.scores)
        for one in by_words.search(queries, max(DEPTHS))
    ]
    by_words.close()
    rows = normalise(encoder.encode([document.whole for document in documents]).vectors)
    wanted = normalise(encoder.encode_query(queries).vectors)
    return Judged(words, wanted @ rows.T, _gains(found, places))


def _gains(found: RetrievalSet, places: dict[str, int]) -> NDArray[np.float64]:
    gains = np.zeros((len(found.judged), len(places)))
    for row, query in enumerate(found.judged):
        relevant = [name for name, grade in found.qrels[query].items() if grade > 0]
        ideal = (1 / np.log2(np.arange(min(K, len(relevant))) + 2)).sum()
        gains[row, [places[name] for name in relevant]] = 1 / ideal
    return gains


def _meaning(scores: NDArray[np.float32], words: Ranking, depth: int, which: str) -> Ranking:
    """The nearest, and with "both" also what only words found."""
    ids = np.argpartition(-scores, depth)[:depth] if depth < len(scores) else np.arange(len(scores))
    if which == "both":
        ids = np.union1d(ids, words.ids)
    return Ranking.sorted(ids, scores[ids])


def compare(judged: Judged) -> dict[Way, float]:
    """Every way on one set."""
    found: dict[Way, float] = {}
    shape = judged.meaning.shape
    for depth in DEPTHS:
        words = [Ranking(one.ids[:depth], one.scores[:depth]) for one in judged.words]
        for which in CANDIDATES:
            pairs = zip(judged.meaning, words, strict=True)
            meaning = [_meaning(scores, one, depth, which) for scores, one in pairs]
            for name, scale in SCALES.items():
                sides = [_scaled(side, scale, shape) for side in (words, meaning)]
                for weight in WEIGHTS:
                    totals = weight * sides[0] + (1 - weight) * sides[1]
                    found[name, which, depth, weight] = judged.ndcg(totals)
    return found


def _scaled(
    rankings: Iterable[Ranking], scale: Scale, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    totals = np.zeros(shape)
    for row, ranking in zip(totals, rankings, strict=True):
        row[ranking.ids] = scale(ranking)
    return totals


def tell(models: list[str], table: dict[Way, dict[str, float]]) -> None:
    """Print, for each scaling and kind of candidates, the best depth and weight of all models."""
    columns = [f"{model} {name}" for model in models for name in SETS]
    best: dict[tuple[str, str], Way] = {}
    for way, row in table.items():
        kind = way[:2]
        if kind not in best or row["mean"] > table[best[kind]]["mean"]:
            best[kind] = way
    rows = [
        [*map(str, way), *(table[way][column] for column in [*columns, "mean"])]
        for way in sorted(best.values(), key=lambda way: -table[way]["mean"])
    ]
    now = {f"{model} {name}": table[*NOW, SHARES[model]][f"{model} {name}"]
           for model in models for name in SETS}  # fmt: skip
    mean = round(statistics.fmean(now.values()), 4)
    rows.append(["as it is now", *map(str, NOW[1:]), "each its own", *now.values(), mean])
    show(["best of each", "candidates", "depth", "words' weight", *columns, "mean"], rows)
    print("\nThe way it is now, by weight")
    rows = [
        [str(weight), *(table[*NOW, weight][column] for column in [*columns, "mean"])]
        for weight in WEIGHTS
    ]
    show(["words' weight", *columns, "mean"], rows)


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    options = parser.parse_args()
    where = machine()
    table: dict[Way, dict[str, float]] = {}
    alone: dict[str, dict[str, float]] = {}
    for model in options.models:
        for name, (dataset, split) in SETS.items():
            judged = candidates(ks.datasets.load(dataset, split or None), model)
            start, column = time.perf_counter(), f"{model} {name}"
            words = _scaled(judged.words, _as_they_are, judged.meaning.shape)
            alone[column] = {
                "words": round(judged.ndcg(words), 4),
                "meaning": round(judged.ndcg(judged.meaning.astype(np.float64)), 4),
            }
            for way, value in compare(judged).items():
                table.setdefault(way, {})[column] = round(value, 4)
            print(f"{column}: {alone[column]}, {time.perf_counter() - start:.0f} s", flush=True)
    for row in table.values():
        row["mean"] = round(statistics.fmean(row.values()), 4)
    print()
    tell(options.models, table)
    write("fusion", _result(where, alone, table), whole=options.models == list(MODELS))


def _result(where: Any, alone: Any, table: dict[Way, dict[str, float]]) -> dict[str, Any]:
    names = ("scale", "candidates", "depth", "keyword_weight")
    return {
        "machine": where,
        "versions": versions("tantivy", "numpy", "torch"),
        "now": dict(zip(names, NOW, strict=False)) | {"keyword_weight": SHARES},
        "alone": alone,
        "ways": [dict(zip(names, way, strict=True)) | row for way, row in table.items()],
    }


if __name__ == "__main__":
    main()
