"""A full evaluation by Kinspace beside the same one by MTEB with sentence-transformers.

    KINSPACE_DATA=../shared/data python bench/evaluate_mteb.py
    python bench/evaluate_mteb.py --quick        # small subsets, a few minutes; writes nothing

Three models (the shipped default, all-MiniLM-L6-v2, BM25) on six tasks: SciFact and Cranfield
(retrieval), STS-B (similarity), MSRP (pair classification), Banking77 (classification) and 2,000
posts of 20 Newsgroups, 100 a group (clustering). One side is `kinspace.evaluate` with its cache
off; the other is `mteb.evaluate` on the same texts and protocols, with what MTEB itself would take:
`SentenceTransformer` with its defaults for both models (the default from the same folder, as a
`StaticEmbedding`), and MTEB's own BM25 on bm25s. BM25 does the two retrieval tasks only.

Each side and model has a new process with the same number of threads. Imports, loading the model,
compiled code and reading the sets come before the clock; everything after that is on it, on
Kinspace's side also the bootstrap intervals, the few-shot figures and the times of single queries,
which MTEB does not have. Seconds of the processor are written beside those of the clock: on a
busy machine they say more. MTEB would fetch its SciFact and STS-B from a hub: here its tasks are
made from the same local files, by `kinspace.evaluate.bridges`.

Two rows are there to explain: Kinspace in float32, and sentence-transformers in bfloat16.
Writes bench/results/evaluate_mteb.json.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from common import Target, machine, show, show_targets, versions, write

TASKS = ("scifact", "cranfield", "stsb", "msrp", "banking77", "20newsgroups")
POSTS = 100
"""Of each newsgroup; 20 groups."""
ROWS = {
    "kinspace default": "the shipped static model",
    "kinspace minilm": "all-MiniLM-L6-v2, precision as it comes",
    "kinspace minilm-float32": "all-MiniLM-L6-v2 in float32",
    "kinspace bm25": "BM25 of Kinspace's collections",
    "mteb default": "SentenceTransformer with a StaticEmbedding from the same folder",
    "mteb minilm": "SentenceTransformer with its defaults: float32, batches of 32",
    "mteb minilm-bfloat16": "SentenceTransformer with dtype bfloat16, batches of 32",
    "mteb bm25": "MTEB's BM25, on bm25s",
}
COMPARED = ("default", "minilm", "bm25")
"""What the whole evaluation of either side is made of."""


def tasks(quick: bool) -> list[Any]:
    """The six tasks, read.

    They are the catalogue's, with two exceptions: the posts are fewer, and Banking77 does without
    the classifiers on its whole training set, since MTEB encodes only the texts that it draws.
    """
    from kinspace.datasets import load
    from kinspace.evaluate.tasks import (
        ClassificationTask,
        ClusteringTask,
        PairClassificationTask,
        RetrievalTask,
        SimilarityTask,
        Training,
    )

    posts = sample_of_each(load("20newsgroups"), 5 if quick else POSTS)
    train, test = load("banking77", "train"), load("banking77", "test")
    searched = [load("scifact", "test"), load("cranfield")]
    paired = [load("stsb", "test"), load("msrp", "test")]
    if quick:
        train, test = sample_of_each(train, 8), sample_of_each(test, 1)
        searched = [fewer_queries(content, 10) for content in searched]
        paired = [fewer_pairs(content, 100) for content in paired]
    return [
        RetrievalTask(searched[0], name="scifact"),
        RetrievalTask(searched[1], name="cranfield"),
        SimilarityTask(paired[0], name="stsb"),
        PairClassificationTask(paired[1], name="msrp"),
        ClassificationTask(train, test, name="banking77", training=Training(whole=False)),
        ClusteringTask(posts, name="20newsgroups"),
    ]


def sample_of_each(content: Any, count: int) -> Any:
    """As many texts of every label, always the same ones, in the order in which they stand."""
    order = list(range(len(content)))
    random.Random(0).shuffle(order)
    taken: dict[str, list[int]] = {}
    for row in order:
        rows = taken.setdefault(content.labels[row], [])
        if len(rows) < count:
            rows.append(row)
    kept = sorted(row for rows in taken.values() for row in rows)
    return replace(
        content,
        texts=[content.texts[row] for row in kept],
        labels=[content.labels[row] for row in kept],
    )


def fewer_queries(content: Any, count: int) -> Any:
    """Some of the judged queries, their judged documents, and 50 others."""
    queries = dict(list(content.judged.items())[:count])
    qrels = {name: content.qrels[name] for name in queries}
    judged = {name for grades in qrels.values() for name in grades}
    others = [name for name in content.documents if name not in judged][:50]
    documents = {name: content.documents[name] for name in [*judged, *others]}
    return replace(content, documents=documents, queries=queries, qrels=qrels)


def fewer_pairs(content: Any, count: int) -> Any:
    """The first pairs."""
    return replace(
        content,
        left=content.left[:count],
        right=content.right[:count],
        scores=content.scores[:count],
    )


# -- what one process measures ---------------------------------------------------------------------

Side = Callable[[Any], Callable[[], float]]
"""Takes a task before the clock runs, and gives what is timed: its main figure comes of it."""


def kinspace_side(model: str) -> Side:
    """Kinspace with one model, warm."""
    import kinspace as ks

    system = kinspace_model(model)

    def ready(task: Any) -> Callable[[], float]:
        def judge() -> float:
            report = ks.evaluate(models=[system], tasks=[task], cache=False)
            if report.failed:
                raise SystemExit(f"{task.name} failed: {report.failed[0]}")
            return float(report.results[0].score)

        return judge

    return ready


def kinspace_model(model: str) -> Any:
    """An encoder that has encoded, or a name."""
    from kinspace.pretrained import load
    from kinspace.pretrained.neural.dense.encoder import TransformerEncoder

    if model == "bm25":
        return model
    if model == "default":
        encoder: Any = load()
        encoder.encode(
            ["warm"] * 2 + [f"Compiled code, {n}, for many texts." for n in range(99_999)]
        )
    else:
        precision: Any = "float32" if model.endswith("float32") else "auto"
        encoder = TransformerEncoder("all-MiniLM-L6-v2", precision=precision)
    encoder.encode_query(["warm"])
    return encoder


def mteb_side(model: str) -> Side:
    """MTEB with one model, warm."""
    import mteb

    from kinspace.evaluate.bridges import to_mteb_task

    judged = mteb_model(model)

    def ready(task: Any) -> Callable[[], float]:
        theirs = to_mteb_task(task)
        theirs.load_data()

        def judge() -> float:
            found = mteb.evaluate(
                judged, theirs, cache=None, co2_tracker=False, show_progress_bar=False
            )
            return float(found.task_results[0].get_score())

        return judge

    return ready


def mteb_model(model: str) -> Any:
    """What a user of MTEB would hand it."""
    import mteb
    import torch
    from sentence_transformers import SentenceTransformer

    from kinspace.pretrained.registry import describe
    from kinspace.pretrained.resolve import resolve

    if model == "bm25":
        return mteb.get_model("mteb/baseline-bm25s")
    if model == "default":
        encoder = SentenceTransformer(describe("default").where, device="cpu")
    else:
        given = {"dtype": torch.bfloat16} if model.endswith("bfloat16") else {}
        folder = str(resolve("all-MiniLM-L6-v2"))
        encoder = SentenceTransformer(folder, device="cpu", model_kwargs=given)
    encoder.encode(["warm"], show_progress_bar=False)
    return encoder


def one(row: str, quick: bool, threads: int) -> dict[str, Any]:
    """Measure one row of the table, in this process."""
    import faiss
    import torch

    torch.set_num_threads(threads)
    faiss.omp_set_num_threads(threads)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    side, model = row.split()
    start = time.perf_counter()
    waiting = [one for one in tasks(quick) if model != "bm25" or one.kind == "retrieval"]
    reading = time.perf_counter() - start
    ready = (kinspace_side if side == "kinspace" else mteb_side)(model)
    scores, seconds, busy = {}, {}, {}
    for task in [*warm_up(model), *waiting]:
        judge = ready(task)
        wall, processor = time.perf_counter(), time.process_time()
        with contextlib.redirect_stderr(io.StringIO()):  # the bars of bm25s and others
            score = judge()
        if task.name == "warm":
            continue
        scores[task.name] = score
        seconds[task.name] = round(time.perf_counter() - wall, 3)
        busy[task.name] = round(time.process_time() - processor, 3)
        print(f"  {row}, {task.name}: {seconds[task.name]:.1f} s", file=sys.stderr, flush=True)
    return {"scores": scores, "seconds": seconds, "cpu_seconds": busy, "reading": round(reading, 2)}


def warm_up(model: str) -> list[Any]:
    """A few texts for each kind of task, so that imports and compiled code are not timed."""
    import numpy as np

    from kinspace.datasets import Document, LabelledSet, PairSet, RetrievalSet
    from kinspace.evaluate import tasks as kinds

    texts = [f"text number {n} of {n % 4} kinds" for n in range(48)]
    documents = {str(n): Document(str(n), text) for n, text in enumerate(texts)}
    found = RetrievalSet("warm", documents, {"q": "number 7"}, {"q": {"7": 1}})
    labelled = LabelledSet("warm", texts, [str(n % 4) for n in range(48)])
    scores = np.arange(48.0)
    searched = [kinds.RetrievalTask(found)]
    return (
        searched
        if model == "bm25"
        else [
            *searched,
            kinds.SimilarityTask(PairSet("warm", texts, texts[::-1], scores)),
            kinds.PairClassificationTask(PairSet("warm", texts, texts[::-1], scores % 2)),
            kinds.ClassificationTask(labelled, labelled),
            kinds.ClusteringTask(labelled),
        ]
    )


# -- all of them -----------------------------------------------------------------------------------


def in_a_process(row: str, quick: bool, threads: int) -> dict[str, Any]:
    """Measure one row in a process of its own, with so many threads in every library."""
    limits = {
        f"{library}_NUM_THREADS": str(threads)
        for library in ("OMP", "MKL", "OPENBLAS", "NUMBA", "RAYON")
    }
    others = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "true",
        "TQDM_DISABLE": "1",
    }
    command = [sys.executable, __file__, "--one", row, "--threads", str(threads)]
    done = subprocess.run(
        command + ["--quick"] * quick,
        env={**os.environ, **limits, **others},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def whole(measured: dict[str, Any], side: str, clock: str = "seconds") -> float | None:
    """Seconds of a side for all models that are compared; None if one is missing."""
    rows = [measured.get(f"{side} {model}") for model in COMPARED]
    if None in rows:
        return None
    return sum(sum(row[clock].values()) for row in rows if row)


def largest_difference(measured: dict[str, Any], left: str, right: str) -> float | None:
    """The largest difference of the main figures of two rows."""
    a, b = measured.get(left), measured.get(right)
    if a is None or b is None:
        return None
    return max(abs(a["scores"][task] - b["scores"][task]) for task in a["scores"])


def ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below is not None else None


def targets(measured: dict[str, Any]) -> list[Target]:
    """What was asked for; what the figures may differ by follows from the vectors."""
    whole_ratio = ratio(whole(measured, "mteb"), whole(measured, "kinspace"))
    differences = {
        "default": ("kinspace default", "mteb default"),
        "MiniLM, both float32": ("kinspace minilm-float32", "mteb minilm"),
        "MiniLM, bfloat16 and float32": ("kinspace minilm", "mteb minilm"),
    }
    found = [Target("whole evaluation, times as fast", 3.0, whole_ratio)]
    for what, rows in differences.items():
        asked = 0.005 if "bfloat16" in what else 0.001
        got = largest_difference(measured, *rows)
        found.append(Target(f"largest difference of figures: {what}", asked, got, at_least=False))
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small subsets; writes nothing")
    parser.add_argument("--rows", default=",".join(ROWS), help="of: " + ", ".join(ROWS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", choices=list(ROWS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.quick, options.threads)))
        return
    rows = [row for row in ROWS if row in options.rows.split(",")]
    where, start = machine(), time.perf_counter()
    measured = {row: in_a_process(row, options.quick, options.threads) for row in in_turns(rows)}
    print(f"\nMain figures ({time.perf_counter() - start:.0f} s in all)")
    report(measured, rows)
    asked = targets(measured)
    show_targets(asked)
    result = {
        "machine": where,
        "versions": versions("mteb", "sentence-transformers", "torch", "bm25s", "scikit-learn"),
        "threads": options.threads,
        "rows": {row: {"what": ROWS[row], **measured[row]} for row in rows},
        "whole_seconds": {side: whole(measured, side) for side in ("kinspace", "mteb")},
        "whole_cpu_seconds": {
            side: whole(measured, side, "cpu_seconds") for side in ("kinspace", "mteb")
        },
        "targets": [target.to_dict() for target in asked],
    }
    write("evaluate_mteb", result, whole=not options.quick and rows == list(ROWS))


def in_turns(rows: Sequence[str]) -> list[str]:
    """Rows of the two sides by turns, so that a busy machine is busy for both."""
    sides = [[row for row in rows if row.startswith(side)] for side in ("kinspace", "mteb")]
    return [row for pair in zip_longest(*sides) for row in pair if row]


def report(measured: dict[str, Any], rows: Sequence[str]) -> None:
    """Figures, seconds and ratios, as tables."""
    show(["", *TASKS], [[row, *(measured[row]["scores"].get(t) for t in TASKS)] for row in rows])
    for clock, what in (("seconds", "Seconds"), ("cpu_seconds", "Seconds of the processor")):
        print(f"\n{what}")
        lines = []
        for row in rows:
            taken = measured[row][clock]
            lines.append([row, *(taken.get(task) for task in TASKS), sum(taken.values())])
        show(["", *TASKS, "all"], lines)
    for side in ("kinspace", "mteb"):
        seconds = whole(measured, side)
        if seconds is not None:
            print(f"{side}: {', '.join(COMPARED)} on all tasks in {seconds:.1f} s")


if __name__ == "__main__":
    main()
