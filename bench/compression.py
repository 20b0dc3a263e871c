"""What compressing vectors saves and loses: every way, with the original vectors and without.

    KINSPACE_DATA=../shared/data python bench/compression.py vectors.npy

SciFact and Cranfield by all-MiniLM-L6-v2 with their judgements, and the 199,645 sentences of
:mod:`sentence_vectors` with 1,000 held-out queries. recall@10 is against exact search by the
original vectors; "again" is with 40 candidates by the codes scored again by the original vectors.
One thread; a query a second is one of a batch. Writes bench/results/compression.json.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, machine, show, show_targets, versions, write
from numpy.typing import NDArray
from sentence_vectors import vectors
from threadpoolctl import threadpool_limits

import kinspace as ks
from kinspace.compress import Quantizer, parse_quantizer
from kinspace.compress.loss import _exact, _shared
from kinspace.compress.search import nearest
from kinspace.evaluate.metrics.ranking import per_query
from kinspace.evaluate.runs import Run

MODEL = "all-MiniLM-L6-v2"
SETS = ("scifact", "cranfield")
WAYS = (
    "float16", "int8", "row-int8", "int4", "binary", "product", "product:48", "pca:192", "pca:128",
    "truncate:192", "random:192", "count-sketch:192", "simhash:384", "simhash:1024",
    "pca:192+int8", "pca:128+int4",
)  # fmt: skip
K, BATCH = 10, 200


@dataclass
class Judged:
    """A set: vectors, queries, the exact answers, and who judged what."""

    name: str
    rows: NDArray[np.float32]
    queries: NDArray[np.float32]
    truth: NDArray[np.int64]
    names: list[str]
    asked: list[str]
    qrels: dict[str, dict[str, int]]

    def ndcg(self, found: NDArray[np.int64]) -> float | None:
        """Mean nDCG@10, where there are judgements."""
        if not self.qrels:
            return None
        run = {
            query: {self.names[place]: float(-rank) for rank, place in enumerate(line)}
            for query, line in zip(self.asked, found.tolist(), strict=True)
        }
        measured = per_query(Run("", run), self.qrels, measures=["ndcg_at_10"])
        return round(float(measured["ndcg_at_10"].mean()), 4)


def judged_set(name: str, model: Any) -> Judged:
    content: Any = ks.datasets.load(name)
    rows = model.encode([one.whole for one in content.documents.values()]).vectors
    asked = [name for name in content.queries if name in content.qrels]
    queries = model.encode_query([content.queries[name] for name in asked]).vectors
    truth = _exact(queries, rows, K, "cosine")
    qrels = {name: dict(content.qrels[name]) for name in asked}
    return Judged(name, rows, queries, truth, list(content.documents), asked, qrels)


def large_set(path: Path) -> Judged:
    rows, queries = vectors(path)
    return Judged("sentences", rows, queries, _exact(queries, rows, K, "cosine"), [], [], {})


def measured(way: str, on: Judged) -> dict[str, Any]:
    began = time.perf_counter()
    one = parse_quantizer(way).fit(on.rows)
    fitted = time.perf_counter()
    codes = one.encode(on.rows)
    encoded = time.perf_counter()
    line: dict[str, Any] = {"way": way, "bytes": one.bytes_per_vector}
    for kind, rescore in (("codes", None), ("again", on.rows)):
        found = nearest(one, codes, on.queries, K, rescore=rescore).ids
        line[kind] = {
            "recall": round(_shared(on.truth, found), 4),
            "ndcg": on.ndcg(found),
            "queries_per_second": _speed(one, codes, on, rescore),
        }
    line["ms_of_one"] = _ms_of_one(one, codes, on)
    line |= {"fit_s": round(fitted - began, 2), "encode_s": round(encoded - fitted, 2)}
    return line


def _speed(one: Quantizer, codes: Any, on: Judged, rescore: Any) -> float:
    some = on.queries[:BATCH]
    began = time.perf_counter()
    nearest(one, codes, some, K, rescore=rescore)
    return round(len(some) / (time.perf_counter() - began), 1)


def _ms_of_one(one: Quantizer, codes: Any, on: Judged) -> float:
    took = []
    for query in on.queries[:7]:
        began = time.perf_counter()
        nearest(one, codes, query, K)
        took.append(time.perf_counter() - began)
    return round(1000 * float(np.median(took)), 2)


def told(on: Judged, lines: list[dict[str, Any]]) -> None:
    print(f"\n{on.name}: {len(on.rows):,} vectors, {len(on.queries):,} queries")
    header = ["way", "bytes", "recall", "again", "nDCG@10", "again", "queries/s", "again",
              "one, ms", "fit s", "encode s"]  # fmt: skip
    show(
        header,
        [
            [line["way"], line["bytes"]]
            + [line[kind][what] for what in ("recall", "ndcg", "queries_per_second")
               for kind in ("codes", "again")]
            + [line["ms_of_one"], line["fit_s"], line["encode_s"]]
            for line in lines
        ],
    )  # fmt: skip


def targets(found: dict[str, Any]) -> list[Target]:
    out = []
    for name in SETS:
        if name not in found:
            continue
        lines = {line["way"]: line for line in found[name]["ways"]}
        whole = found[name]["ndcg"]
        for way, kind, share in (("int8", "codes", 0.99), ("binary", "again", 0.96)):
            what = f"{name}: nDCG@10 kept by {way}" + (" and rescoring" if kind == "again" else "")
            out.append(Target(what, share, round(lines[way][kind]["ndcg"] / whole, 4)))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vectors", type=Path, help="the .npy of sentence_vectors.py")
    parser.add_argument("--sets", nargs="+", default=[*SETS, "sentences"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    chosen = parser.parse_args()
    result: dict[str, Any] = {
        "machine": machine(), "versions": versions("numpy", "faiss-cpu", "numba"), "sets": {},
    }  # fmt: skip
    model = ks.load(MODEL) if set(chosen.sets) & set(SETS) else None
    with threadpool_limits(1):
        for name in chosen.sets:
            on = large_set(chosen.vectors) if name == "sentences" else judged_set(name, model)
            lines = [measured(way, on) for way in chosen.ways]
            told(on, lines)
            result["sets"][name] = {
                "vectors": len(on.rows), "queries": len(on.queries), "ndcg": on.ndcg(on.truth),
                "ways": lines,
            }  # fmt: skip
    met = targets(result["sets"]) if "int8" in chosen.ways and "binary" in chosen.ways else []
    show_targets(met)
    result["targets"] = [one.to_dict() for one in met]
    whole = len(chosen.sets) == 1 + len(SETS) and len(chosen.ways) == len(WAYS)
    write("compression", result, whole=whole)


if __name__ == "__main__":
    main()
