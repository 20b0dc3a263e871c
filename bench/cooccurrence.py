"""GloVe and SWIVEL beside skip-gram, on one corpus: time, memory, and what the vectors are worth.

    KINSPACE_DATA=../shared/data python bench/cooccurrence.py --folder /tmp/words

The corpus is that of `words.py` (`word_corpus.py`, made in the folder if it is not there). Every
run is a new process; three seeds; the same lines, dimensions and minimal count for all, else each
method's defaults. Counting alone is timed on a quarter, a half and the whole of the corpus, with
little memory, so that it spills. Runs are kept in the folder, and what was stopped goes on where
it was. Writes bench/results/cooccurrence.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, machine, peak_memory, show, show_targets, versions, write
from word_contenders import DIM, MIN_COUNT, SIMILARITY, judge
from word_corpus import build

METHODS = ("word2vec", "glove", "swivel")
SEEDS = (1, 2, 3)
PARTS = (4, 2, 1)
NO_LOWER = -0.03
MEMORY = 128
"""MB for counting."""
WINDOW = 10


def learn(name: str, corpus: Path, workers: int, seed: int) -> dict[str, Any]:
    """One model: seconds of each stage, the most memory, and the scores."""
    from kinspace.learn.methods import method as record

    learner: Any = record(name).learner()(
        dim=DIM, min_count=MIN_COUNT, workers=workers, seed=seed, tokenizer="whitespace"
    )
    stages: dict[str, float] = {}
    now = time.perf_counter()

    def tell(stage: str, done: int, total: int, detail: str = "", /) -> None:
        stages[stage] = time.perf_counter()

    with corpus.open(encoding="utf-8") as file:
        learner.fit((line.split() for line in file), progress=tell)
    ends = [now, *stages.values()]
    seconds = {
        stage: round(end - start, 2)
        for stage, (start, end) in zip(stages, itertools.pairwise(ends), strict=True)
    }
    return {"seconds": seconds, "peak_mb": peak_memory(), **judge(learner.vectors, None)}


def count(part: int, corpus: Path, workers: int) -> dict[str, Any]:
    """Seconds and the most memory for counting a part of the corpus; the ids are mapped."""
    from kinspace.engines.cooccurrence import cooccurrences

    ids = np.load(corpus.with_name("ids.npy"), mmap_mode="r")
    starts = np.load(corpus.with_name("starts.npy"))
    size = len(corpus.with_name("vocabulary.txt").read_text("utf-8").splitlines())
    starts = starts[: np.searchsorted(starts, len(ids) // part, "right")]
    options: dict[str, Any] = {"weights": 1 / np.arange(1, WINDOW + 1), "workers": workers}
    cooccurrences(ids, starts[:1000], size, **options)  # compiles
    base, start = peak_memory(), time.perf_counter()
    counted = cooccurrences(ids, starts, size, **options, memory=MEMORY)
    seconds = time.perf_counter() - start
    words = int(starts[-1])
    return {
        "words": words,
        "pairs": len(counted.counts),
        "seconds": round(seconds, 2),
        "words_per_second": round(words / seconds),
        "more_mb": round(peak_memory() - base, 1),
    }


class Runs:
    """Runs in new processes, kept in a file as they are done."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.corpus = folder / "corpus.txt"
        self.workers = workers
        self.file = folder / "cooccurrence.jsonl"
        lines = self.file.read_text("utf-8").splitlines() if self.file.is_file() else []
        self.done = {tuple(run["asked"]): run for run in map(json.loads, lines)}

    def __call__(self, what: str, number: int) -> dict[str, Any]:
        """One run, unless it was done."""
        asked = (what, str(number), str(self.workers))
        if asked not in self.done:
            command = [
                sys.executable,
                __file__,
                "--one",
                *asked,
                "--folder",
                str(self.corpus.parent),
            ]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            run = {"asked": asked, **json.loads(out.splitlines()[-1])}
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(run) + "\n")
            self.done[asked] = run
            print(f"{' '.join(asked)}: {out.splitlines()[-1]}", flush=True)
        return self.done[asked]


def quality(runs: Runs) -> dict[str, Any]:
    """Means over seeds of each measure, and of the seconds of each stage."""
    found: dict[str, Any] = {}
    for seed, method in itertools.product(SEEDS, METHODS):
        runs(method, seed)
    for method in METHODS:
        done = [runs(method, seed) for seed in SEEDS]
        names = (*SIMILARITY, "analogies")
        values = {name: [run[name] for run in done] for name in names}
        stages = done[0]["seconds"]
        found[method] = {
            "mean": {name: round(statistics.fmean(v), 4) for name, v in values.items()},
            "spread": {name: round(statistics.pstdev(v), 4) for name, v in values.items()},
            "seconds": {s: statistics.median(run["seconds"][s] for run in done) for s in stages},
            "peak_mb": max(run["peak_mb"] for run in done),
        }
    return found


def targets_of(good: dict[str, Any]) -> list[Target]:
    """What was asked for."""
    means = {method: figures["mean"] for method, figures in good.items()}
    wanted = []
    for method, name in itertools.product(("glove", "swivel"), ("men", "ws353")):
        gap = round(means[method][name] - means["word2vec"][name], 4)
        wanted.append(Target(f"{method} less skip-gram on {name}", NO_LOWER, gap))
    gap = round(means["swivel"]["rw"] - means["glove"]["rw"], 4)
    return [*wanted, Target("swivel less glove on rw, as the paper claims", 0.0, gap)]


def main() -> None:
    """All of it, or one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="for the corpus and the runs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="kinspace-words-"))
    corpus = folder / "corpus.txt"
    if given.one:
        what, number, workers = given.one[0], int(given.one[1]), int(given.one[2])
        one = count(number, corpus, workers) if what == "count" else None
        print(json.dumps(one or learn(what, corpus, workers, number)))
        return
    if not (folder / "ids.npy").is_file():
        build(folder)
    before = machine()
    runs = Runs(folder, given.workers)
    growth = [runs("count", part) for part in PARTS]
    good = quality(runs)
    columns = ["words", "pairs", "seconds", "words_per_second", "more_mb"]
    show(
        ["counting", *columns],
        [[f"1/{p}", *map(r.get, columns)] for p, r in zip(PARTS, growth, strict=True)],
    )
    print()
    names = [*SIMILARITY, "analogies"]
    show(
        ["method", *names, "seconds", "peak MB"],
        [
            [method, *map(each["mean"].get, names), sum(each["seconds"].values()), each["peak_mb"]]
            for method, each in good.items()
        ],
    )
    targets = targets_of(good)
    show_targets(targets)
    result = {
        "machine": before, "versions": versions("numpy", "numba", "scipy"), "seeds": SEEDS,
        "workers": given.workers, "counting": growth, "quality": good,
        "targets": [target.to_dict() for target in targets],
    }  # fmt: skip
    write("cooccurrence", result)


if __name__ == "__main__":
    main()
