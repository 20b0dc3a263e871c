"""The two sides of `words.py`: one training run in a process of its own, as a line of JSON.

    python bench/word_contenders.py kinspace skip-gram CORPUS.txt --workers 2 --seed 1

Both read the same lines, cut at spaces, and get the same parameters. Only training is timed: the
vocabulary is counted before, and Kinspace's code is compiled before, on a few lines.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import peak_memory
from numpy.typing import NDArray

from kinspace import datasets
from kinspace.embeddings import Embeddings
from kinspace.evaluate.catalogue import task
from kinspace.evaluate.system import System
from kinspace.space import Space

KINDS = ("skip-gram", "cbow", "hierarchical", "fasttext", "pv-dbow", "pv-dm")
SIMILARITY = ("men", "ws353", "simlex999", "rw")
DIM, WINDOW, NEGATIVE, MIN_COUNT = 100, 5, 5, 5


@dataclass(frozen=True)
class Job:
    """One training run."""

    kind: str
    corpus: Path
    workers: int
    seed: int
    epochs: int
    words: int | None
    judged: bool

    def lines(self) -> Iterator[list[str]]:
        """The words of each sentence; for documents' vectors, of each document."""
        found = 0
        of: list[int] = []
        if self.kind.startswith("pv"):
            of = np.load(self.corpus.with_name("documents.npy")).tolist()
        with self.corpus.open(encoding="utf-8") as file:
            split = (line.split() for line in file)
            if of:
                groups = itertools.groupby(zip(of, split, strict=True), key=lambda pair: pair[0])
                split = ([w for _, words in group for w in words] for _, group in groups)
            for words in split:
                yield words
                found += len(words)
                if self.words is not None and found >= self.words:
                    return


def kinspace(job: Job) -> dict[str, Any]:
    """Learn with Kinspace."""
    _learner(job).fit(itertools.islice(job.lines(), 2000))  # compiles
    first: list[float] = []
    last = 0.0

    def tell(stage: str, done: int, total: int, detail: str = "", /) -> None:
        nonlocal last
        if stage == "learn":
            last = time.perf_counter()
            first.append(last)

    learner = _learner(job)
    learner.fit(job.lines(), progress=tell)
    trained = int(learner.vocabulary_.counts.sum())
    result = _result(job, trained, last - first[0])
    if job.judged and job.kind != "pv-dbow":
        unknown = learner.encode if job.kind == "fasttext" else None
        result |= judge(learner.vectors, unknown and (lambda words: unknown(words).vectors))
    return result


def _learner(job: Job) -> Any:
    import kinspace as ks

    shared: dict[str, Any] = {
        "dim": DIM, "window": WINDOW, "min_count": MIN_COUNT, "epochs": job.epochs,
        "workers": job.workers, "seed": job.seed, "tokenizer": "whitespace",
        "negative": 0 if job.kind == "hierarchical" else NEGATIVE,
    }  # fmt: skip
    if job.kind == "fasttext":
        return ks.FastText(**shared, architecture="skip-gram")
    if job.kind.startswith("pv"):
        return ks.Doc2Vec(**shared, architecture={"pv-dm": "dm-mean", "pv-dbow": "dbow"}[job.kind])
    architecture = "cbow-mean" if job.kind == "cbow" else "skip-gram"
    hierarchical = job.kind == "hierarchical"
    return ks.Word2Vec(**shared, architecture=architecture, hierarchical_softmax=hierarchical)


def gensim(job: Job) -> dict[str, Any]:
    """Learn with gensim, from a list: its file mode does not lower the learning rate to the end."""
    from gensim.models import Doc2Vec, FastText, Word2Vec
    from gensim.models.doc2vec import TaggedDocument

    shared: dict[str, Any] = {
        "vector_size": DIM, "window": WINDOW, "min_count": MIN_COUNT, "sample": 1e-3,
        "workers": job.workers, "seed": job.seed, "epochs": job.epochs,
        "negative": 0 if job.kind == "hierarchical" else NEGATIVE,
    }  # fmt: skip
    lines: list[Any] = list(job.lines())
    if job.kind.startswith("pv"):
        lines = [TaggedDocument(words, [place]) for place, words in enumerate(lines)]
        model = Doc2Vec(**shared, dm=int(job.kind == "pv-dm"), dm_mean=1, dbow_words=0)
    elif job.kind == "fasttext":
        model = FastText(**shared, sg=1, min_n=3, max_n=6, bucket=2_000_000)
    else:
        hierarchical = int(job.kind == "hierarchical")
        model = Word2Vec(**shared, sg=int(job.kind != "cbow"), hs=hierarchical, cbow_mean=1)
    model.build_vocab(lines)
    start = time.perf_counter()
    model.train(lines, total_examples=model.corpus_count, epochs=job.epochs)
    seconds = time.perf_counter() - start
    counts = [model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key]
    result = _result(job, int(sum(counts)), seconds)
    if job.judged and job.kind != "pv-dbow":
        table = Embeddings(model.wv.vectors, _space("gensim"), model.wv.index_to_key)
        unknown = None
        if job.kind == "fasttext":

            def unknown(words: list[str]) -> NDArray[np.float32]:
                return np.stack([model.wv[word] for word in words])

        result |= judge(table, unknown)
    return result


def judge(
    table: Embeddings, unknown: Callable[[list[str]], NDArray[np.float32]] | None
) -> dict[str, float]:
    """Spearman on four sets, accuracy on analogies, and RW with unknown words where it can be."""
    system = System("words", table.space.fingerprint, words=table)
    scores = {name: task(name).run(system).samples["spearman"].value() for name in SIMILARITY}
    questions = task("google-analogies", restrict=30_000)
    outcome = questions.run(system)
    scores["analogies"] = outcome.samples[questions.main].value()
    if unknown is not None:
        pairs: Any = datasets.load("rw")
        words = sorted({*pairs.left, *pairs.right})
        everything = Embeddings(unknown(words), _space("all"), words)
        whole = task("rw").run(System("all", "all", words=everything))
        scores["rw_unknown"] = whole.samples["spearman"].value()
    return {name: round(float(score), 4) for name, score in scores.items()}


def _space(name: str) -> Space:
    return Space(name, name, dim=DIM)


def _result(job: Job, words: int, seconds: float) -> dict[str, Any]:
    return {
        "kind": job.kind, "seed": job.seed, "workers": job.workers, "epochs": job.epochs,
        "words": words, "seconds": round(seconds, 3),
        "words_per_second": round(words * job.epochs / seconds),
        "peak_mb": peak_memory(),
    }  # fmt: skip


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=("kinspace", "gensim"))
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--words", type=int)
    parser.add_argument("--judged", action="store_true")
    given = vars(parser.parse_args())
    side = {"kinspace": kinspace, "gensim": gensim}[given.pop("side")]
    print(json.dumps(side(Job(**given))))


if __name__ == "__main__":
    main()
