"""Paragraph vectors beside gensim's: how well classes are told by them, and how fast they come.

    KINSPACE_DATA=../shared/data python bench/doc2vec.py

MR, SUBJ and 20 Newsgroups (without headers). Both sides get the same words, options and threads.
Four fifths of the texts are learned from, without their classes. "learned": those texts' own
vectors, a logistic regression over standardised columns, 3-fold. "inferred": the regression
learns from inferred vectors of 5,000 of these texts, and is judged on those of the last fifth.
Means of three seeds, in points. Speed is in words of text and epoch a second, training only.

Every measurement is kept in bench/results/doc2vec.json as it is made; a run goes on where the last
one stopped. `--again` starts anew; `--sets`, `--architectures` and `--seeds` do a part.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from common import RESULTS, Target, data_folder, machine, show, show_targets, versions, write
from numpy.typing import NDArray

from kinspace import datasets
from kinspace.learn.documents.doc2vec import Doc2Vec
from kinspace.learn.text import as_tokenizer

NAME = "doc2vec"
OPTIONS: dict[str, Any] = {"window": 5, "negative": 5, "sample": 1e-3, "min_count": 2}
DIM, WORKERS, RATES = 100, 2, (0.025, 0.0001)
SETS = {"mr": 20, "subj": 20, "20newsgroups": 10}
"""Epochs, of training and of inference, by set."""
GENSIM: dict[str, dict[str, int]] = {
    "dbow": {"dm": 0},
    "dbow-words": {"dm": 0, "dbow_words": 1},
    "dm-mean": {"dm": 1, "dm_mean": 1},
    "dm-sum": {"dm": 1, "dm_mean": 0},
    "dm-concatenated": {"dm": 1, "dm_concat": 1},
}
SLOW = {("20newsgroups", "dm-concatenated"), ("20newsgroups", "dm-sum")}
"""Left out: they take gensim long, and nothing was asked of them."""
INFERRED = 5000
"""Learned texts of which a vector is inferred too, to train the regression on."""
ASKED = ("dbow", "dm-mean")
ALLOWED = -1.0
"""Points by which gensim's may be missed."""

Texts = Sequence[list[str]]
Vectors = NDArray[np.float32]
Model = tuple[Vectors, Callable[[Texts], Vectors]]
"""The learned vectors, and what infers others."""


def by_kinspace(texts: Texts, architecture: Any, epochs: int, seed: int) -> Model:
    model = Doc2Vec(
        DIM, architecture=architecture, epochs=epochs, learning_rate=RATES[0],
        min_learning_rate=RATES[1], tokenizer="whitespace", workers=WORKERS, seed=seed, **OPTIONS,
    ).fit(texts)  # fmt: skip
    return model.documents.vectors, lambda new: model.encode(map(" ".join, new)).vectors


def by_gensim(texts: Texts, architecture: str, epochs: int, seed: int) -> Model:
    from gensim.models.doc2vec import Doc2Vec as Peer
    from gensim.models.doc2vec import TaggedDocument

    model = Peer(
        [TaggedDocument(words, [i]) for i, words in enumerate(texts)], vector_size=DIM,
        epochs=epochs, alpha=RATES[0], min_alpha=RATES[1], workers=WORKERS, seed=seed,
        **OPTIONS, **GENSIM[architecture],
    )  # fmt: skip
    return model.dv.vectors, lambda new: np.array([model.infer_vector(words) for words in new])


ENGINES = {"kinspace": by_kinspace, "gensim": by_gensim}


def parts(name: str) -> tuple[Texts, NDArray[Any], Texts, NDArray[Any]]:
    """Four fifths of a set and the last fifth, texts as words, and classes."""
    from sklearn.model_selection import train_test_split

    content = datasets.load(name)
    assert isinstance(content, datasets.LabelledSet)
    cut = as_tokenizer("words")
    several = [label if isinstance(label, str | int) else str(label) for label in content.labels]
    left, right, ours, theirs = train_test_split(
        [cut.words(text) for text in content.texts], several, test_size=0.2, random_state=0,
        stratify=several,
    )  # fmt: skip
    return left, np.array(ours), right, np.array(theirs)


