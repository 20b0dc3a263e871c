"""Kinspace's FastTextClassifier beside Facebook's fasttext: accuracy and time, from file to model.

    python bench/fasttext_classifier.py --peer /path/to/python

TREC, SUBJ and Banking77, cut into words the same way for both, one file of lines each; the same
hyper-parameters, one thread on both sides, three seeds, in turns. Time is that of one call: reading
the file, counting words, and learning. Training files are shuffled, since Facebook's code takes
texts in their order (Banking77 is sorted by label, and it would lose 11 points there).
Facebook's package wants numpy 1, so it may live in an environment of its own: ``--peer`` is the
Python of that (``pip install fasttext-wheel "numpy<2"``).
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import common

SEEDS = (1, 2, 3)
RATE, EPOCHS, DIM, BUCKET = 0.25, 25, 100, 200_000
SETTINGS: dict[str, dict[str, Any]] = {
    "words": {},
    "words and pairs": {"word_ngrams": 2},
    "words and characters": {"min_n": 3, "max_n": 5},
    "hierarchical softmax": {"loss": "hierarchical"},
    "one-vs-all": {"loss": "one-vs-all"},
}
NAMES = {"word_ngrams": "wordNgrams", "min_n": "minn", "max_n": "maxn", "loss": "loss"}
LOSSES = {"hierarchical": "hs", "one-vs-all": "ova"}
Texts = list[tuple[str, str]]


def sets(folder: Path) -> Iterator[tuple[str, Texts, Texts]]:
    """Name, training and test texts: (label, text)."""
    import numpy as np

    def lines(name: str) -> Texts:
        raw = (folder / "classify/sent-conv" / name).read_text("latin-1").split("\n")
        pairs = [line.split(" ", 1) for line in raw if line]
        return [(label, text) for label, text in pairs]

    yield "TREC", lines("TREC.train.all"), lines("TREC.test.all")
    subj = lines("subj.all")
    order = np.random.default_rng(0).permutation(len(subj)).tolist()
    yield "SUBJ", [subj[i] for i in order[:8000]], [subj[i] for i in order[8000:]]
    parts = []
    for part in ("train", "test"):
        with (folder / f"classify/banking77/{part}.csv").open(newline="") as file:
            parts.append([(row["category"], row["text"]) for row in csv.DictReader(file)])
    yield "Banking77", *parts


def write(path: Path, texts: Texts) -> None:
    """Lines of Facebook's format, cut into words."""
    from kinspace.learn.text import as_tokenizer

    cut = as_tokenizer("words").words
    rows = [f"__label__{label.replace(' ', '_')} {' '.join(cut(text))}" for label, text in texts]
    path.write_text("\n".join(rows) + "\n", "utf-8")


