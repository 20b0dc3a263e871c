"""How well the shipped default finds and compares, beside BM25, all-MiniLM-L6-v2 and print.

    KINSPACE_DATA=../shared/data python bench/quality.py
    python bench/quality.py --models default,bm25 --tasks cacm,cranfield,stsb   # a part of it

Everything goes through `kinspace.evaluate`: nDCG@10 for retrieval, Spearman for STS-B, each with
its 95 % interval. What there was to choose was chosen on the first three columns; the last three
are only reported. Figures from print stand beside ours where the protocol is the same: BM25 as
Pyserini's baseline has it (k1 = 0.9, b = 0.4, title and text as one field, Porter's stemmer,
Lucene's stop words), made here with bm25s, and all-MiniLM-L6-v2 from the MTEB leaderboard.
`--cache FOLDER` keeps results for the next time; without it everything is measured anew. Writes
bench/results/quality.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, data_folder, machine, show, show_targets, versions, write

import kinspace as ks
from kinspace.datasets import Document
from kinspace.results import Neighbours

MINILM = "all-MiniLM-L6-v2"
PRINTED = "bm25 as printed"
MODELS = ("default", "bm25", "default+bm25", MINILM, f"{MINILM}+bm25", PRINTED)
CHOICE = ("stsb-dev", "scifact-train", "cacm")
"""The sets on which things were chosen; all others are only reported."""
TASKS = (*CHOICE, "stsb", "scifact", "cranfield")

Table = dict[str, dict[str, float]]

LUCENE_STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then "
    "there these they this to was will with"
).split()


class PrintedBm25:
    """BM25 with the settings of the printed baselines, by bm25s; a `Retriever` like any other."""

    name = PRINTED
    fingerprint = "bm25s-lucene-0.9-0.4-porter"
    index_bytes = 0

    def index(self, documents: Sequence[Document], *, progress: Any = None) -> None:
        import bm25s

        self._ids = [document.id for document in documents]
        self._index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
        self._index.index(self._words([one.whole for one in documents]), show_progress=False)

    def _words(self, texts: list[str]) -> Any:
        import bm25s
        import Stemmer

        return bm25s.tokenize(
            texts,
            stopwords=LUCENE_STOP_WORDS,
            stemmer=Stemmer.Stemmer("porter"),
            token_pattern=r"(?u)\b\w+\b",
            show_progress=False,
        )

    def search(self, queries: Sequence[str], k: int) -> list[Neighbours[str]]:
        k = min(k, len(self._ids))
        found, scores = self._index.retrieve(
            self._words(list(queries)), k=k, show_progress=False, n_threads=1
        )
        return [
            Neighbours([self._ids[place] for place in row], values.astype(np.float32), "dot")
            for row, values in zip(found, scores, strict=True)
        ]

    def close(self) -> None:
        self._index = None


def targets(table: Table) -> list[Target]:
    """What was asked for, of the default and of agreement with print."""

    def got(model: str, task: str) -> float | None:
        return table.get(model, {}).get(task)

    asked = [
        Target("default alone, STS-B test", 0.78, got("default", "stsb")),
        Target("default alone, SciFact test", 0.53, got("default", "scifact")),
        Target("default hybrid, SciFact test", 0.705, got("default+bm25", "scifact")),
        Target("default hybrid, Cranfield", 0.395, got("default+bm25", "cranfield")),
        Target("all-MiniLM-L6-v2 hybrid, SciFact test", 0.73, got(f"{MINILM}+bm25", "scifact")),
    ]
    printed = [
        ("BM25 as printed, SciFact test", 0.679, got(PRINTED, "scifact")),
        ("all-MiniLM-L6-v2, SciFact test", 0.645, got(MINILM, "scifact")),
        ("all-MiniLM-L6-v2, STS-B test", 0.820, got(MINILM, "stsb")),
    ]
    for what, value, measured in printed:
        distance = None if measured is None else round(abs(measured - value), 4)
        asked.append(Target(f"{what}: distance to {value}", 0.005, distance, at_least=False))
    return asked


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--models", default=",".join(MODELS), help="of: " + ", ".join(MODELS))
    parser.add_argument("--tasks", default=",".join(TASKS), help="of: " + ", ".join(TASKS))
    parser.add_argument("--cache", type=Path, help="keep results in this folder")
    options = parser.parse_args()
    models, tasks = _chosen(options.models, MODELS), _chosen(options.tasks, TASKS)
    data_folder()
    where = machine()
    report = ks.evaluate(
        [PrintedBm25() if model == PRINTED else model for model in models],
        tasks,
        cache=options.cache or False,
        progress=lambda step: step.done or print(f"  {step.task}: {step.system}", flush=True),
    )
    if report.failed:
        raise SystemExit(f"{report.failed[0].message}\n{report.failed[0].trace}")
    table: Table = {
        model: {task: round(r[model].score.value, 4) for task, r in by_task.items() if model in r}
        for by_task in [{task: report.of(task) for task in tasks}]
        for model in models
    }
    print("\nSpearman for STS-B, nDCG@10 for the others. Chosen on:", ", ".join(CHOICE))
    show(["", *tasks], [[model, *(row.get(t) for t in tasks)] for model, row in table.items()])
    asked = targets(table)
    show_targets(asked)
    result = {
        "machine": where,
        "versions": versions("tantivy", "numpy", "torch", "sentence-transformers", "bm25s"),
        "chosen_on": list(CHOICE),
        "table": table,
        "intervals": {
            f"{one.task}, {one.system}": [round(one.score.low, 4), round(one.score.high, 4)]
            for one in report.results
        },
        "targets": [target.to_dict() for target in asked],
    }
    write("quality", result, whole=models == list(MODELS) and tasks == list(TASKS))


def _chosen(given: str, known: Sequence[str]) -> list[str]:
    names = given.split(",")
    for name in names:
        if name not in known:
            raise SystemExit(f"{name!r} is none of: {', '.join(known)}.")
    return [name for name in known if name in names]


if __name__ == "__main__":
    main()