def measure(data: Any, engine: str, architecture: str, epochs: int, seed: int) -> dict[str, float]:
    """Points by both ways of judging, and seconds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    texts, classes, others, theirs = data
    start = time.perf_counter()
    vectors, infer = ENGINES[engine](texts, architecture, epochs, seed)
    learned_in = time.perf_counter() - start
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    learned = cross_val_score(judge, vectors, classes, cv=3).mean()
    start = time.perf_counter()
    inferred = judge.fit(infer(texts[:INFERRED]), classes[:INFERRED]).score(infer(others), theirs)
    return {
        "learned": round(100 * float(learned), 2),
        "inferred": round(100 * float(inferred), 2),
        "seconds": round(learned_in, 2),
        "inference_seconds": round(time.perf_counter() - start, 2),
    }


def warm_up() -> None:
    """Compile what is compiled, outside the timings."""
    texts = [["a", "b", "a", "b"]] * 8
    for architecture in GENSIM:
        by_kinspace(texts, architecture, 1, 0)[1](texts)


def summary(cells: dict[str, dict[str, float]]) -> tuple[list[list[Any]], list[Target]]:
    """A line for each set and architecture, and what was asked for."""
    lines, targets = [], []
    for name in SETS:
        for architecture in GENSIM:
            found = {
                (engine, what): mean(cells, name, architecture, engine, what)
                for engine in ENGINES
                for what in ("learned", "inferred", "seconds")
            }
            if None in found.values():
                continue
            line: list[Any] = [f"{name} {architecture}"]
            for what in ("learned", "inferred"):
                ours, peer = found["kinspace", what], found["gensim", what]
                line += [round(ours, 2), round(peer, 2)]
                if architecture in ASKED:
                    more = round(ours - peer, 2)
                    label = f"{name} {architecture}, {what}, less gensim's"
                    targets.append(Target(label, ALLOWED, more))
            lines.append([*line, found["gensim", "seconds"] / found["kinspace", "seconds"]])
    return lines, targets


def mean(cells: dict[str, dict[str, float]], *key: str) -> Any:
    """The mean over seeds of one figure; None if there is none."""
    name, architecture, engine, what = key
    start = f"{name} {architecture} {engine} "
    found = [cell[what] for place, cell in cells.items() if place.startswith(start)]
    return statistics.mean(found) if found else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--architectures", nargs="+", default=list(GENSIM), choices=GENSIM)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--again", action="store_true")
    chosen = parser.parse_args()
    file, where = RESULTS / f"{NAME}.json", machine()
    kept = json.loads(file.read_text("utf-8")) if file.exists() and not chosen.again else {}
    cells = kept.get("cells", {})
    os.environ["KINSPACE_DATA"] = str(data_folder())
    warm_up()
    for name in chosen.sets:
        data = parts(name)
        for seed in chosen.seeds:
            for architecture in [a for a in chosen.architectures if (name, a) not in SLOW]:
                for engine in ENGINES:
                    place = f"{name} {architecture} {engine} {seed}"
                    if place not in cells:
                        cells[place] = measure(data, engine, architecture, SETS[name], seed)
                        print(place, cells[place], flush=True)
                    lines, targets = summary(cells)
                    result = {
                        "machine": where,
                        "versions": versions("gensim", "numpy", "numba", "scikit-learn"),
                        "options": {**OPTIONS, "dim": DIM, "workers": WORKERS, "rates": RATES},
                        "epochs": SETS,
                        "targets": [target.to_dict() for target in targets],
                        "cells": cells,
                    }
                    write(NAME, result)
    lines, targets = summary(cells)
    show(["", "learned", "gensim", "inferred", "gensim", "times as fast"], lines)
    show_targets(targets)


if __name__ == "__main__":
    main()