def split(path: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of a file that :func:`write` wrote."""
    pairs = [line.split(" ", 1) for line in path.read_text("utf-8").splitlines()]
    return [text for _, text in pairs], [label.removeprefix("__label__") for label, _ in pairs]


def ours(train: Path, test: Path, setting: dict[str, Any], seed: int) -> dict[str, Any]:
    """Seconds and accuracy of Kinspace."""
    from kinspace.learn.words.fasttext_classifier import FastTextClassifier

    model = FastTextClassifier(
        DIM, bucket=BUCKET, epochs=EPOCHS, learning_rate=RATE, tokenizer="whitespace", seed=seed,
        **setting,
    )  # fmt: skip
    start = time.perf_counter()
    with train.open(encoding="utf-8") as file:
        model.fit(file)
    seconds = time.perf_counter() - start
    texts, labels = split(test)
    start = time.perf_counter()
    accuracy = model.score(texts, labels)
    return {"seconds": seconds, "accuracy": accuracy, "ask": time.perf_counter() - start}


def theirs(train: Path, test: Path, setting: dict[str, Any], seed: int) -> dict[str, Any]:
    """Seconds and accuracy of Facebook's fasttext; runs in the peer's Python."""
    import fasttext

    renamed = {NAMES[name]: LOSSES.get(value, value) for name, value in setting.items()}
    start = time.perf_counter()
    try:
        model = fasttext.train_supervised(
            str(train), dim=DIM, bucket=BUCKET, epoch=EPOCHS, lr=RATE, thread=1, verbose=0,
            seed=seed, **renamed,
        )  # fmt: skip
    except RuntimeError as error:  # "Encountered NaN."
        return {"error": str(error)}
    seconds = time.perf_counter() - start
    texts, labels = split(test)
    start = time.perf_counter()
    found = model.predict(texts)[0]
    right = sum(f"__label__{want}" == got[0] for want, got in zip(labels, found, strict=True))
    return {
        "seconds": seconds,
        "accuracy": right / len(labels),
        "ask": time.perf_counter() - start,
    }


def ask_peer(python: str, job: list[Any]) -> dict[str, Any]:
    """Run :func:`theirs` there."""
    command = [python, __file__, "--job", json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python} has no fasttext that works:\n{done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def middle(runs: list[dict[str, Any]], key: str) -> float | None:
    """The median of what was measured, None where nothing was."""
    values = [run[key] for run in runs if key in run]
    return round(statistics.median(values), 4) if values else None


def main() -> None:
    """Measure, show and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", default=sys.executable, help="a Python that has fasttext")
    parser.add_argument("--job", help="used by the script itself")
    options = parser.parse_args()
    if options.job:
        train, test, setting, seed = json.loads(options.job)
        print(json.dumps(theirs(Path(train), Path(test), setting, seed)))
        return
    rows, targets, machine = [], [], common.machine()
    version = subprocess.run(
        [options.peer, "-m", "pip", "list", "--format=json"],
        capture_output=True,
        text=True,
        check=False,
    )
    peers = {p["name"]: p["version"] for p in json.loads(version.stdout or "[]")}
    with tempfile.TemporaryDirectory() as temporary:
        for name, train_texts, test_texts in sets(common.data_folder()):
            train, test = Path(temporary) / "train.txt", Path(temporary) / "test.txt"
            random.Random(0).shuffle(train_texts)
            write(train, train_texts)
            write(test, test_texts)
            ours(train, test, {"loss": "one-vs-all"}, 0)  # compiled before anything is timed
            for setting, params in SETTINGS.items():
                mine, peer = [], []
                for seed in SEEDS:
                    mine.append(ours(train, test, params, seed))
                    job = [str(train), str(test), params, seed]
                    peer.append(ask_peer(options.peer, job))
                row = {"set": name, "setting": setting}
                for side, runs in (("ours", mine), ("facebook", peer)):
                    row |= {f"{side} {key}": middle(runs, key) for key in ("accuracy", "seconds")}
                row["facebook failed"] = sum("error" in run for run in peer)
                row["times faster"] = (
                    round(row["facebook seconds"] / row["ours seconds"], 2)
                    if row["facebook seconds"]
                    else None
                )
                rows.append(row)
                if row["facebook accuracy"] is not None:
                    asked = round(row["facebook accuracy"] - 0.01, 4)
                    targets.append(
                        common.Target(f"{name}, {setting}: accuracy", asked, row["ours accuracy"])
                    )
                print(row, flush=True)
    common.show(list(rows[0]), [list(row.values()) for row in rows])
    common.show_targets(targets)
    result = {
        "machine": machine,
        "versions": common.versions("numpy", "numba")
        | {
            f"peer {n}": v for n, v in peers.items() if n in ("fasttext", "fasttext-wheel", "numpy")
        },
        "hyperparameters": {"dim": DIM, "epochs": EPOCHS, "rate": RATE, "bucket": BUCKET},
        "seeds": SEEDS,
        "rows": rows,
        "targets": [target.to_dict() for target in targets],
    }
    common.write("fasttext_classifier", result)


if __name__ == "__main__":
    main()
